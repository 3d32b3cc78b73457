"""The picture under the cursor: near its chip, or docked beside the tokens where there is room."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType

from screens.guard.widgets import Container, Static
from screens.keys.spoken import keyed
from screens.pictures.legend import names, remarks_line
from screens.pictures.picture_view import PictureView
from screens.pictures.prepared import Cells, Shown
from screens.shell.themes import paints
from workbench.views.items import visible

CELLS = (36, 12)
"""The most cells that a preview takes."""
_LEAST = (4, 2)
_NAMES = 2
"""Lines of the dock for the names of boxes."""


class ChipPlace(NamedTuple):
    """A line and column of the token pane, the pane's cells, and the first line below its text."""

    line: int
    column: int
    room: Cells
    last: int

    @property
    def besides(self) -> int:
        """The line that a preview hides the least beside: the last of the text, where there is room below it."""
        return self.last if self.room[1] - self.last - 1 >= CELLS[1] else self.line

    @property
    def most(self) -> Cells:
        """The cells that a picture can take there."""
        (width, height), line = self.room, self.besides
        return min(CELLS[0], width - 2), min(CELLS[1], max(line, height - line - 1) - 2)

    @property
    def fits(self) -> bool:
        """True where a picture could be made out."""
        return self.most[0] >= _LEAST[0] and self.most[1] >= _LEAST[1]


class Preview(Container):
    """A picture that floats over the tokens; `show` sets the picture and its place."""

    def __init__(self, *, id: str | None = None) -> None:
        self._view = PictureView()
        super().__init__(self._view, id=id)
        self.wrong = ""
        self._row = -1

    def on_mount(self) -> None:
        self.display = False

    def expect(self, row: int) -> None:
        """A picture of a row comes: that of another row goes, the one before stays until then."""
        if row != self._row:
            self._row = row
            self.hide()

    def show(self, shown: Shown, place: ChipPlace) -> None:
        """Show a picture that was drawn for a place, where it hides the least of the tokens."""
        self.wrong = shown.source.problem
        if shown.source.picture is None:
            self.hide()
            return
        (width, height), (across, down), line = place.room, shown.cells, place.besides
        top = line + 1 if height - line - 1 >= down + 2 else line - down - 2
        self.styles.width, self.styles.height = across + 2, down + 2
        self.styles.offset = (max(0, min(place.column, width - across - 2)), max(0, top))
        outside = any(not box.within for box in shown.source.boxes.boxes)
        forms = ("! a box lies outside", "! outside") if outside else (shown.source.sizes,)
        self.border_subtitle = next((form for form in forms if len(form) <= across - 2), "")
        self._view.show(shown)
        self.display = True

    def hide(self) -> None:
        """Draw nothing."""
        self.display = False


class PictureDock(Container, can_focus=True):
    """A picture in a place of its own, with the names of its boxes. Its size never depends on what it shows."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "enlarge", "Full screen", show=False)]

    def __init__(self, *, id: str | None = None) -> None:
        self._view, self._names = PictureView(), Static(markup=False, classes="names")
        super().__init__(Container(self._view, classes="room"), self._names, id=id)
        self.run = -1
        """The media run of the picture that is shown, or asked for."""
        self._row = -1
        self.resized: Callable[[], None] = lambda: None
        """Called when another room is there."""
        self.enlarged: Callable[[], None] = lambda: None
        """Called at enter."""

    def action_enlarge(self) -> None:
        """Show the picture over the whole window."""
        self.enlarged()

    @property
    def room(self) -> Cells:
        """The cells that a picture can take; none before the dock was laid out."""
        width, height = self.content_size
        return width, max(0, height - _NAMES)

    def on_resize(self, event: events.Resize) -> None:
        """Ask for a picture of the size that fits now."""
        self.call_after_refresh(self.resized)

    def expect(self, run: int, title: str, row: int) -> None:
        """Say which picture comes; the one before stays until it is there, if it is one of the same row."""
        if row != self._row:
            self._row, self.border_subtitle = row, ""
            self._view.show(None)
            self._names.update("")
        self.run = run
        if self.border_title != title:
            self.border_title = title

    def show(self, shown: Shown) -> None:
        """Show a picture."""
        source, paint = shown.source, paints(self.app.current_theme)
        self.expect(source.run, source.title, self._row)
        keys = keyed(self, "{grid.enlarge} full screen").replace("[", "\\[")
        self.border_subtitle = f"{source.sizes} · {keys}" if source.picture is not None else ""
        self._view.show(shown)
        if source.problem:
            self._names.update(Text(visible(source.problem), paint.severity["error"]))
            return
        remarks = remarks_line(source.boxes, paint)
        lines = [remarks] if remarks else []
        lines += names(source.boxes, self.content_size.width, _NAMES - len(lines))
        self._names.update(Text("\n").join(lines))
