"""The page of one finding, over the screen it was asked on."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.keys.spoken import advice, keyed
from screens.shell.finding_page import finding_page
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from workbench.findings import Finding


class Explanation(Tapped, ModalScreen[bool]):
    """Says what a finding means; closes at escape, q or enter. True at o, where there is a `place` to go to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(False)", "Close", show=False),
        Binding("o", "visit", "To the place", show=False),
    ]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, finding: Finding, *, place: bool = False) -> None:
        super().__init__()
        self._finding = finding
        self._place = place

    def compose(self) -> ComposeResult:
        """A box that scrolls."""
        with Vertical(id="dialog") as box:
            box.border_title = "explanation"
            box.border_subtitle = "o goes to the line · esc closes" if self._place else "esc closes"
            finding = self._finding
            with VerticalScroll(can_focus=True):
                paint, say = paints(self.app.current_theme), partial(advice, self)
                yield Static(finding_page(finding, finding.fix, paint, say, keyed(self, "{fix}")), markup=False)

    def action_visit(self) -> None:
        """Close, and go to the place."""
        if self._place:
            self.dismiss(True)
