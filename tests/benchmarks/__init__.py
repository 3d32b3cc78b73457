"""Timings, each side by side with its peer in one run. They print figures and judge nothing: `make bench`."""

import screens  # noqa: F401 (before Textual: it sets the frame rate)
