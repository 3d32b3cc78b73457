"""A config.json that names no sizes: nothing is told that would be true of transformers' defaults alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from workbench.bench import Bench, prepare
from workbench.checks.run import check_recipe
from workbench.errors import EnvironmentProblem
from workbench.models.memory import estimate_of
from workbench.models.sizes import UNSIZED, names_sizes
from workbench.models.targets import trained
from workbench.notebook.model import Towers
from workbench.paths import sample_dir


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"model_type": "gemma4"}, False),
        ({}, False),
        ({"model_type": "llava", "architectures": ["X"], "image_token_index": 32000}, False),
        ({"model_type": "gemma4", "vision_config": {"hidden_size": 768}, "audio_config": {"num_layers": 2}}, False),
        ({"model_type": "gemma4", "text_config": {"model_type": "gemma4_text"}}, False),
        ({"model_type": "gemma4", "text_config": {"hidden_size": 64}}, True),
        # LLaVA 1.5 as it is published: the rest is what the class has.
        ({"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32064}}, True),
        ({"model_type": "mllama", "llm_config": {"num_hidden_layers": 4}}, True),
        ({"model_type": "gpt2", "n_embd": 64}, True),
        ({"model_type": "gemma4", "hidden_size": None}, False),
    ],
)
def test_what_names_a_size(config: dict[str, Any], named: bool) -> None:
    assert names_sizes(config) is named


@pytest.fixture
def unsized(tmp_path: Path) -> Bench:
    """The demo's model, of which config.json tells the family alone."""
    folder = tmp_path / "model"
    shutil.copytree(sample_dir() / "demo-model", folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "gemma4"}))
    return prepare(model=str(folder), data=str(sample_dir() / "text.jsonl")).load()


def test_no_figure_is_told(unsized: Bench) -> None:
    (found,) = (one for one in check_recipe(unsized) if one.code == "A013")
    assert found.message.startswith(UNSIZED)
    with pytest.raises(EnvironmentProblem, match="not known") as raised:
        estimate_of(unsized.loaded, unsized.recipe)
    assert UNSIZED in raised.value.cause
    towers = Towers(unsized.anatomy, trained(unsized.anatomy, unsized.recipe), ())
    told = towers.to_dict()
    assert told["parameters"] is None
    assert told["trained"]["trained_parameters"] is None
    assert {one[name] for one in told["towers"] for name in ("parameters", "bytes")} == {None}
    for text in (towers.text(), towers.body()):
        assert UNSIZED.partition(",")[0] in text
        # The heads of columns aside. A page's own `replace` escapes what it looks for, in older releases.
        assert "parameters<" not in str.replace(text, ">parameters<", "")
        assert " G" not in text


def test_the_demos_figures_are_told() -> None:
    bench = prepare().load()
    assert bench.loaded.sized
    assert bench.anatomy.to_dict()["parameters"] == 1_294_464
    assert estimate_of(bench.loaded, bench.recipe, sequence=16).parameters > 1_294_464
    assert not [one for one in check_recipe(bench) if one.code == "A013"]
