"""Whole blocks of rows as arrays: rendered, encoded, masked, traced and judged together.

It is for reading every row of a data set. What one row is alone is told by `workbench.row`; this path gives the same,
and hands every row that it cannot show to be clean to that one.
"""
