"""Start an overfit run of a bench: its plan, its folder, and the supervisor that has yet to be followed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.bench import Bench
from workbench.errors import InputError
from workbench.models.weights import pick_device
from workbench.overfit.devices import gpus
from workbench.overfit.plan import ROWS, STEPS, make_plan
from workbench.overfit.runs import EVENTS, new_folder
from workbench.overfit.sharding import sharding_of
from workbench.overfit.supervisor import Supervisor


def start(
    bench: Bench,
    *,
    rows: int | Sequence[int] = ROWS,
    steps: int = STEPS,
    seed: int = 0,
    device: str = "auto",
    out: Path | None = None,
    max_minutes: float | None = None,
    max_memory: float | None = None,
    launcher: str = "",
    processes: int = 1,
) -> Supervisor:
    """A run of a loaded bench, planned; the child starts when its events are asked for.

    Args:
        rows: the first so many that can be rendered, or the numbers of rows.
        out: the folder for events, log and adapter; by default one of the recipe's state.
        max_minutes: ends the run after so long. max_memory: ends it when it needs more GiB than this.
        launcher: "accelerate" to start it under `accelerate launch` with so many `processes`, which share the model
            out where there is a GPU for each.

    Raises:
        BenchError: no row can be learned, there is no such device, a limit is none, or the folder cannot be made.
    """
    limits = {"--max-minutes": max_minutes, "--max-memory": max_memory}
    for option, limit in limits.items():
        if limit is not None and not (math.isfinite(limit) and 0 < limit < 1e9):
            raise InputError(f"{option} {limit:g} is no limit", hint="Give a number above zero, or leave it out.")
    if processes < 1:
        raise InputError(f"--num-processes {processes} starts nothing", hint="Give 1 or more.")
    # Here rather than in the child: an error is said at once, and no folder is left.
    pick_device(device)
    plan = make_plan(bench, rows=rows, steps=steps, seed=seed, device=device)
    if launcher and 1 < processes <= gpus(device):
        plan = replace(plan, sharding=sharding_of(bench))
    return Supervisor(
        plan,
        new_folder(bench, out),
        max_seconds=max_minutes * 60 if max_minutes is not None else None,
        max_bytes=int(max_memory * 2**30) if max_memory is not None else None,
        launcher=launcher,
        processes=processes,
    )


def events_file(supervisor: Supervisor) -> Path:
    """The file in which a run's events are kept."""
    return supervisor.folder / EVENTS
