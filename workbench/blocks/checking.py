"""A check of rows in blocks, with the findings that each row has by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from workbench.blocks.chosen_rows import ChosenRows
from workbench.blocks.known import KnownRows, Pace, read_rows
from workbench.blocks.path import Forms
from workbench.checks.report import FIRST_PLACES, Report
from workbench.checks.run import Checking
from workbench.judged import JudgedRow

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

FIRST_TRIAL = 100
"""Until all rows are checked, fixes are tried on the first so many: on every row it takes longer than the check."""


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
        self._known = KnownRows(bench)
        # Those of this check alone: what it finds does not depend on who looked at the rows before.
        self._forms = Forms()

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._checking.rows

    def steps(self, seconds: float = 0.5) -> Iterator[int]:
        """Check the next rows; yields how many were checked by then, to the end.

        A block has as many rows as take about so many seconds; see `Pace`.

        Raises:
            InputError: a row cannot be had.
        """
        numbers, pace = iter(self._chosen), Pace(seconds)
        while rows := read_rows(self._bench, islice(numbers, pace.size)):
            with pace.block(len(rows)):
                self._take(rows, self._known.judged(rows, self._forms))
            yield self.rows

    def _take(self, rows: Sequence[Row], results: Sequence[JudgedRow]) -> None:
        """Take rows with what was judged of them."""
        for row, result in zip(rows, results, strict=True):
            found = self._known.findings(row, result)
            kept = result.alone and result.tokens >= 0
            tokens, trained = result.tokens, result.trained
            self._checking.take(row, found, matched=result.matched, tokens=tokens, trained=trained, kept=kept)

    def trial_steps(self, seconds: float = 0.5) -> Iterator[tuple[int, int]]:
        """Try the fixes that were found on further rows; yields on how many by then, and of how many.

        A fix may have to be tried on every row by itself, which takes longer than to judge them in blocks. `report`
        does what is left of it.
        """
        findings, pace, done, total = self._checking.fixes(), Pace(seconds), 0, 1
        while findings and done < total:
            size = pace.size
            with pace.block(size):
                total = self._checking.try_fixes(findings, done + size)
            done += size
            yield min(done, total), total

    def report(self, *, places: int = FIRST_PLACES, tried: int | None = None) -> Report:
        """The findings so far; each group tells of its first `places` findings. Fixes are tried on `tried` rows."""
        return self._checking.report(places=places, drawn=self._chosen.drawn, by_row=self._known.by_row, tried=tried)

    def finished(self, *, places: int = FIRST_PLACES) -> Report:
        """The findings, with the syntax of the rows that were not looked at."""
        self._checking.read_rest()
        return self.report(places=places)


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
