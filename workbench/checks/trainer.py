"""M020: the labels of the trainer that was asked, held against those that the bench shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.checks.agreement import is_trained_here, row_disagreement
from workbench.checks.registry import check
from workbench.errors import Where
from workbench.findings import Finding
from workbench.row import NOT_RENDERED

if TYPE_CHECKING:
    from workbench.row import Row


_GOES_ON = "goes on and trains"


@check("M020", stage="asked row")
def other_labels(row: Row) -> Iterator[Finding]:
    """M020: the trainer that was asked gives a row other ids or labels, or leaves it out."""
    asked = row.bench.asked
    if asked is None or asked.answer is None or asked.text != row.bench.document.text:
        return
    answer = asked.answer
    if row.index in answer.dropped:
        if not is_trained_here(row):
            return
        text = f"{answer.name} does not train on this row: {answer.dropped[row.index]}"
        yield Finding("M020", "warning", text, "Shorten or split it, or change what the message names.", row.where)
        return
    if goes_on(row) is not None:
        # The finding of what is refused here says that it goes on there.
        return
    # So that the same difference in many rows is one cause.
    found = row_disagreement(row, answer, ("“", "”"))
    if found is None:
        return
    message = f"{found.message}; {found.count:,} tokens differ" if found.count > 1 else found.message
    hint = f"{answer.name} trains its own labels, not those shown here. Find the cause before you train."
    place = row.where if found.token is None else _at(row, found.token)
    yield Finding("M020", "error", message, hint, place)


def is_difference(finding: Finding) -> bool:
    """True for a finding that the asked trainer does something else with a row: M020, or one that tells `goes_on`."""
    return finding.code == "M020" or _GOES_ON in finding.message


def goes_on(row: Row) -> str | None:
    """A sentence on the asked trainer where it takes a row that cannot be rendered here; None where it does not."""
    asked = row.bench.asked
    answer = asked.answer if asked is not None and asked.text == row.bench.document.text else None
    if answer is None or row.error is None or row.error.code != NOT_RENDERED.code:
        return None
    theirs = answer.rows.get(row.index)
    if theirs is None or isinstance(theirs, str):
        return None
    release = answer.versions.get("transformers")
    beside = f" with transformers {release}" if release else ""
    return f"the asked {answer.name}{beside} {_GOES_ON} {int((theirs[1] >= 0).sum()):,} tokens of it"


def _at(row: Row, token: int) -> Where:
    """The place of a token, with the message that it is from."""
    length = len(row.rendering)
    message = int(row.trace.message[token]) if token < length else -1
    known = row.raw_message(message) if message >= 0 else None
    return replace(row.where, message=known, tokens=(token, token + 1) if token < length else None)
