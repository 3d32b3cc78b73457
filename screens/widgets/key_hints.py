"""The footer: the keys that matter most here, made from the actions. A click on one runs it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from rich.style import Style
from rich.text import Text
from textual import events
from textual.widget import Widget

from screens.actions import Action, Scope, hints
from screens.themes import paints

_ALWAYS = frozenset(("app.help", "app.palette", "app.quit"))


class KeyHints(Widget):
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
        wanted = [known(action) for action in hints((*self._scopes, "app")) if self._usable(action)]
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
            action = self._shown[index]
            await self.run_action(f"{'app' if action.scope == 'app' else 'screen'}.{action.command}")


def _cells(action: Action) -> int:
    return len(action.first_key) + len(action.hint) + 4
