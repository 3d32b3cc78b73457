"""`audit` and `check --rows all` of text rows against rendering and encoding them alone. Target: 0.6 of their rate.

`python -m tests.benchmarks.bench_audit [ROWS] [MODEL]`; rows of about 150 tokens in two turns, one in a hundred of them
faulty. Both sides have all cores: the peer renders in one process and encodes on all of them, as plain code would.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.bench_check import TEXT
from tests.benchmarks.page import record
from workbench.audit.run import audit, row_plan
from workbench.bench import Bench, open
from workbench.blocks.checking import check_chosen
from workbench.blocks.chosen_rows import choose_rows
from workbench.paths import sample_dir

FAULTY = 100


def write_rows(path: Path, count: int) -> int:
    """Write the rows; gives the number of faulty ones."""
    draw, faulty, words = random.Random(0), 0, TEXT.split()
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            turns = [
                {"role": "user", "content": " ".join(draw.choices(words, k=draw.randint(20, 70)))},
                {"role": "assistant", "content": " ".join(draw.choices(words, k=draw.randint(40, 120)))},
            ]
            if number % FAULTY == FAULTY - 1:
                faulty += 1
                turns[number // FAULTY % 2]["content"] = ""
            stream.write(json.dumps({"messages": turns}) + "\n")
    return faulty


def on_processor() -> float:
    """The seconds that this process and those it waited for had on a processor: a busy machine makes them no longer."""
    return sum(os.times()[:4])


def bare(bench: Bench, count: int) -> tuple[float, float]:
    """(rows a second, rows for each second on a processor) of rendering and encoding the first rows alone."""
    talks = [bench.peek(index).conversation.messages for index in range(count)]
    bench.renderer.prompts(talks[:10])
    began, before = time.perf_counter(), on_processor()
    bench.renderer.encodings(bench.renderer.prompts(talks), add_special_tokens=False)
    return count / (time.perf_counter() - began), count / (on_processor() - before)


def text_path(data: Path, count: int, model: str) -> None:
    """Print and record the same for a recipe without a processor, which takes axolotl's text path."""
    recipe = data.with_name("text.yaml")
    entry = f"datasets:\n  - path: {data}\n    ds_type: json\n    type: chat_template\n"
    recipe.write_text(f"base_model: {model}\nsequence_len: 2048\nlearning_rate: 0.0002\n{entry}", "utf-8")
    bench = open(str(recipe))
    assert bench.path.kind == "text"
    peer, alone = bare(bench, min(count, 4000))
    before = on_processor()
    report = audit(bench, row_plan(bench))
    each = report.rows / (on_processor() - before)
    assert not report.by_row, report.by_row
    rate, lost = report.rows / report.seconds, sum(cause.rows for cause in report.causes if cause.code == "M001")
    record("audit text path", rate / peer, f"{rate:,.0f} of {peer:,.0f} rows/s")
    print(f"text path: bare {peer:.0f} rows/s, audit {rate:.0f} rows/s ({rate / peer:.2f}×), {lost} rows untrained")
    print(f"for each second on a processor: bare {alone:.0f} rows, audit {each:.0f} ({each / alone:.2f}×)")


def main(count: int, model: str) -> None:
    """Print the rate of both, their ratio, the faults found and the peak memory."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "rows.jsonl"
        faulty = write_rows(data, count)
        bench = open(model=model, data=str(data))
        loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peer, alone = bare(bench, min(count, 4000))
        began = time.perf_counter()
        checked = check_chosen(bench, choose_rows(bench, "all"))
        checking = checked.rows / (time.perf_counter() - began)
        before = on_processor()
        report = audit(bench, row_plan(bench))
        each = report.rows / (on_processor() - before)
        rate = report.rows / report.seconds
        found = sum(cause.rows for cause in report.causes if cause.code == "D002")
        peak = max(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        )
        text_path(data, count, model)
    record("audit text", rate / peer, f"{rate:,.0f} of {peer:,.0f} rows/s")
    record("check text", checking / peer, f"{checking:,.0f} of {peer:,.0f} rows/s, in one process")
    record("audit memory", peak / loaded, f"{peak >> 10:,} of {loaded >> 10:,} MiB at {count:,} rows")
    print(f"{count} rows: bare {peer:.0f} rows/s, audit {rate:.0f} rows/s ({rate / peer:.2f}×)")
    print(f"for each second on a processor: bare {alone:.0f} rows, audit {each:.0f} ({each / alone:.2f}×)")
    print(f"check {checking:.0f} rows/s ({checking / peer:.2f}×), in one process and with every finding of its own")
    print(f"faulty rows {faulty}, found {found}; memory {peak / loaded:.2f}× of the loaded model's ({peak >> 10} MiB)")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 20_000,
        sys.argv[2] if len(sys.argv) > 2 else str(sample_dir() / "demo-model"),
    )
