"""The picture under the cursor, near its chip: in the terminal's own graphics where it is known to have some, else in
half blocks, two pixels a cell."""

from __future__ import annotations

import os
from typing import Any

from rich.segment import Segment, Segments
from rich.style import Style
from textual.widget import Widget

from screens.guard.faults import Guarded
from screens.guard.widgets import Container, Static

CELLS = (36, 12)
"""The most cells that a preview takes."""
_GRAPHICS = ("kitty", "ghostty", "wezterm", "foot", "iterm", "konsole", "contour", "mlterm")


def terminal_has_graphics() -> bool:
    """True where the terminal is known to draw pictures. VLMBENCH_PICTURES=graphics or =blocks overrides this.

    A terminal that is asked and does not answer would hold up the start, so only known ones are asked.
    """
    wanted = os.environ.get("VLMBENCH_PICTURES", "")
    if wanted:
        return wanted == "graphics"
    if os.environ.get("TMUX") or os.environ.get("STY") or "NO_COLOR" in os.environ:
        return False
    name = f"{os.environ.get('TERM', '')} {os.environ.get('TERM_PROGRAM', '')}".lower()
    return "KITTY_WINDOW_ID" in os.environ or any(known in name for known in _GRAPHICS)


def prepare_graphics() -> None:
    """Ask the terminal how it draws pictures. Before the app starts: later its keys and answers would mix."""
    if terminal_has_graphics():
        import textual_image.widget  # noqa: F401


def size_in_cells(width: int, height: int, most: tuple[int, int]) -> tuple[int, int]:
    """The cells of a picture of so many pixels, a cell being twice as high as wide; at least one each way."""
    scale = min(most[0] / max(1, width), 2 * most[1] / max(1, height))
    return max(1, round(width * scale)), max(1, round(height * scale / 2))


def half_blocks(picture: Any, cells: tuple[int, int]) -> Segments:
    """A PIL picture in cells: the upper pixel is the block, the lower one what lies behind it."""
    import numpy as np

    width, height = cells
    small = np.asarray(picture.convert("RGB").resize((width, 2 * height)))
    segments: list[Segment] = []
    for upper, lower in zip(small[0::2].tolist(), small[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            segments.append(Segment("▀", Style(color=_hex(above), bgcolor=_hex(below))))
        segments.append(Segment.line())
    return Segments(segments)


def _hex(pixel: list[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)


class Preview(Container):
    """A picture that floats over the tokens; `show` sets the picture and its place."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(Static(markup=False), id=id)
        self._shown: object = None
        self.wrong = ""

    def on_mount(self) -> None:
        self.display = False

    def show(self, source: Any, line: int, column: int, room: tuple[int, int], last: int) -> None:
        """Draw a picture (see `load_picture`) in a pane of `room` cells, where it hides the least.

        That is below the `last` line of the text; where there is little room, below or above line `line`.
        """
        picture, self.wrong = self._load(source)
        if picture is None:
            self.hide()
            return
        width, height = room
        if height - last - 1 >= CELLS[1]:
            line = last
        above, below = line, height - line - 1
        most = (min(CELLS[0], width - 2), min(CELLS[1], max(above, below) - 2))
        if most[0] < 4 or most[1] < 2:
            self.hide()
            return
        cells = size_in_cells(picture.size[0], picture.size[1], most)
        top = line + 1 if below >= cells[1] + 2 else line - cells[1] - 2
        self.styles.width, self.styles.height = cells[0] + 2, cells[1] + 2
        self.styles.offset = (max(0, min(column, width - cells[0] - 2)), max(0, top))
        self.border_subtitle = f"{picture.size[0]}×{picture.size[1]}"
        if self._shown is not source or not self.display:
            self._draw(picture, cells)
            self._shown = source
        self.display = True

    def hide(self) -> None:
        """Draw nothing."""
        self.display = False

    def _load(self, source: Any) -> tuple[Any, str]:
        from workbench.data.media import MediaError, load_picture

        try:
            return load_picture(source), ""
        except (MediaError, OSError, ValueError) as problem:
            return None, str(problem)

    def _draw(self, picture: Any, cells: tuple[int, int]) -> None:
        for old in self.query(".picture--graphics"):
            old.remove()
        still = self.query_one(Static)
        still.display = not terminal_has_graphics()
        if still.display:
            still.update(half_blocks(picture, cells))
            return
        from textual_image.widget import Image

        class Drawn(Guarded, Image):  # type: ignore[misc, valid-type]
            """The picture in the terminal's graphics."""

        drawn: Widget = Drawn(picture, classes="picture--graphics")
        drawn.styles.width, drawn.styles.height = cells
        self.mount(drawn)
