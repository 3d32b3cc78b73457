"""The same rows under several trainers: who does alike in each row, who differs and why, and a summary of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.consumers.trainers.client import RowsAnswer
from workbench.lanes.causes import ROW, LaneDifference, differences
from workbench.lanes.lane import Lane, lane_of


@dataclass(frozen=True, slots=True)
class LaneGroup:
    """Trainers that do alike in a row. `lane` is None where they have none: `reason` says why.

    `differences`: from the first group of the row; empty for that one.
    """

    trainers: tuple[str, ...]
    lane: Lane | None
    reason: str = ""
    differences: tuple[LaneDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A row with its groups, the one of most trainers first."""

    row: int
    messages: Sequence[Mapping[str, Any]]
    groups: tuple[LaneGroup, ...]


@dataclass(slots=True)
class Summary:
    """One trainer over all rows. `causes`: cause -> rows in which it differs from most for that cause."""

    name: str
    version: str
    rows: int = 0
    trained: int = 0
    tokens: int = 0
    dropped: int = 0
    failed: int = 0
    nothing: int = 0
    refused: str = ""
    causes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class TrainersCompared:
    """All rows, and the summaries in the order in which the trainers were given."""

    rows: tuple[ComparedRow, ...]
    summaries: tuple[Summary, ...]


def compare(content: Mapping[int, Sequence[Mapping[str, Any]]], answers: Sequence[RowsAnswer]) -> TrainersCompared:
    """Compare answers about the same rows. `content`: number of a row -> its messages."""
    summaries = {one.label: _summary(one) for one in answers}
    rows = tuple(_row(number, messages, answers, summaries) for number, messages in content.items())
    return TrainersCompared(rows, tuple(summaries.values()))


def _summary(answer: RowsAnswer) -> Summary:
    refused = answer.refused
    why = f"{refused['stage']}: {refused['type']}: {refused['message']}" if refused is not None else ""
    return Summary(answer.label, answer.version, refused=why)


def _row(
    number: int, messages: Sequence[Mapping[str, Any]], answers: Sequence[RowsAnswer], summaries: dict[str, Summary]
) -> ComparedRow:
    gathered: list[tuple[Lane | None, str, list[RowsAnswer]]] = []
    for answer in answers:
        if answer.refused is not None:
            continue
        lane, reason = _lane(answer, number)
        _count(summaries[answer.label], answer, number, lane)
        for known, why, members in gathered:
            if reason == why and _alike(known, lane):
                members.append(answer)
                break
        else:
            gathered.append((lane, reason, [answer]))
    # A lane before a refusal; sorting keeps the order in which they were given.
    gathered.sort(key=lambda one: (one[0] is None, -len(one[2])))
    groups: list[LaneGroup] = []
    for lane, reason, members in gathered:
        first = gathered[0]
        found = () if lane is first[0] and groups == [] else _differences(messages, first, lane, reason, members)
        groups.append(LaneGroup(tuple(one.label for one in members), lane, reason, found))
        for member in members:
            summaries[member.label].causes.update({one.cause for one in found})
    return ComparedRow(number, messages, tuple(groups))


def _alike(known: Lane | None, lane: Lane | None) -> bool:
    if known is None or lane is None:
        return known is lane
    return known.same_mask(lane) and known.ids == lane.ids


def _differences(
    messages: Sequence[Mapping[str, Any]],
    first: tuple[Lane | None, str, list[RowsAnswer]],
    lane: Lane | None,
    reason: str,
    members: list[RowsAnswer],
) -> tuple[LaneDifference, ...]:
    if lane is None or first[0] is None:
        return (LaneDifference(ROW, "", reason, True, False),)
    # A token that a trainer without a shift lacks as well is not lost by shifting.
    shifted = any(all(one.label_shift for one in group) for group in (first[2], members))
    return tuple(differences(messages, first[0], lane, shifted=shifted))


def _lane(answer: RowsAnswer, number: int) -> tuple[Lane | None, str]:
    if number in answer.dropped:
        return None, f"dropped: {answer.dropped[number]}"
    if number in answer.errors:
        return None, answer.errors[number]
    ids, labels = answer.rows[number]
    return lane_of(ids, labels, answer.pieces, answer.added), ""


def _count(summary: Summary, answer: RowsAnswer, number: int, lane: Lane | None) -> None:
    summary.rows += 1
    summary.dropped += number in answer.dropped
    summary.failed += number in answer.errors
    if lane is not None:
        summary.trained += lane.trained_tokens
        summary.tokens += lane.tokens
        summary.nothing += not lane.trained_tokens
