"""Lines of the token grid, drawn when they come into view and kept until what they show changes.

Cursor, selection and minimap are laid over a kept line and are not part of it, so moving them redraws no token.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.strip import Strip

from screens.token_grid.find import NO_MATCHES, Matches
from screens.token_grid.gutter import MAP_CELLS
from screens.token_grid.lenses import Lens, Shades, shades
from screens.token_grid.lines import TokenLines
from screens.token_grid.minimap import Marks, Minimap, minimap
from screens.token_grid.paint import Inks, Page, draw_lines
from workbench.findings import SEVERITIES
from workbench.views.items import Items, visible
from workbench.views.shown_row import RowView

if TYPE_CHECKING:
    from workbench.editing.session import Change

_STRIPS_KEPT = 4096
_STICKY_FROM = 6
"""A window of fewer lines gives none of them to the message that its first line goes on with."""
_WINDOWS_KEPT = 16
_MASKS_KEPT = 64
_NO_MARKS = Marks(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Frame(NamedTuple):
    """The state of the window that a drawn line depends on: while it is the same, the line is not drawn again.

    `edition` is a number for all that the lines show of the row; a mask that comes back has the number it had.
    """

    size: Size
    top: int
    item: int
    selected: tuple[int, int] | None
    focused: bool
    edition: int


class TokenDrawing:
    """Draws the lines of one row, and keeps them. What it draws is put into its attributes; `forget` after a change."""

    def __init__(self, same: Callable[[Strip], Strip]) -> None:
        """`same` gives the strip that first showed what a strip shows."""
        self._same = same
        self.view: RowView | None = None
        self.items: Items | None = None
        self.lines: TokenLines | None = None
        self.matches: Matches = NO_MATCHES
        self.changed: Change | None = None
        self.spaces = False
        self.shades: Shades = np.zeros(0, dtype=np.uint8)
        self._marks = _NO_MARKS
        self._map: Minimap | None = None
        self._strips: dict[int, Strip] = {}
        self._windows: LRUCache[Frame, dict[int, Strip]] = LRUCache(_WINDOWS_KEPT)
        self._numbers = itertools.count()
        self._edition = next(self._numbers)
        self._editions: LRUCache[object, int] = LRUCache(_MASKS_KEPT)

    def forget(self) -> None:
        """Forget every drawn line."""
        self._strips.clear()
        self._windows.clear()
        self._editions.clear()
        self._edition = next(self._numbers)

    def forget_map(self) -> None:
        """Draw the minimap anew: the window has another height."""
        self._map = None

    def colour(self, lens: Lens, inks: Inks) -> None:
        """Work out the shade of every token, and where the findings point."""
        self._map = None
        view, items = self.view, self.items
        if view is None or items is None:
            return
        self.shades = shades(lens, view, items, self.changed)
        if len(self.matches) and len(items):
            hit = items.holding(self.matches.tokens(len(view.rendering)))
            self.shades = self.shades + hit.astype(np.uint8) * np.uint8(len(inks.plain))
        places = [
            (finding.where.tokens[0], SEVERITIES.index(finding.severity))
            for finding in view.findings
            if finding.where.tokens
        ]
        columns = np.array(sorted(places), dtype=np.int64).reshape(-1, 2)
        self._marks = Marks(columns[:, 0], columns[:, 1])

    def remask(self) -> None:
        """Another mask of the same row: lines of a mask that was shown before are those of then."""
        self._strips.clear()
        mask = self._mask_shown()
        if (edition := self._editions.get(mask)) is None:
            edition = self._editions[mask] = next(self._numbers)
        self._edition = edition

    def _mask_shown(self) -> tuple[object, ...]:
        """All that lines show of a mask, its findings, and what an edit changed, in short."""
        view, changed, digest = self.view, self.changed, blake2b(digest_size=16)
        if view is None:
            return ()
        columns: list[npt.NDArray[Any]] = [view.mask.spans.start, self.shades, self._marks.token, self._marks.severity]
        flags = [view.mask.keep] if changed is None else [view.mask.keep, changed.added, changed.removed]
        columns += [np.packbits(flag) for flag in flags]
        for column in columns:
            digest.update(column.tobytes())
        return digest.digest(), (len(view.mask.keep), *map(len, columns)), tuple(view.roles_to_train)

    def window(
        self, size: Size, top: int, item: int, selected: tuple[int, int] | None, focused: bool
    ) -> tuple[Frame, dict[int, Strip]]:
        """The window as it is, and what is drawn of it."""
        frame = Frame(size, top, item, selected, focused, self._edition)
        window = self._windows.get(frame)
        if window is None:
            window = self._windows[frame] = {}
        return frame, window

    def line(self, y: int, frame: Frame, window: dict[int, Strip], inks: Inks) -> Strip:
        """One line of the window."""
        strip = window.get(y)
        if strip is None:
            strip = window[y] = self._same(self._whole_line(y, frame, inks))
        return strip

    def _whole_line(self, y: int, frame: Frame, inks: Inks) -> Strip:
        lines = self.lines
        (width, height), line = frame.size, y + frame.top
        if lines is None:
            return Strip.blank(width, inks.base)
        room = lines.gutter + lines.width
        bottom = min(lines.height, frame.top + height)
        header = self._header(lines, line, inks) if not y and height >= _STICKY_FROM and line < lines.height else None
        if header is not None:
            strip = header
        elif line < lines.height:
            if line not in self._strips:
                self._draw(lines, line, bottom, inks)
            strip = _with_cursor(self._strips[line], lines, line, frame, inks)
        else:
            strip = Strip.blank(room, inks.base)
        if room >= width:
            return strip
        beside = self.minimap(frame.size.height).draw(y, frame.top, bottom, inks.base, inks.paint)
        return Strip([*strip, *beside], room + MAP_CELLS).adjust_cell_length(width, inks.base)

    def _header(self, lines: TokenLines, line: int, inks: Inks) -> Strip | None:
        """The message that a line goes on with, for the first line of the window; None where it begins there."""
        at = int(np.searchsorted(lines.turn_lines, line, side="right")) - 1
        if at < 0 or int(lines.turn_lines[at]) == line:
            return None
        assert self.view is not None
        turn = lines.turns[at]
        stop = lines.turns[at + 1].start if at + 1 < len(lines.turns) else len(self.view.rendering)
        trained, tokens = int(np.count_nonzero(self.view.mask.keep[turn.start : stop])), stop - turn.start
        count = "not trained" if not trained else f"{trained:,} trained"
        known = "" if self.view.preliminary else f" · {count}"
        role, rest = visible(turn.role), f" · {tokens:,} token{'' if tokens == 1 else 's'}{known} "
        muted, room = inks.gutter["muted"], lines.gutter + lines.width
        segments = [
            Segment(f"─ message {turn.message} · ", muted),
            Segment(role, inks.gutter["accent" if trained else "strong"]),
            Segment(rest, muted),
        ]
        filled = sum(segment.cell_length for segment in segments)
        return Strip([*segments, Segment("─" * max(0, room - filled), muted)]).adjust_cell_length(room, inks.base)

    def _draw(self, lines: TokenLines, line: int, bottom: int, inks: Inks) -> None:
        """Draw a line, and with it those below it that are in view and not yet drawn."""
        if len(self._strips) >= _STRIPS_KEPT:
            self._strips.clear()
        last = next((below for below in range(line + 1, bottom) if below in self._strips), max(bottom, line + 1))
        assert self.view is not None
        page = Page(self.view, lines, self.shades, self.changed, self._marks, self.spaces, inks)
        self._strips.update(zip(range(line, last), draw_lines(page, line, last), strict=True))

    # What is at a place of the window

    def on_map(self, x: int) -> bool:
        """True where a column belongs to the minimap."""
        return self.lines is not None and self.lines.gutter + self.lines.width <= x

    def token_at(self, x: int, line: int, *, beyond: bool = False) -> int | None:
        """The token at a column of a line; `beyond`: below the last line it is one of that."""
        lines = self.lines
        if lines is None or not lines.height or (line >= lines.height and not beyond):
            return None
        return int(lines.items.start[lines.item_at(min(max(0, line), lines.height - 1), x - lines.gutter)])

    def map_line(self, y: int, height: int) -> int | None:
        """The line that a cell of the minimap stands for."""
        if self.lines is None or not self.lines.height:
            return None
        found = self.minimap(height).line
        return int(found[min(max(0, y), len(found) - 1)])

    def minimap(self, height: int) -> Minimap:
        """The whole row in one column of so many cells."""
        if self._map is None:
            assert self.view is not None
            assert self.lines is not None
            trained = np.concatenate(([0], np.cumsum(self.view.mask.keep, dtype=np.int64)))
            self._map = minimap(self.lines, trained, self._marks, self.matches.start, height)
        return self._map


def _with_cursor(strip: Strip, lines: TokenLines, line: int, frame: Frame, inks: Inks) -> Strip:
    first, last = lines.bounds(line)
    if frame.selected is not None:
        low, high = max(first, frame.selected[0]), min(last, frame.selected[1]) - 1
        if low <= high:
            start, stop = lines.cells(low)[0], lines.cells(high)[1]
            strip = _over(strip, lines.gutter + start, lines.gutter + stop, inks.base, inks.paint.selected)
    if not first <= frame.item < last:
        return strip
    start, stop = lines.cells(frame.item)
    # A token without width, such as a combining mark, borrows the cell after it.
    style = inks.paint.cursor if frame.focused else inks.paint.cursor_away
    return _over(strip, start + lines.gutter, max(stop, start + 1) + lines.gutter, inks.base, style)


def _over(strip: Strip, start: int, stop: int, base: Style, style: Style) -> Strip:
    """Cells [start, stop) of a strip in another style."""
    under = strip.crop(start, stop)
    over = Strip([Segment(text, (own or base) + style) for text, own, _ in under], under.cell_length)
    return Strip.join([strip.crop(0, start), over, strip.crop(stop)])
