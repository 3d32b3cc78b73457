"""`workbench.open` with all that it takes: nothing, a recipe, a model, rows that are already in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

import workbench
from tests.support.nothing_to_export import recipe_in
from tests.test_cli import run
from workbench.errors import BenchError, InputError
from workbench.overfit.plan import make_plan
from workbench.paths import sample_dir

ROWS = [json.loads(line) for line in (sample_dir() / "text.jsonl").read_text("utf-8").splitlines()[:3]]


def test_what_can_be_opened(tmp_path: Path) -> None:
    demo, model = workbench.open(), str(sample_dir() / "demo-model")
    assert demo.to_dict() == json.loads(run("inspect", "--format", "json").stdout)
    recipe = str(recipe_in(tmp_path))
    assert workbench.open(recipe).to_dict() == json.loads(run("inspect", recipe, "--format", "json").stdout)
    data = str(sample_dir() / "text.jsonl")
    told = json.loads(run("inspect", "--model", model, "--data", data, "--format", "json").stdout)
    assert workbench.open(model=model, data=data).to_dict() == told
    for wrong in ({"config": "nowhere.yaml"}, {"data": "nowhere.jsonl"}, {"model": "./nowhere"}, {"dataset": 7}):
        with pytest.raises(BenchError):
            workbench.open(**wrong)  # type: ignore[arg-type]


def test_rows_in_python_are_kept_where_every_process_finds_them() -> None:
    bench = workbench.open(data=ROWS)
    same = workbench.open(data=str(sample_dir() / "text.jsonl"))
    assert len(bench.rows) == 3
    for mine, theirs in zip(bench.rows, same.rows, strict=False):
        assert np.array_equal(mine.mask().labels, theirs.mask().labels)
    file = Path(make_plan(bench.bench, rows=1).bench["data"])
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == ROWS
    assert workbench.open(data=(dict(row) for row in ROWS)).bench.rows.name == bench.bench.rows.name
    assert f"path: {file}" in bench.export().made.text


def test_a_dataset_brings_its_pictures() -> None:
    content = [{"type": "image", "text": None}, {"type": "text", "text": "What is it?"}]
    answer = [{"type": "text", "text": "A circle."}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    picture = Image.open(sample_dir() / "pictures" / "shapes-00.png")
    table = datasets.Dataset.from_list([{"messages": messages, "images": [picture]}])
    bench = workbench.open(data=table)
    row = bench.rows[0]
    assert row.row.error is None
    assert len(row.row.rendering.media) == 1
    assert "A circle." in row.text()


@pytest.mark.parametrize("wrong", [[{"messages": [{"picture": object()}]}], ["a"], [ROWS[0], 3]])
def test_what_is_no_row_is_named(wrong: Any) -> None:
    with pytest.raises(InputError) as raised:
        workbench.open(data=wrong)
    assert raised.value.where.row == len(wrong) - 1
