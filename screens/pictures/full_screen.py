"""A picture over the whole window, with its boxes; left and right go through the pictures of the row."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.widgets import Container, Static
from screens.pictures.legend import names, remarks_line
from screens.pictures.picture_view import PictureView
from screens.pictures.prepared import Cells, Shown
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from workbench.views.items import visible

Wanted = Callable[[int, Cells, Callable[[Shown], None]], None]
"""Asks for a media run's picture, drawn for a room, and calls back with it."""
_NAMES = 2
"""Lines for the names of boxes."""


class Room(Container):
    """The place of a picture; it says when its size is another one."""

    def __init__(self, resized: Callable[[], None], *, id: str) -> None:
        super().__init__(id=id)
        self._resized = resized

    def on_resize(self, event: events.Resize) -> None:
        """The window has another size, or the first one."""
        self._resized()


class PictureScreen(Tapped, ModalScreen[None]):
    """Shows the pictures of a row, one at a time; closes at escape, q, i or enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i,enter", "dismiss", "Close", show=False),
        Binding("right,down,space,n", "step(1)", "Next picture", show=False),
        Binding("left,up,N", "step(-1)", "Picture before", show=False),
    ]
    CSS_PATH = "full_screen.tcss"

    def __init__(self, runs: list[int], run: int, wanted: Wanted) -> None:
        super().__init__()
        self._runs, self._at, self._wanted = runs, runs.index(run), wanted
        self._frame, self._room = Container(id="picture-frame"), Room(self._ask, id="picture-room")
        self._view = PictureView(id="picture-view")
        self._below = Static(markup=False, id="picture-names")

    def compose(self) -> ComposeResult:
        """The picture, and the names of its boxes below it."""
        with self._frame:
            with self._room:
                yield self._view
            yield self._below

    def action_step(self, direction: int) -> None:
        """Go to another picture of the row, round its end."""
        self._at = (self._at + direction) % len(self._runs)
        self._ask()

    def _ask(self) -> None:
        width, height = self._room.content_size
        self._wanted(self._runs[self._at], (max(1, width), max(1, height)), self._show)

    def _show(self, shown: Shown) -> None:
        source = shown.source
        if not self.is_mounted or source.run != self._runs[self._at]:
            return
        several = f" of {len(self._runs)}" if len(self._runs) > 1 else ""
        self._frame.border_title = f"picture {source.number}{several} · message {source.message} · {source.sizes}"
        self._frame.border_subtitle = ("← → other pictures · " if several else "") + "esc closes"
        self._view.show(shown)
        paint = paints(self.app.current_theme)
        lines = [remarks_line(source.boxes, paint), *names(source.boxes, self._frame.content_size.width, _NAMES)]
        if source.problem:
            lines = [Text(visible(source.problem), paint.severity["error"])]
        self._below.update(Text("\n").join(line for line in lines if line))
