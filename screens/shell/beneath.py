"""Painting of a screen that lies beneath a dialog: each change once."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from screens.guard.faults import Guarded


class Beneath(Guarded, Screen[Any]):
    """A screen whose changes are painted once while a dialog lies over it.

    Textual 8 has such a screen painted again after each of its paints, and all of the window, for as long as the dialog
    is open: once anything under it had changed, the background thread got next to nothing done.
    """

    _repaint_required: bool

    def _compositor_refresh(self) -> None:
        """Paint what changed. The dialog does it for what lies beneath, and nothing is left to be painted here."""
        super()._compositor_refresh()
        if self is not self.app.screen:
            self._repaint_required = False
