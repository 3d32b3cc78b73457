"""Recipes for which axolotl turns its LoRA kernels on, and models for which it then stops."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.recipe.axolotl_table import releases, table
from workbench.recipe.lora_kernels import KERNELS, kernel_error, kernel_stop, kernel_switch
from workbench.recipe.model import Recipe
from workbench.recipe.new import new_recipe

LORA = {"adapter": "lora"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LORA, "adapter"),
        ({"adapter": "qlora", "load_in_4bit": True, "load_in_8bit": True}, "adapter"),
        (LORA | {"load_in_8bit": True}, None),
        (LORA | {"rl": "dpo"}, None),
        (LORA | {"trust_remote_code": True}, None),
        (LORA | {"lora_mlp_kernel": True}, None),
        (LORA | {"lora_embedding_kernel": False}, None),
        (LORA | {"lora_o_kernel": True}, "lora_o_kernel"),
        (LORA | dict.fromkeys(KERNELS, False), None),
        (LORA | dict.fromkeys(KERNELS), "adapter"),
        ({}, None),
    ],
)
def test_when_they_are_on(data: dict[str, Any], expected: str | None) -> None:
    assert kernel_switch(data) == expected


@pytest.mark.parametrize("release", releases())
def test_models_are_parted_in_three(release: str) -> None:
    known = table(release).kernels
    assert {"gemma3", "gemma4", "gemma4_unified", "mistral3", "qwen3_5", "qwen3_vl"} <= known.applied
    assert {"muse_glimmer", "paddleocr_vl", "qwen4_exp"} <= known.off
    assert {"qwen2_vl", "qwen2_5_vl", "qwen3_vl_moe", "llava", "internvl", "mllama", "llama4"} <= known.raises.keys()
    assert not known.applied & known.raises.keys()
    assert not known.off & (known.applied | known.raises.keys())
    assert kernel_error(LORA, "qwen2_vl", known) is not None
    assert kernel_error(LORA, "gemma3", known) is None
    assert kernel_error(LORA, "nobody_asked", known) is None
    assert kernel_error(LORA, None, known) is None
    assert {"llama4", "smolvlm", "idefics3"} <= known.layerless
    assert not {"gemma3", "qwen2_5_vl", "llava"} & known.layerless


@pytest.mark.parametrize("release", releases())
def test_where_no_layers_are_found_every_kernel_stops(release: str) -> None:
    known = table(release).kernels
    mlp = LORA | dict.fromkeys(KERNELS, False) | {"lora_mlp_kernel": True}
    stop = kernel_stop(mlp, "llama4", known)
    assert stop is not None
    assert (stop.key, stop.off) == ("lora_mlp_kernel", ("lora_mlp_kernel",))
    assert "no layers" in stop.why
    both = kernel_stop(mlp | {"lora_o_kernel": True}, "llama4", known)
    assert both is not None
    assert (both.key, both.off) == ("lora_o_kernel", ("lora_mlp_kernel", "lora_o_kernel"))
    assert kernel_stop(mlp, "qwen2_5_vl", known) is None
    assert kernel_stop(LORA | dict.fromkeys(KERNELS, False), "llama4", known) is None


@pytest.mark.parametrize(("model_type", "off"), [("qwen2_5_vl", True), ("gemma3", False), ("nobody_asked", False)])
def test_a_new_recipe_turns_them_off_where_they_stop(model_type: str, off: bool) -> None:
    document = new_recipe("org/model", config={"model_type": model_type})
    assert {key for key in KERNELS if document.get((key,)) is False} == (set(KERNELS) if off else set())
    assert (f"from the table of {table().name}" in " ".join(document.text.replace("#", " ").split())) == off
    assert Recipe.check(document) == []
