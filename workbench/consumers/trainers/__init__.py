"""Trainers beside axolotl: each answers for rows from a script inside its own Python."""
