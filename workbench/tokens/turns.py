"""The mask of axolotl's text path: each turn found in the rendering, and trained by role, flags and end tokens.

`find` and `mask` give the labels of `ChatTemplateStrategy` to the bit (prompt_strategies/chat_template.py, the same in
axolotl 0.19 to 0.21). No marker is known here: a turn is what differs when the conversation is rendered again with
other words in its place. Turns are found once for a row; the mask is pure numpy over them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.data.turns import TRAINING, TRAINING_DETAIL, TRAINING_REASONING
from workbench.tokens.mask import IGNORE, Mask, Reason, Spans

IntArray = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Turn = dict[str, Any]
Fate = Literal["kept", "cut", "dropped", "refused"]

DUMMIES = ("[[dummy_message]]", "zzdummymessagezz")
"""axolotl's own: with two that share neither their first nor their last character, no edge stays hidden in both."""
NEAR = 3
"""An end token counts as a turn's where it stands at most so many tokens from where the turn's text ends."""


@dataclass(frozen=True)
class TextMasking:
    """Everything that decides the labels on the text path, but for what the row itself says.

    `roles` are those to train, under the names that the recipe's `roles` gives them. `eot_ids` and `eos_id` are the
    tokens whose training `train_on_eot` and `train_on_eos` decide. `limit`: a row with more tokens is cut, dropped or
    refused, as `excess` says; one with fewer than `least` is dropped, and with `packing` one without a trained token.
    """

    roles: tuple[str, ...] = ("assistant",)
    train_on_eos: str = "turn"
    train_on_eot: str = "turn"
    train_on_inputs: bool = False
    eos_id: int | None = None
    eot_ids: tuple[int, ...] = ()
    limit: int | None = None
    excess: str = "drop"
    least: int = 2
    packing: bool = False


@dataclass(frozen=True)
class Found:
    """The turns of one row in its tokens, as columns of one entry a turn.

    [start, stop) are the turn's tokens, -1 and -1 where it was not found; `role` and `flag` (1 asked for, 0 asked not
    to be, -1 says nothing) decide whether it is trained. `details[i]`, where there is one, are the tokens of the turn
    that its parts' flags train. `why[i]` says why a turn was not found, and `raised[i]` what axolotl raises at it.
    """

    start: IntArray
    stop: IntArray
    role: tuple[str, ...]
    flag: npt.NDArray[np.int8]
    details: tuple[IntArray | None, ...]
    why: tuple[str, ...]
    raised: tuple[str, ...]
    by_tokens: bool = False

    def wanted(self, masking: TextMasking) -> Bools:
        """Per turn: it is to be trained."""
        by_role = np.array([masking.train_on_inputs or role in masking.roles for role in self.role], dtype=bool)
        wanted: Bools = np.where(self.flag >= 0, self.flag > 0, by_role)
        return wanted

    def looked_for(self, masking: TextMasking) -> Bools:
        """Per turn: axolotl looks for it, so that what goes wrong there matters."""
        everywhere = "all" in (masking.train_on_eos, masking.train_on_eot)
        return self.wanted(masking) | everywhere


