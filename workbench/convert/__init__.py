"""Rows of other shapes as messages with typed parts, pictures in their place, as axolotl's collator takes them."""
