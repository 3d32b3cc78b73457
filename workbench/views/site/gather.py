"""The facts of a site, gathered from a loaded bench: what was found, and where there is something to show of each."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workbench.blocks.checking import BlockChecking
from workbench.blocks.chosen_rows import choose_rows
from workbench.checks.inline_ignores import with_comments
from workbench.errors import BenchError
from workbench.views.site.audit_pages import AuditPages, audit_pages
from workbench.views.site.rows_shown import FIRST, MOST_NAMED, RowsShown, rows_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.bench import Bench
    from workbench.checks.report import Report
    from workbench.export.prepare import Export
    from workbench.findings import Finding
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained
    from workbench.overfit.runs import Run


@dataclass(frozen=True, slots=True)
class ModelShown:
    """The model without its weights. `memory` is a problem where it cannot be told."""

    anatomy: Anatomy
    trained: Trained
    findings: tuple[Finding, ...]
    memory: MemoryEstimate | BenchError


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that a site tells; a `BenchError` stands where something cannot be told, and why."""

    bench: Bench
    report: Report
    rows: RowsShown
    model: ModelShown | BenchError
    run: Run | None
    export: Export | BenchError
    audit: AuditPages | None


class SiteProgress(Protocol):
    """The line that says what goes on."""

    def waiting(self, what: str) -> AbstractContextManager[None]: ...
    def rows(self) -> AbstractContextManager[Callable[[int, int | None], None]]: ...


def gather(
    bench: Bench, folder: Path, progress: SiteProgress, *, first: int = FIRST, audit: Path | None = None
) -> Site:
    """The facts for the site in `folder`. Nothing is written, and the checks are those of `vlmbench check`.

    Raises:
        BenchError: a row cannot be had, or there is no audit in the folder that `audit` names.
    """
    from workbench.checks.asking import ROWS, ask_rows
    from workbench.overfit.runs import latest

    pages = audit_pages(bench, folder, audit)
    chosen = choose_rows(bench)
    with progress.waiting("asking axolotl"):
        ask_rows(bench, chosen.spread(ROWS))
    with progress.waiting("checking the recipe and its model"):
        checking = BlockChecking(bench, chosen)
    with progress.rows() as told:
        for done in checking.steps():
            told(done, chosen.length)
    with progress.waiting("trying the fixes on every row"):
        report = with_comments(checking.finished(places=MOST_NAMED), bench)
    with progress.waiting("building the model without weights"):
        model = _model(bench)
    with progress.waiting("proving the export"):
        export = _export(bench)
    shown = rows_shown(report, bench.rows.known_length, first)
    return Site(bench, report, shown, model, latest(bench), export, pages)


def _model(bench: Bench) -> ModelShown | BenchError:
    from workbench.checks.recipe_checks import model_findings
    from workbench.models.memory import estimate_of
    from workbench.models.targets import trained

    try:
        anatomy = bench.anatomy
        facts = trained(anatomy, bench.recipe)
        found = tuple(model_findings(bench))
    except BenchError as problem:
        return problem
    try:
        memory: MemoryEstimate | BenchError = estimate_of(bench.loaded, bench.recipe, bench.axolotl)
    except BenchError as problem:
        memory = problem
    return ModelShown(anatomy, facts, found, memory)


def _export(bench: Bench) -> Export | BenchError:
    from workbench.export.prepare import prepare_export

    try:
        return prepare_export(bench)
    except BenchError as problem:
        return problem
