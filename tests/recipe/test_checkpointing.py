"""The kind of checkpointing that axolotl makes of a recipe, as its normalised configuration had it."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.recipe.axolotl_table import table
from workbench.recipe.checkpointing import is_reentrant
from workbench.recipe.model import Recipe

REENTRANT = {"gradient_checkpointing_kwargs": {"use_reentrant": True}}


@pytest.mark.parametrize(
    ("keys", "model_type", "release", "reentrant"),
    [
        ({}, "gemma3", "0.19", True),
        ({}, "gemma3", "0.21", False),
        ({"deepspeed": "deepspeed_configs/zero3_bf16.json"}, "gemma3", "0.21", True),
        ({"deepspeed": {"zero_optimization": {"stage": 3}}}, "gemma3", "0.21", True),
        ({"deepspeed": "deepspeed_configs/zero2.json"}, "gemma3", "0.21", False),
        (REENTRANT, "gemma3", "0.21", True),
        (REENTRANT, "gemma4", "0.19", False),
        (REENTRANT, "gemma4_unified", "0.21", False),
        ({"gradient_checkpointing_kwargs": {"use_reentrant": False}}, "gemma3", "0.19", False),
        ({"unfrozen_parameters": ["lm_head"]}, "gemma3", "0.19", False),
        ({"gradient_checkpointing": False}, "gemma3", "0.19", False),
    ],
)
def test_normalised(keys: dict[str, Any], model_type: str, release: str, reentrant: bool) -> None:
    recipe = Recipe(**{"base_model": "x", "gradient_checkpointing": True} | keys)
    assert is_reentrant(recipe, model_type, table(release)) is reentrant
