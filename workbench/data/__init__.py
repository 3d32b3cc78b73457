"""Rows in: sources of rows, the conversation that axolotl makes of a row, and its pictures."""
