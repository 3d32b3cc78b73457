"""The rows of a data set that a check looks at: all of a small one, an even sample of a large one, or the first."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.bench import Bench

WHOLE = 2000
"""A data set of so many rows is checked whole; of a larger one so many rows are drawn."""
_SEED = 20
Wanted = int | Literal["all"] | None


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """The numbers of some rows, ascending; `length` is how many they are, None where their end is not known."""

    numbers: tuple[int, ...] | range | None
    drawn: bool = False

    @property
    def length(self) -> int | None:
        return len(self.numbers) if self.numbers is not None else None

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers) if self.numbers is not None else itertools.count()

    def spread(self, count: int) -> list[int]:
        """So many of them: the first, or where they were drawn some from everywhere."""
        if self.numbers is None:
            return list(range(count))
        if not self.drawn or len(self.numbers) <= count:
            return list(self.numbers[:count])
        return [self.numbers[place] for place in even_sample(len(self.numbers), count)]


def choose_rows(bench: Bench, wanted: Wanted = None) -> ChosenRows:
    """The first `wanted` rows of a bench, or all; with None up to `WHOLE` rows, drawn evenly where there are more.

    Counts the rows, where that is not known yet and can be told without reading them from afar.
    """
    if isinstance(wanted, int):
        known = bench.rows.known_length
        return ChosenRows(range(wanted if known is None else min(wanted, known)))
    try:
        length = len(bench.rows)
    except TypeError:
        return ChosenRows(None if wanted == "all" else range(WHOLE))
    if wanted == "all" or length <= WHOLE:
        return ChosenRows(range(length))
    return ChosenRows(tuple(even_sample(length, WHOLE)), drawn=True)


def even_sample(length: int, count: int) -> list[int]:
    """One number of each of `count` equal stretches of the numbers below `length`; always the same, ascending."""
    draw = random.Random(_SEED)
    edges = [length * place // count for place in range(count + 1)]
    return [draw.randrange(first, stop) for first, stop in itertools.pairwise(edges) if first < stop]


def is_past_the_end(bench: Bench, index: int, problem: InputError) -> bool:
    """True where a row could not be had because there are no more; raises the problem where it is another.

    Raises:
        InputError: the problem.
    """
    known = bench.rows.known_length
    if known is None or index >= known:
        return True
    raise problem
