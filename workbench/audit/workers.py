"""Processes that judge the blocks of an audit. A row that ends its process costs that process, and is stepped over.

They are forked from the process that loaded the model's files, so that none loads them again. Where the system cannot,
the blocks are judged in this one.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from workbench.audit.block_file import BlockResult, write_block
from workbench.audit.cut_up import CutUp
from workbench.audit.worker import Job, Judge, serve

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from workbench.audit.sources import AuditPlan

SECONDS_A_ROW = 20.0
"""Longer than this for one row alone, and its process is ended."""
SECONDS_MORE = 0.6
"""For each further row of a block."""
PATIENCE = 6
"""So many times as long by the clock: what counts is the time that the process had on a processor, since what is found
in a row must not depend on what else the machine does; and a row may wait for ever."""


def seconds_for(rows: int) -> float:
    """The seconds after which a block of so many rows is late."""
    return SECONDS_A_ROW + SECONDS_MORE * (rows - 1)


@dataclass(slots=True)
class _Worker:
    process: Any
    pipe: Connection
    seen: Any
    """Rows of its job that it has judged alone so far, in memory that it shares."""
    job: Job | None = None
    since: float = 0.0
    """The moment at which it was given the job, by the clock."""
    spent: float = 0.0
    """The time on a processor that it had had by then."""

    @property
    def is_late(self) -> bool:
        """True where its job takes longer than any should."""
        if self.job is None:
            return False
        passed, limit = time.monotonic() - self.since, seconds_for(len(self.job.rows))
        if passed <= limit:
            return False
        return passed > PATIENCE * limit or _processor_seconds(self.process.pid) - self.spent > limit


def can_fork() -> bool:
    """True where a process can go on from where another one is."""
    return "fork" in multiprocessing.get_all_start_methods()


class Workers:
    """`count` processes over the loaded benches of a plan. A context manager: leaving it ends them."""

    def __init__(self, plan: AuditPlan, question: str, count: int) -> None:
        self._plan = plan
        self._question = question
        self._count = count
        self._context: Any = multiprocessing.get_context("fork") if can_fork() else None
        self._workers: list[_Worker] = []
        self._cut = CutUp(plan, question)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    @property
    def lost(self) -> int:
        """Processes that a row ended."""
        return self._cut.lost

    @property
    def under_way(self) -> int:
        """Rows that are judged, of blocks that are not: where rows take long, a block takes minutes."""
        busy = [worker for worker in self._workers if worker.job is not None]
        return sum(
            min(worker.seen.value, len(worker.job.rows))
            for worker in busy
            if worker.job is not None and not self._plan.sources[worker.job.source].evaluation
        )

    def run(self, jobs: Sequence[Job], tick: Callable[[], None] = lambda: None) -> Iterator[tuple[int, int]]:
        """Judge the blocks; yields (block number, rows) as each one's file is written. `tick` is called between."""
        if self._context is None:
            yield from self._here(jobs, tick)
            return
        waiting = deque(jobs)
        while waiting or any(worker.job is not None for worker in self._workers):
            self._fill(waiting)
            busy = [worker for worker in self._workers if worker.job is not None]
            ready = wait([worker.pipe for worker in busy], timeout=0.2)
            for worker in busy:
                assert worker.job is not None
                if worker.pipe in ready:
                    yield from self._answered(worker, waiting)
                elif worker.is_late:
                    yield from self._ended(worker, waiting, "it takes longer than any row should")
            tick()

    def _here(self, jobs: Sequence[Job], tick: Callable[[], None]) -> Iterator[tuple[int, int]]:
        judge = Judge(self._plan)
        for job in jobs:
            assert job.path is not None
            result = judge.judge(job)
            write_block(job.path, result, self._question)
            yield job.number, len(result)
            tick()

    def _fill(self, waiting: deque[Job]) -> None:
        for worker in self._workers:
            if worker.job is None and waiting:
                self._give(worker, waiting.popleft())
        while waiting and len(self._workers) < self._count:
            ours, theirs = self._context.Pipe()
            seen = self._context.RawValue("q", 0)
            arguments = (self._plan, self._question, theirs, seen)
            process = self._context.Process(target=serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours, seen))
            self._give(self._workers[-1], waiting.popleft())

    def _give(self, worker: _Worker, job: Job) -> None:
        worker.job, worker.seen.value = job, 0
        worker.since, worker.spent = time.monotonic(), _processor_seconds(worker.process.pid)
        worker.pipe.send(job)

    def _answered(self, worker: _Worker, waiting: deque[Job]) -> Iterator[tuple[int, int]]:
        try:
            number, answer = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(timeout=5)
            code = worker.process.exitcode
            yield from self._ended(worker, waiting, f"the process that reads it ends ({_way(code)})")
            return
        worker.job = None
        if isinstance(answer, BlockResult):
            yield from self._cut.part(number, answer)
        else:
            yield number, answer

    def _ended(self, worker: _Worker, waiting: deque[Job], how: str) -> Iterator[tuple[int, int]]:
        """The process of a block is gone: its halves are tried, down to the row that did it."""
        job = worker.job
        assert job is not None
        worker.process.kill()
        worker.process.join()
        self._workers.remove(worker)
        halves, done = self._cut.ended(job, how)
        waiting.extendleft(reversed(halves))
        yield from done


def _processor_seconds(process: int) -> float:
    """The time that a process had on a processor; 0 where the system does not say, as of one that has ended."""
    import psutil

    try:
        times = psutil.Process(process).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _way(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
