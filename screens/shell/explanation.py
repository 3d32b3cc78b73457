"""The page of one finding, over the screen it was asked on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.keys.action import key_text
from screens.keys.spoken import advice, keyed
from screens.shell.finding_page import finding_page
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from workbench.findings import Finding


class Explanation(Tapped, ModalScreen[bool]):
    """Says what a finding means; closes at escape, q or enter. True at o, where there is a `place` to go to.

    Where the finding can be mended from here, the key that does so does it here too, and closes the page.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(False)", "Close", show=False),
        Binding("o", "visit", "To the place", show=False),
    ]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, finding: Finding, *, place: bool = False, mend: Callable[[], None] | None = None) -> None:
        """`mend` applies the finding's fix."""
        super().__init__()
        self._finding = finding
        self._place = place
        self._mend = mend if finding.fix is not None else None

    def compose(self) -> ComposeResult:
        """A box that scrolls."""
        with Vertical(id="dialog") as box:
            box.border_title = "explanation"
            hints = ["o goes to the line"] if self._place else []
            hints += [keyed(self, "{fix} fixes it")] if self._mend is not None else []
            box.border_subtitle = " · ".join([*hints, "esc closes"]).replace("[", "\\[")
            finding = self._finding
            with VerticalScroll(can_focus=True):
                paint, say = paints(self.app.current_theme), partial(advice, self)
                yield Static(finding_page(finding, finding.fix, paint, say, keyed(self, "{fix}")), markup=False)

    def on_key(self, event: events.Key) -> None:
        """Apply the fix at the key that does so on the screen below."""
        if self._mend is None or key_text(event.key) != keyed(self, "{fix}"):
            return
        event.stop()
        self.dismiss(False)
        self._mend()

    def action_visit(self) -> None:
        """Close, and go to the place."""
        if self._place:
            self.dismiss(True)
