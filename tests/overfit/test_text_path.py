"""An overfit run of a recipe on the text path: it trains the tokens that axolotl's strategy trains, and no others."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.bench import Bench
from workbench.overfit import runner
from workbench.overfit.events import read
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import EVENTS, PLAN
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document

ROWS = [
    {"messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Four boxes."}]},
    {
        "messages": [
            {"role": "user", "content": "Colour?"},
            {"role": "assistant", "content": [{"text": "Red", "train": False}, {"text": " or blue."}]},
        ]
    },
]


def test_the_run_trains_what_the_text_path_trains(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    document = Document((sample_dir() / "demo.yaml").read_text("utf-8"))
    document.set(("base_model",), str(sample_dir() / "demo-model"))
    document.set(("datasets", 0, "path"), str(tmp_path / "rows.jsonl"))
    document.set(("eot_tokens",), ["<turn|>"])
    for key in ("processor_type", "skip_prepare_dataset", "remove_unused_columns"):
        document.delete((key,))
    file = tmp_path / "recipe.yaml"
    file.write_text(document.text, "utf-8")
    bench = Bench(Document.from_file(file)).load()
    assert bench.path.kind == "text"
    folder = tmp_path / "run"
    folder.mkdir()
    make_plan(bench, rows=2, steps=4, device="cpu").write(folder / PLAN)
    runner.main(folder)
    events = read(folder / EVENTS)
    steps = [event for event in events if event["event"] == "step"]
    wanted = {row.index: row.mask.trained for row in map(bench.row, (0, 1))}
    assert steps, events[-1]
    batch, accumulated = bench.recipe.micro_batch_size or 1, bench.recipe.gradient_accumulation_steps or 1
    seen = {tuple(sorted(int(row) for row in step["rows"])): step["tokens"] for step in steps}
    for rows, tokens in seen.items():
        assert len(rows) <= batch * accumulated
        assert tokens % sum(wanted[row] for row in rows) == 0
    mask = bench.row(1).mask
    text = "".join(bench.row(1).rendering.token_text(int(i)) for i in mask.keep.nonzero()[0])
    assert text == " or blue.<turn|>"
