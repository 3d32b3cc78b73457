"""The cause of each stretch in which two lanes differ, from the row's messages and what surrounds the stretch.

The rules know no trainer and no model: they look at whose text a stretch is, and at what it consists of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.lanes.lane import Lane, Regions, regions, split_thinking, texts_of
from workbench.lanes.stretches import Stretch, stretches

STOP = "stop token or newline"
SYSTEM = "default system turn"
THINK = "think block written"
HISTORY = "thinking dropped or trained"
MERGED = "marker merged"
INJECTION = "injection"
MEDIA = "media or pads trained"
ROW = "row dropped or changed"
APART = "tokenized apart"
TRUNCATED = "truncated"
SHIFTED = "shifted"
PROMPT_ONLY = "prompt only"
PROMPT_TRAINED = "prompt trained"
OTHER = "other"
CAUSES = {
    STOP: "One trains, or writes, the end of a turn or the line break after it; the other does not.",
    SYSTEM: "One writes a system turn that the row does not have.",
    THINK: "One writes an empty think block that the row does not have, or trains it alone.",
    HISTORY: "Thinking of the row is left out by one, or trained by one alone.",
    MERGED: "An answer that begins with white space or a mark shares a token with its header: it is not found, or the "
    "header's end is trained with it.",
    INJECTION: "Text of a user that imitates a turn is trained as an answer, or what follows it is not.",
    MEDIA: "Tokens of a picture or of padding are trained, or their marks differ.",
    ROW: "One leaves the row out, refuses it, hands on other messages than the row has, or puts a text elsewhere.",
    APART: "The same text, trained alike, in other ids.",
    TRUNCATED: "One cuts the row off.",
    SHIFTED: "One loses the last token, by shifting the labels itself.",
    PROMPT_ONLY: "Text that neither trains differs, or an earlier answer is taken as part of the prompt.",
    PROMPT_TRAINED: "Text of the system or of users, or a header, is trained by one alone.",
    OTHER: "None of these.",
}
Messages = Sequence[Mapping[str, object]]
_THINK_MARKS = ("<think>", "</think>", "<|channel>", "<channel|>")
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class LaneDifference:
    """A stretch with its cause. `text` and `other_text`: what stands there in each; `trained` and `other_trained`."""

    cause: str
    text: str
    other_text: str
    trained: bool
    other_trained: bool


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two lanes of one row, the stretches of which are explained."""

    messages: Messages
    first: Lane
    second: Lane
    where: Regions
    other_where: Regions
    shifted: bool


def differences(messages: Messages, first: Lane, second: Lane, *, shifted: bool = False) -> list[LaneDifference]:
    """Every difference of two lanes, with its cause; `shifted`: one of them shifts the labels itself."""
    where, other = regions(first.text, messages), regions(second.text, messages)
    pair = _Pair(messages, first, second, where, other, shifted)
    found = []
    for one in stretches(first, second, where):
        cause = _of_text(pair, one) if one.kind == "text" else _of_training(pair, one)
        found.append(
            LaneDifference(
                cause,
                first.text[one.start : one.stop],
                second.text[one.other_start : one.other_stop],
                bool(first.trained[one.start : one.stop].any()),
                bool(second.trained[one.other_start : one.other_stop].any()),
            )
        )
    if not found and first.ids != second.ids:
        found.append(LaneDifference(MEDIA if _alike_but_runs(first, second) else APART, "", "", False, False))
    return found


def _alike_but_runs(first: Lane, second: Lane) -> bool:
    """True where the ids are the same but for the lengths of runs: one picture in more pads, or padding."""
    return _without_runs(first.ids) == _without_runs(second.ids)


def _without_runs(ids: Sequence[int]) -> list[int]:
    return [one for place, one in enumerate(ids) if not place or ids[place - 1] != one]


def _of_text(pair: _Pair, one: Stretch) -> str:
    left = pair.first.text[one.start : one.stop]
    right = pair.second.text[one.other_start : one.other_stop]
    both = left + right
    row_thinks = any(split_thinking(text)[0] for message in pair.messages for text in texts_of(message))
    if any(mark in both for mark in _THINK_MARKS) or _inside_thinking(pair, one):
        return HISTORY if row_thinks else THINK
    at_start = _before_first(pair.where, one.start) and _before_first(pair.other_where, one.other_start)
    if at_start and "system" in both.lower() and not _has_system(pair.messages):
        return SYSTEM
    if not one.start and not one.other_start and _special_only(pair, one):
        # The token that begins a text.
        return PROMPT_ONLY
    if _irregular(pair.messages):
        return ROW
    ends = one.stop == len(pair.first.text) and one.other_stop == len(pair.second.text)
    if ends and (left.startswith(right) or right.startswith(left)):
        if pair.shifted and (not both.strip() or _special_only(pair, one)):
            return SHIFTED
        if not both.strip() or _special_only(pair, one):
            return STOP
        return TRUNCATED if _says_something(pair, one) else OTHER
    if pair.first.repeated[one.start : one.stop].any() or pair.second.repeated[one.other_start : one.other_stop].any():
        return MEDIA
    trained = (
        pair.first.trained[one.start : one.stop].any() or pair.second.trained[one.other_start : one.other_stop].any()
    )
    if not trained:
        return PROMPT_ONLY if pair.where.found == pair.other_where.found else ROW
    if not both.strip() or _special_only(pair, one):
        return STOP
    return ROW if pair.where.found != pair.other_where.found else OTHER


