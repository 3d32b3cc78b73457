"""Run an audit: what was judged before is read, the rest is judged, and a report is made of all that is known."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.audit.block_file import BlockResult, read_block
from workbench.audit.plan import RowPlan
from workbench.audit.report import AuditReport, Tally
from workbench.audit.worker import Job
from workbench.audit.workers import Workers
from workbench.checks.run import check_recipe
from workbench.errors import InputError
from workbench.fingerprint import fingerprint

if TYPE_CHECKING:
    from workbench.bench import Bench


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """How far an audit is: rows done, of how many, of them read from an earlier run, and seconds since it began."""

    done: int
    total: int
    resumed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second of this run."""
        return (self.done - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take; None until one block is done."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


def row_plan(bench: Bench, first: int = 0, stop: int | None = None, sample: int | None = None) -> RowPlan:
    """The rows of a bench that are to be read; counts them.

    Raises:
        InputError: their number is not known without reading them all from afar.
    """
    try:
        length = len(bench.rows)
    except TypeError:
        hint = "Download the data set and give its folder with --data."
        raise InputError("The number of rows is not known", "The data set is streamed.", hint) from None
    return RowPlan(min(first, length), length if stop is None else min(stop, length), sample)


def audit(
    bench: Bench,
    plan: RowPlan,
    *,
    workers: int | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Callable[[AuditProgress], None] = lambda _: None,
) -> AuditReport:
    """Judge every row of the plan. `out` keeps the results; with `resume` those that are there already are taken.

    `workers`: processes, by default one for each core. An interruption (KeyboardInterrupt) ends it with the report of
    what is known so far, which says that it is not whole.

    Raises:
        InputError: `out` holds results already, and they are not to be resumed. EnvironmentProblem: no room.
    """
    question = question_of(bench, plan)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if out is None else out / "blocks"
        folder.mkdir(parents=True, exist_ok=True)
        blocks = plan.blocks()
        jobs = [Job(number, rows, folder / f"{number:07d}.parquet") for number, rows in enumerate(blocks)]
        if not resume:
            _refuse_others(folder, question)
        tally = Tally(bench, plan)
        waiting = []
        for job in jobs:
            assert job.path is not None
            known = read_block(job.path, question) if resume else None
            if known is None:
                waiting.append(job)
            else:
                tally.add(job.number, known)
        return _run(bench, question, waiting, tally, workers or os.cpu_count() or 1, progress)


def _run(
    bench: Bench,
    question: str,
    jobs: list[Job],
    tally: Tally,
    workers: int,
    progress: Callable[[AuditProgress], None],
) -> AuditReport:
    recipe = check_recipe(bench)
    began, resumed = time.monotonic(), tally.rows

    def tick() -> None:
        progress(AuditProgress(tally.rows, len(tally.plan), resumed, time.monotonic() - began))

    paths = {job.number: job.path for job in jobs}
    interrupted = False
    with Workers(bench, question, min(workers, max(1, len(jobs)))) as pool:
        try:
            for number, _ in pool.run(jobs, tick):
                path = paths[number]
                result = read_block(path, question) if path is not None else None
                if isinstance(result, BlockResult):
                    tally.add(number, result)
                tick()
        except KeyboardInterrupt:
            interrupted = True
        lost = pool.lost
    seconds = time.monotonic() - began
    return tally.report(recipe, interrupted=interrupted, lost=lost, seconds=seconds, resumed=resumed)


def question_of(bench: Bench, plan: RowPlan) -> str:
    """What an audit asks, as a digest: recipe, model and template, data, rows, and the versions that answer."""
    from workbench.version import __version__

    about = {
        "bench": __version__,
        "recipe": bench.document.text,
        "options": {key: str(value) for key, value in bench.options.items()},
        "rows": plan.described(),
        "data": _data_state(bench),
        "asked": fingerprint(bench, ()).to_dict(),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()


def _data_state(bench: Bench) -> list[object]:
    """Names, sizes and times of the data's files, as far as they are files."""
    path = Path(bench.shown_data or bench.rows.name)
    base = bench.rows.base_dir
    found = next((place for place in (path, *([base / path.name] if base else [])) if place.exists()), None)
    if found is None:
        return [str(path)]
    files = sorted(item for item in found.rglob("*") if item.is_file()) if found.is_dir() else [found]
    return [[item.name, item.stat().st_size, item.stat().st_mtime_ns] for item in files]


def _refuse_others(folder: Path, question: str) -> None:
    """A folder with results of something else is not written over."""
    old = sorted(folder.glob("*.parquet"))
    if old:
        cause = f"There are {len(old)} blocks of an audit in {folder}."
        raise InputError(
            "The folder holds an audit already", cause, "Give --resume to go on with it, or another --out."
        )
