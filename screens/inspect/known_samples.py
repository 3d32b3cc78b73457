"""The samples that the list knows of, and the sums over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from workbench.views.row_view import Sample

_KEPT = 20_000
"""Samples remembered; far more than are ever on screen."""


class KnownSamples(dict[int, Sample]):
    """Samples by row number, with the sums over all of them: tokens trained, trained before the edit, and in all."""

    def __init__(self) -> None:
        super().__init__()
        self.partly: set[int] = set()
        """Rows of which more is to be found."""
        self.there: Callable[[int], tuple[Sample, bool] | None] = lambda index: None
        """Gives the sample of a row that was judged before, as far as it is known, and whether that is all."""
        self.trained = self.before = self.total = 0
        self.codes: Counter[str] = Counter()
        """The rows that have a finding of each code."""
        self.causes: Counter[tuple[str, ...]] = Counter()
        """The rows that have a finding of each cause."""

    def put(self, sample: Sample) -> bool:
        """Take the place of what was known of this row, and tell whether that was something else.

        Far more are kept than are ever on screen, but not all.
        """
        self.partly.discard(sample.index)
        if self.get(sample.index) == sample:
            return False
        if len(self) >= _KEPT:
            self.forget()
        if (old := self.get(sample.index)) is not None:
            self._add(old, -1)
        self[sample.index] = sample
        self._add(sample, 1)
        return True

    def look_up(self, rows: Iterable[int]) -> bool:
        """Take what was found of rows before; true where there was something new."""
        found = [there for row in rows if row not in self and (there := self.there(row)) is not None]
        for sample, whole in found:
            self.put(sample)
            if not whole:
                self.partly.add(sample.index)
        return bool(found)

    def lacks(self, row: int) -> bool:
        """True for a row of which not all is known."""
        return row not in self or row in self.partly

    def forget(self) -> None:
        """Know nothing."""
        self.clear()
        self.partly.clear()
        self.codes.clear()
        self.causes.clear()
        self.trained = self.before = self.total = 0

    def sharing(self, cause: tuple[str, ...]) -> tuple[int, int]:
        """The number of rows read that have a finding of a cause, and of all rows read."""
        return self.causes[cause], len(self)

    def _add(self, sample: Sample, sign: int) -> None:
        self.trained += sign * sample.trained
        self.before += sign * (sample.trained if sample.before is None else sample.before)
        self.total += sign * sample.total
        for code in sample.codes:
            self.codes[code] += sign
        for cause in sample.causes:
            self.causes[cause] += sign
            if not self.causes[cause]:
                del self.causes[cause]
