"""The rows of a data set that an audit reads, in blocks that depend on the rows' numbers alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BLOCK = 1000
"""Rows a block: large enough for the tokenizer's own batches, small enough to lose nothing that matters."""
_SEED = 20


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Rows [first, stop) of a data set, or of them those in `chosen`.

    Blocks begin at multiples of `BLOCK`, so that what is found in a row never depends on where an audit began.
    """

    first: int
    stop: int
    chosen: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return max(0, self.stop - self.first) if self.chosen is None else len(self.chosen)

    @property
    def begins(self) -> int:
        """The first row of the first block."""
        return self.first if not self.chosen else self.chosen[0]

    def blocks(self) -> list[Sequence[int]]:
        """The row numbers of each block, ascending."""
        if self.chosen is not None:
            return [self.chosen[at : at + BLOCK] for at in range(0, len(self.chosen), BLOCK)]
        edges = [self.first, *range((self.first // BLOCK + 1) * BLOCK, self.stop, BLOCK), self.stop]
        return [range(a, b) for a, b in pairwise(edges) if a < b]

    def described(self) -> str:
        """The plan in words that tell two plans apart."""
        return f"rows {self.first}:{self.stop}" + (f", {len(self.chosen)} of them" if self.chosen is not None else "")


def drawn(whole: int, sample: int) -> list[int]:
    """So many of the numbers below `whole`, drawn evenly and always the same, ascending."""
    return sorted(random.Random(_SEED).sample(range(whole), min(sample, whole)))
