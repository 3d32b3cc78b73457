"""Facts of a row beyond mask and trace."""

from __future__ import annotations

import numpy as np

from tests.screens.small_bench import ROWS, SmallBench
from workbench.bench import Losses


def test_losses_are_shown_only_for_the_ids_they_were_measured_on() -> None:
    bench = SmallBench(ROWS).load()
    row = bench.row(0)
    ids = row.rendering.input_ids
    assert row.nll is None
    nll = np.full(len(ids), np.nan, dtype=np.float32)
    nll[3] = 0.5
    bench.losses[0] = Losses(nll, ids.copy())
    assert row.nll is nll
    other = ids.copy()
    other[-1] += 1
    bench.losses[0] = Losses(nll, other)
    assert row.nll is None
    bench.losses[0] = Losses(nll[:-1], ids[:-1])
    assert row.nll is None
