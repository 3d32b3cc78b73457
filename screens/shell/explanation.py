"""The page of one finding, over the screen it was asked on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.faults import Guarded
from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.shell.finding_page import finding_page
from screens.shell.themes import paints
from workbench.findings import Finding


class Explanation(Guarded, ModalScreen[None]):
    """Says what a finding means; closes at escape, q or enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Close", show=False)]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._finding = finding

    def compose(self) -> ComposeResult:
        """A box that scrolls."""
        with Vertical(id="dialog") as box:
            box.border_title, box.border_subtitle = "explanation", "esc closes"
            finding = self._finding
            with VerticalScroll(can_focus=True):
                yield Static(finding_page(finding, finding.fix, paints(self.app.current_theme)), markup=False)
