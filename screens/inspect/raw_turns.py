"""The beginning of a row where its token grid will stand, line by line as the grid has it, but with no numpy.

First the messages as the file says them, by the word; then the tokens as they are drawn, before there is a grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from screens.line_cache.line_view import LineView
from screens.shell.themes import paints
from screens.token_grid.gutter import GUTTER, LEAST_TEXT, label_cells, text_cells
from workbench.data.first_row import FirstRow, RawTurn
from workbench.escaping import NEWLINE, visible
from workbench.views.early_row import EarlyRow
from workbench.views.palette import MEDIA_GLYPH, Look

_MOST_LINES = 2000
"""Laid out at most: in a second or two the whole row takes their place."""
_TEXT, _CHIP, _CONTROL = range(3)


class _Head(NamedTuple):
    """The number and role of a message."""

    message: int
    role: str


class _Word(NamedTuple):
    """Something that no line is broken within: its text, its kind, and whether the line ends after it."""

    text: str
    kind: int
    breaks: bool


class _Line(NamedTuple):
    """A line: its message where it is the first one of it, and its words."""

    head: _Head | None
    words: tuple[_Word, ...]


class RawTurns(LineView, can_focus=True):
    """Shows the messages of a `FirstRow`, each begun on a line of its own with its number and role in the gutter."""

    def __init__(self, row: FirstRow, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.row = row
        self.early: EarlyRow | None = None
        """The tokens that are shown in place of the messages' text."""
        self._lines: list[_Line] = []
        self._label, self._digits = 0, 0
        self._width = 0

    @property
    def plain(self) -> str:
        """The text of the pane."""
        return "\n".join("".join(word.text for word in line.words) for line in self._lines)

    @property
    def top_message(self) -> int:
        """The message that the first line of the window belongs to."""
        shown = self._lines[: self.scroll_offset.y + 1]
        return next((line.head.message for line in reversed(shown) if line.head is not None), 0)

    def show_tokens(self, row: EarlyRow) -> None:
        """Show the row's tokens from now on, with the message at the top that was there."""
        top = self.top_message if self.scroll_offset.y else None
        self.early = row
        self._width = 0
        self._lay_out()
        if top is not None:
            places = (y for y, line in enumerate(self._lines) if line.head is not None and line.head.message == top)
            self.scroll_to(y=next(places, 0), animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        room = self.scrollable_content_region.width
        width = text_cells(room)
        if width == self._width or width <= 0:
            return
        self._width = width
        early = self.early
        turns = early.turns if early is not None else self.row.turns
        self._label, self._digits = label_cells(((turn.message, turn.role) for turn in turns), width)
        cells = max(LEAST_TEXT, width - GUTTER) - 1
        messages = _messages_of_tokens(early) if early is not None else _messages(self.row, cells - self._label)
        self._lines = list(_lines(messages, cells, self._label))
        self.virtual_size = Size(room, len(self._lines))
        self.refresh()

    def draw_line(self, y: int) -> Strip:
        """One line of the window."""
        place, base = y + self.scroll_offset.y, self.base
        if place >= len(self._lines):
            return Strip.blank(self.size.width, base)
        line, paint = self._lines[place], paints(self.app.current_theme)
        segments: list[Segment] = []
        if line.head is not None:
            role = set_cell_size(visible(line.head.role), max(0, self._label - self._digits - 1))
            number = f"{line.head.message:>{self._digits}} "[: self._label]
            segments = [Segment(number, base + paint.muted), Segment(role, base + paint.strong)]
        segments.append(Segment(" " * GUTTER, base))
        plain = base if self.early is None else base + paint.look[Look.PLAIN]
        looks = (plain, base + paint.media, base + paint.look[Look.CONTROL])
        segments += [Segment(word.text, looks[word.kind]) for word in line.words]
        width = min(self.size.width, GUTTER + max(LEAST_TEXT, self._width - GUTTER))
        return self._framed.same(
            Strip(segments).adjust_cell_length(width, base).adjust_cell_length(self.size.width, base)
        )


def _lines(messages: Iterable[tuple[_Head | None, Sequence[_Word]]], cells: int, label: int) -> Iterator[_Line]:
    """The lines of some messages, of so many cells each; the first of a message is shorter by its label."""
    made = 0
    for head, words in messages:
        for number, line in enumerate(_wrapped(words, cells, label if head is not None else 0)):
            if made >= _MOST_LINES:
                return
            made += 1
            yield _Line(None if number else head, line)


def _wrapped(words: Sequence[_Word], cells: int, label: int) -> Iterator[tuple[_Word, ...]]:
    """The lines of a message: broken where its text breaks, and where a line is full. A line end takes no room."""
    line: list[_Word] = []
    used, room = 0, cells - label
    for word in words:
        width = 0 if word.text == NEWLINE else min(cell_len(word.text), cells)
        if line and used + width > room:
            yield tuple(line)
            line, used, room = [], 0, cells
        line.append(word)
        used += width
        if word.breaks:
            yield tuple(line)
            line, used, room = [], 0, cells
    if line or not words:
        yield tuple(line)


def _messages_of_tokens(row: EarlyRow) -> Iterator[tuple[_Head | None, list[_Word]]]:
    """The tokens of each message; before the first, what the template writes of itself."""
    words = [_Word(token.text, _CONTROL if token.control else _TEXT, token.breaks) for token in row.tokens]
    begins = [turn.start for turn in row.turns]
    if words and (not begins or begins[0]):
        yield None, words[: begins[0] if begins else None]
    for turn, stop in zip(row.turns, [*begins[1:], len(words)], strict=True):
        if turn.start < len(words):
            yield _Head(turn.message, turn.role), words[turn.start : stop]


def _messages(row: FirstRow, cells: int) -> Iterator[tuple[_Head | None, list[_Word]]]:
    """The words of each message of a row, cut where they are longer than a line of so many cells."""
    for turn in row.turns:
        yield _Head(turn.message, turn.role), list(_words(turn, max(1, cells)))


def _words(turn: RawTurn, cells: int) -> Iterator[_Word]:
    """The words of a message with the blank before each, line ends shown; media as chips."""
    for piece in turn.pieces:
        if piece.media:
            yield _Word(f" {MEDIA_GLYPH.get(piece.media, '▣')} {piece.media} ", _CHIP, False)
            continue
        lines = piece.text.split("\n")
        for number, text in enumerate(lines):
            words = text.split(" ")
            for place, word in enumerate(words):
                ends = number < len(lines) - 1 and place == len(words) - 1
                shown = f"{' ' if place else ''}{visible(word)}{NEWLINE if ends else ''}"
                if shown:
                    *full, rest = _cut(shown, cells)
                    yield from (_Word(part, _TEXT, False) for part in full)
                    yield _Word(rest, _TEXT, ends)


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
