"""The memory estimate against what torch's allocator reports for a real step, and what it must not depend on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.step_memory import measured_peak
from workbench.models.memory import MemoryEstimate, _states, _stored, estimate
from workbench.paths import sample_dir
from workbench.recipe.model import Recipe
from workbench.recipe.yaml.document import Document


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


@pytest.fixture(scope="module")
def whole(config: Any) -> MemoryEstimate:
    """The demo's own recipe on short rows: weights of two bytes each."""
    return estimate(config, recipe(), sequence=16, batch=1)


@pytest.fixture(scope="module")
def linears(config: Any) -> tuple[int, int, int]:
    """Values and rows of the linear layers without the head: the layers that a quantized load makes smaller.

    Third the values of convolutions and the like, of which PEFT's preparation makes 32 bits.
    """
    import torch

    from workbench.models.build import meta_model

    with torch.device("meta"):
        model = meta_model(config, recipe())
    found = [
        module.weight
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    ]
    # Some are called after the embeddings that they project, and are linear layers all the same.
    assert any("embed" in name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear))
    wide = [one.numel() for one in model.parameters() if one.dim() >= 3]
    assert wide
    return sum(one.numel() for one in found), sum(one.shape[0] for one in found), sum(wide)


def test_nf4_takes_what_bitsandbytes_stores(config: Any, whole: MemoryEstimate, linears: tuple[int, int, int]) -> None:
    """Two values a byte; with double quantization (`bnb_4bit_use_double_quant`, which axolotl sets) an absmax of one
    byte for each block of 64 values and, for each 256 of those, one of four bytes: 4 + 8/64 + 32/(64 · 256) bits, the
    4.127 of the QLoRA paper."""
    values, _, wide = linears
    packed, scales, scales_of_scales = values / 2, values / 64, 4 * values / (64 * 256)
    assert 8 * (packed + scales + scales_of_scales) / values == pytest.approx(4.127, abs=5e-4)
    small = estimate(config, recipe(adapter="qlora", load_in_4bit=True), sequence=16, batch=1)
    saved = 2 * values - (packed + scales + scales_of_scales) - 2 * wide
    assert whole.weights - small.weights == pytest.approx(saved, abs=1)


def test_eight_bits_take_a_byte_a_value_and_a_scale_a_row(
    config: Any, whole: MemoryEstimate, linears: tuple[int, int, int]
) -> None:
    values, rows, wide = linears
    small = estimate(config, recipe(load_in_8bit=True), sequence=16, batch=1)
    assert whole.weights - small.weights == 2 * values - (values + 4 * rows) - 2 * wide


def test_a_key_of_quantization_without_its_adapter_makes_nothing_smaller() -> None:
    import torch

    weight = torch.empty(64, 256, dtype=torch.bfloat16, device="meta")
    sizes = {
        (adapter, key): _stored(weight, True, recipe(adapter=adapter, **{key: True}))
        for adapter in ("lora", "qlora", None)
        for key in ("load_in_4bit", "load_in_8bit")
    }
    values = 64 * 256
    assert sizes == {
        ("lora", "load_in_4bit"): 2 * values,
        ("lora", "load_in_8bit"): values + 4 * 64,
        ("qlora", "load_in_4bit"): values // 2 + values // 64 + 4,
        ("qlora", "load_in_8bit"): values + 4 * 64,
        (None, "load_in_4bit"): 2 * values,
        (None, "load_in_8bit"): 2 * values,
    }
    assert _stored(weight, False, recipe(adapter="qlora", load_in_4bit=True)) == 2 * values


@pytest.mark.parametrize(
    ("optimizer", "bytes_each"),
    [
        ("sgd", 0),
        # Two moments in the parameter's own dtype, which is four bytes here.
        (None, 8),
        ("adamw_torch", 8),
        ("lion_32bit", 4),
        # bitsandbytes: blocks of 256 values share a scale of four bytes, for each of Lion's one state and AdamW's two.
        ("lion_8bit", 1 + 4 / 256),
        ("adamw_8bit", 2 + 8 / 256),
        ("paged_adamw_8bit", 2 + 8 / 256),
        # torchao: blocks of 128 at four bits.
        ("adamw_torch_4bit", 1 + 8 / 128),
        # A row and a column of each matrix.
        ("adafactor", 4 * (64 + 256) / (64 * 256)),
    ],
)
def test_optimizer_states_by_value(optimizer: str | None, bytes_each: float) -> None:
    import torch

    parameter = torch.empty(3, 64, 256, device="meta")
    assert _states(parameter, optimizer) == parameter.numel() * bytes_each


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
