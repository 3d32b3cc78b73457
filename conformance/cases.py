"""Small cases for the scanner, made from hypothesis's bytes: few ids, so that every marker meets every other.

A case is decoded from a fixed number of bytes, each of which is one bounded choice. Bytes that are all zero give the
smallest case, so hypothesis shrinks towards it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.tokens.boundaries import RoleBoundary

SIZE = 192
ROLES = ("assistant", "user", "system")
TRAIN_ON_EOS = ("turn", "all", "none", "last")
BRANCHES = (
    "tie",
    "nested",
    "match inside a span",
    "start across rows",
    "end across rows",
    "shared end and start",
    "rewind",
    "unterminated",
    "empty end",
    "end of several tokens",
    "end overlaps start",
    "span without content",
    "include_start",
    "turn",
    "all",
    "none",
    "last",
    "last is not the last span",
    "role not trained",
    "nothing matches",
    "pad",
    "media",
    "train_on_inputs",
    "no boundaries",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the scanners: ids `[B, L]`, boundaries and settings. `extras` adds what comes after the scan."""

    ids: np.ndarray
    boundaries: tuple[RoleBoundary, ...]
    roles: tuple[str, ...]
    train_on_eos: str
    extras: bool
    train_on_inputs: bool
    pad_id: int | None
    media_id: int | None

    def describe(self) -> str:
        """The case as a person wants to read it when it fails."""
        rows = [f"  {b.role}: {b.start} … {b.end} start={b.include_start} end={b.include_end}" for b in self.boundaries]
        settings = f"roles={self.roles} train_on_eos={self.train_on_eos} inputs={self.train_on_inputs}"
        after = f"pad={self.pad_id} media={self.media_id}"
        return "\n".join([f"ids={self.ids.tolist()}", *rows, settings, after])


