"""Apply the fixes that a report offers, one round after the other, until it offers no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.findings import Finding, Fix, apply_fix
from workbench.recipe.knobs import LOADING_KEYS

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.run import Report

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
    report = check()
    for _ in range(_ROUNDS):
        fixes = apart(report.findings, made)
        if not fixes:
            break
        for fix in fixes:
            apply_fix(bench.document, fix)
        made += fixes
        if any(edit.path[0] in LOADING_KEYS for fix in fixes for edit in fix.edits):
            bench.load()
        else:
            bench.apply()
        report = check()
    return Mended(tuple(made), report)


def apart(findings: Iterable[Finding], made: Iterable[Fix] = ()) -> list[Fix]:
    """The fixes that can be made together: none edits a value inside, around or beside which another one did."""
    edited: set[tuple[str | int, ...]] = set()
    before = set(map(repr, made))
    fixes: list[Fix] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or repr(fix) in before:
            continue
        paths = {edit.path for edit in fix.edits}
        if any(one[: len(two)] == two or two[: len(one)] == one for one in paths for two in edited):
            continue
        edited |= paths
        before.add(repr(fix))
        fixes.append(fix)
    return fixes
