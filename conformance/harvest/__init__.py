"""axolotl's answers about itself, harvested into a table that the bench goes by where no axolotl is at hand.

Each module asks one thing of the installed axolotl in its `collect()`; `table.py` makes the file of them.
"""
