"""The memory estimate against what torch's allocator reports for a real step, and what it must not depend on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.step_memory import measured_peak
from workbench.models.memory import MemoryEstimate, estimate
from workbench.recipe.document import Document
from workbench.recipe.model import Recipe
from workbench.resources import sample_dir


@pytest.fixture(scope="module")
def config() -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(str(sample_dir() / "demo-model"))


def recipe(**changes: Any) -> Recipe:
    document = Document.from_file(sample_dir() / "demo.yaml")
    for key, value in changes.items():
        document.set((key,), value)
    return Recipe.from_document(document)


@pytest.mark.parametrize(
    ("changes", "sequence", "batch", "positions"),
    [
        ({}, 512, 2, None),
        ({"gradient_checkpointing": False}, 256, 4, None),
        ({"gradient_checkpointing": False, "bf16": False, "adapter": None, "freeze_mm_modules": False}, 128, 2, None),
        ({}, 384, 1, 32),
        ({"gradient_checkpointing": False}, 384, 1, 32),
    ],
)
def test_within_15_percent_of_a_real_step(
    config: Any, changes: dict[str, Any], sequence: int, batch: int, positions: int | None
) -> None:
    told = estimate(config, recipe(**changes), sequence=sequence, batch=batch, positions=positions)
    real = measured_peak(config, recipe(**changes), batch, sequence, positions)
    assert abs(told.total / real - 1) < 0.15, (told, real)


def test_the_parts(config: Any) -> None:
    told = estimate(config, recipe())
    assert (told.sequence, told.batch, told.positions) == (512, 2, 512)
    assert told.adapters == told.gradients == 4 * told.trainable
    assert told.optimizer == 2 * told.gradients
    parts: dict[str, Any] = told.to_dict()
    names = ("weights", "adapters", "gradients", "optimizer", "activations", "logits")
    assert parts["total"] == sum(parts[name] for name in names)


def test_what_saves_memory_saves_it(config: Any) -> None:
    def told(sequence: int, positions: int | None = None, **changes: Any) -> MemoryEstimate:
        return estimate(config, recipe(**changes), sequence=sequence, batch=1, positions=positions)

    long, plain = told(256), told(64)
    assert long.activations < told(256, gradient_checkpointing=False).activations
    assert told(64, optimizer="adamw_8bit").optimizer < 0.3 * plain.optimizer
    assert told(64, adapter="qlora", load_in_4bit=True).weights < 0.8 * plain.weights
    assert told(256, positions=8).logits < 0.2 * long.logits