class _Choices:
    """Reads bounded choices off a string of bytes; past its end everything is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, count: int) -> int:
        value = self._data[self._at] if self._at < len(self._data) else 0
        self._at += 1
        return value % count

    def tokens(self, alphabet: int, longest: int) -> tuple[int, ...]:
        return tuple(self.below(alphabet) for _ in range(1 + self.below(longest)))


def _start(choose: _Choices, alphabet: int, made: Sequence[RoleBoundary]) -> tuple[int, ...]:
    kind = choose.below(7) if made else 0
    if kind < 3:
        return choose.tokens(alphabet, 3)
    other = made[choose.below(len(made))]
    if kind == 3:
        return other.start
    if kind == 4:
        return (*other.start, choose.below(alphabet))
    return other.end or other.start[:1]


def _end(choose: _Choices, alphabet: int, start: tuple[int, ...], made: Sequence[RoleBoundary]) -> tuple[int, ...]:
    kind = choose.below(10)
    if kind == 0:
        return ()
    if kind == 1:
        return start[-1:]
    if kind == 2:
        return (*start[-1:], choose.below(alphabet))
    if kind in (3, 4) and made:
        return made[choose.below(len(made))].start
    if kind == 5 and made:
        return made[choose.below(len(made))].end
    return choose.tokens(alphabet, 3 if kind > 7 else 1)


def _row(choose: _Choices, alphabet: int, length: int, boundaries: Sequence[RoleBoundary]) -> list[int]:
    row: list[int] = []
    while len(row) < length:
        kind = choose.below(6)
        if kind > 2 and boundaries:
            boundary = boundaries[choose.below(len(boundaries))]
            row.extend(boundary.start if kind < 5 else boundary.end or boundary.start)
        else:
            row.append(choose.below(alphabet))
    return row[:length]


def decode(data: bytes) -> Case:
    """The case that a string of bytes stands for."""
    choose = _Choices(data)
    alphabet = 2 + choose.below(5)
    made: list[RoleBoundary] = []
    for _ in range(0 if choose.below(40) == 1 else 1 + choose.below(4)):
        role = ROLES[choose.below(len(ROLES))]
        start = _start(choose, alphabet, made)
        end = _end(choose, alphabet, start, made)
        made.append(RoleBoundary(role, start, end, choose.below(3) == 1, choose.below(3) > 0))
    roles = tuple(role for role in ROLES if choose.below(3))
    train_on_eos = TRAIN_ON_EOS[choose.below(4)]
    extras = choose.below(2) == 1
    train_on_inputs = extras and choose.below(8) == 1
    pad = choose.below(2 * alphabet)
    media = choose.below(2 * alphabet)
    height, length = 1 + choose.below(3), choose.below(29)
    ids = np.array([_row(choose, alphabet, length, made) for _ in range(height)], dtype=np.int64)
    return Case(
        ids.reshape(height, length),
        tuple(made),
        roles,
        train_on_eos,
        extras or not made,
        train_on_inputs,
        pad if extras and pad < alphabet else None,
        media if extras and media < alphabet else None,
    )


def _fits(marker: tuple[int, ...], ids: list[int], place: int) -> bool:
    return tuple(ids[place : place + len(marker)]) == marker


# As long as axolotl's own scanner, whose branches it counts one by one.
def walk(case: Case) -> tuple[np.ndarray, Counter[str]]:  # noqa: PLR0915
    """A third scanner, written to be read: keep `[B, L]` before pad and media, and how often each branch was taken."""
    hit: Counter[str] = Counter()
    keep = np.zeros(case.ids.shape, dtype=bool)
    for row, ids in enumerate(case.ids.tolist()):
        at, final, spans = 0, None, 0
        later = False
        while at < len(ids):
            fits = [b for b in case.boundaries if _fits(b.start, ids, at)]
            if not fits:
                at += 1
                continue
            spans += 1
            longest = max(len(b.start) for b in fits)
            best = [b for b in fits if len(b.start) == longest]
            hit["nested"] += len(fits) > len(best)
            hit["tie"] += len({(b.role, b.end, b.include_start, b.include_end) for b in best}) > 1
            boundary = best[0]
            content = at + longest
            stop, end = len(ids), len(ids)
            found = False
            if not boundary.end:
                hit["empty end"] += 1
            else:
                for place in range(content, len(ids) - len(boundary.end) + 1):
                    if _fits(boundary.end, ids, place):
                        found, end, stop = True, place, place + len(boundary.end)
                        break
                hit["unterminated"] += not found
                hit["end overlaps start"] += any(_fits(boundary.end, ids, place) for place in range(at, content))
            hit["end of several tokens"] += found and len(boundary.end) > 1
            hit["shared end and start"] += found and any(b.start == boundary.end for b in case.boundaries)
            hit["span without content"] += content == end
            trained = boundary.role in case.roles
            if trained:
                later = True
                keep[row, content:end] = True
                if boundary.include_start:
                    hit["include_start"] += 1
                    keep[row, at:content] = True
            else:
                hit["role not trained"] += 1
            if found and boundary.include_end:
                if case.train_on_eos == "all" or (trained and case.train_on_eos == "turn"):
                    hit[case.train_on_eos] += 1
                    keep[row, end:stop] = True
                hit["none"] += trained and case.train_on_eos == "none"
                if trained and case.train_on_eos == "last":
                    final, later = (end, stop), False
            hit["rewind"] += found and not boundary.include_end
            resume = stop if not found or boundary.include_end else end
            inside = range(at + 1, resume)
            hit["match inside a span"] += any(_fits(b.start, ids, place) for place in inside for b in case.boundaries)
            at = resume
        if final is not None:
            hit["last"] += 1
            hit["last is not the last span"] += later
            keep[row, slice(*final)] = True
        hit["nothing matches"] += not spans
    flat, length = case.ids.reshape(-1).tolist(), case.ids.shape[1]
    for branch, markers in (
        ("start across rows", [boundary.start for boundary in case.boundaries]),
        ("end across rows", [boundary.end for boundary in case.boundaries]),
    ):
        hit[branch] += any(
            place // length != (place + len(marker) - 1) // length and _fits(marker, flat, place)
            for marker in markers
            if len(marker) > 1
            for edge in range(length, len(flat), max(length, 1))
            for place in range(max(0, edge - len(marker) + 1), edge)
        )
    if case.extras:
        everything = case.train_on_inputs or not case.boundaries
        kept = np.ones_like(keep) if everything else keep
        hit["train_on_inputs"] += case.train_on_inputs and case.ids.size > 0
        hit["no boundaries"] += not case.boundaries and case.ids.size > 0
        hit["pad"] += case.pad_id is not None and bool((kept & (case.ids == case.pad_id)).any())
        hit["media"] += case.media_id is not None and bool((kept & (case.ids == case.media_id)).any())
    return keep, hit
