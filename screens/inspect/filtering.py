"""Finding the rows that a filter lists, on the background thread, as far as the list is scrolled."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from screens.inspect.context import InspectContext
from screens.inspect.row_filter import RowFilter, parse_filter
from screens.shell.worker import Kind
from workbench.bench import Row

_BATCH_SECONDS = 0.05
_ENOUGH = 500
"""Rows that a filter finds before it waits for the list to be scrolled."""


class Filtering:
    """The part of the inspect screen that holds the filter of the samples."""

    def __init__(self, context: InspectContext) -> None:
        self._context = context
        self._samples = context.panes.samples
        self._filter = RowFilter()
        self._request = 0
        self._searched = 0
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
        elif self._searched:
            start, self._searched = self._searched, 0
            self._submit(start)

    def _begin(self) -> None:
        self._request += 1
        self._searched = 0
        if not self._filter:
            self._samples.unfilter()
            return
        self._samples.filter()
        self._submit(0)

    def _submit(self, start: int) -> None:
        self._context.background.submit(Kind.FILTER, self._search(self._filter, self._request, start))

    def _search(self, wanted: RowFilter, request: int, start: int) -> Iterator[None]:
        """Search from row `start` on; rows are reported in batches, and the search pauses after `_ENOUGH` of them."""
        bench = self._context.bench
        found: list[int] = []
        index, total, sent = start, 0, monotonic()
        while request == self._request and total < _ENOUGH:
            try:
                raw = bench.rows.row(index)
            except IndexError:
                self._tell(request, found, index, complete=True)
                return
            try:
                holds = wanted.holds(Row(bench, index, raw))
            except Exception:
                # A row that nobody can judge is one to look at.
                holds = True
            index += 1
            if holds:
                found.append(index - 1)
                total += 1
            if monotonic() - sent > _BATCH_SECONDS:
                self._tell(request, found, index, complete=False)
                found, sent = [], monotonic()
            yield
        self._tell(request, found, index, complete=False)
        if request == self._request:
            self._searched = index

    def _tell(self, request: int, found: list[int], searched: int, *, complete: bool) -> None:
        self._context.tell(self._found, request, found, searched, complete)

    def failed(self) -> None:
        """The search ended before its time; what it found stays."""
        self._samples.found([], 0, True)

    def _found(self, request: int, found: list[int], searched: int, complete: bool) -> None:
        if request == self._request:
            self._samples.found(found, searched, complete)
