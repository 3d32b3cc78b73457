"""Blocks whose process ended, cut up down to the row that did it, and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.audit.block_file import BlockResult, block_result, write_block
from workbench.audit.causes import merged
from workbench.audit.worker import Job
from workbench.errors import Where
from workbench.findings import Finding, emits
from workbench.judged import JudgedRow

if TYPE_CHECKING:
    from workbench.audit.sources import AuditPlan, AuditSource


class CutUp:
    """Writes the file of each block, also of those that came in parts. `lost` counts processes that ended."""

    def __init__(self, plan: AuditPlan, question: str) -> None:
        self._plan = plan
        self._question = question
        self._parts: dict[int, list[BlockResult]] = {}
        self._left: dict[int, int] = {}
        self._whole: dict[int, Job] = {}
        self.lost = 0

    def judged(self, job: Job, result: BlockResult) -> Iterator[tuple[int, int]]:
        """A block or a part of one is judged; yields (block number, rows) where its file is written for it."""
        if job.path is None:
            yield from self.part(job.number, result)
        else:
            write_block(job.path, result, self._question)
            yield job.number, len(result)

    def ended(self, job: Job, how: str, pieces: int = 2) -> tuple[list[Job], list[tuple[int, int]]]:
        """The process of a block or part ended: its `pieces`, to be judged first of all; and what is whole by that.

        A part of one row is judged by that.
        """
        self.lost += 1
        if job.path is not None:
            self._whole[job.number] = job
            self._left[job.number] = len(job.rows)
            self._parts[job.number] = []
        if len(job.rows) == 1:
            result = _poisoned(self._plan.sources[job.source], job.rows[0], how)
            return [], list(self.part(job.number, result))
        edges = [len(job.rows) * piece // pieces for piece in range(pieces + 1)]
        parts = [job.rows[first:stop] for first, stop in pairwise(edges) if first < stop]
        return [replace(job, rows=rows, path=None) for rows in parts], []

    def part(self, number: int, result: BlockResult) -> Iterator[tuple[int, int]]:
        """A part of a block that was cut up is judged."""
        self._parts[number].append(result)
        self._left[number] -= len(result)
        if not self._left[number]:
            job = self._whole[number]
            assert job.path is not None
            write_block(job.path, _joined(self._parts.pop(number)), self._question)
            yield number, len(job.rows)


def _joined(parts: list[BlockResult]) -> BlockResult:
    """The parts of a block that was cut up, as one, in the order of the rows."""
    parts.sort(key=lambda part: part.columns["row"][0])
    columns = {name: [value for part in parts for value in part.columns[name]] for name in parts[0].columns}
    roles = sorted({role for part in parts for role in part.roles})
    source = [finding for part in parts for finding in part.source_findings]
    reason = next((part.by_row for part in parts if part.by_row), "")
    return BlockResult(columns, merged(part.causes for part in parts), roles, source, reason)


@emits("D020")
def _poisoned(source: AuditSource, row: int, how: str) -> BlockResult:
    """D020: a row that ends the process that reads it, or keeps it for good."""
    hint = "Look at the size of its texts and pictures; training would stop here as well. Take the row out."
    finding = Finding("D020", "error", f"the row cannot be processed: {how}", hint, Where(file=source.name, row=row))
    result = JudgedRow(row, -1, -1, -1, -1, (finding,), None, alone=True)
    return block_result([result], [None], [0], [()], dataset=source.key, sources=[source.name])
