"""Runs that begin with something else than fresh adapters: saved ones, and embeddings of new tokens."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.overfit.conftest import Run, demo
from workbench.models.targets import trained
from workbench.overfit import runner
from workbench.overfit.events import last, read
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import ADAPTER, EVENTS, PLAN
from workbench.overfit.verdict import judge


def test_a_run_goes_on_from_a_saved_adapter(overfit: Run, tmp_path: Path) -> None:
    """Its first loss is the last one of the run that saved it; its rank rules, not the recipe's."""
    first = overfit({("lora_r",): 4}, rows=2, steps=12)
    final = last(first, "probe", name="final")
    assert final is not None
    shutil.copytree(tmp_path / "run" / ADAPTER, tmp_path / "saved")
    # Named from beside the recipe.
    bench = demo(tmp_path, {("lora_r",): 16, ("lora_model_dir",): "saved"})
    folder = tmp_path / "again"
    folder.mkdir()
    replace(make_plan(bench, rows=2, steps=2, device="cpu"), probes=False).write(folder / PLAN)
    runner.main(folder)
    events = read(folder / EVENTS)
    baseline, loaded, begun = last(events, "baseline"), last(events, "loaded"), last(first, "baseline")
    assert baseline is not None
    assert loaded is not None
    assert begun is not None
    assert baseline["nll"] == pytest.approx(final["nll"], rel=1e-3)
    assert baseline["nll"] < 0.9 * begun["nll"]
    own = (last(first, "loaded") or {})["trainable"]
    assert loaded["trainable"] == own
    assert sum(trained(bench.anatomy, bench.recipe).counts.values()) == own


def test_an_adapter_that_is_not_there_is_the_recipes_fault(overfit: Run) -> None:
    verdict = judge(overfit({("lora_model_dir",): "nowhere"}, rows=1, steps=1))
    assert [one.code for one in verdict.findings if one.severity == "error"] == ["R017"]
    assert verdict.findings[0].where.field == "lora_model_dir"
    assert "nowhere" in verdict.findings[0].message


def test_new_tokens_have_embeddings_that_are_trained_and_saved(overfit: Run) -> None:
    edits = {("tokens",): ["<point>"], ("lora_modules_to_save",): ["embed_tokens", "lm_head"]}
    events = overfit(edits, rows=1, steps=3)
    assert last(events, "error") is None
    loaded, final, reload = (
        last(events, "loaded"),
        last(events, "probe", name="final"),
        last(events, "probe", name="reload"),
    )
    assert loaded is not None
    assert loaded["vocabulary"] == 1537
    assert loaded["trainable"] == 125_952 + 2 * 1537 * 128
    assert final is not None
    assert reload is not None
    assert reload["nll"] == pytest.approx(final["nll"], rel=1e-3)


def test_new_tokens_that_an_adapter_leaves_at_random_stop_the_run_as_they_stop_axolotl(overfit: Run) -> None:
    verdict = judge(overfit({("tokens",): ["<point>"]}, rows=1, steps=1))
    assert [one.code for one in verdict.findings if one.severity == "error"] == ["R017"]
    assert "embed_tokens and lm_head" in verdict.findings[0].message


@pytest.mark.parametrize("value", [[1, 2], {"embed_tokens": [1, 2]}])
def test_single_tokens_are_trained(overfit: Run, value: object) -> None:
    events = overfit({("peft_trainable_token_indices",): value}, rows=1, steps=2)
    assert last(events, "error") is None
    assert (last(events, "loaded") or {})["trainable"] == 125_952 + 2 * 128
    reload, final = last(events, "probe", name="reload"), last(events, "probe", name="final")
    assert reload is not None
    assert final is not None
    assert reload["nll"] == pytest.approx(final["nll"], rel=1e-3)
