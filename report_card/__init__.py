"""The report card: the same forty rows asked of every trainer; `make trainers`."""
