"""Boxes drawn on a picture, in the shape that the processor gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.views.boxes import Box, PictureBoxes
from workbench.views.palette import BOX_COLOURS

if TYPE_CHECKING:
    from PIL import Image

_LABELS_FROM = 160
"""A picture of fewer pixels on its shorter side has no room for labels."""
_POINT = 3


def shape_of(picture: Image.Image, found: PictureBoxes) -> tuple[int, int]:
    """(width, height) of a picture as the processor hands it to the model; its own where that is not known."""
    return found.resized or picture.size


def colour_of(number: int) -> str:
    """The colour of a picture's box of this number."""
    return BOX_COLOURS[number % len(BOX_COLOURS)]


def drawn(picture: Image.Image, found: PictureBoxes, most: tuple[int, int], *, grow: bool = False) -> Image.Image:
    """A copy of a picture with its boxes, no larger than `most` pixels each way; `grow`: as large as that."""
    width, height = shape_of(picture, found)
    scale = min(most[0] / max(1, width), most[1] / max(1, height))
    scale = scale if grow else min(1.0, scale)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    copy = picture.resize(size)
    mark(copy, found.boxes)
    return copy


def mark(picture: Image.Image, boxes: Sequence[Box], *, labels: bool = True) -> None:
    """Draw boxes on a picture, in place, as far as they lie in it."""
    from PIL import ImageDraw, ImageFont

    canvas = ImageDraw.Draw(picture)
    width, height = picture.size
    line = max(1, round(min(width, height) / 150))
    labels = labels and min(width, height) >= _LABELS_FROM
    font = ImageFont.load_default(size=max(10, min(width, height) // 28)) if labels else None
    for number, box in enumerate(boxes):
        if not box.seen:
            continue
        colour = colour_of(number)
        left, right = (_pixel(box.x[at], width) for at in (0, -1))
        top, bottom = (_pixel(box.y[at], height) for at in (0, -1))
        if len(box.x) == 1:
            reach = _POINT * line
            canvas.ellipse((left - reach, top - reach, left + reach, top + reach), colour)
        elif left == right or top == bottom:
            canvas.line((left, top, right, bottom), colour, width=line)
        else:
            canvas.rectangle((left, top, right, bottom), outline=colour, width=line)
        if font is not None:
            text = caption(number, box) if box.label.isascii() and box.label.isprintable() else f"{number}"
            _write(canvas, text, max(0, left), max(0, top), colour, font)


def caption(number: int, box: Box) -> str:
    """A box's number with its label, as the text has it."""
    return f"{number} {box.label}".rstrip()


def _write(canvas: object, text: str, x: int, y: int, colour: str, font: object) -> None:
    from PIL.ImageDraw import ImageDraw

    assert isinstance(canvas, ImageDraw)
    _, _, right, bottom = canvas.textbbox((0, 0), text, font=font)  # type: ignore[arg-type]
    width, height = canvas.im.size
    x, y = (max(0, min(x, width - round(right) - 4)), max(0, min(y, height - round(bottom) - 2)))
    canvas.rectangle((x, y, x + right + 4, y + bottom + 2), fill=colour)
    canvas.text((x + 2, y + 1), text, fill="#000000", font=font)  # type: ignore[arg-type]


def _pixel(share: float, length: int) -> int:
    """The pixel of a share of a side. Far outside, the nearest that is not seen: PIL has no room for any number."""
    return round(max(-1.0, min(2.0, share)) * (length - 1))
