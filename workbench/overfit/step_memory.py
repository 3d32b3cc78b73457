"""The memory that a step of a run needs, for the verdict on one that had too little."""

from __future__ import annotations

from typing import Any

from workbench.errors import BenchError
from workbench.overfit.plan import Plan


def step_memory(plan: Plan) -> dict[str, Any] | None:
    """The bytes of a step by part (`MemoryEstimate.to_dict`), for the longest of the run's rows, at its trained tokens.

    Takes seconds, and no weights. None where it cannot be estimated.
    """
    from workbench.models.memory import estimate_of
    from workbench.models.weights import as_loaded, pick_device
    from workbench.overfit.here import recipe_here

    try:
        bench = plan.open()
        rows = [bench.row(index) for index in plan.rows]
        device = pick_device(plan.device)
        recipe, _ = recipe_here(bench, device)
        estimate = estimate_of(
            bench.loaded,
            as_loaded(recipe, device),
            bench.axolotl,
            sequence=max(len(row.rendering) for row in rows),
            positions=max(1, *(row.mask.trained for row in rows)),
        )
    except BenchError:
        return None
    return estimate.to_dict()
