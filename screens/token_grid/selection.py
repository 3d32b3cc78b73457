"""The token under the cursor of the grid, and the tokens that are selected. No widget: positions in a row's items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from screens.token_grid.lines import TokenLines
from workbench.views.items import Items, Turn


class Selection:
    """A cursor on a token, and the other end of a selection (`anchor`); `items` are those of the shown row.

    An item is a token, or a folded media run as a whole. Tokens and items are half-open ranges [start, stop).
    """

    def __init__(self) -> None:
        self.items: Items | None = None
        self.lines: TokenLines | None = None
        self.cursor = 0
        self.anchor: int | None = None
        self._goal: int | None = None

    # Where the cursor is

    @property
    def item(self) -> int:
        """The item under the cursor."""
        return self.items.item_of(self.cursor) if self.items is not None else 0

    @property
    def run(self) -> int:
        """The media run under the cursor, or -1."""
        return int(self.items.run[self.item]) if self.items is not None and len(self.items) else -1

    @property
    def line(self) -> int:
        """The line of the cursor."""
        return self.lines.line_of(self.item) if self.lines is not None else 0

    @property
    def covered(self) -> tuple[int, int]:
        """The tokens under the cursor: one, or a folded media run."""
        return self._covers(self.item)

    @property
    def folded(self) -> bool:
        """True where a folded message is under the cursor."""
        start, stop = self.covered
        return stop - start > 1 and self.run < 0

    @property
    def selected(self) -> tuple[int, int]:
        """The tokens that are selected, or else those under the cursor."""
        start, stop = self.covered
        if self.anchor is None or self.items is None:
            return start, stop
        other = self._covers(self.items.item_of(self.anchor))
        return min(start, other[0]), max(stop, other[1])

    @property
    def selected_items(self) -> tuple[int, int] | None:
        """The items that are selected; None without a selection."""
        if self.anchor is None or self.items is None:
            return None
        start, stop = self.selected
        return self.items.item_of(start), self.items.item_of(stop - 1) + 1

    def _covers(self, item: int) -> tuple[int, int]:
        if self.items is None or not len(self.items):
            return 0, 0
        return int(self.items.start[item]), int(self.items.stop[item])

    # Moving it

    def put(self, token: int, *, select: bool, keep_goal: bool) -> None:
        """Put the cursor on a token; with `select` the selection grows or shrinks to it, else it is dropped."""
        if select and self.anchor is None:
            self.anchor = self.cursor
        elif not select:
            self.anchor = None
        self.cursor = token
        if not keep_goal:
            self._goal = None

    def target(self, where: str) -> int | None:
        """The token that is left, right, line_start or line_end of the cursor; None where there is no row."""
        if self.items is None or not len(self.items):
            return None
        item = self.item
        if where in ("line_start", "line_end"):
            if self.lines is None or not self.lines.height:
                return None
            first, last = self.lines.bounds(self.line)
            item = first if where == "line_start" else last - 1
        else:
            item += {"left": -1, "right": 1}[where]
        return int(self.items.start[min(max(0, item), len(self.items) - 1)])

    def on_line(self, line: int, *, column: int | None = None) -> int | None:
        """The token on a line in the column that the cursor began from, or in `column`; None where there is no row."""
        lines = self.lines
        if lines is None or not lines.height:
            return None
        if column is not None:
            self._goal = column
        elif self._goal is None:
            self._goal = lines.cells(self.item)[0]
        item = lines.item_at(min(max(0, line), lines.height - 1), self._goal)
        return int(lines.items.start[item])

    def next_of(self, tokens: npt.NDArray[np.int64], direction: int) -> int | None:
        """The next of some tokens, in ascending order, that way from the cursor; None where there is none."""
        # Of a folded message the cursor is on one token, and those after it are ahead.
        start, stop = self.covered if self.run >= 0 else (self.cursor, self.cursor + 1)
        if direction > 0:
            index = int(np.searchsorted(tokens, stop - 1, side="right"))
        else:
            index = int(np.searchsorted(tokens, start)) - 1
        return int(tokens[index]) if 0 <= index < len(tokens) else None

    def turn(self, turns: list[Turn], length: int) -> tuple[int, int]:
        """The tokens of the turn under the cursor; all of the row where that turn is selected already."""
        start, stop = self.selected
        begins = [turn.start for turn in turns]
        first = max((begin for begin in begins if begin <= start), default=0)
        last = min((begin for begin in begins if begin > start), default=length)
        if self.anchor is not None and (start, stop) == (first, last):
            return 0, length
        return first, last
