"""The place of every token of a row at one width: lines, columns, turns. No widget, only columns and bisection."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from screens.token_grid.gutter import GUTTER, LEAST_TEXT, label_cells
from workbench.escaping import NEWLINE
from workbench.views.items import Items, Turn, items, wrap
from workbench.views.shown_row import RowView

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenLines:
    """A row laid out for `width` cells of text, after a gutter of `gutter` cells.

    The first line of a message has its number and role before the gutter, in `label` cells that its text lacks; the
    others have none, so that a long message takes the whole width. `lines` holds the first item of every line;
    `turn_lines` the line each of `turns` begins on; `shift` the running sum of the items' widths, `[N + 1]`.
    """

    items: Items
    lines: IntArray
    shift: IntArray
    turns: list[Turn]
    turn_lines: IntArray
    width: int
    gutter: int
    label: int
    digits: int
    """The cells of a message's number within the label."""

    @property
    def height(self) -> int:
        """Number of lines."""
        return len(self.lines) if len(self.items) else 0

    def bounds(self, line: int) -> tuple[int, int]:
        """The items [first, last) of a line."""
        last = int(self.lines[line + 1]) if line + 1 < len(self.lines) else len(self.items)
        return int(self.lines[line]), last

    def line_of(self, item: int) -> int:
        """The line an item stands on."""
        return int(np.searchsorted(self.lines, item, side="right")) - 1

    def indent(self, line: int) -> int:
        """The cells before the text of a line, beside the gutter: those of the label where a message begins on it."""
        at = int(np.searchsorted(self.turn_lines, line))
        return self.label if at < len(self.turn_lines) and int(self.turn_lines[at]) == line else 0

    def cells(self, item: int) -> tuple[int, int]:
        """The columns [start, stop) of an item within its line's text."""
        line = self.line_of(item)
        start = self.indent(line) + int(self.shift[item] - self.shift[int(self.lines[line])])
        return min(start, self.width), min(start + int(self.items.width[item]), self.width)

    def item_at(self, line: int, column: int) -> int:
        """The item at a column of a line's text; the nearest one beyond its ends."""
        first, last = self.bounds(line)
        column = max(0, column - self.indent(line))
        item = int(np.searchsorted(self.shift, self.shift[first] + column, side="right")) - 1
        return min(max(item, first), last - 1)

    def turns_at(self, first: int, last: int) -> list[Turn | None]:
        """The turn that begins on each of lines [first, last)."""
        line = np.arange(first, last)
        index = np.searchsorted(self.turn_lines, line)
        begins = np.append(self.turn_lines, -1)[index] == line
        return [self.turns[at] if here else None for at, here in zip(index.tolist(), begins.tolist(), strict=True)]


def lay_out(view: RowView, drawn: Items, width: int) -> TokenLines:
    """Break a row's items into lines for a pane of `width` cells."""
    label, digits = label_cells(((turn.message, turn.role) for turn in view.turns), width)
    room = max(LEAST_TEXT, width - GUTTER)
    starts = [turn.start for turn in view.turns]
    lines = wrap(_hanging(drawn), room - 1, starts, indent=label)
    first = np.minimum(np.searchsorted(drawn.start, np.array(starts, dtype=np.int64)), max(0, len(drawn) - 1))
    return TokenLines(
        items=drawn,
        lines=lines,
        shift=_shift(drawn),
        turns=view.turns,
        turn_lines=np.searchsorted(lines, first, side="right") - 1,
        width=room,
        gutter=GUTTER,
        label=label,
        digits=digits,
    )


def with_items(lines: TokenLines, drawn: Items) -> TokenLines:
    """The same lines with items that look otherwise. A folded message, which may have another width, has its own."""
    if drawn.width is lines.items.width:
        return replace(lines, items=drawn)
    return replace(lines, items=drawn, shift=_shift(drawn))


def _shift(drawn: Items) -> IntArray:
    shift: IntArray = np.concatenate(([0], np.cumsum(drawn.width, dtype=np.int64)))
    return shift


def _hanging(drawn: Items) -> Items:
    """The items with line ends that take no room: a line end hangs in the last cell instead of filling a line."""
    ends = np.array([text == NEWLINE for text in drawn.texts], dtype=bool)
    return replace(drawn, width=np.where(ends[drawn.text], 0, drawn.width)) if len(drawn) else drawn


def draw_items(view: RowView, unfolded: Collection[int]) -> Items:
    """The items of a row with some media runs unfolded."""
    return items(view.rendering, view.mask, view.drawn, unfolded)


def edges(view: RowView) -> IntArray:
    """The tokens where training begins or ends."""
    keep = view.mask.keep
    found: IntArray = np.flatnonzero(keep[1:] != keep[:-1]) + 1
    return found
