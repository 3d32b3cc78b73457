"""`vlmbench audit` of generated rows, 1 % of them faulty in twelve known ways: rates, memory, and what it found.

`python -m tests.benchmarks.audit_scale [--pictures] [--workers N] [--model MODEL] COUNT …`, such as
`10000 100000 1000000` and `--pictures 100000`. Every seeded fault must be found, and nothing in any other row: else the
exit code is 1. Memory is that of the largest of its processes, and must not grow with the rows. On a busy machine the
pace by the clock means little; that by the time on a processor still does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.seeded_rows import CLOSE, FAULTS, OPEN, PICTURE, write_rows
from workbench.bench import Bench, open
from workbench.paths import sample_dir

BARE = 4000
"""Rows at most that are rendered and encoded alone, for the ratio."""


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost of a command: seconds by the clock and on all processors, and MiB of the largest of its processes."""

    seconds: float
    processor: float
    memory: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows a second by the clock, and for each second on a processor, which other processes do not shorten."""

    rate: float
    by_processor: float


@dataclass(frozen=True, slots=True)
class Scale:
    """An audit of so many rows. `bare`: of rows that are only rendered and encoded, in one process with all cores; None
    with pictures. `loading`: an audit of one row alone."""

    rows: int
    spent: Spent
    loading: Spent
    bare: Pace | None
    faulty: Counter[str]
    missed: list[tuple[int, str]]
    invented: list[tuple[int, list[str]]]

    @property
    def pace(self) -> Pace:
        """By the clock with loading; for each second on a processor without."""
        return Pace(self.rows / self.spent.seconds, self.rows / (self.spent.processor - self.loading.processor))

    @property
    def right(self) -> bool:
        """True where all faults were found, and no other."""
        return not self.missed and not self.invented

    def lines(self) -> list[str]:
        """Its report, a line each."""
        pace, loaded, peak = self.pace, self.loading.memory, self.spent.memory
        by_clock = by_processor = ""
        if self.bare is not None:
            by_clock = f", {pace.rate / self.bare.rate:.2f}× of render and encode alone ({self.bare.rate:,.0f}/s)"
            ratio = pace.by_processor / self.bare.by_processor
            by_processor = f", {ratio:.2f}× of render and encode alone ({self.bare.by_processor:,.0f})"
        return [
            f"{self.rows:,} rows in {self.spent.seconds:.0f} s: {pace.rate:,.0f} rows/s with loading{by_clock}",
            f"{pace.by_processor:,.0f} rows a second of a core without loading{by_processor}",
            f"memory {peak:.0f} MiB, {peak / loaded:.2f}× of loading alone",
            f"faults: {self.faulty.total():,} seeded in {len(self.faulty)} ways, {len(self.missed)} missed, "
            f"{len(self.invented)} rows with a finding that was not seeded",
            *(f"missed: row {row}, {fault}" for row, fault in self.missed[:5]),
            *(f"invented: row {row}, {codes}" for row, codes in self.invented[:5]),
        ]


def marks_of(bench: Bench) -> dict[str, str]:
    """The texts of the assistant's markers and of the picture token."""
    answer = next(boundary for boundary in bench.masking.boundaries if boundary.role == "assistant")
    tokens = [token for token, kind in bench.renderer.media_kinds.items() if kind == "image"]
    picture = bench.renderer.vocabulary.text(tokens[0]) if tokens else "<image>"
    return {OPEN: answer.start_text, CLOSE: answer.end_text or "", PICTURE: picture or "<image>"}


def run(command: list[str]) -> Spent:
    """Run a command of the bench."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Spent(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def bare_pace(recipe: Path, count: int) -> Pace:
    """The pace of rows that are only rendered and encoded, without any bookkeeping."""
    bench = open(recipe)
    talks = []
    for index in range(min(count, BARE)):
        row = bench.peek(index)
        if row.error is None:
            talks.append(row.conversation.messages)
    bench.renderer.prompts(talks[:10])
    began, processor = time.perf_counter(), time.process_time()
    bench.renderer.encodings(bench.renderer.prompts(talks), add_special_tokens=False)
    return Pace(len(talks) / (time.perf_counter() - began), len(talks) / (time.process_time() - processor))


def scale(count: int, *, pictures: bool, model: str, workers: int) -> Scale:
    """Generate the rows, audit them, and compare what was found with what was seeded."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = open(model=model)
        file, faulty = write_rows(folder, count, pictures=pictures, marks=marks_of(bench))
        recipe, out = folder / "recipe.yaml", folder / "out"
        bench.document.set(("sequence_len",), 2048)
        bench.document.set(("datasets",), [{"path": str(file), "type": "chat_template"}])
        recipe.write_text(bench.document.text, "utf-8")
        bare = None if pictures else bare_pace(recipe, count)
        loading = run(["workbench.cli", "audit", str(recipe), "--rows", "0:1", "--workers", "1"])
        spent = run(
            ["workbench.cli", "audit", str(recipe), "--workers", str(workers), "--out", str(out), "--format", "json"]
        )
        table = pq.read_table(out / "rows.parquet", columns=["row", "codes"])
        missed, invented = [], []
        for row, codes in zip(table["row"].to_pylist(), table["codes"].to_pylist(), strict=True):
            if row in faulty:
                if not FAULTS[faulty[row]][1] <= set(codes):
                    missed.append((row, faulty[row]))
            elif codes:
                invented.append((row, codes))
        assert table.num_rows == count == json.loads((out / "report.json").read_text("utf-8"))["rows"]
    return Scale(count, spent, loading, bare, Counter(faulty.values()), missed, invented)


def main() -> int:
    """Print each scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model", default=str(sample_dir() / "demo-model"))
    asked = parser.parse_args()
    right = True
    for count in asked.counts:
        found = scale(count, pictures=asked.pictures, model=asked.model, workers=asked.workers)
        print("\n".join(found.lines()), flush=True)
        right = right and found.right
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
