"""Apply the fixes that a report offers, one round after the other, until it offers no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.checks.trial import Trials
from workbench.findings import SEVERITIES, Finding, Fix, apply_fix
from workbench.recipe.knobs import LOADING_KEYS

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.report import Report

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Mended:
    """The fixes that were made, in order, and the report after the last of them."""

    fixes: tuple[Fix, ...]
    report: Report


def mend(bench: Bench, check: Callable[[], Report]) -> Mended:
    """Edit the bench's document (in memory; nothing is written) and check again, until no new fix is offered.

    `check` makes a report of the bench as it is now. Each edit can be undone in the document.
    """
    made: list[Fix] = []
    trials: Trials | None = None
    report = check()
    for _ in range(_ROUNDS):
        trials = report.trials.fork(trials) if report.trials is not None else None
        fixes = accepted(trials, report.findings)
        if not fixes:
            break
        for fix in fixes:
            apply_fix(bench.document, fix)
        made += fixes
        if any(edit.path[0] in LOADING_KEYS or edit.rename in LOADING_KEYS for fix in fixes for edit in fix.edits):
            bench.load()
        else:
            bench.apply()
        report = check()
    return Mended(tuple(made), report)


def together(report: Report) -> list[Fix]:
    """The fixes of a report that can be made one after the other: each is tried on what those before it make."""
    return accepted(report.trials.fork() if report.trials is not None else None, report.findings)


def accepted(trials: Trials | None, findings: Iterable[Finding]) -> list[Fix]:
    """The fixes that `trials` accepts, the worst findings' first."""
    if trials is None:
        return []
    fixable = [finding for finding in findings if finding.fix is not None]
    fixable.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return [fix for finding in fixable if (fix := trials.accept(finding)) is not None]
