"""Modules that a recipe trains beside its targets, on the model without weights: counted as axolotl's loader counts.

The numbers are those that axolotl 0.19 and 0.21 gave for the demo's model, asked by its rehearsed loader.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.overfit.conftest import demo
from workbench.models.targets import trained

LANGUAGE = 125_952
WIDTH = 128
BOTH = ["embed_tokens", "lm_head"]


@pytest.mark.parametrize(
    ("keys", "embeddings", "counts"),
    [
        ({}, 1536, {}),
        ({"tokens": ["<point>", "<box>"], "lora_modules_to_save": BOTH}, 1538, {"embeddings": 1538, "head": 1538}),
        (
            {"tokens": ["<point>"], "resize_token_embeddings_to_32x": True, "lora_modules_to_save": BOTH},
            1568,
            {"embeddings": 1568, "head": 1568},
        ),
        ({"lora_modules_to_save": BOTH, "peft_ensure_weight_tying": True}, 1536, {"embeddings": 1536}),
        ({"peft_trainable_token_indices": [1, 2]}, 1536, {"embeddings": 2}),
        ({"peft_trainable_token_indices": {"embed_tokens": [1, 2, 3]}}, 1536, {"embeddings": 3}),
        # axolotl drops it.
        ({"lora_exclude_modules": ["q_proj"]}, 1536, {}),
        ({"lora_fan_in_fan_out": True}, 1536, {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else str(value),
)
def test_counts(tmp_path: Path, keys: dict[str, Any], embeddings: int, counts: dict[str, int]) -> None:
    bench = demo(tmp_path, {(key,): value for key, value in keys.items()})
    found = trained(bench.anatomy, bench.recipe)
    assert found.refusal is None
    assert bench.anatomy.model.get_input_embeddings().num_embeddings == embeddings
    assert found.counts == {"language": LANGUAGE} | {tower: rows * WIDTH for tower, rows in counts.items()}


@pytest.mark.parametrize(("freeze", "vision"), [(True, None), (False, 312_768)])
def test_a_tower_that_is_saved_is_trained_unless_it_is_frozen(tmp_path: Path, freeze: bool, vision: int | None) -> None:
    bench = demo(tmp_path, {("lora_modules_to_save",): ["vision_tower"], ("freeze_mm_modules",): freeze})
    assert trained(bench.anatomy, bench.recipe).counts.get("vision") == vision


def test_every_weight_and_new_tokens(tmp_path: Path) -> None:
    bench = demo(tmp_path, {("adapter",): None, ("tokens",): ["<point>"]})
    assert trained(bench.anatomy, bench.recipe).counts == {"embeddings": 295_104, "language": 641_968}


def test_layers_that_peft_cannot_repeat_here_are_refused_at_the_key(tmp_path: Path) -> None:
    bench = demo(tmp_path, {("peft_layer_replication",): [[0, 1], [0, 1]]})
    refusal = trained(bench.anatomy, bench.recipe).refusal
    assert refusal is not None
    assert refusal.where.field == "peft_layer_replication"


def test_embeddings_are_cut_only_where_the_recipe_says_so(tmp_path: Path) -> None:
    """The tokenizer has as many tokens as there are rows; 32x makes more of them, and a smaller one takes none away."""
    from workbench.models.embeddings import resized

    bench = demo(tmp_path, {})
    model = bench.anatomy.model
    assert resized(model, bench.recipe, 1000) is None
    assert resized(model, bench.recipe, 1536) is None
    assert model.config.get_text_config().vocab_size == 1536
    cut = demo(tmp_path, {("shrink_embeddings",): True})
    own = cut.loaded.auto_config.get_text_config().vocab_size
    assert resized(cut.anatomy.model, cut.recipe, 1000) == 1000
    # The configuration that the bench holds is another's.
    assert cut.loaded.auto_config.get_text_config().vocab_size == own


def test_an_adapter_that_lies_elsewhere_is_shown_as_the_recipe_has_it(tmp_path: Path) -> None:
    bench = demo(tmp_path, {("lora_model_dir",): "org/adapter"})
    found = trained(bench.anatomy, bench.recipe)
    assert found.refusal is None
    assert found.counts == {"language": LANGUAGE}
