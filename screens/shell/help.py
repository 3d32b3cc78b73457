"""The list of all keys by group, made from the actions: those of the pane in focus first, and a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.faults import on
from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.keys.actions import Action, Scope, groups
from screens.keys.spoken import keyed
from screens.keys.user_keymap import keymap_file
from screens.shell.fields import Input
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from workbench.views.items import visible

_WORDY = 100
"""Cells of a window that has room for the ids of the actions."""
_PANES = {"grid": "the tokens", "samples": "the rows", "editor": "the editor", "form": "the form"}


class HelpScreen(Tapped, ModalScreen[None]):
    """The list of keys; what is typed searches it; closes at escape, f1 or ?."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,question_mark", "dismiss", "Close", show=False, priority=True),
        Binding("up", "scroll(-1)", "Up", show=False, priority=True),
        Binding("down", "scroll(1)", "Down", show=False, priority=True),
        Binding("pageup", "scroll(-10)", "Page up", show=False, priority=True),
        Binding("pagedown", "scroll(10)", "Page down", show=False, priority=True),
    ]
    CSS_PATH = "help.tcss"

    def __init__(
        self, scopes: Sequence[Scope], pane: Sequence[Scope] = (), terms: Sequence[tuple[Any, ...]] = ()
    ) -> None:
        """`terms`: those that rows are filtered by, where that is asked in front; an example and what it means."""
        super().__init__()
        self._terms = terms
        self.found: list[str] = []
        """The ids of the actions that are shown, in order."""
        self._scopes, self._pane = scopes, tuple(scope for scope in pane if scope in scopes)

    def compose(self) -> ComposeResult:
        """A box with a search, and the groups below it."""
        with Vertical(id="help") as box:
            box.border_title = "help"
            box.border_subtitle = "type to search · ↑↓ scroll · esc closes"
            field = Input(placeholder="search the keys", compact=True, id="help-search")
            field.cursor_blink = False
            yield field
            with VerticalScroll(can_focus=False):
                yield Static(id="help-keys", markup=False)

    def on_mount(self) -> None:
        self._draw("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw(event.value)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _draw(self, query: str) -> None:
        paint = paints(self.app.current_theme)
        known: Callable[[Action], Action] = getattr(self.app, "known", lambda action: action)
        here = [action for found in groups(self._pane).values() for action in found]
        names = " and ".join(_PANES.get(scope, scope) for scope in self._pane)
        sections = {f"Here: {names}": here} if here else {}
        rest = [scope for scope in self._scopes if scope not in self._pane]
        filtering = keyed(self, "The filter of the rows ({rows.filter}): every term holds")
        sections |= {filtering: []} | groups(rest)
        parts: list[RenderableType] = []
        self.found = []
        for name, actions in sections.items():
            found = [action for action in map(known, actions) if not query.strip() or action.matches(query)]
            self.found += [str(action.id) for action in found]
            table = self._table(found) if found else self._filter_table(query) if name == filtering else None
            if table is not None:
                parts += [Text("\n" if parts else "", end=""), Text(name, paint.accent), table]
        if not parts:
            parts.append(Text(f"No key has {visible(query.strip())!r} in its name or its help.", paint.muted))
        file = visible(str(keymap_file()))
        parts.append(Text(f"\nTo change a key, write it after the action's id in {file}", paint.muted))
        self.query_one("#help-keys", Static).update(Group(*parts))

    def _filter_table(self, query: str) -> Table | None:
        """The terms of the filter that have the words that are searched; None where there are none."""
        paint, words = paints(self.app.current_theme), query.casefold().split()
        found = [term[:2] for term in self._terms if all(word in " ".join(term[:2]).casefold() for word in words)]
        if not found:
            return None
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=max(len(example) for example, _ in found), no_wrap=True)
        table.add_column(ratio=1)
        for example, about in found:
            table.add_row(Text(example, paint.accent), Text(about, paint.muted))
        return table

    def _table(self, actions: Sequence[Action]) -> Table:
        paint = paints(self.app.current_theme)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=12, no_wrap=True)
        table.add_column(ratio=1)
        wordy = self.app.size.width >= _WORDY
        for action in actions:
            about = Text().append(action.description, paint.strong).append(f"  {action.tooltip}", paint.muted)
            about.append(f"  {action.id}" if wordy else "", paint.accent)
            table.add_row(Text(action.keys_text, paint.accent), about)
        return table
