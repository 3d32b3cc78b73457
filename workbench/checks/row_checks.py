"""Every finding about one row, in order, kept for as long as the bench's masking stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.checks import data, grounding, handed_over, mask, roles, template, text_path, trainer, whole_text
from workbench.checks.registry import Check, CheckFunction, checks, run
from workbench.checks.row_facts import RowFacts
from workbench.errors import BenchError
from workbench.findings import SEVERITIES, Finding
from workbench.row import NOT_RENDERED
from workbench.tokens.refusals import refusal
from workbench.unexpected import placed

if TYPE_CHECKING:
    from workbench.row import Row

UNRENDERED_CHECKS = checks("unrendered row", data, handed_over, roles)
MASK_CHECKS = checks("row", mask, text_path)
ASKED_CHECKS = checks("asked row", trainer)
ROW_CHECKS = (*MASK_CHECKS, *checks("row", whole_text, template, data, grounding))


_IN_PARTS = checks("row", template, only=(template.rendered_in_parts,))
_CODES_IN_PARTS = ("T002", "T004")
"""The codes of those, which no other check has."""
_WHOLE = tuple(check for check in ROW_CHECKS if check not in _IN_PARTS)


def check_row(row: Row, *, in_parts: bool = True) -> list[Finding]:
    """Every finding about one row, those of its data included, the worst first. Never raises for what a row holds.

    `in_parts=False` leaves out what renders the beginnings of the row again; see `in_parts_findings`.
    """
    steps = _checking(row, ROW_CHECKS if in_parts else _WHOLE)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[Finding] = end.value
            return found


def _checking(row: Row, row_checks: Iterable[Check]) -> Generator[None, None, list[Finding]]:
    """`check_row` with a pause after each step; what it finds is returned."""
    if not row.bench.path.shown:
        # The notes of a chat's rows are not those of other data.
        return [row.error] if row.error is not None else []
    try:
        _ = row.conversation
    except BenchError:
        return [row.error] if row.error is not None else []
    found = unrendered_findings(row)
    yield
    if row.error is not None:
        return in_order(_with_its_cause(_placed(row, row.error), found))
    yield
    facts = RowFacts(row)
    for check in row_checks:
        found += check.findings(facts)
        yield
    return in_order(found)


def unrendered_findings(row: Row, without: Collection[CheckFunction] = ()) -> list[Finding]:
    """The findings about a row that has a conversation for which it need not render, but for those of some checks."""
    found = [finding for finding in row.conversation.findings if not _overtaken(finding)]
    found += run((check for check in UNRENDERED_CHECKS if check.function not in without), row)
    # A note that another finding repeats is of the same cause.
    return [one for one in found if one.severity != "note" or not _repeated(one, found)]


def in_parts_findings(row: Row) -> list[Finding]:
    """The findings about a row that renders for which its beginnings are rendered again."""
    return list(run(_IN_PARTS, RowFacts(row)))


def _with_its_cause(error: Finding, found: list[Finding]) -> list[Finding]:
    """The findings of a row that cannot be rendered: where one of them says why, it quotes the refusal."""
    causes = _CAUSES.get(refusal(_quoted(error)).cause, ()) if error.code == NOT_RENDERED.code else ()
    why = next((one for one in found if one.severity == "error" and one.code in causes), None)
    if why is None:
        return [error, *found]
    told = replace(why, message=f"{why.message}; {_as_clause(error.message)}")
    return [told if one is why else one for one in found]


def _placed(row: Row, error: Finding) -> Finding:
    """The error of a template with the message at which it is raised: the last of the first beginning that raises."""
    if error.code != NOT_RENDERED.code or not error.message.startswith("The chat template"):
        return error
    messages = row.conversation.messages
    for count in range(1, len(messages) + 1):
        try:
            row.prompt(messages[:count])
        except Exception as problem:
            if str(problem) and str(problem) in error.message:
                return error.at(message=row.raw_message(count - 1))
    return error


def _quoted(error: Finding) -> str:
    """The type and the text of what was raised, as the message of T006 holds them."""
    text, _, raised = error.message.rpartition(" (")
    return f"{raised.split(' ')[0]}: {text}"


def _as_clause(message: str) -> str:
    return message[:1].lower() + message[1:]


def mask_findings(facts: RowFacts) -> list[Finding]:
    """The findings about a row's mask alone, in their order."""
    return list(run(MASK_CHECKS, facts))


def row_findings(row: Row) -> list[Finding]:
    """`check_row`, once for each masking of the bench, and what the trainer said of the row, where it was asked."""
    for _ in checking(row):
        pass
    assert row.checked is not None
    return with_answer(row, row.checked[1])


def checking(row: Row) -> Iterator[None]:
    """Check a row for `row_findings`, where that is not done, with a pause after each step: a long row takes long.

    Begins anew where the bench's masking became another one in a pause.
    """
    while True:
        masking = row.bench.masking
        if row.checked is not None and row.checked[0] is masking:
            return
        steps = _checking(row, ROW_CHECKS)
        while row.bench.masking is masking:
            try:
                with placed(row.where):
                    next(steps)
            except StopIteration as end:
                row.checked = (masking, end.value)
                break
            yield


def checked_findings(row: Row) -> tuple[list[Finding], list[Finding]] | None:
    """The findings of a row without T002 and T004, and those two; None where they are not known."""
    if row.checked is None or row.checked[0] is not row.bench.masking:
        return None
    whole: list[Finding] = []
    parts: list[Finding] = []
    for finding in row.checked[1]:
        (parts if finding.code in _CODES_IN_PARTS else whole).append(finding)
    return whole, parts


def error_finding(row: Row) -> Finding:
    """The finding of a row's error, as `row_findings` has it: where another one says why and quotes it, that one."""
    error = row.error
    assert error is not None
    return next((one for one in row_findings(row) if _same(error, one)), error)


def with_answer(row: Row, findings: Iterable[Finding]) -> list[Finding]:
    """The findings of a row with what the trainer said of it, where it was asked."""
    # Not kept: the answer comes later than the row.
    found = list(findings)
    if row.bench.asked is None:
        return found
    if (there := trainer.goes_on(row)) is not None:
        found = [_going_on(one, there) if row.error and _same(row.error, one) else one for one in found]
    return in_order([*found, *run(ASKED_CHECKS, row)])


def _same(error: Finding, found: Finding) -> bool:
    """True for the finding of a row's error: itself, or the one that says why and quotes it."""
    return found.code == error.code or _as_clause(error.message) in found.message


def _going_on(found: Finding, there: str) -> Finding:
    without = ", without the picture" if "gets none" in found.message or "gets nothing" in found.message else ""
    return replace(found, message=f"{found.message}; {there}{without}")


def _overtaken(finding: Finding) -> bool:
    """Notes of ignored part keys: the checks count what they cost, and on the text path nothing is ignored."""
    return finding.code == "M013" and _PART_NOTE.match(finding.message) is not None


def _repeated(note: Finding, found: list[Finding]) -> bool:
    return any(note.message in other.message for other in found if other is not note)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, else as they came."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


# By what a refusal is about, the findings that tell why a row is refused so.
_CAUSES = {
    "type": ("D008",),
    "media": ("D005",),
    "count": ("D003", "D004"),
    "role": ("D012",),
    "order": ("D012", "T001"),
    "call": ("D012",),
    "part": ("D003", "T001", "D008", "D012"),
}
_PART_NOTE = re.compile(r"`(train|weight|training)` ")
