"""A pane beside one that changes: Textual asks each for all of its lines at every paint."""

from __future__ import annotations

from typing import Self

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Still(Widget):
    """A widget whose lines are those of the last paint for as long as nobody asked it to paint anything."""

    _last: tuple[tuple[object, ...], list[Strip]] | None = None
    _base: Style | None = None

    @property
    def base(self) -> Style:
        """The style that every line is drawn on. Textual works it out anew whenever asked; here once a theme."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As any widget's."""
        self._last = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """The theme, or the widget's own style, changed."""
        self._last = self._base = None
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the widget."""
        known = (crop, self.outer_size, self.scroll_offset, self.virtual_size, self.get_line_filters())
        if self._last is None or self._last[0] != known:
            self._last = known, super().render_lines(crop)
        return self._last[1]
