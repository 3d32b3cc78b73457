"""The pictures of a row, small, as HTML that carries them: no file beside the page, and no request for one."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from workbench.data.media import MediaError, load_picture
from workbench.views.row_view import pictures
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from workbench.row import Row

SIDE = 192
"""The longest side in pixels: twice what is shown, for screens that have two to a point."""
MOST = 16
"""So many pictures of a row are shown; of the others only the tokens."""
_QUALITY = 80


def thumbnails(row: Row) -> dict[int, Markup]:
    """By media run: its picture, small. One that cannot be loaded is left out: the row's findings tell of it."""
    found = pictures(row.rendering, row.trace, row.conversation.messages)
    base = row.raw.base_dir or row.bench.rows.base_dir
    shown = {}
    for number, (run, value) in enumerate(found.items()):
        if number == MOST:
            break
        try:
            picture = load_picture(value, base)
        except MediaError:
            continue
        width, height = picture.size
        label = f"picture {number}, {width} × {height}"
        shown[run] = draw("thumbnail.jinja", source=Markup(_source(picture)), label=label)
    return shown


def _source(picture: Any) -> str:
    """A `data:` address of the pixels alone: what else the file held does not travel."""
    picture = picture.copy()
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
