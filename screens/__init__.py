"""The terminal app: the only Textual code. It imports workbench, never the reverse."""
