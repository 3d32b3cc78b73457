"""axolotl's loader, rehearsed without weights: it goes through for every family, and equals what the bench shows.

Each family's new LoRA recipe, exported, on its real configuration class at its real size; each in a forked process, 2
to 6 s. The default run takes a part of the families; `python -m conformance --full` takes every one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.once import FULL
from conformance.test_kernels import TOLD, configuration
from tests.support import processors
from workbench.bench import Bench
from workbench.bench import open as opened
from workbench.checks.loader import differences
from workbench.consumers.axolotl import worker
from workbench.consumers.axolotl.loader import Rehearsal, read_rehearsal
from workbench.export.compose import compose
from workbench.models.targets import trained
from workbench.recipe import plugin

PART = ("gemma4", "qwen2_5_vl", "qwen3_5_moe")
# Classes whose own defaults make no model, in axolotl and in transformers alike, and why.
INCOMPLETE = {
    "cohere_compass": "KeyError: 'full_attention'",
    "qwen4_exp": "unsupported operand type(s) for //",
}
# Text alone; a recipe that names a processor makes axolotl look for a class with pictures.
NO_PICTURES = {"qwen4_exp_text": "Unrecognized configuration class"}
FAMILIES = [one for one in TOLD if FULL or one.values[1] in PART or one.values[0] in PART]
Made = Callable[..., Bench]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return processors.fallback_folder("qwen2_vl", tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def made(tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A bench on a new recipe of a family, as it is exported, with these keys laid over it (None removes one)."""
    monkeypatch.chdir(tmp_path)

    def build(model_type: str, values: dict[str, Any], **keys: Any) -> Bench:
        model = tmp_path / "model"
        shutil.copytree(tokenizer, model, dirs_exist_ok=True)
        configuration(model_type, values).save_pretrained(model)
        (tmp_path / "rows.jsonl").write_text(
            '{"messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "One."}]}\n'
        )
        new = Bench(model=str(model), data=str(tmp_path / "rows.jsonl")).load()
        data = yaml.safe_load(compose(new, rows=()).text) | keys
        file = tmp_path / "recipe.yaml"
        file.write_text(yaml.safe_dump({key: value for key, value in data.items() if value is not None}), "utf-8")
        # axolotl 0.21 stops at a plugin that it cannot import.
        plugin.write_beside(data, file)
        return opened(file)

    return build


def rehearsed(bench: Bench) -> Rehearsal:
    assert bench.document.path is not None
    return read_rehearsal(worker.rehearsed(bench.document.path))


@pytest.mark.parametrize(("family", "model_type", "values"), FAMILIES)
def test_a_new_recipe_is_loaded_and_equals_the_bench(
    family: str, model_type: str, values: dict[str, Any], made: Made
) -> None:
    bench = made(model_type, values)
    found = rehearsed(bench)
    why = (INCOMPLETE | NO_PICTURES).get(model_type)
    if why is not None:
        assert found.refused is not None
        assert found.refused.stage == "model"
        assert why in found.refused.line
        assert not found.refused.environment
        return
    assert found.refused is None, found.refused
    assert differences(bench.anatomy, trained(bench.anatomy, bench.recipe), found) == []
    assert found.modules
    assert found.trained
    # What the tables say where nobody is asked.
    assert found.loss_by_tokens == bench.axolotl.loss_by_tokens(model_type)


QWEN3_VL = next(one.values for one in TOLD if one.values[1] == "qwen3_vl")
STOPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "tokens that are not trained": ({"tokens": ["<point>"]}, "normalize", "lora_modules_to_save"),
    "a class that is gone": ({"model_type": "AutoModelForVision2Seq"}, "model", "AutoModelForVision2Seq"),
    "no rank": ({"lora_r": None}, "adapters", "TypeError"),
    "no alpha": ({"lora_alpha": None}, "adapters", "TypeError"),
    "targets that are not there": ({"lora_target_modules": ["nothing"]}, "adapters", "not found in the base model"),
    "a value of another type": ({"lora_dropout": "much"}, "validate", "lora_dropout"),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_recipe_that_cannot_be_loaded_is_refused_at_its_stage(name: str, made: Made) -> None:
    keys, stage, words = STOPS[name]
    bench = made(QWEN3_VL[1], QWEN3_VL[2])
    file = bench.document.path
    assert file is not None
    data = yaml.safe_load(file.read_text("utf-8")) | keys
    file.write_text(yaml.safe_dump({key: value for key, value in data.items() if value is not None}), "utf-8")
    found = read_rehearsal(worker.rehearsed(file))
    assert found.refused is not None
    assert found.refused.stage == stage
    assert words in (*found.refused.keys, found.refused.line) or words in found.refused.line
    assert not found.refused.environment


@pytest.mark.parametrize(
    "keys",
    [
        {"tokens": ["<point>"], "lora_modules_to_save": ["embed_tokens", "lm_head"]},
        {
            "tokens": ["<point>"],
            "resize_token_embeddings_to_32x": True,
            "lora_modules_to_save": ["embed_tokens", "lm_head"],
        },
        {"peft_trainable_token_indices": [1, 2]},
        {"lora_modules_to_save": ["visual"]},
        {"lora_modules_to_save": ["visual"], "freeze_mm_modules": False},
        {"lora_exclude_modules": ["q_proj"]},
        {"adapter": "qlora", "load_in_4bit": True},
        {"load_in_8bit": True},
        {"attn_implementation": "flash_attention_2"},
        {"adapter": None, "lora_r": None, "lora_alpha": None, "lora_dropout": None, "lora_target_modules": None},
    ],
    ids=[
        "new tokens",
        "new tokens in thirty-twos",
        "single tokens",
        "a frozen tower saved",
        "a tower saved",
        "excluded modules",
        "4 bits",
        "8 bits",
        "flash attention",
        "no adapter",
    ],
)
def test_other_ways_to_train_equal_the_bench_too(keys: dict[str, Any], made: Made) -> None:
    bench = made(QWEN3_VL[1], QWEN3_VL[2], **keys)
    found = rehearsed(bench)
    assert found.refused is None, found.refused
    assert differences(bench.anatomy, trained(bench.anatomy, bench.recipe), found) == []
    if "attn_implementation" in keys:
        assert set(found.attention.values()) == {"flash_attention_2"}


def test_what_the_machine_lacks_is_said_to_be_the_machines(made: Made, tmp_path: Path) -> None:
    (tmp_path / "zero3.json").write_text('{"zero_optimization": {"stage": 3}}')
    found = rehearsed(made(QWEN3_VL[1], QWEN3_VL[2], deepspeed="zero3.json"))
    assert found.refused is not None
    assert found.refused.environment, found.refused
