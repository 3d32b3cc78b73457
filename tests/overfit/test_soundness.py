"""Faults before the first step: tokens without an embedding, and weights or inputs that hold no number."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.overfit.conftest import demo
from workbench.errors import InputError
from workbench.models.towers import media_dtype
from workbench.overfit.soundness import new_tokens, not_finite, require_embeddings


class Table(torch.nn.Module):
    """A model with so many embeddings and one buffer of bounds."""

    def __init__(self, size: int, **tokens: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(**tokens)
        self.table = torch.nn.Embedding(size, 2)
        self.register_buffer("bound", torch.tensor([float("-inf"), 1.0]))

    def get_input_embeddings(self) -> Any:
        return self.table


def test_a_token_beyond_the_embeddings_is_named(tmp_path: Path) -> None:
    bench = demo(tmp_path, {})
    ids = bench.row(1).rendering.input_ids
    top = int(ids.max())
    require_embeddings(Table(top + 1), bench, (0, 1))
    with pytest.raises(InputError) as raised:
        require_embeddings(Table(top), bench, (1,))
    assert raised.value.where.row == 1
    assert str(top) in raised.value.cause
    # A medium's id is never looked up.
    high = sorted({int(token) for token in ids}, reverse=True)
    require_embeddings(Table(high[1] + 1, image_token_id=high[0]), bench, (1,))


def test_new_embeddings_and_who_needs_them(tmp_path: Path) -> None:
    bench = demo(tmp_path, {})
    top = int(bench.row(0).rendering.input_ids.max())
    assert new_tokens(Table(top + 1), bench, (0,), None) == {}
    found = new_tokens(Table(top + 1), bench, (0,), (top, top + 1))
    assert (found["rows"], found["trained"]) == ([0], True)
    assert found["token"] == bench.loaded.tokenizer.decode([top])
    model = Table(top + 2)
    model.requires_grad_(False)
    found = new_tokens(model, bench, (0,), (top + 1, top + 2))
    assert (found["rows"], found["trained"]) == ([], False)


def test_what_holds_no_number_is_named() -> None:
    model = Table(4)
    assert not_finite(model, {0: {"pixel_values": torch.zeros(2)}}) == {"weights": [], "inputs": {}}
    with torch.no_grad():
        model.table.weight[1, 1] = float("inf")
    pixels = {0: {"pixel_values": torch.zeros(2)}, 3: {"pixel_values": torch.tensor([0.0, float("nan")])}}
    assert not_finite(model, pixels) == {"weights": ["table.weight"], "inputs": {"3": ["pixel_values"]}}
    model.bound[0] = float("nan")
    assert not_finite(model, {})["weights"] == ["table.weight", "bound"]


def test_pixels_have_the_dtype_of_the_tower(tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_config(demo(tmp_path, {}).loaded.auto_config, dtype=torch.float32)
    assert media_dtype(model) == torch.float32
    model.model.vision_tower.to(torch.bfloat16)
    assert model.model.language_model.embed_tokens.weight.dtype == torch.float32
    assert media_dtype(model) == torch.bfloat16
    # As bitsandbytes leaves a layer: bytes.
    first = next(model.model.vision_tower.parameters())
    first.requires_grad = False
    first.data = torch.zeros(8, dtype=torch.uint8)
    assert media_dtype(model) == torch.bfloat16


def test_text_alone_goes_by_the_first_floating_weight() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).to(torch.bfloat16))
    model[0].weight.requires_grad = False
    model[0].weight.data = torch.zeros(2, 2, dtype=torch.uint8)
    model[0].bias.data = model[0].bias.data.to(torch.float16)
    assert media_dtype(model) == torch.float16
