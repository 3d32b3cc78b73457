"""The process that judges blocks of rows for an audit, and what it is told and tells."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.audit.block_file import BlockResult, block_result, write_block
from workbench.audit.content import picture_numbers, row_number
from workbench.blocks.path import BlockPath
from workbench.judged import JudgedRow

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from workbench.audit.sources import AuditPlan, AuditSource
    from workbench.data.rows import RawRow

_PARENT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A block to judge: its source in the plan, its rows' numbers, and the file for its results. `part` rows of a block
    that was cut up are answered, and no file is written."""

    number: int
    source: int
    rows: Sequence[int]
    path: Path | None


class Judge:
    """Judges blocks of the sources of one plan. `anew`: each source is opened again before it is read. `seen` is called
    for each row that is judged alone."""

    def __init__(self, plan: AuditPlan, *, anew: bool = False, seen: Callable[[], None] = lambda: None) -> None:
        self._plan = plan
        self._seen = seen
        self._anew = anew
        self._paths: dict[int, BlockPath] = {}

    def judge(self, job: Job) -> BlockResult:
        """The result of a block; of rows of the evaluation their content alone."""
        source = self._plan.sources[job.source]
        if source.evaluation:
            return _compared(source, job.rows)
        if job.source not in self._paths:
            if self._anew:
                source.bench.apply()
            self._paths[job.source] = BlockPath(source.bench, seen=self._seen)
        return _judged(self._paths[job.source], source, job.rows)


def _judged(path: BlockPath, source: AuditSource, rows: Sequence[int]) -> BlockResult:
    bench = path.bench
    path.begin(first=rows[0] == source.rows.begins)
    before = len(bench.rows.findings)
    read = [bench.peek(index) for index in rows]
    results = path.judge(read)
    block = _result(results, source, [row.raw for row in read])
    block.roles = sorted({role for result in results for role in result.roles})
    block.source_findings = bench.rows.findings[before:]
    block.by_row = path.reason or path.differs or (path.uncounted and f"rows with pictures: {path.uncounted}")
    return block


def _compared(source: AuditSource, rows: Sequence[int]) -> BlockResult:
    read = [source.evaluated.row(index) for index in rows]
    results = [JudgedRow(index, -1, -1, -1, 0, (), None, alone=True) for index in rows]
    return _result(results, source, read)


def _result(results: Sequence[JudgedRow], source: AuditSource, read: Sequence[RawRow]) -> BlockResult:
    base = source.bench.rows.base_dir if not source.evaluation else source.evaluated.base_dir
    pictures = [picture_numbers(raw.data, raw.base_dir or base) for raw in read]
    return block_result(
        results,
        [raw.line for raw in read],
        [row_number(raw.data, mine) for raw, mine in zip(read, pictures, strict=True)],
        pictures,
        dataset=source.key,
        sources=[raw.source for raw in read],
    )


def serve(plan: AuditPlan, question: str, pipe: Connection, seen: Any) -> None:
    """Judge blocks until None comes; answers (job number, rows) when a block's file is written, or (number, result).

    `seen.value` counts the rows of a block that were judged alone, for who waits for the block.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # An interruption is told to the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one_thread()
    # Files that are open already share their place with the other processes.

    def count() -> None:
        seen.value += 1

    judge = Judge(plan, anew=True, seen=count)
    while (job := _next(pipe)) is not None:
        seen.value = 0
        result = judge.judge(job)
        if job.path is None:
            pipe.send((job.number, result))
        else:
            write_block(job.path, result, question)
            pipe.send((job.number, len(result)))


def _next(pipe: Connection) -> Job | None:
    """The next block; None where there is none any more, or nobody to ask for one."""
    parent = multiprocessing.parent_process()
    try:
        # A parent that was killed says nothing, and its end of the pipe is open in its other processes, and in this.
        while not pipe.poll(_PARENT_SECONDS):
            if parent is not None and os.getppid() != parent.pid:
                return None
        job: Job | None = pipe.recv()
    except (EOFError, OSError):
        return None
    return job


def one_thread() -> None:
    """Keep torch to this thread: those of the process that this one was forked from are not here, and it would wait for
    them for ever."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
