"""The half of the inspect screen that finds and takes: search, filter, jump, copy."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

from textual.message import Message
from textual.screen import Screen

from screens.guard.faults import contained, on
from screens.inspect import row_filter
from screens.inspect.messages import FilterFound, FilterWanted
from screens.inspect.prompt import Prompt
from screens.inspect.row_filter import RowFilter, parse_filter
from screens.inspect.row_list import SamplesList
from screens.shell.worker import Background, Kind
from screens.token_grid import copy, find
from screens.token_grid.grid import TokenGrid
from screens.token_grid.row_view import RowView
from workbench.bench import Bench, Row
from workbench.errors import InputError

SEARCH, FILTER, ROW = "search", "filter", "row"
_BATCH_SECONDS = 0.05
_ENOUGH = 500
"""Rows that a filter finds before it waits for the list to be scrolled."""


class Browse(Screen[None]):
    """What an inspect screen does with the prompt, the matches and the clipboard."""

    bench: Bench
    _background: Background
    _grid: TokenGrid
    _view: RowView | None
    _row: int
    _filter = RowFilter()
    _filters = 0
    _filter_text = ""
    _searched = 0
    _query = ""
    _origin = 0

    if TYPE_CHECKING:
        # The inspect screen has these.
        def show_row(self, index: int) -> None: ...
        def _send(self, message: Message) -> None: ...

    # The prompt

    def action_search(self) -> None:
        """Ask for what to find in this row."""
        self._origin = self._grid.cursor
        self.query_one(Prompt).ask(SEARCH, value=self._query, hint=find.HINT)

    def action_filter(self) -> None:
        """Ask which rows to list."""
        self.query_one(Prompt).ask(FILTER, value=self._filter_text, hint=row_filter.HINT)

    def action_jump_row(self) -> None:
        """Ask for a row's number."""
        self.query_one(Prompt).ask(ROW, hint="its number, counted from 0")

    @on(Prompt.Typed)
    def _prompt_typed(self, message: Prompt.Typed) -> None:
        if message.kind == SEARCH:
            self._search(message.text)
        elif message.kind == FILTER:
            try:
                parse_filter(message.text)
            except InputError as problem:
                self.query_one(Prompt).say(problem.title, wrong=True)
            else:
                self.query_one(Prompt).say("enter lists them")

    @on(Prompt.Stepped)
    def _prompt_stepped(self, message: Prompt.Stepped) -> None:
        if message.kind == SEARCH:
            self._grid.jump_match(message.direction)
            self._count_matches()

    @on(Prompt.Given)
    def _prompt_given(self, message: Prompt.Given) -> None:
        prompt = self.query_one(Prompt)
        if message.kind == FILTER:
            try:
                self._set_filter(message.text)
            except InputError as problem:
                prompt.say(problem.title, wrong=True)
                return
        elif message.kind == ROW:
            number = message.text.strip().replace(",", "")
            length = self.bench.rows.known_length
            if not number.isdecimal() or (length is not None and int(number) >= length):
                rows = f"0 to {length - 1:,}" if length else "a number"
                prompt.say(rows, wrong=True)
                return
            self.show_row(int(number))
        self._close_prompt()

    @on(Prompt.Left)
    def _prompt_left(self, message: Prompt.Left) -> None:
        grid = self._grid
        if message.kind == SEARCH:
            grid.search("")
            grid.go(self._origin)
            self._query = ""
        elif message.kind == FILTER:
            self._set_filter("")
        self._close_prompt()

    def _close_prompt(self) -> None:
        self.query_one(Prompt).close()
        grid = self._grid
        self.set_focus(grid if grid.display else self.query_one(SamplesList))

    # Search in the row

    def _search(self, text: str) -> None:
        grid = self._grid
        self._query = text
        matches = grid.search(text)
        if len(matches):
            after = matches.start[matches.start >= self._origin]
            grid.go(int(after[0] if len(after) else matches.start[0]))
        else:
            grid.go(self._origin)
        self._count_matches()

    def _count_matches(self) -> None:
        grid = self._grid
        matches, prompt = grid.matches, self.query_one(Prompt)
        if matches.wrong or not len(matches):
            prompt.say(matches.wrong or ("no match" if self._query else ""), wrong=True)
            return
        place = int((matches.start <= grid.cursor).sum())
        prompt.say(f"{max(1, place):,} of {len(matches):,}")

    def action_next_match(self) -> None:
        self._step_match(1)

    def action_previous_match(self) -> None:
        self._step_match(-1)

    def _step_match(self, direction: int) -> None:
        grid = self._grid
        if self._query and not len(grid.matches):
            # Another row came since the search was made.
            grid.search(self._query)
        if not grid.jump_match(direction):
            self.notify("Nothing to go to: / searches", timeout=2)

    # Filter

    def _set_filter(self, text: str) -> None:
        self._filter = parse_filter(text)
        self._filter_text = text if self._filter else ""
        self._begin_filter()

    def _begin_filter(self) -> None:
        samples = self.query_one(SamplesList)
        self._filters += 1
        self._searched = 0
        if not self._filter:
            samples.unfilter()
            return
        samples.filter()
        self._background.submit(Kind.FILTER, self._filtering(self._filter, self._filters, 0))

    @on(FilterWanted)
    def _filter_wanted(self, message: FilterWanted) -> None:
        if not self._filter:
            return
        if message.again:
            self._begin_filter()
        elif self._searched:
            start, self._searched = self._searched, 0
            self._background.submit(Kind.FILTER, self._filtering(self._filter, self._filters, start))

    def _filtering(self, wanted: RowFilter, request: int, start: int) -> Iterator[None]:
        """Search from row `start` on; what was found is told in batches, and enough of it is enough."""
        found: list[int] = []
        index, total, told = start, 0, monotonic()
        while request == self._filters and total < _ENOUGH:
            try:
                raw = self.bench.rows.row(index)
            except IndexError:
                self._send(FilterFound(request, found, index, complete=True))
                return
            try:
                holds = wanted.holds(Row(self.bench, index, raw))
            except Exception:
                # A row that nobody can judge is one to look at.
                holds = True
            index += 1
            if holds:
                found.append(index - 1)
                total += 1
            if monotonic() - told > _BATCH_SECONDS:
                self._send(FilterFound(request, found, index, complete=False))
                found, told = [], monotonic()
            yield
        self._send(FilterFound(request, found, index, complete=False))
        if request == self._filters:
            self._searched = index

    @on(FilterFound)
    def _filter_found(self, message: FilterFound) -> None:
        if message.request == self._filters:
            self.query_one(SamplesList).found(message.indices, message.searched, message.complete)

    def show_losses(self) -> None:
        """A run has measured losses: show them where this row has some. Called when the screen comes to the front."""
        losses = self.bench.losses.get(self._row)
        known = self._view.nll if self._view is not None else None
        if losses is not None and losses.nll is not known:
            self.show_row(self._row)

    @contained
    def on_screen_resume(self) -> None:
        self.show_losses()

    # Copying

    def action_copy_text(self) -> None:
        self._copy("text")

    def action_copy_ids(self) -> None:
        self._copy("ids")

    def action_copy_reproducer(self) -> None:
        self._copy("a program that shows their mask")

    def _copy(self, what: str) -> None:
        view, (start, stop) = self._view, self._grid.selected
        if view is None or start == stop:
            self.notify("There is no token to copy", timeout=2)
            return
        if what == "text":
            copied = copy.text_of(view, start, stop)
        elif what == "ids":
            copied = copy.ids_of(view, start, stop)
        else:
            names = {"model": self.bench.title, "recipe": self.bench.document.name}
            copied = copy.reproducer(view, self.bench.masking, start, stop, **names)
        self.app.copy_to_clipboard(copied)
        count = f"{stop - start:,} token{'s' if stop - start > 1 else ''}"
        self.notify(f"Copied {count} as {what}", timeout=2, markup=False)
