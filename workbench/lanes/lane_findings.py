"""Findings about one row as one trainer trains it, by whose text each trained character is.

They hold for every trainer: no marker and no template is known here, only the row's messages and the lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workbench.errors import Where
from workbench.findings import Emitter, Finding
from workbench.lanes.lane import Lane, Regions, regions, texts_of

NOTHING = Emitter("X001", __name__)
PROMPT = Emitter("X002", __name__)
MISSED = Emitter("X003", __name__)
MEDIA = Emitter("X004", __name__)
STOP = Emitter("X005", __name__)
LEFT_OUT = Emitter("X006", __name__)
_LONGEST = 60
_STOP_SPACE = 2
"""Characters of white space that may stand between an answer and its end token."""
Messages = Sequence[Mapping[str, object]]


def without_lane(version: str, text: str, where: Where, *, dropped: bool) -> Finding:
    """The finding of a row that the trainer does not train on."""
    does = "leaves this row out" if dropped else "raises at this row"
    return LEFT_OUT("error", f"{version} {does}: {text}", "Correct the row, or take it out.", where)


def lane_findings(lane: Lane, messages: Messages, version: str, where: Where) -> list[Finding]:
    """The findings of a row's lane. `messages`: the row's, or none where they are not known."""
    if not lane.trained_tokens:
        text = f"{version} trains none of the {lane.tokens} tokens of this row"
        return [NOTHING("error", text, _why_nothing(messages), where)]
    found = list(_media(lane, version, where))
    if messages:
        by = regions(lane.text, messages)
        found += _prompt(lane, by, messages, version, where)
        found += _missed(lane, by, messages, version, where)
        found += _stop(lane, by, messages, version, where)
    return found


def _why_nothing(messages: Messages) -> str:
    answers = [text for one in messages if one["role"] == "assistant" for text in texts_of(one)]
    if not answers:
        return "The row has no answer of an assistant."
    if any(text[:1].isspace() for text in answers):
        return "An answer begins with white space, which can merge with the end of its header: take it out."
    return "Compare with another trainer: vlmbench trainers."


def _media(lane: Lane, version: str, where: Where) -> Iterator[Finding]:
    """X004: pads of pictures, or padding, among the trained tokens."""
    count = int((lane.trained & lane.repeated).sum())
    if count:
        marks = sorted({piece for piece in _runs(lane) if piece})
        text = f"{version} trains runs of {', '.join(marks)}: tokens of pictures or padding"
        yield MEDIA("error", text, "Train the answers alone, where the trainer can be told to.", where)


def _runs(lane: Lane) -> Iterator[str]:
    """The texts of runs of one added token of which any is trained."""
    flags = lane.trained & lane.repeated
    start = None
    for place in range(len(flags) + 1):
        on = place < len(flags) and bool(flags[place])
        if on and start is None:
            start = place
        elif not on and start is not None:
            yield lane.text[start:place]
            start = None


def _prompt(lane: Lane, by: Regions, messages: Messages, version: str, where: Where) -> Iterator[Finding]:
    """X002: text of the system, of users or of tools that is trained."""
    for number, one in enumerate(messages):
        if one["role"] == "assistant":
            continue
        mine = (by.message == number) & (by.kind > 0) & lane.trained
        if mine.any():
            start = int(mine.argmax())
            shown = _excerpt("".join(char for char, on in zip(lane.text[start:], mine[start:], strict=True) if on))
            text = f"{version} trains text of the {one['role']}: “{shown}”"
            hint = "Tell the trainer to train answers alone; where it is told so, the text imitates a turn (M008)."
            yield PROMPT("warning", text, hint, _at(where, number))


def _missed(lane: Lane, by: Regions, messages: Messages, version: str, where: Where) -> Iterator[Finding]:
    """X003: an answer that is not trained, or not all of it."""
    for number, one in enumerate(messages):
        if one["role"] != "assistant":
            continue
        mine = (by.message == number) & (by.kind == 1)
        lost = mine & ~lane.trained
        if not mine.any():
            if any(text.strip() for text in texts_of(one)):
                text = f"{version} writes this answer otherwise than the row has it, or not at all"
                yield MISSED("warning", text, "Look at the row's text above.", _at(where, number))
        elif lost.any():
            share = "none" if lost.sum() == mine.sum() else f"{int(mine.sum() - lost.sum())} of {int(mine.sum())}"
            start = int(lost.argmax())
            shown = _excerpt("".join(char for char, on in zip(lane.text[start:], lost[start:], strict=True) if on))
            text = f"{version} trains {share} of the characters of this answer; not “{shown}”"
            yield MISSED("warning", text, "Compare with another trainer: vlmbench trainers.", _at(where, number))


def _stop(lane: Lane, by: Regions, messages: Messages, version: str, where: Where) -> Iterator[Finding]:
    """X005: after the last answer no end token is trained."""
    number = next((n for n in reversed(range(len(messages))) if messages[n]["role"] == "assistant"), None)
    if number is None:
        return
    mine = (by.message == number) & (by.kind == 1)
    if not (mine & lane.trained).any():
        return
    at = len(mine) - int(mine[::-1].argmax())
    spaces = 0
    while at < len(lane.text) and lane.text[at].isspace() and spaces < _STOP_SPACE:
        at, spaces = at + 1, spaces + 1
    if at < len(lane.text) and lane.added[at] and lane.trained[at]:
        return
    stands = _excerpt(lane.text[at : at + 24]) if at < len(lane.text) else "nothing"
    text = f"after the last answer {version} trains no end token; there stands “{stands}”"
    yield STOP("warning", text, "The model does not learn to stop there: see what the template writes.", where)


def _at(where: Where, message: int) -> Where:
    return replace(where, message=message)


def _excerpt(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
