"""The rows that an audit reads, in blocks that depend on the rows' numbers alone."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

BLOCK = 1000
"""Rows a block: large enough for the tokenizer's own batches, small enough to lose nothing that matters."""
_SEED = 20


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Rows [first, stop) of a data set, or an even sample of them.

    Blocks begin at multiples of `BLOCK`, so that what is found in a row never depends on where an audit began.
    """

    first: int
    stop: int
    sample: int | None = None

    def __len__(self) -> int:
        whole = max(0, self.stop - self.first)
        return whole if self.sample is None else min(self.sample, whole)

    def blocks(self) -> list[tuple[int, ...] | range]:
        """The row numbers of each block, ascending."""
        if self.sample is not None and self.sample < self.stop - self.first:
            chosen = sorted(random.Random(_SEED).sample(range(self.first, self.stop), self.sample))
            return [tuple(chosen[at : at + BLOCK]) for at in range(0, len(chosen), BLOCK)]
        edges = [self.first, *range((self.first // BLOCK + 1) * BLOCK, self.stop, BLOCK), self.stop]
        return [range(a, b) for a, b in pairwise(edges) if a < b]

    def described(self) -> str:
        """The plan in words that tell two plans apart."""
        return f"rows {self.first}:{self.stop}" + (f", a sample of {self.sample}" if self.sample is not None else "")
