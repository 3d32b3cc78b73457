"""The rows that a site shows: the first of the data, and those that errors and warnings name, up to a limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from workbench.checks.report import cause
from workbench.findings import SEVERITIES, Finding

if TYPE_CHECKING:
    from workbench.checks.report import Report

FIRST = 20
MOST_NAMED = 100
"""So many rows that are named are shown beside the first."""
TOKENS = 120_000
"""About so many tokens a page of rows has; the more rows, the fewer of each."""
_LEAST, _MOST = 500, 8_000


@dataclass(frozen=True, slots=True)
class RowsShown:
    """The numbers of the rows, ascending. `first` are there as the first; `left_out` are named and not there."""

    numbers: tuple[int, ...]
    first: int
    left_out: int

    @property
    def tokens(self) -> int:
        """The number of tokens that are shown of each row."""
        return max(_LEAST, min(_MOST, TOKENS // max(1, len(self.numbers))))

    @property
    def text(self) -> str:
        """The selection, in words."""
        named = len(self.numbers) - self.first
        words = f"The first {self.first:,} rows" if self.first != 1 else "The first row"
        if named:
            words += f", and {named:,} more that an error or a warning of the checks names"
        if self.left_out:
            words += f"; {self.left_out:,} others that one names are not on this page"
        return f"{words}."


def rows_shown(report: Report, known: int | None, first: int = FIRST) -> RowsShown:
    """The rows for a report of a check. `known`: how many there are."""
    begun = range(first if known is None else min(first, known))
    named = [index for index in _named(report.findings) if index not in begun]
    kept = named[:MOST_NAMED]
    return RowsShown(tuple(sorted((*begun, *kept))), len(begun), len(named) - len(kept))


def _named(found: Iterable[Finding]) -> list[int]:
    """The rows of errors and warnings: the first of every cause, the second of every cause, … so that all have some."""
    by_cause: dict[tuple[str, ...], dict[int, None]] = {}
    for finding in sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)):
        if finding.where.row is not None and finding.severity != "note":
            by_cause.setdefault(cause(finding), {})[finding.where.row] = None
    turns = zip_longest(*map(list, by_cause.values()))
    return list(dict.fromkeys(index for turn in turns for index in turn if index is not None))
