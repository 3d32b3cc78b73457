"""Findings as SARIF 2.1.0, for code scanning: a rule a code, a result a cause.

The classes are the part of the standard that is written here; `tests/views/test_sarif.py` holds what they give against
the standard's own schema. They are no library's: the one of the standard's authors was last released in 2019.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from workbench.addresses import HOME, page_of
from workbench.checks.registry import Code, codes
from workbench.checks.report import Group, cause
from workbench.errors import BenchError
from workbench.escaping import visible
from workbench.findings import Severity
from workbench.version import __version__
from workbench.views.checks import scope
from workbench.views.reported import Reported, file_place, groups_of, place_words, sentences

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Level = Literal["error", "warning", "note"]
_PROBLEM: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "recommendation"}


class _SarifPart(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class SarifMessage(_SarifPart):
    text: str


class MultiformatMessage(_SarifPart):
    text: str
    markdown: str


class SarifRegion(_SarifPart):
    start_line: int
    start_column: int | None = None


class ArtifactLocation(_SarifPart):
    uri: str


class PhysicalLocation(_SarifPart):
    artifact_location: ArtifactLocation
    region: SarifRegion


class LogicalLocation(_SarifPart):
    fully_qualified_name: str


class SarifLocation(_SarifPart):
    physical_location: PhysicalLocation
    logical_locations: list[LogicalLocation] | None = None
    message: SarifMessage | None = None


class SarifConfiguration(_SarifPart):
    level: Level


class SarifRule(_SarifPart):
    id: str
    name: str
    short_description: SarifMessage
    full_description: SarifMessage
    help: MultiformatMessage
    help_uri: str
    default_configuration: SarifConfiguration
    properties: dict[str, Any]


class SarifResult(_SarifPart):
    rule_id: str
    rule_index: int
    level: Level
    message: SarifMessage
    locations: list[SarifLocation]
    related_locations: list[SarifLocation] | None = None
    occurrence_count: int
    partial_fingerprints: dict[str, str]


class SarifNotification(_SarifPart):
    level: Level = "error"
    message: SarifMessage
    locations: list[SarifLocation] | None = None


class SarifInvocation(_SarifPart):
    execution_successful: bool
    exit_code: int
    tool_execution_notifications: list[SarifNotification]


class SarifDriver(_SarifPart):
    name: str = "vlmbench"
    semantic_version: str = __version__
    information_uri: str = HOME
    rules: list[SarifRule]


class SarifTool(_SarifPart):
    driver: SarifDriver


class SarifRun(_SarifPart):
    tool: SarifTool
    invocations: list[SarifInvocation]
    column_kind: str = "unicodeCodePoints"
    results: list[SarifResult]


class SarifLog(_SarifPart):
    schema_uri: str = Field(default=SCHEMA, alias="$schema")
    version: str = "2.1.0"
    runs: list[SarifRun]


def sarif(results: Sequence[Reported], exit_code: int) -> dict[str, Any]:
    """The SARIF log of a check, ready for `json.dumps`. A recipe that could not be checked is a notification."""
    groups = list(groups_of(results))
    found = sorted({group.code for _, group in groups})
    known = codes()
    problems = [(result.name, result.problem) for result in results if result.problem is not None]
    log = SarifLog(
        runs=[
            SarifRun(
                tool=SarifTool(driver=SarifDriver(rules=[_rule(known[code]) for code in found])),
                invocations=[
                    SarifInvocation(
                        execution_successful=not problems,
                        exit_code=exit_code,
                        tool_execution_notifications=[_notification(name, problem) for name, problem in problems],
                    )
                ],
                results=[_result(result.name, group, found.index(group.code)) for result, group in groups],
            )
        ]
    )
    return log.model_dump(by_alias=True, exclude_none=True)


def _rule(code: Code) -> SarifRule:
    text = f"{code.cause}\n\nExample: {code.example}\n\nWhat to do: {code.fix}"
    markdown = f"{code.cause}\n\n**Example.** {code.example}\n\n**What to do.** {code.fix}"
    return SarifRule(
        id=code.code,
        name="".join(word[:1].upper() + word[1:] for word in code.title.split() if word.isidentifier()),
        short_description=SarifMessage(text=code.title),
        full_description=SarifMessage(text=code.cause),
        help=MultiformatMessage(text=text, markdown=markdown),
        help_uri=page_of(code.code),
        default_configuration=SarifConfiguration(level=code.severity),
        properties={"tags": [code.scope], "problem.severity": _PROBLEM[code.severity]},
    )


def _result(recipe: str, group: Group, index: int) -> SarifResult:
    finding = group.finding
    words = f"{finding.message}{scope(group)}"
    text = sentences(words, finding.hint)
    locations = [_location(recipe, one.where, place_words(one)) for one in group.first]
    first = locations[0]
    if finding.where.field:
        named = LogicalLocation(fully_qualified_name=visible(finding.where.field))
        first = first.model_copy(update={"logical_locations": [named]})
    print_of = hashlib.sha256("\n".join([file_place(finding.where, recipe).path, *cause(finding)]).encode()).hexdigest()
    return SarifResult(
        rule_id=group.code,
        rule_index=index,
        level=group.severity,
        message=SarifMessage(text=visible(text)),
        locations=[first],
        related_locations=locations[1:] or None,
        occurrence_count=group.count,
        partial_fingerprints={"vlmbenchCause/v1": print_of},
    )


def _location(recipe: str, where: Any, words: str = "") -> SarifLocation:
    place = file_place(where, recipe)
    return SarifLocation(
        physical_location=PhysicalLocation(
            artifact_location=ArtifactLocation(uri=place.uri),
            region=SarifRegion(start_line=place.line, start_column=place.column),
        ),
        message=SarifMessage(text=words) if words else None,
    )


def _notification(recipe: str, problem: BenchError) -> SarifNotification:
    text = sentences(problem.title, problem.cause, problem.hint)
    return SarifNotification(message=SarifMessage(text=visible(text)), locations=[_location(recipe, problem.where)])
