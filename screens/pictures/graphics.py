"""Terminals that draw pictures themselves, and those that get half blocks."""

from __future__ import annotations

import os

_GRAPHICS = ("kitty", "ghostty", "wezterm", "foot", "iterm", "konsole", "contour", "mlterm")


def terminal_has_graphics() -> bool:
    """True where the terminal is known to draw pictures. VLMBENCH_PICTURES=graphics or =blocks overrides this.

    A terminal that is asked and does not answer would hold up the start, so only known ones are asked.
    """
    wanted = os.environ.get("VLMBENCH_PICTURES", "")
    if wanted:
        return wanted == "graphics"
    if os.environ.get("TMUX") or os.environ.get("STY") or "NO_COLOR" in os.environ:
        return False
    name = f"{os.environ.get('TERM', '')} {os.environ.get('TERM_PROGRAM', '')}".lower()
    return "KITTY_WINDOW_ID" in os.environ or any(known in name for known in _GRAPHICS)


def prepare_graphics() -> None:
    """Ask the terminal how it draws pictures. Before the app starts: later its keys and answers would mix."""
    if terminal_has_graphics():
        import textual_image.widget  # noqa: F401
