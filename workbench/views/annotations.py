"""Findings as GitHub's workflow commands, which it shows at the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.errors import Where
from workbench.escaping import visible
from workbench.findings import SEVERITIES
from workbench.views.checks import scope
from workbench.views.reported import Reported, file_place, groups_of, sentences

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def annotation_lines(results: Sequence[Reported]) -> Iterator[str]:
    """A line a cause, the worst first: of one kind GitHub shows ten a step."""
    for result in results:
        if (problem := result.problem) is not None:
            text = sentences(problem.title, problem.cause, problem.hint)
            yield _line("error", "vlmbench", problem.where, result.name, text)
    for result, group in sorted(groups_of(results), key=lambda pair: SEVERITIES.index(pair[1].severity)):
        finding = group.finding
        row = f"row {finding.where.row}: " if finding.where.row is not None else ""
        text = row + sentences(f"{finding.message}{scope(group)}", finding.hint)
        yield _line(_COMMANDS[group.severity], f"vlmbench {group.code}", finding.where, result.name, text)


def _line(command: str, title: str, where: Where, recipe: str, text: str) -> str:
    place = file_place(where, recipe)
    fields = {"file": place.path, "line": str(place.line)}
    if place.column is not None:
        fields["col"] = str(place.column)
    fields["title"] = title
    listed = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    return f"::{command} {listed}::{_data(text)}"


def _data(text: str) -> str:
    """A text that stays one command, whatever stands in it."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
