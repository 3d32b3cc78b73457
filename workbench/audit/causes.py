"""Findings of many rows by cause: how many rows each is in, and the first of them whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workbench.checks.report import cause
from workbench.findings import SEVERITIES, Finding
from workbench.judged import JudgedRow

EXAMPLES = 10


@dataclass(slots=True)
class Cause:
    """One cause: `key` as `checks.run.cause` gives it, the rows that it is in, and the first findings, each whole.

    The examples are of one row each; `datasets` are the numbers of their data sets.
    """

    key: tuple[str, ...]
    rows: int = 0
    count: int = 0
    examples: list[Finding] = field(default_factory=list)
    datasets: list[int] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.key[0]

    @property
    def severity(self) -> str:
        return self.key[1]

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": list(self.key),
            "rows": self.rows,
            "count": self.count,
            "examples": [finding.to_dict() for finding in self.examples],
            "datasets": self.datasets,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Cause:
        examples = [Finding.from_dict(item) for item in data["examples"]]
        return cls(tuple(data["key"]), data["rows"], data["count"], examples, data["datasets"])


def causes_of(results: Iterable[JudgedRow], dataset: int = 0) -> list[Cause]:
    """The causes of the findings of some rows of a data set, in the order of the rows."""
    found: dict[tuple[str, ...], Cause] = {}
    for result in results:
        seen: set[tuple[str, ...]] = set()
        for finding in (*result.findings, *result.like):
            key = cause(finding)
            group = found.setdefault(key, Cause(key))
            group.count += 1
            group.rows += key not in seen
            seen.add(key)
        shown: set[tuple[str, ...]] = set()
        for finding in result.findings:
            group = found[key := cause(finding)]
            if key not in shown and len(group.examples) < EXAMPLES:
                shown.add(key)
                group.examples.append(finding)
                group.datasets.append(dataset)
    return list(found.values())


def merged(parts: Iterable[Iterable[Cause]]) -> list[Cause]:
    """The causes of several blocks together, the worst first; parts are in the order of their rows."""
    found: dict[tuple[str, ...], Cause] = {}
    for part in parts:
        for one in part:
            group = found.setdefault(one.key, Cause(one.key))
            group.rows += one.rows
            group.count += one.count
            room = EXAMPLES - len(group.examples)
            group.examples += one.examples[:room]
            group.datasets += one.datasets[:room]
    order: dict[str, int] = {severity: place for place, severity in enumerate(SEVERITIES)}
    return sorted(found.values(), key=lambda group: (order[group.severity], group.code, -group.rows))
