"""The terminal app of vlmbench: the only Textual code. It imports workbench, never the reverse."""

import os

# Textual reads it when it is imported. At its own 60 a key waits up to 17 ms for the next frame.
os.environ.setdefault("TEXTUAL_FPS", "120")
