"""Run the checks: on a row, on a recipe, on many rows with what they have in common counted once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.checks import data, mask, recipe, template
from workbench.checks.registry import chosen
from workbench.checks.scene import Scene
from workbench.findings import SEVERITIES, Finding, Fix, Severity

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

_OF_THE_ROW = re.compile(r"“[^”]*”|\d[\d,.]*")
_PLURAL = re.compile(r"(?<=# )([a-z ]*?[a-z])s\b")
_PART_NOTE = re.compile(r"`(train|weight|training)` ")
FIRST_PLACES = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one code and one cause. `first` are the first of them; `rows` how many rows they are in."""

    code: str
    severity: Severity
    count: int
    rows: int
    first: tuple[Finding, ...]

    @property
    def finding(self) -> Finding:
        """The first of them, which speaks for all."""
        return self.first[0]

    @property
    def fix(self) -> Fix | None:
        """The first fix that any of the first findings has."""
        return next((one.fix for one in self.first if one.fix is not None), None)


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a recipe and some rows found.

    `groups`: the worst first. `agreement`: of the content tokens that transformers' own assistant mask covers too, on
    how many it agrees, and how many there are; None where the template has none.
    """

    findings: tuple[Finding, ...]
    rows: int
    trained: int
    tokens: int
    agreement: tuple[int, int] | None = None
    groups: tuple[Group, ...] = field(default=())

    def count(self, severity: Severity) -> int:
        """How many findings are that bad."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Neither errors nor warnings."""
        return not self.count("error") and not self.count("warning")


def check_row(row: Row) -> list[Finding]:
    """Every finding about one row, those of its data included, the worst first. Never raises for what a row holds."""
    from workbench.errors import BenchError

    try:
        conversation = row.conversation
    except BenchError:
        return [row.error] if row.error is not None else []
    found = [finding for finding in conversation.findings if not _overtaken(finding)]
    found += data.literal_media(row)
    if row.error is not None:
        return in_order([row.error, *found])
    scene = Scene(row)
    found += mask.check(scene)
    found += template.check(scene)
    found += data.check(scene)
    found += template.opinion(scene)
    return in_order(found)


def _overtaken(finding: Finding) -> bool:
    """Notes of ignored part keys: the checks count what they cost, and on the text path nothing is ignored."""
    return finding.code == "M013" and _PART_NOTE.match(finding.message) is not None


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, else as they came."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def check_recipe(bench: Bench) -> list[Finding]:
    """Every finding about the recipe and its model; those that the bench found while loading are among them."""
    return in_order(recipe.check(bench))


def check_rows(bench: Bench, rows: Iterable[Row], *, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Report:
    """Check the recipe and these rows. `select` and `ignore` hold codes or beginnings of codes, such as "M"."""
    select, ignore = tuple(select), tuple(ignore)
    found = chosen(check_recipe(bench), select, ignore)
    roles: set[str] = set()
    count = trained = tokens = agreed = compared = 0
    for row in rows:
        count += 1
        found += chosen(row.findings, select, ignore)
        if row.error is not None:
            continue
        roles.update(str(message.get("role")) for message in row.conversation.messages)
        trained += row.mask.trained
        tokens += len(row.rendering)
        told = template.third_opinion(Scene(row))
        if told is not None:
            agreed, compared = agreed + told[0], compared + told[1]
    if roles:
        found += chosen(
            recipe.unused_boundaries(bench, roles, count, all_of_them=count == bench.rows.known_length), select, ignore
        )
    agreement = (agreed, compared) if compared else None
    return Report(tuple(found), count, trained, tokens, agreement, grouped(found))


def grouped(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Findings of one code and cause together: the same words, whatever the numbers and excerpts in them."""
    kinds: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        # A place in the recipe tells two causes apart that have the same words.
        line = f"{finding.where.field}" if finding.where.row is None or finding.where.column is not None else ""
        words = _PLURAL.sub(r"\1", _OF_THE_ROW.sub("#", finding.message))
        key = (finding.code, finding.severity, words, line)
        kinds.setdefault(key, []).append(finding)
    groups = [
        Group(
            same[0].code,
            same[0].severity,
            len(same),
            len({finding.where.row for finding in same if finding.where.row is not None}),
            tuple(same[:FIRST_PLACES]),
        )
        for same in kinds.values()
    ]
    return tuple(sorted(groups, key=lambda group: (SEVERITIES.index(group.severity), group.code, -group.count)))
