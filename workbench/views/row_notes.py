"""Findings of rows divided into those that stand with their row and those said once for all rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.checks.recipe_checks import recipe_errors
from workbench.checks.row_checks import row_findings
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row


def serious(findings: Iterable[Finding]) -> list[Finding]:
    """Errors and warnings: they stand with their row."""
    return [finding for finding in findings if finding.severity != "note"]


def general(bench: Bench, rows: Sequence[Row]) -> list[Finding]:
    """The findings to report once: the bench's own, the recipe's errors, each kind of note with its rows' count."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for row in rows:
        for finding in row_findings(row):
            if finding.severity == "note":
                kinds.setdefault((finding.code, finding.hint), []).append(finding)
    notes = []
    for same in kinds.values():
        others = len(same) - 1
        more = f" (and {others} more like it)" if others else ""
        notes.append(replace(same[0], message=same[0].message + more))
    return [*bench.findings, *recipe_errors(bench), *notes]