def _irregular(messages: Messages) -> bool:
    """True where the turns of a row do not go from user to assistant: trainers add, glue or drop turns then."""
    roles = [one["role"] for one in messages if one["role"] != "system"]
    expected = ["user", "assistant"] * (len(roles) // 2)
    return roles != expected


def _says_something(pair: _Pair, one: Stretch) -> bool:
    """True where a text of the row is in the stretch, in either lane."""
    return bool(
        (pair.where.kind[one.start : one.stop] > 0).any()
        or (pair.other_where.kind[one.other_start : one.other_stop] > 0).any()
    )


def _inside_thinking(pair: _Pair, one: Stretch) -> bool:
    return bool(
        (pair.where.kind[one.start : one.stop] == 2).any()
        or (pair.other_where.kind[one.other_start : one.other_stop] == 2).any()
    )


def _before_first(where: Regions, place: int) -> bool:
    return not len(where.kind) or not (where.kind[:place] > 0).any()


def _has_system(messages: Messages) -> bool:
    return bool(messages) and messages[0]["role"] == "system"


def _special_only(pair: _Pair, one: Stretch) -> bool:
    """True where only added tokens and white space differ."""
    for lane, start, stop in ((pair.first, one.start, one.stop), (pair.second, one.other_start, one.other_stop)):
        for place in range(start, stop):
            if not lane.added[place] and not lane.text[place].isspace():
                return False
    return True


def _of_training(pair: _Pair, one: Stretch) -> str:
    text = pair.first.text[one.start : one.stop]
    number, kind = int(pair.where.message[one.start]), int(pair.where.kind[one.start])
    role = pair.messages[number]["role"] if number >= 0 else ""
    by_first = bool(pair.first.trained[one.start])
    lane, where = (pair.first, pair.where) if by_first else (pair.second, pair.other_where)
    if pair.first.repeated[one.start : one.stop].any():
        return MEDIA
    if kind == 2:
        return HISTORY
    if kind == 0:
        return _of_scaffold(pair, one, text, role, _trains_prompt(pair.messages, lane, where))
    if role != "assistant":
        return PROMPT_TRAINED if _trains_prompt(pair.messages, lane, where) else INJECTION
    return _of_answer(pair, number, by_first)


def _of_scaffold(pair: _Pair, one: Stretch, text: str, role: object, prompt_trained: bool) -> str:
    if any(mark in text for mark in _THINK_MARKS):
        # A block of the template's own, unless the row has thinking.
        return THINK
    if not text.strip() and _opens_answer(pair, one.stop):
        return MERGED
    if prompt_trained:
        return PROMPT_TRAINED
    if (role == "assistant" or not _imitated(pair.messages)) and (not text.strip() or _special_only(pair, one)):
        # After an empty answer the last text is the user's.
        return STOP
    if _imitated(pair.messages):
        return INJECTION
    return PROMPT_TRAINED


def _opens_answer(pair: _Pair, place: int) -> bool:
    """True where an assistant's text begins at a place of the first lane: what stands before it ends its header."""
    where = pair.where
    if place >= len(where.kind) or not where.kind[place]:
        return False
    return pair.messages[int(where.message[place])]["role"] == "assistant"


def _of_answer(pair: _Pair, number: int, by_first: bool) -> str:
    """The cause for an assistant's text that one lane does not train."""
    lane, where = (pair.second, pair.other_where) if by_first else (pair.first, pair.where)
    mine = (where.message == number) & (where.kind == 1)
    begins = "".join(texts_of(pair.messages[number]))
    begins = split_thinking(begins)[1] if split_thinking(begins)[0] else begins
    if not lane.trained[mine].any():
        if not begins[:1].isalnum():
            return MERGED
        if number + 1 < len(pair.messages) and pair.messages[number + 1]["role"] == "assistant":
            return ROW
        return INJECTION if _imitated(pair.messages) else PROMPT_ONLY
    if begins[:1].isspace() or not begins[:1].isalnum():
        return MERGED
    if begins[-1:].isspace():
        return STOP
    return INJECTION if _imitated(pair.messages) else OTHER


def _trains_prompt(messages: Messages, lane: Lane, where: Regions) -> bool:
    """True where a lane trains nearly all of what system and users say."""
    asked = [number for number, one in enumerate(messages) if one["role"] != "assistant"]
    total = trained = 0
    for number in asked:
        mine = (where.message == number) & (where.kind == 1)
        total += int(mine.sum())
        trained += int(lane.trained[mine].sum())
    return total > 0 and trained >= _MOSTLY * total


def _imitated(messages: Messages) -> bool:
    """True where a user's text has what looks like the mark of a turn."""
    marks = ("<|", "|>", "<start_of", "<end_of", "[/INST]", "</s>", "ASSISTANT:", "Assistant:", "<image>")
    users = (text for one in messages if one["role"] == "user" for text in texts_of(one))
    return any(mark in text for text in users for mark in marks)
