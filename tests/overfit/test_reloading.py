"""A saved adapter on the base that is there: what a freshly loaded model would give, with one copy of the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from workbench.overfit.reloading import originals, put_back, rewritten, unsaved

STEPS = 3


class Tiny(torch.nn.Module):
    """Enough of a model for an adapter: an embedding, two layers, a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.config: dict[str, Any] = {"model_type": "tiny"}
        self.embed = torch.nn.Embedding(8, 6)
        self.first, self.second, self.head = (torch.nn.Linear(6, 6) for _ in range(3))

    @property
    def device(self) -> torch.device:
        return self.embed.weight.device

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(self.embed(ids)).tanh()))

    def prepare_inputs_for_generation(self, *args: Any, **kwargs: Any) -> Any:
        return kwargs


IDS = torch.arange(8)


def trained(config: LoraConfig, also: str = "") -> Any:
    model = get_peft_model(Tiny(), config)
    for name, parameter in model.named_parameters():
        if also and also in name:
            parameter.requires_grad = True
    before = originals(model)
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(IDS).pow(2).mean().backward()
        optimizer.step()
    return model, before


def loader(counts: list[int]) -> Callable[[], Any]:
    def load() -> Any:
        counts.append(1)
        return Tiny()

    return load


@pytest.mark.parametrize(
    ("settings", "loads"),
    [
        ({}, 0),
        ({"use_dora": True}, 0),
        ({"modules_to_save": ["head"]}, 0),
        ({"init_lora_weights": "pissa"}, 1),
        ({"init_lora_weights": "olora"}, 1),
    ],
)
def test_the_saved_adapter_gives_what_was_trained(tmp_path: Path, settings: dict[str, Any], loads: int) -> None:
    model, before = trained(LoraConfig(r=2, target_modules=["first", "second"], **settings))
    assert before == {}
    wanted = model(IDS).detach()
    assert not torch.allclose(wanted, Tiny()(IDS), atol=1e-3)
    model.save_pretrained(tmp_path)
    counts: list[int] = []
    assert rewritten(model) is bool(loads)
    names = [name for name, one in model.named_parameters() if one.requires_grad]
    fresh, redirected = put_back(model, tmp_path, before, loader(counts))
    torch.testing.assert_close(fresh(IDS), wanted, rtol=1e-4, atol=1e-5)
    assert (len(counts), redirected) == (loads, [])
    assert unsaved(tmp_path, names) == []


def test_the_trained_base_goes_before_another_is_loaded(tmp_path: Path) -> None:
    """No two copies: when the base is loaded anew, nothing of the trained one's weights is left."""
    model, before = trained(LoraConfig(r=2, target_modules=["first"], init_lora_weights="pissa"))
    model.save_pretrained(tmp_path)

    def load() -> Any:
        assert all(parameter.is_meta for parameter in model.parameters())
        return Tiny()

    put_back(model, tmp_path, before, load)


@pytest.mark.parametrize("also", ["embed.weight", "first.base_layer.bias"])
def test_what_was_trained_beside_the_adapter_is_as_it_was(tmp_path: Path, also: str) -> None:
    """It is not in the adapter's file, so the saved adapter gives something else, and the tensor is named."""
    model, before = trained(LoraConfig(r=2, target_modules=["first"]), also)
    assert [name.endswith(also) for name in before] == [True]
    wanted = model(IDS).detach()
    model.save_pretrained(tmp_path)
    names = [name for name, one in model.named_parameters() if one.requires_grad]
    assert unsaved(tmp_path, names) == [also]
    fresh, _ = put_back(model, tmp_path, before, loader([]))
    assert not torch.allclose(fresh(IDS), wanted, atol=1e-4)
    base = Tiny()
    bare = fresh.unload()
    for name, parameter in base.named_parameters():
        torch.testing.assert_close(bare.get_parameter(name), parameter)
