"""Runs in which one thing is wrong: each has a verdict of its own, found by training, not by reading the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForImageTextToText

from tests.overfit.conftest import Run
from workbench.overfit.events import last
from workbench.overfit.runs import ADAPTER
from workbench.overfit.verdict import MEMORISED, Verdict, judge
from workbench.paths import sample_dir

VISION = r"model\.vision_tower\..*\.(q|k|v|o)_proj"


def errors(verdict: Verdict) -> list[str]:
    return [one.code for one in verdict.findings if one.severity == "error"]


def first(verdict: Verdict) -> str:
    return verdict.findings[0].message


def test_all_labels_masked(overfit: Run) -> None:
    verdict = judge(overfit({("datasets", 0, "roles_to_train"): []}))
    assert (verdict.outcome, errors(verdict)) == ("fail", ["R001"])
    assert "roles_to_train is empty" in first(verdict)


def test_a_role_marker_that_never_matches(overfit: Run) -> None:
    verdict = judge(overfit({("role_boundaries", 0, "start"): "<|turn>modle\n"}))
    assert (verdict.outcome, errors(verdict)) == ("fail", ["R001"])
    assert "modle" in first(verdict)


def test_a_lora_pattern_that_hits_nothing(overfit: Run) -> None:
    verdict = judge(overfit({("lora_target_modules",): r"model\.text_model\.layers\.\d+\.q_proj"}))
    assert (verdict.outcome, errors(verdict)) == ("fail", ["R017"])
    assert "LoRA targets" in first(verdict)
    assert verdict.findings[0].where.field == "lora_target_modules"


def test_lora_on_the_vision_tower_alone(overfit: Run) -> None:
    events = overfit({("lora_target_modules",): VISION, ("freeze_mm_modules",): False}, steps=2)
    verdict = judge(events)
    assert verdict.outcome == "fail"
    assert "R003" in errors(verdict)
    assert "language" not in (last(events, "loaded") or {})["adapters"]


@pytest.mark.parametrize("freeze", [True, False])
def test_adapters_inside_of_wrappers(overfit: Run, tmp_path: Path, freeze: bool) -> None:
    """They train and load as axolotl does it; that plain PEFT cannot load them is found, and true."""
    edits = {("lora_target_modules",): ["q_proj", "v_proj"], ("freeze_mm_modules",): freeze}
    events = overfit(edits, steps=30)
    assert last(events, "error") is None
    reload, final = last(events, "probe", name="reload"), last(events, "probe", name="final")
    assert reload is not None
    assert final is not None
    assert reload["nll"] == pytest.approx(final["nll"], abs=1e-4)
    assert len(reload["redirected"]) == 8
    verdict = judge(events)
    (found,) = (one for one in verdict.findings if one.code == "R023")
    assert (verdict.outcome, found.severity) == ("doubtful", "warning")
    assert "8 wrappers (model.vision_tower.encoder." in found.message
    plain = AutoModelForImageTextToText.from_pretrained(sample_dir() / "demo-model")
    with pytest.raises(ValueError, match="Gemma4ClippableLinear"):
        PeftModel.from_pretrained(plain, tmp_path / "run" / ADAPTER)


def test_a_setting_that_peft_refuses(overfit: Run) -> None:
    """The same place and words as in a check, whether PEFT notices before the weights or with them."""
    verdict = judge(overfit({("peft_init_lora_weights",): "nonsense"}))
    assert errors(verdict) == ["R017"]
    assert verdict.findings[0].where.field == "peft_init_lora_weights"
    assert "nonsense" in first(verdict)


def test_a_setting_that_peft_refuses_at_once(overfit: Run) -> None:
    verdict = judge(overfit({("peft_layers_to_transform",): [0]}))
    assert errors(verdict) == ["R017"]
    assert verdict.findings[0].where.field == "peft_layers_to_transform"


def test_a_rate_of_almost_nothing(overfit: Run) -> None:
    verdict = judge(overfit({("learning_rate",): 1e-8}))
    assert "R012" in errors(verdict)
    assert "1e-08" in next(one.hint for one in verdict.findings if one.code == "R012")


def test_a_rate_of_ten(overfit: Run) -> None:
    verdict = judge(overfit({("learning_rate",): 10.0}))
    assert verdict.outcome == "fail"
    assert "R006" in errors(verdict)


def test_random_weights(overfit: Run, changed_model: Any) -> None:
    torch.manual_seed(0)

    def shuffled(name: str, value: torch.Tensor) -> torch.Tensor:
        return value if value.ndim < 2 else torch.randn_like(value.float()).to(value.dtype) * value.float().std()

    verdict = judge(overfit(model=changed_model("random", shuffled), steps=2))
    assert verdict.outcome == "fail"
    assert "R004" in errors(verdict)


def test_an_end_that_is_not_trained(overfit: Run) -> None:
    verdict = judge(overfit({("datasets", 0, "train_on_eos"): "none"}))
    assert verdict.outcome == "fail"
    assert "R020" in errors(verdict)


def test_pictures_that_do_not_matter(overfit: Run, changed_model: Any) -> None:
    def blinded(name: str, value: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(value) if "embed_vision" in name and value.ndim == 2 else value

    verdict = judge(overfit(model=changed_model("blind", blinded), rows=2, steps=40))
    assert errors(verdict) == ["R021"]
    assert verdict.outcome == "fail"


def test_rows_of_text_alone_have_no_picture_control(overfit: Run) -> None:
    events = overfit(data="text.jsonl", rows=2, steps=2)
    swap = last(events, "probe", name="swap")
    assert swap is not None
    assert swap["applicable"] is False
    assert "no row has a picture" in swap["why"]


def test_what_the_recipe_asks_for_is_what_is_trained(overfit: Run, tmp_path: Path) -> None:
    events = overfit(
        {("lora_r",): 4, ("gradient_accumulation_steps",): 2, ("micro_batch_size",): 1, ("lr_scheduler",): "linear"},
        steps=3,
    )
    steps = [event for event in events if event["event"] == "step"]
    assert [event["step"] for event in steps] == [1, 2, 3]
    # Two rows a step; the loss is of all their tokens, and Trainer logs the same.
    assert all(len(event["rows"]) == 2 for event in steps)
    assert [float(event["logged"]) for event in steps] == pytest.approx([event["loss"] for event in steps], rel=2e-3)
    assert [event["learning_rate"] for event in steps] == pytest.approx([0.002, 0.002 * 2 / 3, 0.002 / 3])
    loaded = last(events, "loaded")
    assert loaded is not None
    assert loaded["adapters"] == {"language": 24}
    assert loaded["trainable"] * 4 == 125_952
    frozen, gradients = (last(events, "probe", name=name) for name in ("frozen", "gradients"))
    assert frozen is not None
    assert frozen["moved"] == []
    assert gradients is not None
    assert gradients["without"] == []
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").exists()


def test_rows_that_the_model_knows_prove_nothing(overfit: Run) -> None:
    """The demo's model was trained on such rows: it reproduces them before the first step."""
    verdict = judge(overfit({}, data="shapes.jsonl", steps=10))
    (found,) = (one for one in verdict.findings if one.code == "R024")
    assert (verdict.outcome, found.severity) == ("doubtful", "warning")
    assert found.message.startswith("the model reproduces the rows before the first step: ")


def test_the_demos_first_rows_are_new_to_its_model(overfit: Run) -> None:
    """So the run that the demo proposes proves something."""
    events = overfit({}, rows=4, steps=1)
    baseline = last(events, "baseline")
    assert baseline is not None
    assert all(row["nll"] > 2 * MEMORISED for row in baseline["rows"])
    assert not [one for one in judge(events).findings if one.code == "R024"]
