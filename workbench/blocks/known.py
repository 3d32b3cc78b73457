"""The rows of a bench judged in blocks, each once: what is known of a row is taken from the bench's results.

Samples, filter and checks go through here, so that what one of them has found no other looks for again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from workbench.blocks.chosen_rows import is_past_the_end
from workbench.blocks.path import BlockPath, Forms, JudgedBlock, judged_alone, with_parts
from workbench.checks.row_checks import checked_findings, with_answer
from workbench.errors import InputError
from workbench.judged import JudgedRow, KnownResults, RowSize

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.bench import Bench
    from workbench.findings import Finding
    from workbench.row import Masking, Row

MOST = 1000
"""Rows of a block at most; what is found does not depend on it."""
_FIRST = 8


@dataclass(frozen=True, slots=True)
class MaskPair:
    """One row under two maskings: the tokens that the first trains, those that it alone trains, and the other alone."""

    trained: int
    more: int
    less: int

    @classmethod
    def of(cls, mine: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_]) -> MaskPair:
        """Two masks of the same tokens, compared place by place."""
        trained, both = int(mine.sum()), int((mine & theirs).sum())
        return cls(trained, trained - both, int(theirs.sum()) - both)

    @property
    def same(self) -> bool:
        """True where both train the same tokens."""
        return not self.more and not self.less


class KnownRows:
    """Judges rows of a bench as it is at each call, and keeps what is found in its results."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._of: tuple[Masking, Hashable] | None = None

    @property
    def path(self) -> BlockPath:
        """The block path of the bench's rows, one for all who judge them: it proves itself on the first."""
        results = self._bench.results
        if not isinstance(results.judge, BlockPath) or results.judge.bench is not self._bench:
            results.judge = BlockPath(self._bench, alike=None)
        return results.judge

    @property
    def by_row(self) -> str:
        """The reason why rows are checked one by one; "" where they are not."""
        return self.path.reason or self.path.differs

    def known(self, index: int) -> JudgedRow | None:
        """The result of a row, but for T002 and T004, where it is known."""
        return self._results().get(index)

    def judged(self, rows: Sequence[Row], forms: Forms | None = None) -> list[JudgedRow]:
        """The result of each row. T002 and T004 are looked for in every row, or with `forms` in those they name.

        Never raises for what a row holds.
        """
        masking, results = self._bench.masking, self._results()
        before = {row.index: self._found(row, results, masking) for row in rows}
        unknown = [row for row in rows if before[row.index] is None]
        block = self.path.each(unknown) if unknown else JudgedBlock([])
        made = {result.index: result for result in block.results}
        # The recipe may be edited meanwhile: what was judged of both is of neither.
        keep = self._bench.masking is masking
        if keep:
            for result in block.results:
                results.put(result)
        # Of rows that were judged before, what is not known is rendered together too.
        lacking = [row for row in rows if (known := before[row.index]) is not None and self._lacks(known, results)]
        later = self.path.located(lacking) if forms is None and lacking else block
        found = []
        for row in rows:
            result = before[row.index] or made[row.index]
            if result.tokens >= 0 and (forms is None or forms.take(result.form)):
                made_by = later if before[row.index] is not None else block
                result = with_parts(result, self._parts(row, made_by, results, keep), forms)
            found.append(result)
        return found

    def _lacks(self, result: JudgedRow, results: KnownResults) -> bool:
        return result.tokens >= 0 and result.index not in results.parts

    def measured(self, rows: Sequence[Row]) -> list[JudgedRow | RowSize]:
        """The size of each row, for which no row is checked alone that need not be; results where they are known.

        Never raises for what a row holds.
        """
        masking, results = self._bench.masking, self._results()
        found: dict[int, JudgedRow | RowSize] = {}
        for row in rows:
            if (result := self._found(row, results, masking)) is not None:
                found[row.index] = result
        unknown = [row for row in rows if row.index not in found]
        if unknown:
            sizes, judged = self.path.sizes(unknown)
            keep = self._bench.masking is masking
            for result in judged:
                found[result.index] = result
                if keep:
                    results.put(result)
            found |= sizes
        return [found[row.index] for row in rows]

    def _found(self, row: Row, results: KnownResults, masking: Masking) -> JudgedRow | None:
        """The result of a row that was judged, or that was shown and checked for that; None for any other."""
        result = results.get(row.index)
        if result is None and (known := checked_findings(row)) is not None:
            whole, parts = known
            result = judged_alone(row, whole)
            if self._bench.masking is masking:
                results.put(result)
                results.parts[row.index] = tuple(parts)
        return result

    def _parts(self, row: Row, block: JudgedBlock, results: KnownResults, keep: bool) -> tuple[Finding, ...]:
        parts = results.parts.get(row.index)
        if parts is None:
            parts = block.parts_of(row)
            if keep and results.get(row.index) is not None:
                results.parts[row.index] = parts
        return parts

    def findings(self, row: Row, result: JudgedRow) -> Sequence[Finding]:
        """The findings of a result, with what the trainer said of the row, where it was asked about it."""
        asked = self._bench.asked
        if asked is None or row.index not in asked.rows:
            return result.findings
        return with_answer(row, result.findings)

    def trained(self, rows: Sequence[Row], masking: Masking) -> list[int]:
        """The trained tokens of each row under another masking of the bench; -1 where a row has no rendering."""
        results = self._bench.results
        settings = [one for one in results.settings() if isinstance(one, tuple) and one[0] == masking]
        found: dict[int, int] = {}
        for row in rows:
            for one in settings:
                if (result := results.of(one).get(row.index)) is not None:
                    found[row.index] = result.trained
                    break
        unknown = [row for row in rows if row.index not in found]
        if unknown:
            counted = self.path.trained(unknown, masking)
            found |= {row.index: count for row, count in zip(unknown, counted, strict=True)}
        return [found[row.index] for row in rows]

    def against(self, rows: Sequence[Row], masking: Masking) -> list[MaskPair | None]:
        """Each row's mask held against the one it has under another masking; None where it has no rendering."""
        if masking == self._bench.masking:
            return [MaskPair(size.trained, 0, 0) if size.tokens >= 0 else None for size in self.measured(rows)]
        return [
            MaskPair.of(*kept) if kept is not None else None
            for kept in self.path.kept_under(rows, (self._bench.masking, masking))
        ]

    def there(self, index: int) -> tuple[JudgedRow, bool] | None:
        """The result of a row as far as it is known; False beside it where T002 and T004 were not looked for.

        None for a row that is not known, and for one that the trainer was asked about. For another thread than the one
        that judges rows.
        """
        results, asked = self._bench.results.there(self._settings), self._bench.asked
        result = results.get(index) if results is not None else None
        if results is None or result is None or (asked is not None and index in asked.rows):
            return None
        parts = results.parts.get(index)
        return with_parts(result, parts or ()), parts is not None or result.tokens < 0

    @property
    def _settings(self) -> Hashable:
        masking = self._bench.masking
        if self._of is None or self._of[0] is not masking:
            # Findings quote the recipe's other values too, such as `sequence_len`.
            self._of = masking, (masking, repr(self._bench.document.parsed.data))
        return self._of[1]

    def _results(self) -> KnownResults:
        return self._bench.results.of(self._settings)


class Pace:
    """The size of the next block: as many rows as take about so many seconds, going by the last one.

    Texts go by the thousand, pictures one by one.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.size = min(_FIRST, MOST)

    @contextmanager
    def block(self, rows: int) -> Iterator[None]:
        """Judge a block of so many rows within."""
        began = monotonic()
        yield
        fitting = int(rows * self._seconds / max(monotonic() - began, 1e-3))
        self.size = max(1, min(fitting, 4 * self.size, MOST))


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
