"""The footer: the keys that matter most here and do something now, made from the actions. A click on one runs it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import replace

from rich.style import Style
from rich.text import Text
from textual import events
from textual.actions import parse

from screens.keys.actions import PANES_OF, Action, Scope, hints
from screens.line_cache.kept_lines import Still
from screens.shell.themes import paints

_ALWAYS = frozenset(("app.help", "app.palette", "edit.leave", "form.leave"))


class KeyHints(Still):
    """The footer's line. Hints without room are left out by their rank, but never help and palette."""

    def __init__(self, *scopes: Scope, id: str | None = None) -> None:
        super().__init__(id=id)
        self._scopes = scopes
        self._starts: list[int] = []
        self._shown: list[Action] = []

    def render(self) -> Text:
        """The hints that fit."""
        paint = paints(self.app.current_theme)
        # The blanks after the last one need no room.
        room = self.size.width + 2
        known: Callable[[Action], Action] = getattr(self.app, "known", lambda action: action)
        wanted = [known(action) for action in hints((*self._pane(), *self._scopes, "app")) if self._usable(action)]
        focused = self.screen.focused
        if focused is not None and focused.check_consume_key("a", "a"):
            wanted = [typed for action in wanted if (typed := _while_typing(action)) is not None]
        kept = [action for action in wanted if action.id in _ALWAYS]
        used = sum(map(_cells, kept))
        others = (action for action in wanted if action.id not in _ALWAYS)
        for action in sorted(others, key=lambda action: action.rank):
            if used + _cells(action) > room:
                continue
            used += _cells(action)
            kept.append(action)
        self._shown = [action for action in wanted if action in kept]
        text = Text(" ", no_wrap=True, end="")
        self._starts = []
        for action in self._shown:
            self._starts.append(text.cell_len)
            text.append(f"{action.key_display}", paint.accent + Style(bold=True))
            text.append(f" {action.hint}   ", paint.muted)
        cut = len(text.plain.rstrip()) > self.size.width
        text.truncate(self.size.width, overflow="ellipsis" if cut else "crop")
        return text

    def _pane(self) -> tuple[Scope, ...]:
        """The pane in focus, where it has actions of its own."""
        focused = self.screen.focused
        above = [str(widget.id) for widget in focused.ancestors_with_self] if focused is not None else []
        return tuple(name for name in PANES_OF if name in above)

    def _usable(self, action: Action) -> bool:
        if self._scopes and action.id == f"screen.{self._scopes[0]}":
            return False
        owner = self.app if action.scope == "app" else self.screen
        _, name, parameters = parse(action.action)
        offers: Callable[..., bool] = getattr(owner, "offers", lambda name, parameters: True)
        return owner.check_action(name, parameters) is not False and offers(name, parameters)

    async def on_click(self, event: events.Click) -> None:
        """Run the action under the mouse."""
        index = bisect_right(self._starts, event.x) - 1
        if 0 <= index < len(self._shown):
            perform: Callable[[Action], Awaitable[None]] = self.app.perform  # type: ignore[attr-defined]
            await perform(self._shown[index])


def _while_typing(action: Action) -> Action | None:
    """The action with those of its keys that write nothing where text is typed; None where all of them do."""
    keys = action.typed_keys
    return replace(action, key=",".join(keys), key_display=None) if keys else None


def _cells(action: Action) -> int:
    return len(f"{action.key_display}") + len(action.hint) + 4
