"""The report of an audit: the causes and their rows, how long the rows are, what is trained, what stands twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.audit.block_file import BlockResult
from workbench.audit.causes import Cause, merged
from workbench.audit.plan import RowPlan
from workbench.checks.recipe_checks import rows_findings
from workbench.checks.recipe_facts import RowsSeen
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.bench import Bench

SCHEMA = "vlmbench.audit/1"
PERCENTILES = (0, 5, 50, 95, 99, 100)
_BINS = 16
TWICE_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity is spread over the rows: `percentiles` by `PERCENTILES`, the sum, and a histogram.

    `counts[i]` rows lie in [`edges[i]`, `edges[i + 1]`).
    """

    percentiles: tuple[float, ...]
    total: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        named = {f"p{share}": value for share, value in zip(PERCENTILES, self.percentiles, strict=True)}
        return {"total": self.total, **named, "histogram": {"edges": list(self.edges), "counts": list(self.counts)}}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """An audit, as far as it came. `rows` of `planned` were judged; `recipe` is what was found in no row."""

    planned: int
    rows: int
    recipe: tuple[Finding, ...]
    causes: tuple[Cause, ...]
    unrendered: int
    tokens: Spread | None
    trained: Spread | None
    share: Spread | None
    media: Spread | None
    longest: int | None
    """The row with the most tokens: the step that needs the most memory."""
    twice: tuple[tuple[int, ...], ...]
    """Rows that say the same, the first `TWICE_SHOWN` groups."""
    repeated: int
    """Rows that repeat an earlier one."""
    alone: int
    """Rows that were checked one by one."""
    by_row: str
    """The reason why rows were checked one by one, where there is one for all."""
    interrupted: bool = False
    lost: int = 0
    seconds: float = 0.0
    resumed: int = 0

    @property
    def whole(self) -> bool:
        """True where every row of the plan was judged."""
        return self.rows == self.planned

    def count(self, severity: str) -> int:
        """The number of findings of a severity, over the recipe and all rows."""
        return sum(finding.severity == severity for finding in self.recipe) + sum(
            cause.count for cause in self.causes if cause.severity == severity
        )

    def to_dict(self) -> dict[str, Any]:
        spreads = {"tokens": self.tokens, "trained": self.trained, "share": self.share, "media": self.media}
        return {
            "schema": SCHEMA,
            "planned": self.planned,
            "rows": self.rows,
            "whole": self.whole,
            "interrupted": self.interrupted,
            "recipe": [finding.to_dict() for finding in self.recipe],
            "causes": [_cause_dict(cause, self.rows) for cause in self.causes],
            "unrendered": self.unrendered,
            **{name: spread and spread.to_dict() for name, spread in spreads.items()},
            "longest": self.longest,
            "repeated": {"rows": self.repeated, "first": [list(group) for group in self.twice]},
            "checked_alone": {"rows": self.alone, "reason": self.by_row},
            "lost_processes": self.lost,
        }


def _cause_dict(cause: Cause, rows: int) -> dict[str, Any]:
    return {
        "code": cause.code,
        "severity": cause.severity,
        "rows": cause.rows,
        "share": cause.rows / rows if rows else 0.0,
        "count": cause.count,
        "examples": [finding.to_dict() for finding in cause.examples],
    }


@dataclass
class Tally:
    """What is known of the rows so far: a few numbers a row, and the causes."""

    bench: Bench
    plan: RowPlan
    rows: int = 0
    _blocks: dict[int, _Kept] = field(default_factory=dict)

    def add(self, number: int, block: BlockResult) -> None:
        """Take the results of block `number`; the order does not matter."""
        columns = block.columns
        numbers = {
            name: np.array(columns[name], dtype=dtype)
            for name, dtype in (("row", np.int64), ("tokens", np.int32), ("trained", np.int32), ("media", np.int32))
        }
        digests = np.array(columns["digest"], dtype=np.uint64)
        alone = sum(columns["alone"])
        self._blocks[number] = _Kept(
            numbers, digests, block.causes, block.roles, block.source_findings, alone, block.by_row
        )
        self.rows += len(block)

    def report(
        self, recipe: Iterable[Finding], *, interrupted: bool, lost: int, seconds: float, resumed: int
    ) -> AuditReport:
        """The report of the blocks so far, the same whatever order they came in."""
        kept = [self._blocks[number] for number in sorted(self._blocks)]
        roles = {role for one in kept for role in one.roles}
        seen = {(finding.code, finding.message): finding for one in kept for finding in one.source}
        found = [*recipe, *seen.values()]
        if roles:
            whole = self.rows == self.bench.rows.known_length
            found += rows_findings(RowsSeen(self.bench, roles, self.rows, whole))
        columns = {
            name: np.concatenate([one.numbers[name] for one in kept]) if kept else np.zeros(0, dtype=np.int64)
            for name in ("row", "tokens", "trained", "media")
        }
        shown = columns["tokens"] >= 0
        tokens, trained = columns["tokens"][shown], columns["trained"][shown]
        digests = np.concatenate([one.digests for one in kept]) if kept else np.zeros(0, dtype=np.uint64)
        twice, repeated = _twice(columns["row"], digests)
        return AuditReport(
            planned=len(self.plan),
            rows=self.rows,
            recipe=tuple(dict.fromkeys(found)),
            causes=tuple(merged(one.causes for one in kept)),
            unrendered=int(np.count_nonzero(~shown)),
            tokens=_spread(tokens),
            trained=_spread(trained),
            share=_spread(trained / np.maximum(tokens, 1)),
            media=_spread(columns["media"][shown]),
            longest=int(columns["row"][shown][int(np.argmax(tokens))]) if len(tokens) else None,
            twice=twice,
            repeated=repeated,
            alone=sum(one.alone for one in kept),
            by_row=next((one.by_row for one in kept if one.by_row), ""),
            interrupted=interrupted,
            lost=lost,
            seconds=seconds,
            resumed=resumed,
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    numbers: dict[str, npt.NDArray[Any]]
    digests: npt.NDArray[np.uint64]
    causes: list[Cause]
    roles: list[str]
    source: list[Finding]
    alone: int
    by_row: str


def _spread(values: npt.NDArray[Any]) -> Spread | None:
    if not len(values):
        return None
    counts, edges = np.histogram(values, bins=_BINS)
    points = tuple(float(value) for value in np.percentile(values, PERCENTILES))
    return Spread(points, float(values.sum()), tuple(map(float, edges)), tuple(map(int, counts)))


def _twice(rows: npt.NDArray[np.int64], digests: npt.NDArray[np.uint64]) -> tuple[tuple[tuple[int, ...], ...], int]:
    """The first groups of rows with one digest, and how many rows repeat an earlier one."""
    order = np.argsort(digests, kind="stable")
    same = digests[order][1:] == digests[order][:-1] if len(order) else np.zeros(0, dtype=bool)
    if not same.any():
        return (), 0
    starts = np.flatnonzero(same & ~np.append(False, same[:-1]))
    groups = []
    for start in starts.tolist():
        stop = start + 1
        while stop < len(same) and same[stop]:
            stop += 1
        groups.append(tuple(sorted(rows[order[start : stop + 1]].tolist())[:TWICE_SHOWN]))
    return tuple(sorted(groups)[:TWICE_SHOWN]), int(np.count_nonzero(same))
