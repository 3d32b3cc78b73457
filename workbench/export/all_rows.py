"""Findings of all rows of a recipe before it is exported: of a check, or of the audit in the state of the bench."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.audit.follow import REPORT, kept_folder
from workbench.audit.progress_file import followed
from workbench.audit.run import question_of
from workbench.audit.sources import recipe_plan
from workbench.checks.row_facts import counted
from workbench.errors import BenchError
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.report import Report


@dataclass(frozen=True, slots=True)
class KnownOfAllRows:
    """The findings of all rows, in numbers. `first` is the message of the first error, `codes` are those of errors.

    Of a check, or of an audit, that ended early, they are those of the `rows` that it came to.
    """

    name: str
    rows: int
    errors: int
    warnings: int
    codes: tuple[str, ...] = ()
    first: str = ""

    @property
    def told(self) -> str:
        """The errors in words."""
        return f"{counted(self.errors, 'error')} ({', '.join(self.codes)}); the first: {self.first}"


def of_check(report: Report) -> KnownOfAllRows:
    """The findings of a check."""
    errors = [finding for finding in report.findings if finding.severity == "error"]
    codes = tuple(dict.fromkeys(finding.code for finding in errors))
    first = errors[0].message if errors else ""
    return KnownOfAllRows("the check", report.rows, len(errors), report.count("warning"), codes, first)


def of_audit(bench: Bench) -> KnownOfAllRows | None:
    """The findings of the audit in the bench's state, where it is of recipe, model and data as they are; else None.

    It is read from the report that is written at its end.
    """
    folder = kept_folder(bench)
    audited = followed(folder)
    try:
        if audited is None or not audited.ended or audited.question != question_of(bench, recipe_plan(bench)):
            return None
        told = json.loads((folder / REPORT).read_text("utf-8"))
        causes = [(one["severity"], one["code"], int(one["count"]), one["examples"]) for one in told["causes"]]
        recipe = [Finding.from_dict(one) for one in told["findings"]]
        rows = int(told["rows"])
    except (BenchError, OSError, ValueError, KeyError, TypeError):
        return None
    found = [(one.severity, one.code, 1, one.message) for one in recipe]
    found += [(severity, code, count, examples[0]["message"]) for severity, code, count, examples in causes if examples]
    errors = [one for one in found if one[0] == "error"]
    return KnownOfAllRows(
        "the audit",
        rows,
        sum(count for _, _, count, _ in errors),
        sum(count for severity, _, count, _ in found if severity == "warning"),
        tuple(dict.fromkeys(code for _, code, _, _ in errors)),
        errors[0][3] if errors else "",
    )
