"""A field with one of a few values: a line that goes from value to value, or a tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from screens.guard.faults import Guarded
from screens.shell.themes import paints
from workbench.escaping import visible


class PickField(Guarded, Widget, can_focus=True):
    """Goes from value to value with space or the arrows; a click on its left end goes back. Posts `Picked`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "turn(1)", "Next value", show=False),
        Binding("left", "turn(-1)", "Value before", show=False),
    ]
    DEFAULT_CSS = """
    PickField { height: 1; width: 1fr; }
    PickField:focus { background: $block-cursor-background; color: $block-cursor-foreground; }
    """

    back_cells: ClassVar[int] = 2
    """Cells on the left where a click goes back."""

    class Picked(Message):
        """Another value was picked."""

        def __init__(self, field: PickField) -> None:
            self.field = field
            super().__init__()

        @property
        def control(self) -> PickField:
            """The field."""
            return self.field

    def __init__(
        self, values: Sequence[tuple[Any, str]], value: Any, *, id: str | None = None, classes: str = ""
    ) -> None:
        """`values`: each with its name. One that is none of them is shown by itself."""
        super().__init__(id=id, classes=classes)
        self.values, self.value = list(values), value

    def show(self, value: Any) -> None:
        """Show another value, without a message."""
        self.value = value
        self.refresh()

    def render(self) -> Text:
        """The name of the value, between the signs that go to the others."""
        paint = paints(self.app.current_theme)
        sign = None if self.has_focus else paint.accent
        text = Text("‹ ", sign or "", end="", no_wrap=True, overflow="ellipsis")
        named = next((name for value, name in self.values if value == self.value), str(self.value))
        plain = self.value == self.values[0][0] and not self.has_focus
        return text.append(visible(named), paint.muted if plain else "").append(" ›", sign or "")

    def action_turn(self, step: int) -> None:
        """The next value, or the one before, round and round."""
        known = [value for value, _ in self.values]
        at = known.index(self.value) if self.value in known else (-1 if step > 0 else 0)
        self.show(known[(at + step) % len(known)])
        self.post_message(self.Picked(self))

    def on_click(self, event: events.Click) -> None:
        """The next value; the one before, left of the value."""
        self.action_turn(-1 if event.x < self.back_cells else 1)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


class TickField(PickField):
    """Yes or no, with its name beside it."""

    back_cells = 0

    def __init__(self, name: str, value: bool, *, id: str | None = None, classes: str = "") -> None:
        super().__init__([(False, name), (True, name)], value, id=id, classes=classes)

    def render(self) -> Text:
        """The tick and the name."""
        paint = paints(self.app.current_theme)
        text = Text(end="", no_wrap=True, overflow="ellipsis")
        tick = "☑ " if self.value else "☐ "
        text.append(tick, "" if self.has_focus else paint.accent if self.value else paint.muted)
        return text.append(visible(self.values[0][1]))


class KeyLine(Guarded, Widget):
    """The keys of a dialog, each with what it does; a click on one does it."""

    DEFAULT_CSS = "KeyLine { height: 1; }"

    def __init__(self, keys: Sequence[tuple[str, str, str]]) -> None:
        """`keys`: each as it is shown, what it does in a word, and the action of the screen."""
        super().__init__()
        self._keys = list(keys)

    def render(self) -> Text:
        """All of them; those without room are cut."""
        paint, text = paints(self.app.current_theme), Text(end="", no_wrap=True, overflow="ellipsis")
        for key, word, _ in self._keys:
            text.append(key, paint.accent).append(f" {word}   ", paint.muted)
        return text

    async def on_click(self, event: events.Click) -> None:
        """Do what stands under the mouse."""
        start = 0
        for key, word, action in self._keys:
            start += len(key) + len(word) + 4
            if event.x < start:
                await self.screen.run_action(action)
                return
