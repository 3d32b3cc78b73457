"""A row as one trainer has it: its text, and for each character whether it is trained.

Trainers render the same row into different ids, and one picture into different numbers of pads; so a lane is text. A
run of one added token, which is a picture or padding, is a single one in it.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """`trained`, `added` and `repeated` are flags by character: its token is trained, is an added one, stands for a
    run of them. `tokens` and `trained_tokens` count all of a run."""

    text: str
    trained: Flags
    added: Flags
    repeated: Flags
    ids: tuple[int, ...]
    trained_tokens: int

    @property
    def tokens(self) -> int:
        """The number of ids."""
        return len(self.ids)

    def same_mask(self, other: Lane) -> bool:
        """True where both have the same text and train the same characters of it."""
        return self.text == other.text and bool(np.array_equal(self.trained, other.trained))


def lane_of(ids: Sequence[int], labels: Sequence[int], pieces: Mapping[int, str], added: Collection[int]) -> Lane:
    """The lane of ids and labels. `pieces`: id -> its bytes as latin-1; `added`: the ids of added tokens."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    texts: list[str] = []
    flags: list[tuple[bool, bool, bool]] = []
    last = -1
    for one, label in zip(ids, labels, strict=True):
        trained, is_added = label != -100, one in added
        if is_added and one == last:
            # One mark for the run, which is trained where any of it is.
            start = len(flags) - len(texts[-1])
            flags[start:] = [(trained or before, True, True) for before, _, _ in flags[start:]]
            continue
        # A character belongs to the token that completes it.
        text = decoder.decode(pieces[one].encode("latin-1"))
        texts.append(text)
        flags += [(trained, is_added, False)] * len(text)
        last = one
    rest = decoder.decode(b"", final=True)
    flags += [(False, False, False)] * len(rest)
    columns = np.array(flags, dtype=np.bool_).reshape(-1, 3).T
    count = sum(label != -100 for label in labels)
    return Lane("".join(texts) + rest, columns[0], columns[1], columns[2], tuple(ids), count)


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """The message of each character of a lane's text.

    `message`: the number of the message whose text it is, or that came last before it; -1 before the first. `kind`:
    0 what the template writes, 1 a message's text, 2 its thinking. `found`: the numbers of messages whose text is
    there whole.
    """

    message: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    found: frozenset[int]


CLOSERS = ("</think>", "<channel|>")


def regions(text: str, messages: Sequence[Mapping[str, object]]) -> Regions:
    """The regions of a lane's text, by looking for each message's text after the one before."""
    message = np.full(len(text), -1, dtype=np.int64)
    kind = np.zeros(len(text), dtype=np.int64)
    found: set[int] = set()
    at = 0
    for number, one in enumerate(messages):
        whole = True
        begun = False
        for part in texts_of(one):
            thought, answer = split_thinking(part)
            for value, what in ((thought, 2), (answer, 1)):
                wanted = value.strip()
                if not wanted:
                    continue
                place = text.find(wanted, at)
                if place < 0:
                    whole = False
                    continue
                stop = _to_the_end(text, value, wanted, place)
                start = place if begun else _to_the_start(text, value, wanted, place, at)
                message[start:] = number
                kind[start:stop] = what
                at, begun = stop, True
        if whole:
            found.add(number)
    return Regions(message, kind, frozenset(found))


def texts_of(message: Mapping[str, object]) -> list[str]:
    """The texts of a message's parts."""
    content = message["content"]
    if isinstance(content, str):
        return [content]
    assert isinstance(content, list)
    return [str(part["text"]) for part in content if part.get("type") == "text"]


def split_thinking(text: str) -> tuple[str, str]:
    """The thinking at the beginning of a text, and the rest."""
    for closer in CLOSERS:
        before, mark, after = text.partition(closer)
        if mark:
            return before + mark, after
    return "", text


def _to_the_start(text: str, value: str, wanted: str, place: int, least: int) -> int:
    """The beginning of a text with the white space before it, as far as that is there."""
    lead = value[: len(value) - len(value.lstrip())]
    while lead and place > least and text[place - 1] == lead[-1]:
        place, lead = place - 1, lead[:-1]
    return place


def _to_the_end(text: str, value: str, wanted: str, place: int) -> int:
    tail = value[len(value.rstrip()) :]
    stop = place + len(wanted)
    while tail and stop < len(text) and text[stop] == tail[0]:
        stop, tail = stop + 1, tail[1:]
    return stop
