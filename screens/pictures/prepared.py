"""Pictures made ready to be drawn: read, and brought into the processor's shape, with their boxes.

Everything here that reads or draws is for the background thread.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.strip import Strip

from screens.pictures.graphics import terminal_has_graphics
from screens.pictures.half_blocks import half_blocks, size_in_cells
from workbench.data.media import MediaError, load_picture
from workbench.views.box_drawing import drawn, shape_of
from workbench.views.boxes import NO_BOXES, PictureBoxes, boxes_of
from workbench.views.shown_row import RowView

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 1600
"""The longest side in pixels of what is kept of a picture."""
_CELL = (10, 20)
"""Pixels of a cell in terminals that draw pictures, near enough: the terminal scales what it gets."""
Cells = tuple[int, int]


@dataclass(frozen=True)
class PreparedPicture:
    """A picture of a row; `picture` is None and `problem` says why where it cannot be read."""

    run: int
    number: int
    message: int
    size: Cells
    picture: Image.Image | None
    boxes: PictureBoxes
    problem: str = ""

    @property
    def title(self) -> str:
        """Its number and its message."""
        return f"picture {self.number} · message {self.message}"

    @property
    def sizes(self) -> str:
        """Its size in the file, and as the processor resizes it."""
        if self.picture is None:
            return ""
        own, resized = "{}×{}".format(*self.size), self.boxes.resized
        return own if resized in (None, self.size) else f"{own} → {resized[0]}×{resized[1]}"

    def fitting(self, most: Cells) -> Cells:
        """The cells that it takes of a room."""
        return size_in_cells(*(self.boxes.resized or self.size), most)


@dataclass(frozen=True)
class Shown:
    """A picture drawn for some cells: as strips, or, for a terminal with graphics, as a picture with its boxes."""

    source: PreparedPicture
    cells: Cells
    strips: tuple[Strip, ...] = ()
    image: Any = None


def boxes_in(view: RowView) -> dict[int, PictureBoxes]:
    """The boxes of a row's pictures, by media run."""
    return boxes_of(view.source) if view.source is not None else {}


def prepare(view: RowView, run: int, boxes: Mapping[int, PictureBoxes]) -> PreparedPicture:
    """Read the picture of a media run."""
    message, number = int(view.trace.message[view.rendering.media.start[run]]), list(view.pictures).index(run)
    found = boxes.get(run, NO_BOXES)
    try:
        picture = load_picture(view.pictures[run])
    except (MediaError, OSError, ValueError) as problem:
        return PreparedPicture(run, number, message, (0, 0), None, found, str(problem))
    size, (width, height) = picture.size, shape_of(picture, found)
    scale = min(1.0, _SIDE / max(width, height))
    shaped = (max(1, round(width * scale)), max(1, round(height * scale)))
    return PreparedPicture(run, number, message, size, picture if shaped == size else picture.resize(shaped), found)


def draw(prepared: PreparedPicture, most: Cells) -> Shown:
    """Draw a picture as large as a room of cells lets it be."""
    if prepared.picture is None:
        return Shown(prepared, (0, 0))
    cells = prepared.fitting(most)
    if terminal_has_graphics():
        pixels = (cells[0] * _CELL[0], cells[1] * _CELL[1])
        return Shown(prepared, cells, image=drawn(prepared.picture, prepared.boxes, pixels, grow=True))
    return Shown(prepared, cells, tuple(half_blocks(prepared.picture, prepared.boxes, cells)))


def picture_at(view: RowView, token: int) -> int | None:
    """The media run of the picture that a token is about: its own, the first of its message, or the last before it.

    Of the row's first one where none stands before; None for a row without pictures.
    """
    runs, media = list(view.pictures), view.rendering.media
    if not runs:
        return None
    starts = [int(media.start[run]) for run in runs]
    at = bisect_right(starts, token) - 1
    if at >= 0 and token < int(media.stop[runs[at]]):
        return runs[at]
    turn = bisect_right(view.turns, token, key=lambda turn: turn.start)
    begin = view.turns[turn - 1].start if turn else 0
    end = view.turns[turn].start if turn < len(view.turns) else len(view.rendering)
    mine = next((run for run, start in zip(runs, starts, strict=True) if begin <= start < end), None)
    return mine if mine is not None else runs[max(0, at)]
