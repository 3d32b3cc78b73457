"""The process that judges blocks of rows for an audit, and what it is told and tells."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.audit.block_file import BlockResult, block_result, write_block
from workbench.blocks.path import BlockPath

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from workbench.bench import Bench
    from workbench.row import Row


@dataclass(frozen=True, slots=True)
class Job:
    """A block to judge: its rows' numbers, and the file for its results. `part` rows of a block that was cut up are
    answered, and no file is written."""

    number: int
    rows: Sequence[int]
    path: Path | None


def judge_block(path: BlockPath, rows: Sequence[int]) -> BlockResult:
    """Judge rows by number, as `BlockPath.judge` does."""
    bench = path.bench
    before = len(bench.rows.findings)
    read = [bench.peek(index) for index in rows]
    results = path.judge(read)
    block = block_result(results, [row.raw.line for row in read], [_digest(row) for row in read])
    block.roles = sorted({role for result in results for role in result.roles})
    block.source_findings = bench.rows.findings[before:]
    block.by_row = path.reason or path.differs or (path.uncounted and f"rows with pictures: {path.uncounted}")
    return block


def serve(bench: Bench, question: str, pipe: Connection) -> None:
    """Judge blocks until None comes; answers (job number, rows) when a block's file is written, or (number, result)."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _one_thread()
    # Files that are open already share their place with the other processes.
    bench.apply()
    path = BlockPath(bench)
    while (job := pipe.recv()) is not None:
        result = judge_block(path, job.rows)
        if job.path is None:
            pipe.send((job.number, result))
        else:
            write_block(job.path, result, question)
            pipe.send((job.number, len(result)))


def _one_thread() -> None:
    """Keep torch to this thread: those of the process that this one was forked from are not here, and it would wait for
    them for ever."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def _digest(row: Row) -> int:
    """A number for what the row says: equal rows have the same."""
    return int.from_bytes(blake2b(repr(row.raw.data).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
