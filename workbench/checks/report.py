"""A report of a check: its findings, and those of one cause together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.findings import SEVERITIES, Finding, Fix, Severity

if TYPE_CHECKING:
    from workbench.checks.trial import Trials

_OF_THE_ROW = re.compile(r"“[^”]*”|\d[\d,.]*")
_PLURAL = re.compile(r"(?<=# )([a-z ]*?[a-z])s\b")
FIRST_PLACES = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one code and one cause. `first` are the first of them; `rows` how many rows they are in."""

    code: str
    severity: Severity
    count: int
    rows: int
    first: tuple[Finding, ...]

    @property
    def finding(self) -> Finding:
        """The first finding, shown for all of them."""
        return self.first[0]

    @property
    def fix(self) -> Fix | None:
        """The first fix that any of the first findings has."""
        return next((finding.fix for finding in self.first if finding.fix is not None), None)


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check of a recipe and some rows.

    `groups`: the worst first. `agreement`: of the content tokens that transformers' own assistant mask covers too, on
    how many it agrees, and how many there are; None where the template has none. `trials` is where the fixes were
    tried: the findings have those alone that may be offered.
    """

    findings: tuple[Finding, ...]
    rows: int
    trained: int
    tokens: int
    agreement: tuple[int, int] | None = None
    groups: tuple[Group, ...] = field(default=())
    read: int | None = None
    """Of how many rows the syntax was read: all of a file's; None where that was not asked for or cannot be told."""
    trials: Trials | None = field(default=None, compare=False, repr=False)
    drawn: bool = False
    """True where the rows were drawn evenly from all that there are; else they are the first."""
    by_row: str = ""
    """The reason why rows were checked one by one and not in blocks; "" where they were in blocks, or few."""
    ignored: int = 0
    """Findings that comments in the recipe leave out."""
    known: int = 0
    """Findings that a baseline knows, and that are left out for it."""

    def count(self, severity: Severity) -> int:
        """The number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def without(self, left_out: Collection[Finding]) -> Report:
        """The same report with these findings, the very objects, left out."""
        if not left_out:
            return self
        gone = {id(finding) for finding in left_out}
        kept = tuple(finding for finding in self.findings if id(finding) not in gone)
        places = max((len(group.first) for group in self.groups), default=FIRST_PLACES)
        return replace(self, findings=kept, groups=grouped(kept, max(places, FIRST_PLACES)))

    def plus(self, added: Collection[Finding]) -> Report:
        """The same report with some findings more."""
        if not added:
            return self
        found = (*self.findings, *added)
        return replace(self, findings=found, groups=grouped(found))

    @property
    def clean(self) -> bool:
        """Neither errors nor warnings."""
        return not self.count("error") and not self.count("warning")


def cause(finding: Finding) -> tuple[str, ...]:
    """The cause of a finding: its code and words, whatever the numbers and excerpts in them."""
    # A place in the recipe tells two causes apart that have the same words.
    line = f"{finding.where.field}" if finding.where.row is None or finding.where.column is not None else ""
    return (finding.code, finding.severity, _words(finding.message), line)


@lru_cache(maxsize=4096)
def _words(message: str) -> str:
    """A message without what is of its row."""
    return _PLURAL.sub(r"\1", _OF_THE_ROW.sub("#", message))


def grouped(findings: Iterable[Finding], places: int = FIRST_PLACES) -> tuple[Group, ...]:
    """Findings of one code and cause together: the same words, whatever the numbers and excerpts in them."""
    kinds: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(cause(finding), []).append(finding)
    groups = [
        Group(
            same[0].code,
            same[0].severity,
            len(same),
            len({finding.where.row for finding in same if finding.where.row is not None}),
            tuple(same[:places]),
        )
        for same in kinds.values()
    ]
    return tuple(sorted(groups, key=lambda group: (SEVERITIES.index(group.severity), group.code, -group.count)))
