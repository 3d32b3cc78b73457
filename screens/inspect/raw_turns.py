"""The messages of a row as the file says them, where its tokens will stand: same gutter, same lines, no numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from screens.line_cache.line_view import LineView
from screens.shell.themes import paints
from workbench.data.first_row import FirstRow, RawTurn
from workbench.escaping import visible
from workbench.views.palette import MEDIA_GLYPH

_MOST_LINES = 2000
"""Laid out at most: in a second or two the tokens take their place."""
_MAP_CELLS, _MAP_FROM = 3, 30
_ROLE_CELLS, _ROOMY, _LEAST_TEXT = 9, 44, 8
_TEXT, _CHIP = range(2)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a message: its message where it is the first one, and its texts, each with its kind."""

    turn: RawTurn | None
    texts: tuple[tuple[str, int], ...]


class RawTurns(LineView, can_focus=True):
    """Shows the messages of a `FirstRow`, each begun on a line of its own with its number and role in the gutter."""

    def __init__(self, row: FirstRow, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.row = row
        self._lines: list[_Line] = []
        self._width = 0

    @property
    def plain(self) -> str:
        """The text of the pane."""
        return "\n".join("".join(text for text, _ in line.texts) for line in self._lines)

    @property
    def top_message(self) -> int:
        """The message that the first line of the window belongs to."""
        shown = self._lines[: self.scroll_offset.y + 1]
        return next((line.turn.message for line in reversed(shown) if line.turn is not None), 0)

    def _gutter(self, width: int) -> tuple[int, int]:
        """The cells of the message's number and of its role, as the tokens will have them."""
        turns = self.row.turns
        number = len(str(max((turn.message for turn in turns), default=0)))
        role = min(_ROLE_CELLS, max((cell_len(visible(turn.role)) for turn in turns), default=0))
        return number, role if width >= _ROOMY else min(role, 1)

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew."""
        room = self.scrollable_content_region.width
        width = room - _MAP_CELLS if room >= _MAP_FROM else room
        if width == self._width or width <= 0:
            return
        self._width = width
        cells = max(_LEAST_TEXT, width - sum(self._gutter(width)) - 4) - 1
        self._lines = list(_lines(self.row, cells))
        self.virtual_size = Size(room, len(self._lines))
        self.refresh()

    def draw_line(self, y: int) -> Strip:
        """One line of the window."""
        place, base = y + self.scroll_offset.y, self.base
        if place >= len(self._lines):
            return Strip.blank(self.size.width, base)
        line, paint = self._lines[place], paints(self.app.current_theme)
        number, role = self._gutter(self._width)
        if line.turn is None:
            segments = [Segment(" " * (number + role + 4), base)]
        else:
            segments = [
                Segment(f"{line.turn.message:>{number}} ", base + paint.muted),
                Segment(set_cell_size(visible(line.turn.role), role), base + paint.strong),
                Segment("   ", base),
            ]
        looks: tuple[Style, ...] = (base, base + paint.media)
        segments += [Segment(text, looks[kind]) for text, kind in line.texts]
        return self._framed.same(Strip(segments).adjust_cell_length(self.size.width, base))


def _lines(row: FirstRow, cells: int) -> Iterator[_Line]:
    """The lines of a row, of so many cells each."""
    made = 0
    for turn in row.turns:
        for number, texts in enumerate(_wrapped(turn, cells)):
            if made >= _MOST_LINES:
                return
            made += 1
            yield _Line(None if number else turn, tuple(texts))


def _wrapped(turn: RawTurn, cells: int) -> Iterator[list[tuple[str, int]]]:
    """The lines of a message: broken where its text breaks, and where a line is full."""
    line: list[tuple[str, int]] = []
    used = 0
    for word, kind in _words(turn):
        width = cell_len(word)
        if used and used + width > cells:
            yield line
            line, used = [], 0
        if width > cells:
            *full, word = _cut(word, cells)
            yield from ([(part, kind)] for part in full)
            width = cell_len(word)
        line.append((word, kind))
        used += width
        if word.endswith("⏎"):
            yield line
            line, used = [], 0
    if line or not turn.pieces:
        yield line


def _words(turn: RawTurn) -> Iterator[tuple[str, int]]:
    """The words of a message with the blank before each, line ends shown; media as chips."""
    for piece in turn.pieces:
        if piece.media:
            yield f" {MEDIA_GLYPH.get(piece.media, '▣')} {piece.media} ", _CHIP
            continue
        lines = piece.text.split("\n")
        for number, text in enumerate(lines):
            last = number == len(lines) - 1
            words = text.split(" ")
            for place, word in enumerate(words):
                end = "⏎" if not last and place == len(words) - 1 else ""
                if shown := f"{' ' if place else ''}{visible(word)}{end}":
                    yield shown, _TEXT


def _cut(text: str, cells: int) -> list[str]:
    """A text in parts of so many cells, or of one character that is wider."""
    parts, used = [""], 0
    for char in text:
        width = cell_len(char)
        if used and used + width > cells:
            parts.append("")
            used = 0
        parts[-1] += char
        used += width
    return parts
