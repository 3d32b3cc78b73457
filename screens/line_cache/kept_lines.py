"""Base of panes that keep their lines: Textual asks every pane for all of its lines at each paint of any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from screens.guard.faults import Guarded, contain, stand_in


class Still(Guarded, Widget):
    """A widget that draws a line anew only after `refresh` asked for that line."""

    # Named after this class: those that mix it in have attributes of their own.
    _still_known: tuple[object, ...] = ()
    _still_last: list[Strip] | None = None
    _still_asked: frozenset[int] = frozenset()
    _base: Style | None = None

    @property
    def base(self) -> Style:
        """The style below every line, worked out once a theme. Textual works it out at each call."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Ask for a paint of the whole widget, or of some regions of its content."""
        if regions and not layout and not recompose:
            top = self.content_offset.y
            self._still_asked = self._still_asked.union(*(region.translate((0, top)).line_range for region in regions))
        else:
            self._still_last = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Forget lines and base style: the theme, or the widget's own style, changed."""
        self._still_last = self._base = None
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the widget."""
        known = (crop, self.outer_size, self.scroll_offset, self.virtual_size, self.get_line_filters())
        last = self._still_last if known == self._still_known else None
        if last is None or self._still_asked:
            try:
                last = self.finish_lines(crop, last, sorted(self._still_asked))
            except Exception as error:
                # Stands until somebody asks for another paint, and is not tried at each of the others'.
                contain(self, error)
                last = stand_in(self, crop, error)
            self._still_known, self._still_last, self._still_asked = known, last, frozenset()
        return last

    def finish_lines(self, crop: Region, last: list[Strip] | None, asked: list[int]) -> list[Strip]:
        """The lines of a part of the widget, border and all. `last` are those of the last paint, of which only the
        lines in `asked`, by their place in the widget, can have become others; None: all."""
        if last is None:
            return super().render_lines(crop)
        lines = last.copy()
        for begin, end in runs([y for y in asked if crop.y <= y < crop.bottom]):
            part = Region(crop.x, begin, crop.width, end - begin)
            lines[begin - crop.y : end - crop.y] = super().render_lines(part)
        return lines


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers, in order, as ranges [first, last)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = found[-1][0], number + 1
        else:
            found.append((number, number + 1))
    return found
