"""Trained tokens by the role of the turn that they are in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.tokens.mask import Mask

OUTSIDE = ""
"""Stands for the role of trained tokens outside of every turn."""
Counts = dict[str, int]


def trained_by_role(mask: Mask, edges: npt.NDArray[np.int64] | None = None) -> list[Counts]:
    """For each row of a mask `[N]` with these `edges`, how many trained tokens the turns of each role have.

    Without edges the mask is one row.
    """
    edges = np.array([0, len(mask.keep)], dtype=np.int64) if edges is None else edges
    names = list(dict.fromkeys((*mask.spans.roles, OUTSIDE)))
    known = {name: place for place, name in enumerate(names)}
    role_of = np.array([known[name] for name in mask.spans.roles] or [0], dtype=np.int64)
    kept = np.flatnonzero(mask.keep)
    span = mask.span[kept]
    if len(mask.spans):
        role = np.where(span >= 0, role_of[mask.spans.boundary[np.maximum(span, 0)]], known[OUTSIDE])
    else:
        role = np.full(len(kept), known[OUTSIDE], dtype=np.int64)
    row = np.searchsorted(edges, kept, side="right") - 1
    rows = len(edges) - 1
    table = np.bincount(row * len(names) + role, minlength=rows * len(names)).reshape(rows, len(names))
    return [{names[at]: int(counts[at]) for at in np.flatnonzero(counts)} for counts in table]
