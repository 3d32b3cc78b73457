"""The two sides of a case, each to be called in a child of its own: axolotl's command, and the bench's overfit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from conformance.train.record import Record, recorded

SEED, STEPS = 1, 6


def warm() -> None:
    """Import what both sides need, so that the children have it."""
    from importlib import import_module

    for module in (
        *("axolotl.cli.train", "axolotl.cli.config", "axolotl.train", "axolotl.loaders.model"),
        *("axolotl.common.datasets", "axolotl.core.builders.causal", "peft", "bitsandbytes"),
        *("workbench.overfit.runner", "workbench.overfit.training", "workbench.overfit.probes"),
    ):
        import_module(module)


def axolotl_side(recipe: Path) -> Record:
    """`axolotl train` on a recipe, as its command calls it, in the folder where the recipe lies."""
    from axolotl.cli.train import do_cli

    sys.argv = ["axolotl"]
    sys.path.insert(0, str(recipe.parent))
    with recorded() as record:
        do_cli(str(recipe))
    return record


def bench_side(recipe: Path, folder: Path) -> tuple[Record, list[dict[str, Any]]]:
    """The bench's overfit of the same rows, in the file's order: what was recorded, and the events that it wrote."""
    import workbench.bench as bench
    from workbench.overfit import runner
    from workbench.overfit.events import read
    from workbench.overfit.plan import make_plan
    from workbench.overfit.runs import EVENTS, PLAN
    from dataclasses import replace

    opened = bench.open(recipe)
    plan = make_plan(opened, rows=range(len(opened.rows)), steps=STEPS, seed=SEED, device="cpu")
    replace(plan, probes=False).write(folder / PLAN)
    with recorded() as record:
        status = runner.main(folder)
    events = read(folder / EVENTS)
    if status:
        raise RuntimeError(events[-1])
    return record, events
