"""The list of all keys by group, made from the actions: those of the pane in focus first, and a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

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
from screens.shell.hanging import Wrapped
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from workbench.views.items import visible

_WORDY = 100
"""Cells of a window that has room for the ids of the actions."""
_KEY_CELLS, _GAP = 12, 2
"""Cells of the keys, and between them and what they do."""
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
        self._lines: dict[Any, Text] = {}
        self._width = 0
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
                yield Wrapped(id="help-keys", markup=False)

    def on_mount(self) -> None:
        self.query_one(Wrapped).narrowed = self._resized
        self._draw("")
        self.query_one(Input).focus()

    def _resized(self) -> None:
        """Wrap the lines to another width."""
        width = self.query_one(Wrapped).content_size.width
        if width != self._width:
            self._width = width
            self._draw(self.query_one(Input).value)

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
        parts: list[Text] = []
        self.found = []
        for name, actions in sections.items():
            found = [action for action in map(known, actions) if not query.strip() or action.matches(query)]
            self.found += [str(action.id) for action in found]
            lines = self._keys(found) if found else self._filter_terms(query) if name == filtering else []
            if lines:
                parts += [*([Text("")] if parts else []), Text(name, paint.accent), *lines]
        if not parts:
            parts.append(Text(f"No key has {visible(query.strip())!r} in its name or its help.", paint.muted))
        file = visible(str(keymap_file()))
        parts += [Text(""), Text(f"To change a key, write it after the action's id in {file}", paint.muted)]
        self.query_one("#help-keys", Static).update(Text("\n", end="").join(parts))

    def _filter_terms(self, query: str) -> list[Text]:
        """The terms of the filter that have the words that are searched."""
        paint, words = paints(self.app.current_theme), query.casefold().split()
        found = [term[:2] for term in self._terms if all(word in " ".join(term[:2]).casefold() for word in words)]
        cells = max((len(example) for example, _ in found), default=0)
        return [self._line(example, cells, Text(about, paint.muted)) for example, about in found]

    def _keys(self, actions: Sequence[Action]) -> list[Text]:
        paint, wordy = paints(self.app.current_theme), self.app.size.width >= _WORDY
        lines = []
        for action in actions:
            about = Text().append(action.description, paint.strong).append(f"  {action.tooltip}", paint.muted)
            about.append(f"  {action.id}" if wordy else "", paint.accent)
            lines.append(self._line(action.keys_text, _KEY_CELLS, about))
        return lines

    def _line(self, name: str, cells: int, about: Text) -> Text:
        """A name in so many cells, and beside it what there is to say, wrapped: made once for a width and its looks."""
        width, accent = self._width, paints(self.app.current_theme).accent
        known = (name, cells, about.plain, tuple(map(str, about.spans)), width)
        if (line := self._lines.get(known)) is None:
            head = Text(name, accent, end="")
            head.truncate(cells, overflow="ellipsis", pad=True)
            room = width - cells - _GAP
            wrapped = about.wrap(self.app.console, room) if room > 0 else [about]
            for further in wrapped:
                further.rstrip()
            line = Text("\n" + " " * (cells + _GAP), end="").join(wrapped)
            line = self._lines[known] = Text.assemble(head, " " * _GAP, line, end="")
        return line