class TurnFinder:
    """Finds the turns of one conversation.

    `render` gives a conversation's text, `encode` its ids, and `offsets` the characters `[L, 2]` under each token of
    the rendering; None where the tokenizer gives none, and then turns are found by comparing tokens.
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        text: str,
        offsets: npt.NDArray[np.int32] | None,
        *,
        render: Callable[[Sequence[Turn]], str],
        encode: Callable[[Sequence[Turn], int], Sequence[int]],
        pieces: Callable[[str], Sequence[int]],
        thinking: str = "reasoning_content",
        skip_system: bool = False,
    ) -> None:
        """`encode` also gets the index of the last turn; `pieces` gives where each token of a text alone begins.
        `skip_system`: a first system turn is not looked for, as axolotl does for models with "mistral" in their name.
        """
        self._turns, self._text, self._render, self._encode = list(turns), text, render, encode
        self._pieces, self._thinking, self._skip_system = pieces, thinking, skip_system
        self._places = None if offsets is None or not text else (offsets[:, 0].tolist(), offsets[:, 1].tolist())

    def find(self, count: int) -> Found:
        """Every turn, in a row of `count` tokens."""
        made = [self._one(index, count) for index in range(len(self._turns))]
        start, stop, flag, details, why, raised = zip(*made, strict=True) if made else ((),) * 6
        return Found(
            np.array(start, dtype=np.int64),
            np.array(stop, dtype=np.int64),
            tuple(str(turn.get("role")) for turn in self._turns),
            np.array(flag, dtype=np.int8),
            tuple(details),
            tuple(why),
            tuple(raised),
            by_tokens=self._places is None,
        )

    def _one(self, index: int, count: int) -> tuple[int, int, int, IntArray | None, str, str]:
        turn = self._turns[index]
        detail, reasoning = turn.get(TRAINING_DETAIL), turn.get(TRAINING_REASONING)
        flag = -1
        if turn.get(TRAINING) is not None:
            flag = int(bool(turn[TRAINING]))
        elif detail is not None or reasoning is not None:
            flag = int(bool(detail) or bool(reasoning))
        thinks = turn.get(self._thinking) is not None
        try:
            start, stop, why = self._span(index, "content" if (detail or reasoning) and thinks else "turn")
            chosen: list[IntArray] = []
            if detail and flag:
                if start >= 0:
                    chosen.append(start + self._trained(turn.get("content"), detail))
                else:
                    chosen.append(np.zeros(0, dtype=np.int64))
            elif reasoning and flag:
                chosen.append(np.zeros(0, dtype=np.int64))
            if reasoning and flag and thinks:
                first, last, _ = self._span(index, "thinking")
                if first >= 0 and last >= 0:
                    chosen.append(first + self._trained(turn.get(self._thinking), reasoning))
        except Exception as problem:
            return -1, -1, flag, None, "", f"{type(problem).__name__}: {problem}"
        if not chosen:
            return start, stop, flag, None, why, ""
        tokens = np.unique(np.concatenate(chosen))
        return start, stop, flag, tokens[tokens < count], why, ""

    def _trained(self, text: Any, details: Sequence[Mapping[str, Any]]) -> IntArray:
        """The tokens of a text alone that its details train, counted from its first."""
        if not isinstance(text, str):
            raise ValueError("details are not supported where the text is none")
        return trained_pieces(self._pieces(text), len(text), details)

    def _span(self, index: int, what: str) -> tuple[int, int, str]:
        """The tokens of a turn, or of its content or thinking alone; (-1, -1, why) where they are not found."""
        turn = self._turns[index]
        if index == 0 and self._skip_system and turn.get("role") == "system":
            return -1, -1, "axolotl looks for no first system turn where the tokenizer's path names mistral"
        found = self._by_text(index, what) if self._places is not None else None
        if found is None:
            found = self._by_tokens(index, what)
        if found is None:
            return -1, -1, "rendered with other words in its place, the conversation is the same, or empty"
        start, stop = found
        if start < 0 or stop < 0:
            return -1, -1, "its text does not reach the rendering"
        if stop <= start:
            return -1, -1, "it is empty" if stop == start else "its end stands before its beginning"
        return start, stop, ""

    def _dummy(self, turn: Turn, what: str, words: str) -> dict[str, Any]:
        if what == "thinking":
            dummy = {"role": turn.get("role"), "content": turn.get("content", "")}
            return dummy | ({self._thinking: words} if self._thinking in turn else {})
        dummy = {"role": turn.get("role"), "content": words}
        return dummy | ({self._thinking: turn[self._thinking]} if what == "content" and self._thinking in turn else {})

    def _by_text(self, index: int, what: str) -> tuple[int, int] | None:
        """By the characters that differ; None where that says nothing."""
        assert self._places is not None
        starts, ends = self._places
        before, after = self._turns[:index], self._turns[index + 1 :]
        spans = []
        for words in DUMMIES:
            other = self._render([*before, self._dummy(self._turns[index], what, words), *after])
            if not other:
                return None
            spans.append(differing(self._text, other))
        first, last = min(start for start, _ in spans), max(stop for _, stop in spans)
        if last <= first:
            return -1, -1
        start, stop = bisect_right(ends, first), bisect_left(starts, last)
        return None if start >= len(ends) else (start, stop)

    def _by_tokens(self, index: int, what: str) -> tuple[int, int] | None:
        """By the ids that differ, in the conversation up to the turn."""
        last = len(self._turns) - 1
        before, dummy = self._turns[:index], self._dummy(self._turns[index], what, DUMMIES[0])
        other = np.asarray(self._encode([*before, dummy], last), dtype=np.int64)
        whole = np.asarray(self._encode(self._turns[: index + 1], last), dtype=np.int64)
        size = min(len(other), len(whole))
        ahead = np.flatnonzero(other[:size] != whole[:size])
        behind = np.flatnonzero(other[::-1][:size] != whole[::-1][:size])
        return (int(ahead[0]), len(whole) - int(behind[0])) if len(ahead) and len(behind) else None


def differing(text: str, other: str) -> tuple[int, int]:
    """The characters [start, stop) of a text that another one has not: what is left between the common ends."""
    limit = min(len(text), len(other))
    start = _shared(limit, lambda size: text[:size] == other[:size])
    return start, len(text) - _shared(limit - start, lambda size: text[-size:] == other[-size:])


def _shared(limit: int, same: Callable[[int], bool]) -> int:
    """The largest size up to `limit` at which two texts are the `same`, found by halving: texts are compared in C."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if same(middle) else (low, middle - 1)
    return low


