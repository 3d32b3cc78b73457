"""The source of the labels: the trainer that was asked, or the table that stands for one. For every face."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.answers import AskedAnswer
    from workbench.bench import Bench

Outcome = Literal["same", "other", "unknown"]
STYLES: dict[Outcome, str] = {"same": "green", "other": "bold red", "unknown": "dim"}
"""The style of each outcome in a terminal."""


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One line, and what it means: the trainer gives the same labels, others, or they are not known."""

    text: str
    outcome: Outcome


def asked_name(bench: Bench) -> str:
    """The trainer that was asked about the recipe as it is, without its answer; or the table that stands for one."""
    asked = bench.asked
    if asked is not None and asked.answer is not None and asked.text == bench.document.text:
        return f"asked: {asked.answer.name}"
    return f"from the table of {bench.axolotl.release}"


def asked_line(bench: Bench, findings: Iterable[Finding]) -> AskedLine:
    """The trainer that was asked and the outcome. `findings`: those of the rows that are shown or checked."""
    asked = bench.asked
    if asked is None:
        return AskedLine(f"from the table of {bench.axolotl.name}", "unknown")
    if asked.answer is None:
        problem = asked.problem
        why = f": {problem.title}" if problem is not None else ""
        return AskedLine(f"not asked{why}; from the table of {bench.axolotl.name}", "unknown")
    answer = asked.answer
    if answer.died:
        return AskedLine(f"asked: {answer.name}, which gave no answer", "unknown")
    if answer.refused is not None and not answer.unwrapped:
        return AskedLine(f"asked: {answer.name}, which does not take the recipe", "other")
    from workbench.checks.trainer import is_difference

    different = {finding.where.row for finding in findings if is_difference(finding)}
    rows = f"{len(asked.rows):,} row{'' if len(asked.rows) == 1 else 's'}"
    if different:
        return AskedLine(f"asked: {answer.name}, which gives other labels on {len(different):,} of {rows}", "other")
    return AskedLine(f"asked: {answer.name} gives the same labels on {rows}", "same")


def asked_payload(bench: Bench, findings: Iterable[Finding]) -> AskedAnswer:
    """The same for JSON: `by` is null where nobody answered, and `table` names what stands for the trainer then."""
    asked, line = bench.asked, asked_line(bench, findings)
    if asked is None or asked.answer is None:
        problem = asked.problem.to_dict() if asked is not None and asked.problem is not None else None
        return {"by": None, "table": bench.axolotl.name, "problem": problem}
    answer = asked.answer
    return {
        "by": answer.name,
        "versions": dict(answer.versions),
        "rows": list(asked.rows),
        "same": {"same": True, "other": False, "unknown": None}[line.outcome],
        "refused": answer.refused,
        "strategy": answer.strategy or None,
        "path": answer.resolved.get("path"),
    }
