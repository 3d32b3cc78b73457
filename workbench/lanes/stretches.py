"""Differences of two lanes of a row: stretches of text that one alone has, or that one alone trains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from workbench.lanes.lane import Lane, Regions

_UNITS = re.compile(r"<\|?[\w/]+\|?>|\w+|\s|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Stretch:
    """`start` to `stop` in the first lane's text, `other_start` to `other_stop` in the second's.

    `kind`: "text" where the texts differ, "trained" where the text is the same and one alone trains it.
    """

    kind: Literal["text", "trained"]
    start: int
    stop: int
    other_start: int
    other_stop: int


def stretches(first: Lane, second: Lane, regions: Regions) -> Iterator[Stretch]:
    """The stretches in their order; none goes over the border of two regions of the first lane."""
    for tag, a, b, c, d in blocks(first.text, second.text):
        if tag != "equal":
            yield Stretch("text", a, b, c, d)
            continue
        differs = first.trained[a:b] != second.trained[c:d]
        at = 0
        while at < b - a:
            end = at + 1
            if differs[at]:
                while end < b - a and differs[end] and _together(first, regions, a + end - 1, a + end):
                    end += 1
                yield Stretch("trained", a + at, a + end, c + at, c + end)
            at = end


def _together(lane: Lane, regions: Regions, one: int, next_one: int) -> bool:
    return bool(
        lane.trained[one] == lane.trained[next_one]
        and regions.message[one] == regions.message[next_one]
        and regions.kind[one] == regions.kind[next_one]
        and lane.repeated[one] == lane.repeated[next_one]
    )


def blocks(first: str, second: str) -> Iterator[tuple[str, int, int, int, int]]:
    """Equal and unequal blocks of two texts, cut between words."""
    if first == second:
        yield "equal", 0, len(first), 0, len(second)
        return
    left, right = _UNITS.findall(first), _UNITS.findall(second)
    starts, others = _starts(left), _starts(right)
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        yield tag, starts[a], starts[b], others[c], others[d]


def _starts(units: list[str]) -> list[int]:
    places = [0]
    for unit in units:
        places.append(places[-1] + len(unit))
    return places
