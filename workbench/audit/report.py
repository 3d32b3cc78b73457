"""The report of an audit: the causes and their rows, how long the rows are, what is trained, what stands twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.audit.budget import Budget
from workbench.audit.causes import Cause
from workbench.audit.largest import Largest
from workbench.audit.lengths import Limit, Packing
from workbench.audit.repeats import Overlap, Repeats
from workbench.audit.sources import RowPlace
from workbench.audit.spread import Spread
from workbench.findings import Finding

SCHEMA: Final = "vlmbench.audit/1"


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
    datasets: tuple[Budget, ...]
    epochs: float
    steps: int | None
    """The recipe's `max_steps`, which end the run before its epochs do; None where it has none."""
    largest: Largest | None
    limit: Limit | None
    packing: Packing | None
    twice: Repeats
    pictures: Repeats
    overlap: Overlap | None
    """None where the recipe has no `test_datasets`."""
    split: float
    """The recipe's `val_set_size`, which axolotl takes from these rows; 0 where it takes none."""
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

    @property
    def by_role(self) -> dict[str, int]:
        """Trained tokens by role, over all data sets."""
        roles: dict[str, int] = {}
        for budget in self.datasets:
            for role, count in budget.by_role.items():
                roles[role] = roles.get(role, 0) + count
        return dict(sorted(roles.items(), key=lambda item: -item[1]))

    def count(self, severity: str) -> int:
        """The number of findings of a severity, over the recipe and all rows."""
        return sum(finding.severity == severity for finding in self.recipe) + sum(
            cause.count for cause in self.causes if cause.severity == severity
        )

    def with_estimate(self, estimate: dict[str, int] | None) -> AuditReport:
        """The same report with the memory of the largest step, as the JSON of a report has it."""
        if estimate is None or self.largest is None:
            return self
        return replace(self, largest=self.largest.with_estimate(estimate))

    def to_dict(self) -> dict[str, Any]:
        spreads = {"tokens": self.tokens, "trained": self.trained, "share": self.share, "media": self.media}
        parts = {"largest": self.largest, "sequence_len": self.limit, "packing": self.packing, "overlap": self.overlap}
        return {
            "schema": SCHEMA,
            "planned": self.planned,
            "rows": self.rows,
            "whole": self.whole,
            "interrupted": self.interrupted,
            "findings": [finding.to_dict() for finding in self.recipe],
            "causes": [_cause_dict(cause, self.rows) for cause in self.causes],
            "unrendered": self.unrendered,
            **{name: spread and spread.to_dict() for name, spread in spreads.items()},
            "datasets": [budget.to_dict() for budget in self.datasets],
            "trained_by_role": self.by_role,
            "num_epochs": self.epochs,
            "max_steps": self.steps,
            "val_set_size": self.split,
            **{name: part and part.to_dict() for name, part in parts.items()},
            "repeated": self.twice.to_dict("rows"),
            "repeated_pictures": self.pictures.to_dict("pictures"),
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
        "examples": [
            finding.to_dict() | ({"dataset": dataset} if dataset >= 0 else {})
            for finding, dataset in zip(cause.examples, cause.datasets, strict=True)
        ],
    }


def place_of(finding: Finding, dataset: int) -> RowPlace | None:
    """The row of an example of a cause; None where it is in no row that can be looked at."""
    return RowPlace(dataset, finding.where.row) if dataset >= 0 and finding.where.row is not None else None
