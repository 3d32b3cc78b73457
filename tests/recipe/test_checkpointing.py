"""The kind of checkpointing that axolotl makes of a recipe, as its normalised configuration had it."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.recipe.checkpointing import is_reentrant
from workbench.recipe.model import Recipe

SAID = {"gradient_checkpointing_kwargs": {"use_reentrant": True}}


@pytest.mark.parametrize(
    ("keys", "model_type", "version", "reentrant"),
    [
        ({}, "gemma3", "0.19.0", True),
        ({}, "gemma3", "0.20.1", True),
        ({}, "gemma3", "0.21.0", False),
        ({"deepspeed": "deepspeed_configs/zero3_bf16.json"}, "gemma3", "0.21.0", True),
        ({"deepspeed": {"zero_optimization": {"stage": 3}}}, "gemma3", "0.21.0", True),
        ({"deepspeed": "deepspeed_configs/zero2.json"}, "gemma3", "0.21.0", False),
        (SAID, "gemma3", "0.21.0", True),
        (SAID, "gemma4", "0.19.0", False),
        (SAID, "gemma4_unified", "0.21.0", False),
        ({"gradient_checkpointing_kwargs": {"use_reentrant": False}}, "gemma3", "0.19.0", False),
        ({"unfrozen_parameters": ["lm_head"]}, "gemma3", "0.19.0", False),
        ({"gradient_checkpointing": False}, "gemma3", "0.19.0", False),
        ({}, "gemma3", "unknown", True),
    ],
)
def test_normalised(keys: dict[str, Any], model_type: str, version: str, reentrant: bool) -> None:
    recipe = Recipe(**{"base_model": "x", "gradient_checkpointing": True} | keys)
    assert is_reentrant(recipe, model_type, version) is reentrant