def trained_pieces(starts: Sequence[int], length: int, details: Sequence[Mapping[str, Any]]) -> IntArray:
    """The tokens of a text of `length` characters that details train, given where each token begins in it.

    A detail takes in the tokens that reach over its edges by more than the one character that they share with it.

    Raises:
        IndexError: the text has no token, as in axolotl. KeyError: a detail lacks one of its three keys.
    """
    begin = np.asarray(starts, dtype=np.int64)
    if not len(begin):
        raise IndexError("list index out of range")
    end = np.append(begin[1:], length) - 1
    keep = np.zeros(len(begin), dtype=bool)
    for detail in details:
        first_char, last_char, train = detail["begin_offset"], detail["end_offset"], detail["train"]
        at = np.flatnonzero(begin >= first_char)
        first = int(at[0]) if len(at) else len(begin)
        if first > 0 and end[first - 1] > first_char:
            first -= 1
        at = np.flatnonzero(end <= last_char)
        last = int(at[-1]) if len(at) else -1
        if last < len(begin) - 1 and begin[last + 1] < last_char:
            last += 1
        if first <= last and first < len(begin) and train:
            keep |= (begin >= begin[first]) & (end <= end[last])
    return np.flatnonzero(keep)


class RowMask(NamedTuple):
    """The mask of a row, and what axolotl does with the row: `fate`, and `why` where it is not kept whole."""

    mask: Mask
    fate: Fate
    why: str


def mask(ids: IntArray, found: Found, masking: TextMasking) -> RowMask:
    """The mask of one row `[L]`. Its spans are the turns that were found; each one's `end` is its end token, if any.

    A row that axolotl drops or refuses has no trained token.
    """
    count, wanted = len(ids), found.wanted(masking)
    keep, reason = np.zeros(count, dtype=bool), np.zeros(count, dtype=np.uint8)
    span = np.full(count, -1, dtype=np.int32)
    there = np.flatnonzero(found.start >= 0)
    for place, index in enumerate(there.tolist()):
        tokens = slice(int(found.start[index]), int(found.stop[index]))
        span[tokens] = place
        flagged = found.flag[index] >= 0
        if wanted[index] and found.details[index] is None:
            by_role = Reason.ALL_INPUTS if masking.train_on_inputs else Reason.CONTENT
            keep[tokens], reason[tokens] = True, Reason.PART if flagged else by_role
        else:
            left_out = Reason.PART_NOT_TRAINED if flagged else Reason.ROLE_NOT_TRAINED
            reason[tokens] = np.where(keep[tokens], reason[tokens], left_out)
    for index in np.flatnonzero(wanted).tolist():
        # Past the turn's end too: axolotl counts the tokens of the text alone, from the turn's first.
        details = found.details[index]
        if details is not None:
            keep[details], reason[details] = True, Reason.PART
    ends = _train_ends(ids, found, masking, keep, reason)
    stopped = refused(found, masking)
    fate, why = fate_of(keep, masking)
    if stopped:
        fate, why = "refused", stopped
    if fate == "cut":
        keep[masking.limit :], reason[masking.limit :] = False, Reason.CUT
    elif fate != "kept":
        keep[:], reason[:] = False, Reason.DROPPED
    end = ends[there]
    closed = end >= 0
    span[end[closed]] = np.flatnonzero(closed)
    spans = Spans(
        np.zeros(len(there), dtype=np.int64),
        np.arange(len(there), dtype=np.int64),
        found.start[there],
        found.start[there],
        np.where(closed, end, found.stop[there]),
        np.where(closed, end + 1, found.stop[there]),
        closed,
        wanted[there],
        tuple(found.role[index] for index in there),
    )
    return RowMask(Mask(np.where(keep, ids, IGNORE), keep, reason, span, spans), fate, why)


