"""The footer: the keys that matter most here, made from the actions. A click on one runs it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import replace

from rich.style import Style
from rich.text import Text
from textual import events
from textual.widgets import Input, TextArea

from screens.keys.actions import PANES_OF, Action, Scope, hints
from screens.line_cache.kept_lines import Still
from screens.shell.themes import paints

_ALWAYS = frozenset(("app.help", "app.palette", "app.quit", "screens", "edit.leave", "form.leave"))
_NO_TEXT = re.compile(r"ctrl\+|f\d+$")


class KeyHints(Still):
    """One line; what does not fit is left out from the right, but never the app's own keys."""

    def __init__(self, *scopes: Scope, id: str | None = None) -> None:
        super().__init__(id=id)
        self._scopes = scopes
        self._starts: list[int] = []
        self._shown: list[Action] = []

    def render(self) -> Text:
        """The hints that fit."""
        paint = paints(self.app.current_theme)
        room = self.size.width - 1
        known: Callable[[Action], Action] = getattr(self.app, "known", lambda action: action)
        wanted = [known(action) for action in hints((*self._pane(), *self._scopes, "app")) if self._usable(action)]
        if isinstance(self.screen.focused, (Input, TextArea)):
            wanted = [replace(action, keys=keys) for action in wanted if (keys := _not_text(action))]
        if sum(map(_cells, wanted)) > room:
            wanted = _merge_screens(
                wanted, [known(action).first_key for action in hints(("app",)) if _shows_screen(action)]
            )
        kept = [action for action in wanted if action.id in _ALWAYS]
        used = sum(map(_cells, kept))
        for action in (action for action in wanted if action.id not in _ALWAYS):
            if used + _cells(action) > room:
                break
            used += _cells(action)
            kept.append(action)
        self._shown = [action for action in wanted if action in kept]
        text = Text(" ", no_wrap=True, end="")
        self._starts = []
        for action in self._shown:
            self._starts.append(text.cell_len)
            text.append(action.first_key, paint.accent + Style(bold=True)).append(f" {action.hint}   ", paint.muted)
        text.truncate(self.size.width)
        return text

    def _pane(self) -> tuple[Scope, ...]:
        """The pane in focus, where it has actions of its own."""
        focused = self.screen.focused
        above = [str(widget.id) for widget in focused.ancestors_with_self] if focused is not None else []
        return tuple(name for name in PANES_OF if name in above)

    def _usable(self, action: Action) -> bool:
        if action.scope == "app":
            if action.id == f"screen.{self._scopes[0] if self._scopes else ''}":
                return False
            usable: Callable[[str], bool | None] = getattr(self.app, "usable", lambda command: True)
            return usable(action.command) is not False
        return self.screen.check_action(action.command, ()) is not False

    async def on_click(self, event: events.Click) -> None:
        """Run the action under the mouse."""
        index = bisect_right(self._starts, event.x) - 1
        if 0 <= index < len(self._shown):
            perform: Callable[[Action], Awaitable[None]] = self.app.perform  # type: ignore[attr-defined]
            await perform(self._shown[index])


def _not_text(action: Action) -> tuple[str, ...]:
    """The keys of an action that write nothing where text is typed."""
    return tuple(key for key in action.keys if key == "escape" or _NO_TEXT.match(key))


def _shows_screen(action: Action) -> bool:
    return action.id.startswith("screen.")


def _merge_screens(wanted: list[Action], keys: list[str]) -> list[Action]:
    """The hints with those of the screens put into one; `keys` are those of all screens."""
    screens = [action for action in wanted if _shows_screen(action)]
    if len(screens) < 2 or any(len(key) > 1 for key in keys):
        return wanted
    place = wanted.index(screens[0])
    rest = [action for action in wanted if action not in screens]
    merged = Action("screens", (f"{keys[0]}–{keys[-1]}",), "help", "", "", "", "app", "screens")
    return [*rest[:place], merged, *rest[place:]]


def _cells(action: Action) -> int:
    return len(action.first_key) + len(action.hint) + 4
