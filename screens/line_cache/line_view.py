"""Base of the panes that draw themselves line by line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

from textual.content import Content
from textual.geometry import Region
from textual.markup import escape
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.line_cache.framed_lines import Framed
from screens.line_cache.kept_lines import Still, runs


class Sparing(ScrollView, Still):
    """A pane that can say which of its lines differ where Textual would paint it whole."""

    _spares = False

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Ignore requests to paint the whole pane made within; those for a new layout are followed."""
        self._spares = True
        try:
            yield
        finally:
            self._spares = False

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Ask for a paint, except of the whole pane within `sparing`."""
        if self._spares and not (regions or layout or recompose):
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def paint_lines(self, lines: list[int]) -> None:
        """Paint some lines of the window, which are given in order."""
        if lines:
            width = self.scrollable_content_region.width
            self.refresh(*(Region(0, begin, width, end - begin) for begin, end in runs(lines)))


class LineView(Sparing):
    """A scrolling pane of lines. `draw_line` gives the same strip for a line that shows the same."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._framed = Framed()
        self._content: dict[int, Strip] = {}

    def draw_line(self, y: int) -> Strip:
        """One line of the window, drawn."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """One line of the window; within `finish_lines` it is drawn already."""
        return self._content[y] if y in self._content else self.draw_line(y)

    def _draw_content(self, y: int) -> Strip:
        strip = self._content[y] = self.draw_line(y)
        return strip

    def finish_lines(self, crop: Region, last: list[Strip] | None, asked: list[int]) -> list[Strip]:
        """The lines of a part of the window; those that were seen before are not framed anew."""
        made = partial(super().finish_lines, last=None, asked=[])
        if crop.column_span != (0, self.outer_size.width):
            return made(crop)
        if last is None:
            self._framed.look(self)
            last, asked = [Strip.blank(0)] * crop.height, [*crop.line_range]
        lines, painted = last.copy(), [y for y in asked if crop.y <= y < crop.bottom]
        try:
            for y, line in zip(painted, self._framed.lines(self, painted, self._draw_content, made), strict=True):
                lines[y - crop.y] = line
        finally:
            self._content.clear()
        return lines

    def say_below(self, text: str | Content) -> None:
        """Write into the lower border, and paint no more than that."""
        with self.sparing():
            self.border_subtitle = text
        x, y = self.content_offset
        width, height = self.outer_size
        self.refresh(Region(-x, height - 1 - y, width, 1))


def say_above(pane: LineView, text: str) -> None:
    """Write into the upper border of a pane, as plain text, and paint no more than that."""
    text = escape(text)
    if text == pane.border_title:
        return
    with pane.sparing():
        pane.border_title = text
    x, y = pane.content_offset
    pane.refresh(Region(-x, -y, pane.outer_size.width, 1))
