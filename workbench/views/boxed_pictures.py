"""The pictures of a row that its answers point into, with the boxes drawn on them, as HTML that carries them."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup

from workbench.data.media import MediaError, load_picture
from workbench.views.box_drawing import caption, colour_of, drawn, shape_of
from workbench.views.boxes import PictureBoxes, boxes_of
from workbench.views.row_view import pictures
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from PIL import Image

    from workbench.row import Row

SIDE = 448
"""The longest side in pixels: enough for a label to be read."""
MOST = 8
"""So many pictures of a row are shown; the caption of the last says how many are not."""
_QUALITY = 85


def boxed_pictures(row: Row) -> Markup:
    """The pictures with boxes, each with its labels below it; empty for a row without coordinates.

    A picture that cannot be loaded is left out: the row's findings tell of it.
    """
    found = {run: boxes for run, boxes in boxes_of(row).items() if boxes.boxes or boxes.remarks}
    if not found:
        return Markup("")
    sources = pictures(row.rendering, row.trace, row.conversation.messages)
    base = row.raw.base_dir or row.bench.rows.base_dir
    figures: list[dict[str, object]] = []
    seen: set[int] = set()
    for number, (run, source) in enumerate(sources.items()):
        if run not in found or id(found[run]) in seen:
            continue
        seen.add(id(found[run]))
        if len(figures) == MOST:
            break
        try:
            picture = load_picture(source, base)
        except MediaError:
            continue
        figures.append(_figure(number, picture, found[run]))
    return draw("boxed.jinja", figures=figures, left=len({id(one) for one in found.values()}) - len(seen))


def _figure(number: int, picture: Image.Image, found: PictureBoxes) -> dict[str, object]:
    size, shape = "{} × {}".format(*picture.size), "{} × {}".format(*shape_of(picture, found))
    small = drawn(picture, found, (SIDE, SIDE))
    stream = io.BytesIO()
    # Thin lines keep their colours.
    small.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return {
        "source": Markup(f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"),
        "width": small.width,
        "height": small.height,
        "title": f"picture {number} · {size}" + (f", resized to {shape}" if size != shape else ""),
        "boxes": [
            (colour_of(at), caption(at, box), f"message {box.message}" + ("" if box.seen else ", outside"))
            for at, box in enumerate(found.boxes)
        ],
        "remarks": " · ".join(found.remarks),
    }
