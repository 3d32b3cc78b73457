"""Runs that are kept: a folder each, with the events, the recipe as it was, the log and the adapter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BenchError, InputError
from workbench.fingerprint import Fingerprint
from workbench.overfit.events import Event, every, last, number, read
from workbench.paths import recipe_dir

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.overfit.verdict import Verdict
    from workbench.row import Losses

EVENTS, LOG, RECIPE, ADAPTER, PLAN = "events.jsonl", "log.txt", "recipe.yaml", "adapter", "plan.json"


@dataclass(frozen=True)
class Run:
    """One run, read when it is asked for.

    `events` raises InputError where the file cannot be read.
    """

    folder: Path

    @cached_property
    def events(self) -> list[Event]:
        """The events of the run, in order."""
        return read(self.folder / EVENTS)

    @property
    def name(self) -> str:
        """The folder's name: when it began."""
        return self.folder.name

    @property
    def done(self) -> bool:
        """True where the run came to an end, good or bad."""
        return last(self.events, "done") is not None or last(self.events, "error") is not None

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the run's events."""
        from workbench.overfit.verdict import judge

        return judge(self.events)

    @property
    def recipe(self) -> str:
        """The recipe as it was; "" where it is not there any more."""
        try:
            return (self.folder / RECIPE).read_text("utf-8")
        except OSError:
            return ""

    @property
    def recipe_name(self) -> str:
        """The name of the recipe's file; "" where the plan is not there any more."""
        try:
            name = json.loads((self.folder / PLAN).read_text("utf-8")).get("recipe_name")
        except (OSError, ValueError, AttributeError):
            return ""
        return name if isinstance(name, str) else ""

    @cached_property
    def fingerprint(self) -> Fingerprint | None:
        """The fingerprint of the recipe, data and model of the run; None where it ended before that was known."""
        fields = self.events[0].get("fingerprint")
        try:
            return Fingerprint.from_dict(fields) if isinstance(fields, dict) else None
        except (KeyError, TypeError):
            return None


def runs_dir(bench: Bench) -> Path:
    """The folder in which the runs of a bench's recipe are kept."""
    return recipe_dir(bench.title, bench.document.path) / "runs"


def runs_of(bench: Bench) -> list[Run]:
    """The runs of a bench's recipe, the newest first; folders without readable events are passed over."""
    found = []
    folder = runs_dir(bench)
    for path in sorted(folder.iterdir(), reverse=True) if folder.is_dir() else ():
        run = Run(path)
        try:
            _ = run.events
        except BenchError:
            continue
        found.append(run)
    return found


def latest(bench: Bench) -> Run | None:
    """The newest run that came to an end."""
    return next((run for run in runs_of(bench) if run.done), None)


def new_folder(bench: Bench, out: Path | None = None) -> Path:
    """A folder for a run that begins now: `out`, or one below the recipe's state.

    Raises:
        InputError: `out` has a run in it already, or cannot be made.
    """
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    folder = out if out is not None else runs_dir(bench) / name
    if (folder / EVENTS).exists():
        raise InputError("This folder has a run in it", f"{folder} holds {EVENTS}.", "Give another folder for --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        hint = "Give another folder with --out, or set VLMBENCH_STATE to one that can be written."
        raise InputError("The folder of the run cannot be made", f"{problem.strerror}: {folder}.", hint) from None
    return folder


def losses(events: Sequence[Event]) -> dict[int, Losses]:
    """The loss of every token of the rows that were learned, after the last step, by row; see `Bench.losses`."""
    import numpy as np

    from workbench.row import Losses

    return {
        int(event["row"]): Losses(
            np.array([number(value) for value in event["nll"]], dtype=np.float32),
            np.array(event["input_ids"], dtype=np.int64),
        )
        for event in every(events, "token_nll")
        if event["when"] == "after"
    }
