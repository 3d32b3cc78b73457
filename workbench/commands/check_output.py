"""The output of `vlmbench check`: each recipe as it is done where people read, and one document for programs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from workbench.console import console, tell, write_json
from workbench.console import report as tell_problem
from workbench.errors import BenchError, InputError, Where
from workbench.escaping import visible
from workbench.views.checks import counted, fixes_view, statistics_view, subject_payload, subject_view
from workbench.views.reported import Reported

if TYPE_CHECKING:
    from workbench.answers import CheckAnswer
    from workbench.commands.checked import CheckedRecipe, Wishes
    from workbench.findings import Finding
    from workbench.recipe.yaml.document import Document

CHECKS_SCHEMA: Final = "vlmbench.checks/1"


class Printer:
    """Prints a check. `several`: more than one recipe was given."""

    def __init__(self, output: str, *, several: bool, statistics: bool) -> None:
        self._output, self._several, self._statistics = output, several, statistics
        self._results: list[CheckedRecipe] = []

    def add(self, result: CheckedRecipe) -> None:
        """Take a recipe's outcome, and print it where that can be done before the others are known."""
        self._results.append(result)
        if self._output != "text" or result.report is None or result.subject is None:
            return
        screen = console()
        if self._several:
            screen.print(visible(result.name), style="bold", markup=False)
        screen.print(subject_view(result.subject, result.report))
        if self._several:
            screen.print()

    def finish(self, exit_code: int) -> None:
        """Print what is told of all recipes together."""
        results = self._results
        if self._output == "text":
            self._sum()
        elif self._output == "json":
            self._json()
        elif self._output == "html":
            self._html()
        elif self._output == "sarif":
            from workbench.views.sarif import sarif

            sys.stdout.write(json.dumps(sarif(_reported(results), exit_code), ensure_ascii=True, indent=1) + "\n")
        elif self._output == "github":
            from workbench.views.annotations import annotation_lines

            sys.stdout.write("".join(f"{line}\n" for line in annotation_lines(_reported(results))))
        else:
            from workbench.views.junit import junit

            mildest = results[0].fail_on if results else "error"
            sys.stdout.write(junit(_reported(results), mildest))

    def _sum(self) -> None:
        found = self._findings()
        if self._statistics and found:
            console().print(statistics_view(found))
        if self._several:
            clean = sum(one.report is not None and not one.report.findings for one in self._results)
            broken = sum(one.problem is not None for one in self._results)
            parts = [f"{len(self._results):,} recipes: {counted(found) or 'clean'}"]
            parts += [f"{clean:,} without findings"] if clean and found else []
            parts += [f"{broken:,} could not be checked"] if broken else []
            console().print(" · ".join(parts), style="bold", markup=False)

    def _findings(self) -> list[Finding]:
        return [finding for one in self._results if one.report is not None for finding in one.report.findings]

    def _json(self) -> None:
        if not self._several and self._results:
            (one,) = self._results
            write_json(_payload(one) or _error(one.problem))
            return
        numbers = Counter(finding.severity for finding in self._findings())
        problems = [one for one in self._results if one.problem is not None]
        write_json(
            {
                "schema": CHECKS_SCHEMA,
                "checks": [payload for one in self._results if (payload := _payload(one)) is not None],
                "errors": [{"recipe": one.name, **_error(one.problem)} for one in problems],
                "summary": {
                    "recipes": len(self._results),
                    "errors": numbers["error"],
                    "warnings": numbers["warning"],
                    "notes": numbers["note"],
                    "not_checked": len(problems),
                },
            }
        )

    def _html(self) -> None:
        from workbench.views.about import about_check
        from workbench.views.html import document
        from workbench.views.html_reports import subject_html

        shown = [(one.name, one.subject, one.report) for one in self._results]
        parts = [
            subject_html(subject, report, name if self._several else "")
            for name, subject, report in shown
            if subject is not None and report is not None
        ]
        if not parts:
            return
        subjects = [subject for _, subject, _ in shown if subject is not None]
        title = f"check of {len(self._results)} recipes" if self._several else f"check of {subjects[0].model}"
        sys.stdout.write(document(title, "".join(parts), about_check(subjects)))


def _reported(results: list[CheckedRecipe]) -> list[Reported]:
    return [Reported(one.name, one.subject, one.report, one.problem) for one in results]


def _payload(one: CheckedRecipe) -> CheckAnswer | None:
    if one.report is None or one.subject is None:
        return None
    return subject_payload(one.subject, one.report, one.mended.fixes if one.mended is not None else ())


def _error(problem: BenchError | None) -> dict[str, Any]:
    from workbench.console import ERROR_SCHEMA

    assert problem is not None
    return {"schema": ERROR_SCHEMA, "error": problem.to_dict(), "exit_code": problem.exit_code}


def write_fixes(result: CheckedRecipe, wishes: Wishes) -> bool:
    """Show the fixes that were made and write them, asked or with --yes; True where they were not written."""
    from workbench.recipe import plugin

    document, mended, report = result.document, result.mended, result.report
    assert document is not None
    assert mended is not None
    assert report is not None
    if wishes.as_text:
        console().print(fixes_view(mended.fixes, document.diff()))
    else:
        tell(document.diff().rstrip("\n"))
    path = document.path
    if not (wishes.yes or (sys.stdin.isatty() and click.confirm(visible(f"Write {path}?"), err=True))):
        tell("vlmbench: nothing written; give --yes to write it")
        return True
    try:
        saved = _written(document)
    except BenchError as problem:
        # What was found is told all the same.
        result.problem = problem
        tell_problem(problem)
        return True
    # The findings are those of the text that was written.
    left = ", ".join(part for part in counted(report.findings).split(", ") if part and "note" not in part)
    tell(f"vlmbench: wrote {path}; what remains: {left or 'nothing'}")
    if (more := plugin.write_beside(document.data, saved)) is not None:
        tell(f"vlmbench: wrote {more}, the plugin that the recipe names")
    return False


def _written(document: Document) -> Path:
    """Save a fixed recipe, unless another process wrote to its file since it was read: a check can take minutes."""
    if document.changed_outside:
        cause = "It holds something else than what was checked. Nothing was written."
        raise InputError("The recipe was changed meanwhile", cause, "Check it again.", Where(str(document.path)))
    return document.save()
