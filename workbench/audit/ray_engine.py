"""The blocks of an audit, judged on a Ray cluster: Ray Data hands them out, starts processes and replaces lost ones.

Each process opens the recipe anew, from the same model and rows: files that every node sees, an object store, the hub.
A block that ends its process is cut up, down to the row that did it. One that takes too long ends its process too.
"""

from __future__ import annotations

import faulthandler
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.audit.block_file import BlockResult, block_bytes, block_of
from workbench.audit.cut_up import CutUp
from workbench.audit.plan import RowPlan
from workbench.audit.question import asked, bench_of
from workbench.audit.sources import AuditPlan, AuditSource
from workbench.audit.worker import Job, Judge, one_thread
from workbench.audit.workers import PATIENCE, seconds_for
from workbench.errors import EnvironmentProblem

if TYPE_CHECKING:
    from workbench.bench import Bench

_PIECES = 32
"""Parts that a block is cut into whose process ended: each round starts processes anew, which costs more than a row."""
STARTS = 4
"""A cluster of this machine is started so often at most: Ray gives its own processes 30 s to come up, which is not
enough on a busy machine, and what was read from disk by then makes the next start faster."""
_HOW = "the process that reads it ends, or is ended after minutes, on every node that tried"


def ray_at_hand() -> Any:
    """The module `ray`.

    Raises:
        EnvironmentProblem: it is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as problem:
        hint = 'pip install "vlmbench[ray]", here and on every node.'
        raise EnvironmentProblem("Ray is not installed", str(problem), hint) from None
    return ray


def start_ray(ray: Any, **local: Any) -> None:
    """Join the cluster at RAY_ADDRESS, or start one on this machine with these options.

    Raises:
        EnvironmentProblem: none can be had.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    elsewhere = bool(os.environ.get("RAY_ADDRESS"))
    options = {} if elsewhere else {"include_dashboard": False, **local}
    for left in reversed(range(1 if elsewhere else STARTS)):
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", configure_logging=False, **options)
            return
        except Exception as problem:
            # What has been started of it would be taken for the cluster, or stay.
            ray.shutdown()
            if left and "timed out" in str(problem):
                continue
            hint = (
                "Correct RAY_ADDRESS, or unset it to use this machine."
                if elsewhere
                else "Ray does not start on this machine: try when it is less busy, or take --engine local."
            )
            raise EnvironmentProblem("No Ray cluster can be had", _line(problem), hint) from None


@dataclass(frozen=True, slots=True)
class _Source:
    """A source of the plan in values that travel: opened again where it is judged."""

    dataset: int
    evaluation: bool
    name: str
    length: int


