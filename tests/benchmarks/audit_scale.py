"""`vlmbench audit` of generated rows, 1 % of them faulty in twelve known ways: rates, memory, and what it found.

`python -m tests.benchmarks.audit_scale [--pictures] [--workers N] [--model MODEL] COUNT …`, such as
`10000 100000 1000000` and `--pictures 100000`. Every seeded fault must be found, and nothing in any other row: else the
exit code is 1. Memory is that of the largest of its processes, and must not grow with the rows.
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
class Scale:
    """An audit of so many rows. `bare`: rows a second that are only rendered and encoded, in one process with all
    cores; None with pictures. `memory` in MiB: of loading alone, and of the audit's largest process."""

    rows: int
    seconds: float
    bare: float | None
    memory: tuple[float, float]
    faulty: Counter[str]
    missed: list[tuple[int, str]]
    invented: list[tuple[int, list[str]]]

    @property
    def rate(self) -> float:
        return self.rows / self.seconds

    @property
    def right(self) -> bool:
        """True where all faults were found, and no other."""
        return not self.missed and not self.invented

    def lines(self) -> list[str]:
        """What it says, a line each."""
        ratio = f", {self.rate / self.bare:.2f}× of render and encode alone ({self.bare:,.0f}/s)" if self.bare else ""
        loaded, peak = self.memory
        return [
            f"{self.rows:,} rows in {self.seconds:.0f} s: {self.rate:,.0f} rows/s with loading{ratio}",
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


def peak(command: list[str]) -> tuple[float, float]:
    """(MiB of the largest of its processes, seconds) of a command of the bench."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {process.returncode}")
    return usage.ru_maxrss / 1024, time.perf_counter() - began


def bare_rate(recipe: Path, count: int) -> float:
    """Rows a second that are only rendered and encoded, without any bookkeeping."""
    bench = open(recipe)
    talks = []
    for index in range(min(count, BARE)):
        row = bench.peek(index)
        if row.error is None:
            talks.append(row.conversation.messages)
    bench.renderer.prompts(talks[:10])
    began = time.perf_counter()
    bench.renderer.encodings(bench.renderer.prompts(talks), add_special_tokens=False)
    return len(talks) / (time.perf_counter() - began)


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
        bare = None if pictures else bare_rate(recipe, count)
        loaded, _ = peak(["workbench.cli", "audit", str(recipe), "--rows", "0:1", "--workers", "1"])
        largest, seconds = peak(
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
    return Scale(count, seconds, bare, (loaded, largest), Counter(faulty.values()), missed, invented)


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
