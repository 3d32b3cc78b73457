"""Durations in few characters."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 0:05, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