class RayWorkers:
    """`count` processes on a cluster, or None for one a core; otherwise as `workbench.audit.workers.Workers`.

    The cluster is that of RAY_ADDRESS, or one of this machine that ends with the audit.
    """

    def __init__(self, plan: AuditPlan, question: str, count: int | None) -> None:
        """Raises EnvironmentProblem where Ray is not installed."""
        self._ray = ray_at_hand()
        self._plan = plan
        self._question = question
        self._count = count
        self._cut = CutUp(plan, question)
        self._ours = False

    @property
    def lost(self) -> int:
        """Blocks or parts of blocks that no process came back with."""
        return self._cut.lost

    @property
    def under_way(self) -> int:
        """Ray tells of whole blocks alone."""
        return 0

    def __enter__(self) -> RayWorkers:
        if not self._ray.is_initialized():
            start_ray(self._ray, num_cpus=self._count)
            self._ours = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ray.shutdown()

    def run(self, jobs: Sequence[Job], tick: Callable[[], None] = lambda: None) -> Iterator[tuple[int, int]]:
        """Judge the blocks; yields (block number, rows) as each one's file is written. `tick` is called between."""
        waiting = list(jobs)
        while waiting:
            lost = yield from self._round(waiting, tick)
            together, waiting = len(waiting) > 1, []
            for job in lost:
                # What a process had yet to do when it ended is lost with it: only who ends one alone is to blame.
                if together and not (yield from self._round([job], tick)):
                    continue
                parts, done = self._cut.ended(job, _HOW, _PIECES)
                waiting += parts
                yield from done
            tick()

    def _round(self, jobs: Sequence[Job], tick: Callable[[], None]) -> Generator[tuple[int, int], None, list[Job]]:
        """Judge blocks in processes of their own; gives those that none came back with."""
        missing = {(job.number, job.rows[0]): job for job in jobs}
        for number, first, data in self._judged(jobs):
            job = missing.pop((number, first), None)
            result = block_of(data, self._question)
            if job is not None and isinstance(result, BlockResult):
                yield from self._cut.judged(job, result)
            tick()
        return list(missing.values())

    def _judged(self, jobs: Sequence[Job]) -> Iterator[tuple[int, int, bytes]]:
        """(block, first row, its file) of every part that comes back, in any order."""
        data = self._ray.data
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        # A block whose process ends is tried again in parts, not as a whole for ever.
        context.max_errored_blocks = -1
        # It would write a trace for each of them.
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        items = [{"number": job.number, "source": job.source, "rows": _packed(job.rows)} for job in jobs]
        sources = [_Source(one.dataset, one.evaluation, one.name, one.length) for one in self._plan.sources]
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        count = min(self._count or cores, len(jobs))
        pool = data.ActorPoolStrategy(min_size=1, max_size=count, max_tasks_in_flight_per_actor=1)
        shown = self._plan.sources[0].bench
        judged = data.from_items(items, override_num_blocks=len(items)).map_batches(
            RayJudge,
            fn_constructor_args=(asked(shown), sources, self._question, os.getcwd()),
            batch_size=1,
            compute=pool,
            max_restarts=-1,
            max_task_retries=0,
        )
        try:
            for row in judged.iter_rows():
                yield int(row["number"]), int(row["first"]), bytes(row["data"])
        except self._ray.exceptions.RayError as problem:
            hint = "Every node needs vlmbench, the model's folder and the rows at the same place, or ids of the hub."
            raise EnvironmentProblem("The audit does not run on the cluster", _line(problem), hint) from problem


class RayJudge:
    """Judges blocks in a process of a Ray cluster."""

    def __init__(self, question: dict[str, Any], sources: Sequence[_Source], name: str, folder: str) -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        # Paths of a recipe are taken from where the audit was started, where this node has that folder.
        if os.path.isdir(folder):
            os.chdir(folder)
        one_thread()
        self._name = name
        self._judge = Judge(_plan(bench_of(question).load(), sources))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """A batch of one block, as its result's file."""
        made: dict[str, list[Any]] = {"number": [], "first": [], "data": []}
        for number, source, rows in zip(batch["number"], batch["source"], batch["rows"], strict=True):
            numbers = _unpacked(rows)
            with _ended_after(PATIENCE * seconds_for(len(numbers))):
                result = self._judge.judge(Job(int(number), int(source), numbers, None))
            made["number"].append(int(number))
            made["first"].append(numbers[0])
            made["data"].append(block_bytes(result, self._name))
        return made


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End this process where what is done within takes longer, even while one call holds the interpreter."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _plan(bench: Bench, sources: Sequence[_Source]) -> AuditPlan:
    shown = bench.options["dataset"]
    opened = []
    for one in sources:
        other = bench if one.evaluation or one.dataset == shown else bench.of_dataset(one.dataset)
        opened.append(AuditSource(other, one.dataset, one.name, RowPlan(0, one.length), one.evaluation, one.length))
    return AuditPlan(opened)


def _line(problem: Exception) -> str:
    """An exception in a line: of one with a trace of another process the last line, which says what was raised."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[-1] if lines else ''}"[:300]


def _packed(rows: Sequence[int]) -> str:
    """Row numbers as a short text: a range by its ends."""
    return f"{rows.start}:{rows.stop}" if isinstance(rows, range) else ",".join(map(str, rows))


def _unpacked(text: str) -> Sequence[int]:
    first, colon, stop = text.partition(":")
    return range(int(first), int(stop)) if colon else tuple(map(int, text.split(",")))
