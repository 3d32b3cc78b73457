"""The pictures of the shown row: docked beside the tokens, near their chips, or over the whole window.

They are read, scaled and drawn on the background thread; a picture that was drawn once is shown at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from screens.guard.faults import Fault, write
from screens.inspect.context import InspectContext
from screens.inspect.picture import ChipPlace
from screens.pictures.full_screen import PictureScreen
from screens.pictures.prepared import Cells, PreparedPicture, Shown, boxes_in, draw, picture_at, prepare
from screens.shell.worker import Kind
from workbench.views.boxes import PictureBoxes
from workbench.views.shown_row import RowView

_PREPARED_KEPT = 8
_DRAWN_KEPT = 32
Then = Callable[[Shown], None]


class _RowPictures:
    """The pictures of one row, as far as they are known: a job that comes too late fills the one of its own row."""

    def __init__(self, view: RowView) -> None:
        self.view = view
        self.boxes: Mapping[int, PictureBoxes] | None = None
        self.prepared: dict[int, PreparedPicture] = {}
        self.drawn: dict[tuple[int, Cells], Shown] = {}

    def draw(self, run: int, most: Cells) -> Shown:
        """The picture of a media run, drawn for a room."""
        if self.boxes is None:
            try:
                self.boxes = boxes_in(self.view)
            except Exception as error:
                # The processor's code, and a model's own: the picture is there without what it says.
                write(Fault.of(f"boxes of row {self.view.index}", error))
                self.boxes = {}
        if run not in self.prepared:
            _make_room(self.prepared, _PREPARED_KEPT)
            self.prepared[run] = prepare(self.view, run, self.boxes)
        _make_room(self.drawn, _DRAWN_KEPT)
        shown = self.drawn[run, most] = draw(self.prepared[run], most)
        return shown


def _make_room(known: dict[Any, Any], most: int) -> None:
    """Forget the oldest entries, so that one more makes `most`."""
    for oldest in list(known)[: max(0, len(known) - most + 1)]:
        del known[oldest]


class Pictures:
    """The part of the inspect screen that shows pictures. `show` follows the cursor."""

    def __init__(self, context: InspectContext) -> None:
        self._context, self._grid = context, context.panes.grid
        self._known: _RowPictures | None = None
        self._waiting: tuple[_RowPictures, tuple[int, Cells]] | None = None
        self.wanted = True
        context.panes.dock.resized, context.panes.dock.enlarged = self.show, self.enlarge
        context.panes.grid.enlarged = self.open

    # Following the cursor

    def toggle(self) -> None:
        """Show pictures, or none."""
        self.wanted = not self.wanted
        self.show()

    def show(self) -> None:
        """Show the picture of the message under the cursor where it is docked, else that of the chip under it."""
        panes, view = self._context.panes, self._grid.in_sight
        there = self.wanted and view is not None and bool(view.pictures)
        self._context.screen.set_class(there, "-docked")
        if view is None or not there:
            panes.preview.hide()
        elif self._docks:
            panes.preview.hide()
            self._show_docked(view)
        else:
            self._show_beside(view)

    @property
    def _docks(self) -> bool:
        """True where the window has a place for the dock: see the style sheet."""
        screen = self._context.screen
        shut = screen.has_class("-editing") or screen.has_class("-zoomed")
        return screen.has_class("-vast", "-high") and not shut and screen.query_one("#side").display

    def _show_docked(self, view: RowView) -> None:
        dock, run = self._context.panes.dock, picture_at(view, self._grid.at.cursor)
        if run is None or min(dock.room) < 1:
            # It has no size yet: it calls once it has one.
            return
        dock.expect(run, f"picture {list(view.pictures).index(run)}", view.index)

        def came(shown: Shown) -> None:
            if dock.run == run and self._shows(view):
                dock.show(shown)

        self._ask(view, run, dock.room, came)

    def _show_beside(self, view: RowView) -> None:
        preview, place = self._context.panes.preview, self._place()
        run = self._grid.at.run
        if place is None or run not in view.pictures:
            preview.hide()
            return
        preview.expect(view.index)

        def came(shown: Shown) -> None:
            # The cursor may have gone on meanwhile, and the lines may stand elsewhere.
            here = self._shows(view) and self._grid.at.run == run and self._place() == place
            if here and not self._docks and self.wanted:
                preview.show(shown, place)

        self._ask(view, run, place.most, came)

    def _shows(self, view: RowView) -> bool:
        """True while this row is the one in sight; an edit of its mask leaves its pictures as they are."""
        now = self._grid.in_sight
        return now is not None and now.rendering is view.rendering

    def _place(self) -> ChipPlace | None:
        """The place of the chip under the cursor; None where it is out of view or has no room beside it."""
        grid = self._grid
        lines = grid.drawing.lines
        if lines is None or grid.at.run < 0 or grid.at.anchor is not None:
            return None
        line = lines.line_of(grid.at.item) - grid.scroll_offset.y
        if not 0 <= line < grid.size.height:
            return None
        column = lines.gutter + lines.cells(grid.at.item)[0] + 1
        room = (grid.outer_size.width, grid.outer_size.height)
        place = ChipPlace(line + 1, column, room, lines.height - grid.scroll_offset.y)
        return place if place.fits else None

    def focus(self) -> None:
        """Go to the docked picture; where none is docked, open that of the message over the whole window."""
        if self._docks and self._context.screen.has_class("-docked"):
            self._context.panes.dock.focus()
        else:
            self.enlarge()

    # Over the whole window

    def enlarge(self) -> None:
        """Open the picture of the message under the cursor."""
        view = self._grid.in_sight
        run = picture_at(view, self._grid.at.cursor) if view is not None else None
        if run is None or not self.open(run):
            self._context.say("This row has no picture")

    def open(self, run: int) -> bool:
        """Open the picture of a media run over the whole window; false where it is none."""
        view = self._grid.in_sight
        if view is None or run not in view.pictures:
            return False
        self._context.screen.app.push_screen(PictureScreen(list(view.pictures), run, partial(self._ask, view)))
        return True

    # Reading

    def _ask(self, view: RowView, run: int, most: Cells, then: Then) -> None:
        """Call back with a picture of a row, drawn for a room: at once where it is known."""
        if self._known is None or self._known.view.rendering is not view.rendering:
            self._known = _RowPictures(view)
        known = self._known
        if (shown := known.drawn.get((run, most))) is not None:
            then(shown)
        else:
            self._waiting = known, (run, most)
            self._context.background.submit(Kind.PICTURE, self._read(known, run, most, then))

    @property
    def settled(self) -> bool:
        """True where no picture is waited for."""
        return self._waiting is None

    def failed(self) -> None:
        """The picture that was asked for does not come."""
        self._waiting = None

    def _read(self, known: _RowPictures, run: int, most: Cells, then: Then) -> Iterator[None]:
        self._context.tell(self._came, known, then, known.draw(run, most))
        yield

    def _came(self, known: _RowPictures, then: Then, shown: Shown) -> None:
        if self._waiting is not None and known.drawn.get(self._waiting[1]) is shown:
            self._waiting = None
        then(shown)
