"""A picture in half blocks, two pixels a cell, with its boxes and their labels."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from workbench.views.box_drawing import caption, colour_of, mark
from workbench.views.boxes import PictureBoxes
from workbench.views.items import visible

if TYPE_CHECKING:
    from PIL import Image

_BLOCK = "▀"
_LABEL_CELLS = 24
Cell = tuple[str, int, int]
"""A character, its colour and the one behind it, as 0xRRGGBB."""


def size_in_cells(width: int, height: int, most: tuple[int, int]) -> tuple[int, int]:
    """The cells of a picture of so many pixels, a cell being twice as high as wide; at least one each way."""
    scale = min(most[0] / max(1, width), 2 * most[1] / max(1, height))
    return max(1, round(width * scale)), max(1, round(height * scale / 2))


def half_blocks(picture: Image.Image, found: PictureBoxes, cells: tuple[int, int]) -> list[Strip]:
    """A picture in cells: the upper pixel is the block, the lower one what lies behind it."""
    width, height = cells
    small = picture.convert("RGB").resize((width, 2 * height))
    mark(small, found.boxes, labels=False)
    channels = np.asarray(small).astype(np.int64)
    pixels = (channels[..., 0] << 16) | (channels[..., 1] << 8) | channels[..., 2]
    lines: list[list[Cell]] = [
        [(_BLOCK, above, below) for above, below in zip(upper, lower, strict=True)]
        for upper, lower in zip(pixels[0::2].tolist(), pixels[1::2].tolist(), strict=True)
    ]
    for number, box in enumerate(found.boxes):
        if box.seen and (box.label or len(found.boxes) > 1):
            place = round(max(0.0, box.y[0]) * (2 * height - 1)) // 2, round(max(0.0, box.x[0]) * (width - 1))
            _write(lines, place, caption(number, box), int(colour_of(number)[1:], 16))
    return [_strip(line, width) for line in lines]


def _write(lines: list[list[Cell]], place: tuple[int, int], text: str, colour: int) -> None:
    """Write a label over a line of cells, moved to the left where it would not fit."""
    line, column = lines[place[0]], place[1]
    shown = visible(text)
    room = min(_LABEL_CELLS, len(line), cell_len(shown))
    shown = set_cell_size(shown, room)
    at = max(0, min(column, len(line) - room))
    for char in shown:
        cells = cell_len(char)
        if cells:
            # A wide character takes the place of two cells, the second of which is nothing.
            line[at : at + cells] = [(char, 0, colour), *[("", 0, colour)] * (cells - 1)]
        at += cells


def _strip(line: list[Cell], width: int) -> Strip:
    segments = [
        Segment("".join(char for char, _, _ in cells), _style(*colours))
        for colours, cells in ((key, list(group)) for key, group in groupby(line, key=lambda cell: cell[1:]))
    ]
    return Strip(segments, width)


@lru_cache(maxsize=8192)
def _style(colour: int, behind: int) -> Style:
    return Style.from_color(_color(colour), _color(behind))


def _color(value: int) -> Color:
    return Color.from_triplet(ColorTriplet(value >> 16, value >> 8 & 255, value & 255))
