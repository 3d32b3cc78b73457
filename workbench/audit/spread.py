"""A quantity spread over the rows: percentiles, and a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

PERCENTILES = (0, 5, 50, 95, 99, 100)
_BINS = 16


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity spread over the rows: `percentiles` by `PERCENTILES`, the sum, and a histogram.

    `counts[i]` rows lie in [`edges[i]`, `edges[i + 1]`), those at the last edge in the last bin.
    """

    percentiles: tuple[float, ...]
    total: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        named = {f"p{share}": value for share, value in zip(PERCENTILES, self.percentiles, strict=True)}
        return {"total": self.total, **named, "histogram": {"edges": list(self.edges), "counts": list(self.counts)}}


def spread_of(values: npt.NDArray[Any]) -> Spread | None:
    """The spread of some values; None where there is none. Bins of whole numbers begin at whole numbers."""
    if not len(values):
        return None
    bins: Any = _BINS
    if np.issubdtype(values.dtype, np.integer):
        low, high = int(values.min()), int(values.max())
        width = max(1, -(-(high - low + 1) // _BINS))
        bins = np.arange(low, low + width * min(_BINS, -(-(high - low + 1) // width)) + 1, width)
    counts, edges = np.histogram(values, bins=bins)
    points = tuple(float(value) for value in np.percentile(values, PERCENTILES))
    return Spread(points, float(values.sum()), tuple(map(float, edges)), tuple(map(int, counts)))
