"""Run an audit: what was judged before is read, the rest is judged, and a report is made of all that is known."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench.audit.beside import RecipeFindings
from workbench.audit.block_file import BlockResult, read_block
from workbench.audit.progress_file import AuditProgress, ProgressFile
from workbench.audit.ray_engine import RayWorkers
from workbench.audit.report import AuditReport
from workbench.audit.rows_file import NAME, write_rows
from workbench.audit.sources import AuditPlan, AuditSource, recipe_plan, row_plan
from workbench.audit.tally import Tally
from workbench.audit.worker import Job
from workbench.audit.workers import Workers
from workbench.data.remote import RemoteFile, is_remote
from workbench.errors import InputError
from workbench.fingerprint import fingerprint

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.findings import Finding

Engine = Literal["local", "ray"]
__all__ = ["AuditProgress", "Engine", "audit", "question_of", "recipe_plan", "row_plan"]


def audit(
    bench: Bench,
    plan: AuditPlan,
    *,
    workers: int | None = None,
    engine: Engine = "local",
    out: Path | None = None,
    resume: bool = False,
    progress: Callable[[AuditProgress], None] = lambda _: None,
) -> AuditReport:
    """Judge every row of the plan. `out` keeps the results; with `resume` those that are there already are taken.

    `workers`: processes, by default one for each core; with `engine` "ray" those of a Ray cluster. An interruption
    (KeyboardInterrupt) ends it with the report of what is known so far, which says that it is not whole.

    Raises:
        InputError: `out` holds results already, and they are not to be resumed. EnvironmentProblem: no room, no Ray.
    """
    question = question_of(bench, plan)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if out is None else out / "blocks"
        folder.mkdir(parents=True, exist_ok=True)
        jobs = [
            Job(number, source, rows, folder / f"{number:07d}.parquet")
            for number, (source, rows) in enumerate(plan.blocks())
        ]
        if not resume:
            _refuse_others(folder, question)
        tally = Tally(plan)
        waiting = []
        for job in jobs:
            assert job.path is not None
            known = read_block(job.path, question) if resume else None
            if known is None:
                waiting.append(job)
            else:
                tally.add(job.number, known)
        file = ProgressFile(out) if out is not None else None

        def shown(step: AuditProgress) -> None:
            if file is not None:
                file.step(question, step)
            progress(step)

        pool: Workers | RayWorkers
        if engine == "ray":
            pool = RayWorkers(plan, question, workers)
        else:
            pool = Workers(plan, question, min(workers or os.cpu_count() or 1, max(1, len(waiting))))
        report = _run(bench, waiting, tally, question, pool, shown)
        if out is not None and file is not None:
            judged = [job for job in jobs if not plan.sources[job.source].evaluation and tally.has(job.number)]
            write_rows(out / NAME, [job.path for job in judged if job.path is not None])
            file.end("interrupted" if report.interrupted else "whole")
        return report


def _run(
    bench: Bench,
    jobs: list[Job],
    tally: Tally,
    question: str,
    workers: Workers | RayWorkers,
    progress: Callable[[AuditProgress], None],
) -> AuditReport:
    began, resumed = time.monotonic(), tally.rows
    recipe: list[Finding] = []
    paths = {job.number: job.path for job in jobs}
    interrupted = False
    with RecipeFindings(bench) as beside, workers as pool:

        def tick() -> None:
            done = min(tally.rows + pool.under_way, len(tally.plan))
            progress(AuditProgress(done, len(tally.plan), resumed, time.monotonic() - began))

        try:
            tick()
            for number, _ in pool.run(jobs, tick):
                path = paths[number]
                result = read_block(path, question) if path is not None else None
                if isinstance(result, BlockResult):
                    tally.add(number, result)
                tick()
            recipe = beside.found()
        except KeyboardInterrupt:
            interrupted = True
        lost = pool.lost
    seconds = time.monotonic() - began

    def report(*, whole: bool) -> AuditReport:
        return tally.report(recipe, interrupted=not whole, lost=lost, seconds=seconds, resumed=resumed, estimate=whole)

    try:
        return report(whole=not interrupted)
    except KeyboardInterrupt:
        # The rows are all known; what was waited for is the estimate.
        return report(whole=False)


def question_of(bench: Bench, plan: AuditPlan) -> str:
    """The question of an audit as a digest: recipe, model and template, data, rows, and the versions that answer."""
    from workbench.version import __version__

    about = {
        "bench": __version__,
        "recipe": bench.document.text,
        "options": {key: str(value) for key, value in bench.options.items()},
        "rows": plan.described(),
        "data": [_data_state(source) for source in plan.sources],
        "asked": fingerprint(bench, ()).to_dict(),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()


def _data_state(source: AuditSource) -> list[object]:
    """Names, sizes and times of a data set's files, as far as they are files."""
    bench = source.bench
    rows = source.evaluated if source.evaluation else bench.rows
    path = Path(rows.name if source.evaluation else bench.shown_data or rows.name)
    base = rows.base_dir
    found = next((place for place in (path, *([base / path.name] if base else [])) if place.exists()), None)
    if found is None:
        name = rows.name if source.evaluation else bench.shown_data or rows.name
        return [RemoteFile(name).state if is_remote(name) else str(path)]
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
