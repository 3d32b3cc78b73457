"""The demo that comes with the workbench: a small world of shapes, rows about it, a tiny model, and their maker."""
