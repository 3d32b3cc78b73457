"""The list of all keys by group, made from the actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.faults import Guarded
from screens.guard.widgets import Static, VerticalScroll
from screens.keys.actions import Action, Scope, groups
from screens.keys.user_keymap import keymap_file
from screens.shell.themes import paints
from workbench.views.items import visible

_WORDY = 100
"""Cells of a window that has room for a sentence on each action."""


class HelpScreen(Guarded, ModalScreen[None]):
    """The list of keys; closes at escape, q or ?."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close", show=False)]
    CSS_PATH = "help.tcss"

    def __init__(self, scopes: Sequence[Scope]) -> None:
        super().__init__()
        self._scopes = scopes

    def compose(self) -> ComposeResult:
        """A box with the groups below each other."""
        with VerticalScroll(id="help") as box:
            box.border_title = "keys"
            box.border_subtitle = "esc closes"
            for name, actions in groups(self._scopes).items():
                yield Static(name, classes="help--group", markup=False)
                yield Static(self._table(actions), markup=False)
            yield Static("your own keys", classes="help--group", markup=False)
            yield Static(
                f"To change a key, write it after the action's id in {visible(str(keymap_file()))}", markup=False
            )

    def _table(self, actions: Sequence[Action]) -> Table:
        paint = paints(self.app.current_theme)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=12, no_wrap=True)
        table.add_column(width=30, no_wrap=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        wordy = self.app.size.width >= _WORDY
        known: Callable[[Action], Action] = getattr(self.app, "known", lambda action: action)
        for action in map(known, actions):
            about = Text(f"{action.id}  " if wordy else "", paint.accent)
            about.append(action.tooltip if wordy else "", paint.muted)
            table.add_row(Text(action.keys_text, paint.accent), Text(action.description, paint.strong), about)
        return table
