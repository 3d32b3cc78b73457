"""Per-part training, as axolotl's text path has it: `train` and `weight` on parts, and a training key on messages.

A message with such a flag is trained by it whatever its role; its parts without a flag count as trained. The multimodal
path ignores all of this (M013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.tokens.mask import IGNORE, Mask, Reason
from workbench.tokens.trace import Owner, Trace

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Detail:
    """Characters [begin, end] of a message's content, both ends included, and whether they are trained."""

    begin: int
    end: int
    train: bool


def details_of(content: Any) -> list[Detail] | None:
    """The details set by flags on a message's parts; None where no part has a flag."""
    if not isinstance(content, list):
        return None
    found, flagged, at = [], False, 0
    for part in content:
        if not isinstance(part, dict):
            continue
        text = part.get("text") or part.get("content") or part.get("value") or ""
        train, weight = part.get("train"), part.get("weight")
        flagged |= train is not None or weight is not None
        wanted = train if train is not None else weight is None or weight not in (0, 0.0)
        if isinstance(text, str) and text:
            found.append(Detail(at, at + len(text) - 1, bool(wanted)))
            at += len(text)
    return found if flagged else None


def column_details(rows: Any) -> list[Detail] | None:
    """The details of a message's own column (`message_field_training_detail`); None where there are none."""
    if not isinstance(rows, list) or not rows:
        return None
    return [Detail(int(row["begin_offset"]), int(row["end_offset"]), bool(row["train"])) for row in rows]


def trained_tokens(starts: npt.NDArray[np.int64], length: int, details: Sequence[Detail]) -> Bools:
    """The trained tokens of a content of `length` characters, given where each token starts in it (`[n]`, sorted).

    A detail takes in the tokens that reach over its edges by more than the one character that they share with it.
    """
    ends = np.append(starts[1:], length) - 1
    keep = np.zeros(len(starts), dtype=bool)
    for detail in details:
        first = int(np.searchsorted(starts, detail.begin))
        if first > 0 and ends[first - 1] > detail.begin:
            first -= 1
        last = int(np.searchsorted(ends, detail.end, side="right")) - 1
        if last < len(starts) - 1 and starts[last + 1] < detail.end:
            last += 1
        if detail.train and first <= last:
            keep[first : last + 1] = True
    return keep


@dataclass(frozen=True, slots=True)
class MessageFlags:
    """The training flags of one message in a row: trained or not, and which of its characters."""

    message: int
    train: bool
    details: tuple[Detail, ...] | None = None


def message_flags(
    messages: Sequence[Mapping[str, Any]], raw: Sequence[Any], *, training: str | None, detail: str | None
) -> list[MessageFlags]:
    """The training flags of a conversation's messages. `raw`: the row's message of each; `training`, `detail`: the keys
    that the recipe names for them (`message_field_training`, `message_field_training_detail`)."""
    found = []
    for index, message in enumerate(messages):
        own = raw[index] if index < len(raw) and isinstance(raw[index], dict) else {}
        details = details_of(message.get("content"))
        if details is None and detail is not None:
            details = column_details(own.get(detail))
        flagged = own.get(training) if training is not None else None
        if flagged is None and details is None:
            continue
        train = bool(flagged) if flagged is not None else bool(details)
        found.append(MessageFlags(index, train, tuple(details) if details is not None else None))
    return found


def apply_flags(
    mask: Mask, trace: Trace, ids: npt.NDArray[np.int64], flags: Sequence[MessageFlags], train_on_eos: str
) -> Mask:
    """A row's mask with the training flags of its messages and parts; `mask` and `trace` are those of one row `[L]`."""
    if not flags:
        return mask
    reason = mask.reason.copy()
    free = (reason != Reason.PAD) & (reason != Reason.MEDIA)
    for flag in flags:
        mine, starts, length = _content(trace, flag.message)
        if not len(mine):
            continue
        keep = np.full(len(mine), flag.train)
        if flag.train and flag.details is not None:
            keep = trained_tokens(starts, length, flag.details)
        reason[mine] = np.where(free[mine], np.where(keep, Reason.PART, Reason.PART_NOT_TRAINED), reason[mine]).astype(
            np.uint8
        )
        span = int(mask.span[mine[0]])
        if span >= 0 and train_on_eos == "turn" and mask.spans.terminated[span]:
            end = slice(int(mask.spans.end[span]), int(mask.spans.stop[span]))
            reason[end] = np.where(free[end], Reason.END if flag.train else Reason.END_NOT_TRAINED, reason[end])
    keep = np.isin(reason, TRAINED)
    return Mask(np.where(keep, ids, IGNORE), keep, reason, mask.span, mask.spans)


TRAINED = (Reason.CONTENT, Reason.START, Reason.END, Reason.ALL_INPUTS, Reason.NO_BOUNDARIES, Reason.PART)


def _content(trace: Trace, message: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """A message's content tokens, where each starts in the characters of its parts joined, and how many those are."""
    places = [place for place in trace.places if place.message == message and not place.media]
    if not places:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, 0
    tokens: list[npt.NDArray[np.int64]] = []
    starts: list[npt.NDArray[np.int64]] = []
    at, seen = 0, -1
    for place in places:
        inside = np.arange(place.first, place.last)
        inside = inside[(trace.kind[inside] == Owner.CONTENT) | (trace.kind[inside] == Owner.SPLIT)]
        # A token that straddles parts belongs to the first of them.
        inside = inside[inside > seen]
        seen = int(inside[-1]) if len(inside) else seen
        tokens.append(inside)
        starts.append(np.maximum(trace.offsets[inside, 0] - place.start, 0) + at)
        at += place.stop - place.start
    return np.concatenate(tokens), np.concatenate(starts).astype(np.int64), at
