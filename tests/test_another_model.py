"""`--model` takes the place of the recipe's model wherever the recipe repeats its name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.bench import Bench
from workbench.bench import open as opened
from workbench.consumers.axolotl import loader
from workbench.consumers.axolotl.loader import Rehearsal
from workbench.errors import BenchError
from workbench.export.compose import compose
from workbench.paths import sample_dir

REPEATS = "base_model_config", "tokenizer_config", "processor_config"
ROWS = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}


def recipe(folder: Path, **keys: Any) -> Path:
    (folder / "rows.jsonl").write_text(json.dumps(ROWS) + "\n")
    head = {"base_model": "someone/gone", "chat_template": "tokenizer_default", "learning_rate": 1e-4} | keys
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in head.items())
    file = folder / "recipe.yaml"
    file.write_text(text + "datasets: [{path: rows.jsonl, type: chat_template}]\n")
    return file


@pytest.fixture
def model() -> str:
    return str(sample_dir() / "demo-model")


def test_keys_that_repeat_the_model_go_with_it(tmp_path: Path, model: str) -> None:
    bench = opened(recipe(tmp_path, **dict.fromkeys(REPEATS, "someone/gone")), model=model, offline=True)
    assert bench.row(0).error is None
    assert bench.loaded.model_type == opened(recipe(tmp_path), model=model, offline=True).loaded.model_type
    exported = yaml.safe_load(compose(bench, rows=()).text)
    assert {exported[key] for key in ("base_model", *REPEATS)} == {model}


def test_a_source_of_its_own_stays(tmp_path: Path, model: str) -> None:
    with pytest.raises(BenchError):
        opened(recipe(tmp_path, tokenizer_config=str(tmp_path / "theirs")), model=model, offline=True)


def test_the_loader_is_asked_about_that_model(tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def rehearse(python: str, text: str, **_: Any) -> Rehearsal:
        asked.append(text)
        return Rehearsal({})

    monkeypatch.setattr(loader, "rehearse", rehearse)
    file = recipe(tmp_path, tokenizer_config="someone/gone")
    bench: Bench = opened(file, model=model, offline=True, axolotl_python=sys.executable)
    bench.rehearsal()
    assert "someone/gone" not in asked[0]
    assert asked[0].count(model) == 2
    assert bench.document.text == file.read_text()
