"""A check of rows in blocks, with the findings that each row has by itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from workbench.blocks.chosen_rows import ChosenRows, is_past_the_end
from workbench.blocks.path import BlockPath, JudgedRow
from workbench.checks.report import FIRST_PLACES, Report
from workbench.checks.row_checks import with_answer
from workbench.checks.run import Checking
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

MOST = 1000
"""Rows of a block at most; what is found does not depend on it."""
_FIRST = 8


class BlockChecking:
    """A check under way: `steps` judges block by block, and `report` tells of the rows so far."""

    def __init__(
        self, bench: Bench, rows: ChosenRows, *, select: Iterable[str] = (), ignore: Iterable[str] = ()
    ) -> None:
        """Checks the recipe. `select` and `ignore` hold codes or beginnings of codes, such as "M".

        Raises:
            InputError: no code begins like one of them.
        """
        self._bench = bench
        self._chosen = rows
        self._checking = Checking(bench, select=select, ignore=ignore)
        self._path = in_sequence(bench)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._checking.rows

    def steps(self, seconds: float = 0.5) -> Iterator[int]:
        """Check the next rows; yields how many were checked by then, to the end.

        A block has as many rows as take about so many seconds: texts go by the thousand, pictures one by one.

        Raises:
            InputError: a row cannot be had.
        """
        numbers, size = iter(self._chosen), min(_FIRST, MOST)
        while rows := read_rows(self._bench, itertools.islice(numbers, size)):
            began = monotonic()
            self._take(rows, self._path.judge(rows))
            yield self.rows
            fitting = int(len(rows) * seconds / max(monotonic() - began, 1e-3))
            size = max(1, min(fitting, 4 * size, MOST))

    def _take(self, rows: Sequence[Row], results: Sequence[JudgedRow]) -> None:
        """Take rows with what was judged of them."""
        asked = set(self._bench.asked.rows) if self._bench.asked is not None else ()
        for row, result in zip(rows, results, strict=True):
            found = with_answer(row, result.findings) if row.index in asked else result.findings
            kept = result.alone and result.tokens >= 0
            matched = self._path.matched if result.tokens >= 0 else ()
            self._checking.take(row, found, matched=matched, tokens=result.tokens, trained=result.trained, kept=kept)

    def report(self, *, places: int = FIRST_PLACES) -> Report:
        """The findings so far; each group tells of its first `places` findings."""
        by_row = self._path.reason or self._path.differs
        return self._checking.report(places=places, drawn=self._chosen.drawn, by_row=by_row)

    def finished(self) -> Report:
        """The findings, with the syntax of the rows that were not looked at."""
        self._checking.read_rest()
        return self.report()


def check_chosen(
    bench: Bench,
    rows: ChosenRows,
    *,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Report:
    """Check the recipe and these rows. `progress` gets the rows that were checked, and of how many."""
    checking = BlockChecking(bench, rows, select=select, ignore=ignore)
    for done in checking.steps():
        progress(done, rows.length)
    return checking.finished()


def in_sequence(bench: Bench) -> BlockPath:
    """A block path for blocks in the order of the rows, which finds in each row what it has by itself."""
    return BlockPath(bench, alike=None, forms={})


def read_rows(bench: Bench, numbers: Iterable[int]) -> list[Row]:
    """The rows with these numbers, to the end of the data.

    Raises:
        InputError: a row cannot be had.
    """
    rows: list[Row] = []
    for number in numbers:
        try:
            rows.append(bench.peek(number))
        except InputError as problem:
            if is_past_the_end(bench, number, problem):
                break
    return rows
