"""Rows and pictures that stand more than once, and those of the evaluation that are trained too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audit.sources import RowPlace

SHOWN = 10
Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
"""`[N, 2]`: data set and row, as in `RowPlace`."""
Group = tuple[RowPlace, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Things that stand more than once. `count` of them repeat an earlier one; `groups` are the first `SHOWN` of rows
    that hold the same, each by its first `SHOWN` rows."""

    count: int = 0
    groups: tuple[Group, ...] = ()

    def to_dict(self, name: str) -> dict[str, Any]:
        return {name: self.count, "first": [[place.to_dict() for place in group] for group in self.groups]}


@dataclass(frozen=True, slots=True)
class Overlap:
    """The evaluation beside the training: of its `rows`, `shared` stand in the training too, and `pictures` have a
    picture of it. `first` are the first shared rows, each with one that is trained; `first_pictures` likewise."""

    rows: int = 0
    shared: int = 0
    pictures: int = 0
    first: tuple[tuple[RowPlace, RowPlace], ...] = ()
    first_pictures: tuple[tuple[RowPlace, RowPlace], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        def pairs(found: tuple[tuple[RowPlace, RowPlace], ...]) -> list[dict[str, Any]]:
            return [{"evaluated": one.to_dict(), "trained": other.to_dict()} for one, other in found]

        return {
            "rows": self.rows,
            "shared": self.shared,
            "pictures_shared": self.pictures,
            "first": pairs(self.first),
            "first_pictures": pairs(self.first_pictures),
        }


def repeats_of(numbers: Numbers, places: Places, confirm: Callable[[int, RowPlace], Any] | None = None) -> Repeats:
    """The things with one number, by the rows that they stand in. The number 0 is none.

    Rows with the same thing twice are no group of their own. `confirm` gives all of what has that number in a row:
    groups whose rows differ in it are not shown.
    """
    known = numbers != 0
    numbers, places = numbers[known], places[known]
    if not len(numbers):
        return Repeats()
    order = np.lexsort((places[:, 1], places[:, 0], numbers))
    numbers, places = numbers[order], places[order]
    new = np.ones(len(numbers), dtype=bool)
    new[1:] = (numbers[1:] != numbers[:-1]) | np.any(places[1:] != places[:-1], axis=1)
    numbers, places = numbers[new], places[new]
    same = numbers[1:] == numbers[:-1]
    starts = np.flatnonzero(same & ~np.append(False, same[:-1]))
    ends = np.flatnonzero(same & ~np.append(same[1:], False)) + 2
    # In the order of the rows that come first.
    one, two = places[starts], places[starts + 1]
    first = np.lexsort((two[:, 1], two[:, 0], one[:, 1], one[:, 0]))
    groups: list[Group] = []
    for at in first:
        group = tuple(RowPlace(*map(int, place)) for place in places[starts[at] : min(ends[at], starts[at] + SHOWN)])
        if confirm is None or len({confirm(int(numbers[starts[at]]), place) for place in group}) == 1:
            groups.append(group)
        if len(groups) == SHOWN:
            break
    return Repeats(int(np.count_nonzero(same)), tuple(groups))


def overlap_of(
    trained: tuple[Numbers, Places, Numbers, Places], evaluated: tuple[Numbers, Places, Numbers, Places]
) -> Overlap:
    """The overlap of two sets of rows, each given as the rows' numbers and places, and the pictures' likewise."""
    shared, first = _shared(trained[0], trained[1], evaluated[0], evaluated[1])
    pictures, first_pictures = _shared(trained[2], trained[3], evaluated[2], evaluated[3])
    return Overlap(len(evaluated[0]), shared, pictures, first, first_pictures)


def _shared(
    known: Numbers, places: Places, numbers: Numbers, asked: Places
) -> tuple[int, tuple[tuple[RowPlace, RowPlace], ...]]:
    """The number of rows of `asked` that have a known number, and the first of them with a row that has it."""
    there = (numbers != 0) & np.isin(numbers, known)
    rows, first = np.unique(asked[there], axis=0, return_index=True)
    # Entries of test_datasets are numbered downwards.
    order = np.lexsort((rows[:, 1], -rows[:, 0])) if len(rows) else np.zeros(0, dtype=np.int64)
    pairs = []
    for at in order[:SHOWN]:
        number = numbers[there][first[at]]
        twin = places[int(np.flatnonzero(known == number)[0])]
        pairs.append((RowPlace(*map(int, rows[at])), RowPlace(*map(int, twin))))
    return len(rows), tuple(pairs)
