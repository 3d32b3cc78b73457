"""The options of `vlmbench check` and the outcome of one recipe, as its parts hand them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import BenchError
from workbench.findings import SEVERITIES, Severity

if TYPE_CHECKING:
    from workbench.checks.apply_fixes import Mended
    from workbench.checks.report import Report
    from workbench.recipe.yaml.document import Document
    from workbench.views.checks import Subject


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of the command line; None or empty where the settings file of each recipe decides."""

    model: str | None
    data: str | None
    row: int | None
    rows: int | Literal["all"] | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    fix: bool
    yes: bool
    as_text: bool
    fail_on: str | None
    baseline: str | None
    write_baseline: bool
    stdin_filename: str | None
    options: dict[str, Any]


@dataclass(slots=True)
class CheckedRecipe:
    """The outcome of one recipe. `report`: of the findings that are told. `problem`: why there is none.

    `fails`: a finding is as severe as --fail-on says. `unwritten`: fixes were made and not written. `interrupted`: the
    report is of the rows until then. `looked_for` is true of the codes that the check would have found.
    """

    name: str
    document: Document | None = None
    subject: Subject | None = None
    report: Report | None = None
    mended: Mended | None = None
    problem: BenchError | None = None
    fail_on: Severity = "error"
    unwritten: bool = False
    interrupted: bool = False
    looked_for: Callable[[str], bool] = lambda code: True

    @property
    def fails(self) -> bool:
        if self.report is None:
            return False
        failing = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]
        return any(finding.severity in failing for finding in self.report.findings)
