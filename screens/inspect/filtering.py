"""Finding the rows that a filter lists, on the background thread, in blocks, to the end of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from screens.inspect.context import InspectContext
from screens.inspect.row_filter import RowFilter, parse_filter
from screens.inspect.sample_reading import STEP_SECONDS
from screens.shell.worker import Kind
from workbench.bench import Row

if TYPE_CHECKING:
    from workbench.blocks.known import KnownRows
    from workbench.blocks.path import Forms

_ENOUGH = 500
"""Rows that a filter finds in data of unknown length before it waits for the list to be scrolled."""


class Filtering:
    """The part of the inspect screen that holds the filter of the samples."""

    def __init__(self, context: InspectContext) -> None:
        self._context = context
        self._samples = context.panes.samples
        self._filter = RowFilter()
        self._forms: Forms | None = None
        self._request = 0
        self._searched = 0
        self.under_way = False
        """True while rows are searched."""
        self.text = ""
        """The filter as it was typed; empty without one."""

    def set(self, text: str) -> None:
        """List only the rows of a filter; all of them for an empty one.

        Raises:
            InputError: the filter cannot be read; then nothing changes.
        """
        self._filter = parse_filter(text)
        self.text = text if self._filter else ""
        self._begin()

    def go_on(self, *, again: bool) -> None:
        """Search further, or from the beginning: rows that were found may have become others."""
        if not self._filter:
            return
        if again:
            self._begin()
        elif self._searched and self._samples.has_room:
            start, self._searched = self._searched, 0
            self._submit(start)

    def stop(self) -> None:
        """End the search; the rows found so far stay listed, and what was judged is known to the next one."""
        if self.under_way:
            self._request += 1
            self.under_way = False
            self._samples.found([], None, False)

    def _begin(self) -> None:
        self._request += 1
        self._searched, self._forms, self.under_way = 0, None, False
        if not self._filter:
            self._samples.unfilter()
            return
        self._samples.filter()
        self._submit(0)

    def _submit(self, start: int) -> None:
        self.under_way = True
        self._context.background.submit(Kind.FILTER, self._search(self._filter, self._request, start))

    def _search(self, wanted: RowFilter, request: int, start: int) -> Iterator[None]:
        """Search from row `start` on. Where nobody knows how many rows there are, it pauses after `_ENOUGH` of them."""
        from workbench.blocks.known import KnownRows, Pace, read_rows
        from workbench.blocks.path import Forms

        bench = self._context.bench
        known, pace = KnownRows(bench), Pace(STEP_SECONDS)
        forms = self._forms = self._forms or Forms()
        index, total = start, 0
        whole = bench.rows.known_length is not None
        while request == self._request and (whole or total < _ENOUGH):
            size = pace.size if whole else min(pace.size, _ENOUGH)
            with pace.block(size):
                rows = read_rows(bench, range(index, index + size))
                found = _holding(wanted, rows, known, forms)
            index, total = index + len(rows), total + len(found)
            complete = len(rows) < size
            self._context.tell(self._found, request, found, index, complete)
            if complete:
                return
            yield
        if request == self._request:
            self._context.tell(self._paused, request, index)

    def _paused(self, request: int, searched: int) -> None:
        if request == self._request:
            self.under_way, self._searched = False, searched
            self._samples.found([], searched, False)

    def failed(self) -> None:
        """The search ended before its time; what it found stays."""
        self.under_way = False
        self._samples.found([], None, False)

    def _found(self, request: int, found: list[int], searched: int, complete: bool) -> None:
        if request == self._request:
            self.under_way = not complete
            self._samples.found(found, searched, complete)


def _holding(wanted: RowFilter, rows: Sequence[Row], known: KnownRows, forms: Forms) -> list[int]:
    """The numbers of the rows of a filter; a row that nobody can judge is one to look at."""
    try:
        said = [row for row in rows if wanted.says(row.raw.data)]
        if not wanted.judges:
            return [row.index for row in said]
        return [
            row.index
            for row, result in zip(said, known.judged(said, forms), strict=True)
            if wanted.holds(result.trained, result.tokens, known.findings(row, result))
        ]
    except Exception:
        if len(rows) == 1:
            return [rows[0].index]
        return [number for row in rows for number in _holding(wanted, [row], known, forms)]
