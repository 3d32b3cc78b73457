"""The state of a dialog that something is told to later: it may have been closed meanwhile."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def still_open(dialog: Screen[Any]) -> bool:
    """True for one that can be drawn on: mounted, and not closed, whose panes go before it says that it is gone."""
    return dialog.is_mounted and dialog in dialog.app.screen_stack
