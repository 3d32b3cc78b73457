"""Timings, each side by side with its peer in one run. They print figures and judge nothing: `make bench`."""
