"""Lines that are wrapped with an indent: the rest of a line stands under its text and not under its mark."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.text import Text
from textual import events

from screens.guard.widgets import Static


class Wrapped(Static):
    """A text that its owner has wrapped to its width."""

    narrowed: Callable[[], None] = staticmethod(lambda: None)
    """Called where it has another width, also where its pane takes the whole window."""
    _width = 0

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self.call_after_refresh(self.narrowed)


def hang(line: Text, width: int, indent: int, console: Console) -> Text:
    """A line wrapped to so many cells, with its further lines indented; as it is where no width is known."""
    if width <= indent + 1 or line.cell_len <= width:
        return line
    first = line.wrap(console, width)[0]
    rest = line[len(first.plain) :]
    # The blank at which it was parted belongs to neither.
    rest = rest[len(rest.plain) - len(rest.plain.lstrip(" ")) :]
    text = first.copy()
    text.rstrip()
    for more in rest.wrap(console, width - indent):
        more.rstrip()
        text.append("\n" + " " * indent).append_text(more)
    return text
