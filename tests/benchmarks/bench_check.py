"""`check` over a JSONL of 2,000 rows against rendering and tokenizing the same rows alone. Target: twice the time.

`python -m tests.benchmarks.bench_check [ROWS]`; the embedded demo's tokenizer and template, everyday text in turns.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.timing import medians
from workbench.bench import Bench, open
from workbench.checks.run import check_rows
from workbench.paths import sample_dir

TEXT = "a red square and two blue circles lie on the table near green triangles what is in this picture how many"


def rows(count: int) -> list[dict[str, object]]:
    """Conversations of two to six turns, of a sentence to a paragraph each."""
    generator = random.Random(0)
    made = []
    for _ in range(count):
        turns = []
        for number in range(2 * generator.randint(1, 3)):
            text = " ".join(generator.choices(TEXT.split(), k=generator.randint(6, 120)))
            turns.append({"role": ("user", "assistant")[number % 2], "content": text})
        made.append({"messages": turns})
    return made


def main(count: int) -> None:
    """Print rows a second for both, and the ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "rows.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows(count)), "utf-8")
        model = str(sample_dir() / "demo-model")

        def fresh() -> Bench:
            return open(model=model, data=str(data))

        bench = fresh()

        def render() -> None:
            bench._kept.clear()
            for row in bench.head(None):
                _ = row.rendering

        def check() -> None:
            bench._kept.clear()
            report = check_rows(bench, bench.head(None))
            assert report.rows == count

        seconds = medians({"render": render, "check": check}, rounds=3)
    alone, checked = seconds["render"], seconds["check"]
    rates = f"rendering alone {count / alone:.0f} rows/s, check {count / checked:.0f} rows/s"
    print(f"{count} rows: {rates} ({checked / alone:.2f}×)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
