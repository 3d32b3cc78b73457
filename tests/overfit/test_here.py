"""Parts that this machine lacks are replaced by their plain counterparts, and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.overfit.conftest import Run, demo
from workbench.bench import Bench
from workbench.models.weights import pick_dtype
from workbench.overfit import here
from workbench.overfit.events import last
from workbench.overfit.here import recipe_here
from workbench.overfit.plan import make_plan
from workbench.overfit.step_memory import step_memory
from workbench.overfit.verdict import judge


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return demo(tmp_path_factory.mktemp("here"), {})


def replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch, device: str = "cpu", **keys: Any) -> tuple[Any, set[str]]:
    monkeypatch.setattr(bench, "recipe", bench.recipe.model_copy(update=keys))
    recipe, found = recipe_here(bench, device)
    return recipe, set(found)


@pytest.mark.parametrize(
    "name",
    ["adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit", "adamw_torch_8bit", "muon", "came_pytorch", "lion_8bit"],
)
def test_optimizers_become_adamw(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    recipe, keys = replaced(bench, monkeypatch, optimizer=name, optim_args="odd=1")
    assert (recipe.optimizer, recipe.optim_args, keys) == ("adamw_torch", None, {"optimizer"})


@pytest.mark.parametrize("name", ["adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "rmsprop"])
def test_optimizers_that_are_there_stay(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    recipe, keys = replaced(bench, monkeypatch, optimizer=name)
    assert (recipe.optimizer, keys) == (name, set())


@pytest.mark.parametrize(
    "keys", [{"load_in_4bit": True, "adapter": "qlora"}, {"load_in_8bit": True}, {"adapter": "qlora"}]
)
def test_weights_are_not_quantized_on_a_cpu(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any]
) -> None:
    recipe, found = replaced(bench, monkeypatch, **keys)
    assert (recipe.adapter, recipe.load_in_4bit, recipe.load_in_8bit) == ("lora", False, False)
    assert found == {next(iter(keys))}


def test_attention_that_every_part_has_becomes_the_plain_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "missing_backend", lambda *_: None)
    for keys in ({"flash_attention": True}, {"attn_implementation": "flash_attention_2"}, {"flex_attention": True}):
        recipe, found = replaced(bench, monkeypatch, **{"attn_implementation": None} | keys)
        assert found == set(keys)
        assert not any(getattr(recipe, key) for key in ("attn_implementation", "flash_attention", "flex_attention"))
        monkeypatch.undo()
        monkeypatch.setattr(here, "missing_backend", lambda *_: None)
    assert replaced(bench, monkeypatch, attn_implementation="sdpa")[1] == set()


def test_attention_that_a_part_lacks_everywhere_stays_and_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "missing_backend", lambda *_: "the audio tower does not")
    recipe, found = replaced(bench, monkeypatch, attn_implementation="flex_attention")
    assert (recipe.attn_implementation, found) == ("flex_attention", set())


def test_half_precision_on_a_cpu(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, found = replaced(bench, monkeypatch, bf16=False, fp16=True)
    assert found == {"fp16"}
    assert pick_dtype(recipe, "cpu") is torch.float32


def test_a_recipe_of_few_bits_is_run_and_says_so(overfit: Run) -> None:
    edits = {("adapter",): "qlora", ("load_in_4bit",): True, ("optimizer",): "paged_adamw_8bit"}
    events = overfit(edits, rows=1, steps=2)
    assert last(events, "error") is None
    loaded, done = last(events, "loaded"), last(events, "done")
    assert loaded is not None
    assert done is not None
    assert set(loaded["replaced"]) == {"load_in_4bit", "optimizer"}
    assert (loaded["dtype"], done["steps"]) == ("float32", 2)
    assert "load_in_4bit (few bits need CUDA" in " ".join(one.message for one in judge(events).findings)


def test_a_step_is_estimated_in_what_runs(tmp_path: Path) -> None:
    """`bf16: auto` is 32 bits on a CPU, and few bits are none: so are the weights of the estimate."""

    def estimate(edits: dict[Any, Any]) -> dict[str, Any]:
        found = step_memory(make_plan(demo(tmp_path, edits), rows=1, device="cpu"))
        assert found is not None
        return found

    plain = estimate({("bf16",): False})
    assert plain["weights"] >= 4 * (plain["parameters"] - plain["trainable"])
    assert estimate({("bf16",): "auto"}) == plain
    assert estimate({("adapter",): "qlora", ("load_in_4bit",): True, ("bf16",): "auto"}) == plain
    assert estimate({("bf16",): True})["weights"] < 0.6 * plain["weights"]
