"""Lines of styled text that change a little at every keystroke: only those that differ are painted."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.selection import Selection
from textual.strip import Strip

from screens.line_cache.line_view import LineView


def strip_of(text: Text, base: Style, width: int, console: Console) -> Strip:
    """One line of text on a base style, cut with an ellipsis or filled up to so many cells."""
    if text.cell_len > width:
        text = text.copy()
        text.truncate(width, overflow="ellipsis")
    segments = [Segment(piece, base + style if style else base) for piece, style in _pieces(text, console)]
    return Strip(segments).adjust_cell_length(width, base)


def _pieces(text: Text, console: Console) -> list[tuple[str, Style | None]]:
    """A line in pieces of one style. Rich sorts the edges of all styles for it; here they mostly follow each other."""
    plain, pieces, at = text.plain, [], 0
    for start, end, style in text.spans:
        if start < at or not isinstance(style, Style):
            return [(piece, style) for piece, style, _ in text.render(console)]
        pieces += [(plain[at:start], None), (plain[start:end], style)]
        at = end
    return [(piece, style) for piece, style in (*pieces, (plain[at:], None)) if piece]


class TextPane(LineView, can_focus=True):
    """A scrolling pane of lines that are not wrapped. The mouse selects their text."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Text] = []

    @property
    def plain(self) -> str:
        """The text of the pane."""
        return "\n".join(line.plain for line in self._lines)

    def say(self, lines: list[Text]) -> None:
        """Show other lines, and paint only those that differ."""
        old, self._lines = self._lines, lines
        if len(old) != len(self._lines):
            # A layout draws the whole screen again: not for a few numbers that changed.
            self.virtual_size = Size(1, len(self._lines))
            self.refresh(layout=True)
            return
        top = self.scroll_offset.y
        differing = [
            y - top for y, (was, now) in enumerate(zip(old, self._lines, strict=True)) if was is not now and was != now
        ]
        self.paint_lines(differing)

    def draw_line(self, y: int) -> Strip:
        """One line of the window."""
        line, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if line >= len(self._lines):
            return Strip.blank(self.size.width, self.base)
        text = self._lines[line]
        chosen = self.text_selection.get_span(line) if self.text_selection is not None else None
        if chosen is not None:
            text = text.copy()
            end = len(text) if chosen[1] == -1 else chosen[1]
            text.stylize(self.screen.get_component_rich_style("screen--selection"), chosen[0], end)
        return self._framed.same(strip_of(text, self.base, width, self.app.console).apply_offsets(0, line))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that the mouse selected."""
        return selection.extract(self.plain), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint what is selected now."""
        self.refresh()
