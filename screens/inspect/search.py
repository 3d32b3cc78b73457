"""Search in the shown row, a filter of the rows, and the jump to a row: what is asked with the prompt."""

from __future__ import annotations

from screens.inspect import row_filter
from screens.inspect.context import InspectContext
from screens.inspect.filtering import Filtering
from screens.inspect.row_filter import FILTER_TERMS, parse_filter
from screens.inspect.rows import RowReader
from screens.keys.spoken import keyed
from screens.token_grid import find
from screens.token_grid.canvas import fold_turns
from workbench.errors import InputError

SEARCH, FILTER, ROW = "search", "filter", "row"


class Search:
    """The part of the inspect screen that asks with the prompt, and goes from match to match."""

    def __init__(self, context: InspectContext, rows: RowReader, filtering: Filtering) -> None:
        self._context = context
        self._rows = rows
        self._filtering = filtering
        self._grid, self._prompt = context.panes.grid, context.panes.prompt
        self.query = ""
        self._origin = 0
        self._folded: set[int] = set()
        """The turns that were folded when the search began: each letter unfolds only what it leads to."""

    # The prompt

    def ask_search(self) -> None:
        """Ask for what to find in this row."""
        self._origin, self._folded = self._grid.at.cursor, set(self._grid.folded)
        self._prompt.ask(SEARCH, value=self.query, hint=find.HINT)

    def ask_filter(self) -> None:
        """Ask which rows to list."""
        self._prompt.ask(
            FILTER, value=self._filtering.text or self._filtering.last, hint=row_filter.HINT, terms=FILTER_TERMS
        )

    def ask_row(self) -> None:
        """Ask for a row's number."""
        self._prompt.ask(ROW, hint="its number, counted from 0")

    def typed(self, kind: str, text: str) -> None:
        """Follow what is typed: find at once, and say of a filter whether it can be read."""
        if kind == SEARCH:
            self._find(text)
        elif kind == FILTER:
            try:
                found = parse_filter(text)
            except InputError as problem:
                self._prompt.say(problem.title, wrong=True)
                return
            lacking = (found.needs_loss or (found.order or ("",))[0] == "loss") and not self._context.bench.losses
            self._prompt.say("no run has measured a loss yet" if lacking else "enter applies the filter", wrong=lacking)

    def stepped(self, kind: str, direction: int) -> None:
        """Go to the next match while the prompt is open."""
        if kind == SEARCH:
            self._jump(direction)
            self._count_matches()

    def entered(self, kind: str, text: str) -> None:
        """Take what was entered, and close the prompt unless it cannot be read."""
        if kind == FILTER:
            try:
                self._filtering.set(text, go=True)
            except InputError as problem:
                self._prompt.say(problem.title, wrong=True)
                return
        elif kind == ROW:
            number = text.strip().replace(",", "")
            length = self._context.bench.rows.known_length
            if not number.isdecimal() or (length is not None and int(number) >= length):
                rows = f"0 to {length - 1:,}" if length else "a number"
                self._prompt.say(rows, wrong=True)
                return
            self._rows.show(int(number))
        self._close()

    def left(self, kind: str) -> None:
        """Take the search away; a filter that stands stays as it is."""
        if kind == SEARCH:
            self._grid.search("")
            fold_turns(self._grid, self._folded)
            self._grid.go(self._origin)
            self.query = ""
        self._close()

    def _close(self) -> None:
        self._prompt.close()
        grid = self._grid
        self._context.screen.set_focus(grid if grid.display else self._context.panes.samples)

    # Matches

    def _find(self, text: str) -> None:
        grid = self._grid
        self.query = text
        fold_turns(grid, self._folded)
        matches = grid.search(text)
        if len(matches):
            after = matches.start[matches.start >= self._origin]
            grid.go(int(after[0] if len(after) else matches.start[0]), unfold=True)
        else:
            grid.go(self._origin)
        self._count_matches()

    def _count_matches(self) -> None:
        grid = self._grid
        matches = grid.drawing.matches
        if matches.wrong or not len(matches):
            self._prompt.say(matches.wrong or ("no match" if self.query else ""), wrong=True)
            return
        place = int((matches.start <= grid.at.cursor).sum())
        self._prompt.say(f"{max(1, place):,} of {len(matches):,}")

    def next_match(self) -> None:
        self._step_match(1)

    def previous_match(self) -> None:
        self._step_match(-1)

    def _step_match(self, direction: int) -> None:
        grid = self._grid
        if self.query and not len(grid.drawing.matches):
            # Another row came since the search was made.
            grid.search(self.query)
        if not self._jump(direction):
            self._context.say(keyed(self._context.screen, "There is no match to go to; {grid.search} searches"))

    def _jump(self, direction: int) -> bool:
        """Go to the next match, round the end; false where there is no match."""
        grid, matches = self._grid, self._grid.drawing.matches
        if not len(matches):
            return False
        if not grid.jump(matches.start, direction):
            grid.go(int(matches.start[0 if direction > 0 else -1]), unfold=True)
        return True