def _train_ends(
    ids: IntArray, found: Found, masking: TextMasking, keep: Bools, reason: npt.NDArray[np.uint8]
) -> IntArray:
    """Train end tokens, in `keep` and `reason`; gives the end token of each turn, -1 where none is near its text."""
    wanted, looked = found.wanted(masking), np.flatnonzero(found.looked_for(masking))
    ends = np.full(len(found.role), -1, dtype=np.int64)
    kinds = (
        (np.flatnonzero(np.isin(ids, masking.eot_ids)), masking.train_on_eot),
        (np.flatnonzero(ids == masking.eos_id) if masking.eos_id is not None else ids[:0], masking.train_on_eos),
    )
    for at, option in kinds:
        first = _first_after(at, found.stop[looked], len(ids))
        near = (first >= 0) & (np.abs(first - found.stop[looked]) <= NEAR)
        turns, token = looked[near], first[near]
        ends[turns] = np.where(ends[turns] < 0, token, np.minimum(ends[turns], token))
        chosen = token if option == "all" else token[wanted[turns]] if option == "turn" else token[:0]
        if option == "last":
            chosen = token[-1:]
        new = token[~keep[token]]
        reason[new] = Reason.END_NOT_TRAINED
        keep[chosen] = True
        reason[chosen] = np.where(reason[chosen] == Reason.END_NOT_TRAINED, Reason.END, reason[chosen])
    return ends


def _first_after(at: IntArray, stop: IntArray, count: int) -> IntArray:
    """Per turn that ends at `stop`, the first of the tokens `at` from there on; -1 where there is none.

    A turn that was not found ends at -1, and axolotl then begins with the row's last token: where that is one, it is
    place -1, which is none.
    """
    first = np.append(at, -1)[np.searchsorted(at, stop)]
    last_is_one = bool(len(at)) and int(at[-1]) == count - 1
    return np.where((stop < 0) & last_is_one, -1, first)


def refused(found: Found, masking: TextMasking) -> str:
    """The exception that axolotl raises while it looks for the turns of a row, which stops the run; "" for none."""
    for index in np.flatnonzero(found.looked_for(masking)).tolist():
        if found.raised[index]:
            return found.raised[index]
    return ""


def fate_of(keep: Bools, masking: TextMasking) -> tuple[Fate, str]:
    """(fate, reason) of a row with these trained tokens `[L]`: kept, cut, dropped, or refused, which stops axolotl."""
    count, limit = len(keep), masking.limit
    long = limit is not None and count > limit
    told = f"{count:,} tokens, sequence_len is {limit:,}" if long else ""
    if long and masking.excess != "truncate":
        return ("refused" if masking.excess == "raise" else "dropped"), told
    if count < masking.least:
        return "dropped", f"{count:,} tokens, min_sample_len is {masking.least:,}"
    if masking.packing and not keep[:limit].any():
        return "dropped", "no token of it is trained, and sample_packing drops such rows"
    return ("cut" if long else "kept"), told
