"""The run is trained as the asked release trains this model: the divisor of the loss, the kind of checkpointing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.overfit.conftest import demo
from workbench.bench import Bench
from workbench.consumers.axolotl.loader import Refusal, Rehearsal
from workbench.errors import EnvironmentProblem
from workbench.overfit import runner
from workbench.overfit.events import every, last, read
from workbench.overfit.manner import Manner, manner
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import EVENTS, PLAN
from workbench.overfit.training import accumulation, arguments, warmup
from workbench.recipe.axolotl_table import table
from workbench.recipe.model import Recipe

EDITS: dict[Any, Any] = {("gradient_accumulation_steps",): 2, ("micro_batch_size",): 1}
ROWS = (0, 1)


@pytest.mark.parametrize(
    ("release", "model_type", "by_tokens"),
    [
        *(("0.19", model_type, False) for model_type in ("gemma4", "gemma3", "llava", "qwen2_5_vl", "llama")),
        *(("0.21", model_type, True) for model_type in ("gemma4", "gemma3", "llava", "mllama", "qwen2_vl", "llama")),
        *(("0.21", model_type, False) for model_type in ("qwen2_5_vl", "qwen3_vl", "qwen3_5", "qwen3_5_moe", "glm4v")),
    ],
)
def test_the_tables_say_how_a_loss_is_divided(release: str, model_type: str, by_tokens: bool) -> None:
    assert table(release).loss_by_tokens(model_type) is by_tokens


@pytest.mark.parametrize("by_tokens", [True, False])
def test_the_first_loss_is_divided_as_it_is_said(tmp_path: Path, by_tokens: bool) -> None:
    bench = demo(tmp_path, EDITS)
    plan = make_plan(bench, rows=ROWS, steps=1, device="cpu")
    assert plan.manner["loss_by_tokens"] is True
    folder = tmp_path / "run"
    folder.mkdir()
    replace(plan, probes=False, manner=plan.manner | {"loss_by_tokens": by_tokens}).write(folder / PLAN)
    runner.main(folder)
    events = read(folder / EVENTS)
    baseline, (step,) = last(events, "baseline"), every(events, "step")
    assert baseline is not None
    rows = baseline["rows"]
    assert len({row["tokens"] for row in rows}) == 2
    alike = sum(row["nll"] for row in rows) / 2
    weighted = sum(row["nll"] * row["tokens"] for row in rows) / sum(row["tokens"] for row in rows)
    assert abs(alike - weighted) > 0.01
    # Fresh adapters change nothing, so the first step trains on the losses that were measured before it.
    assert step["loss"] == pytest.approx(weighted if by_tokens else alike, rel=1e-3)
    assert float(step["logged"]) == pytest.approx(step["loss"], rel=2e-3)


def rehearsed(**fields: Any) -> Any:
    return lambda _: Rehearsal({"axolotl": "0.21.3"}, **fields)


def test_the_axolotl_at_hand_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = demo(tmp_path, EDITS)
    table_says = Manner(True, False, "axolotl 0.21")
    assert manner(bench) == table_says
    monkeypatch.setattr(Bench, "rehearsal", rehearsed(loss_by_tokens=False, use_reentrant=True))
    bench.asks = True
    assert manner(bench) == Manner(False, True, "axolotl 0.21.3", asked=True)
    bench.asks = False
    assert manner(bench) == table_says
    bench.asks = True
    for other in (rehearsed(refused=Refusal("model", "ValueError", "no")), rehearsed(loss_by_tokens=None)):
        monkeypatch.setattr(Bench, "rehearsal", other)
        assert manner(bench) == table_says

    def cannot(_: Bench) -> Rehearsal:
        raise EnvironmentProblem("no axolotl")

    monkeypatch.setattr(Bench, "rehearsal", cannot)
    assert manner(bench) == table_says


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_is_the_releases(tmp_path: Path, reentrant: bool) -> None:
    bench = demo(tmp_path, {("gradient_checkpointing",): True})
    plan = make_plan(bench, rows=1, device="cpu")
    plan = replace(plan, manner=plan.manner | {"use_reentrant": reentrant})
    made = arguments(plan, bench.recipe, str(tmp_path / "trainer"), "cpu")
    assert made.gradient_checkpointing_kwargs == {"use_reentrant": reentrant}


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({}, 1),
        ({"gradient_accumulation_steps": 4, "batch_size": 64}, 4),
        ({"gradient_accumulation_steps": None, "batch_size": 8, "micro_batch_size": 2}, 4),
        ({"gradient_accumulation_steps": None}, 1),
    ],
)
def test_micro_batches_of_a_step(keys: dict[str, Any], count: int) -> None:
    assert accumulation(Recipe(**keys)) == count


@pytest.mark.parametrize(
    ("keys", "steps"),
    [
        ({}, 2),
        ({"warmup_steps": 4}, 4),
        ({"warmup_steps": 100}, 6),
        ({"warmup_ratio": 0.05}, 3),
        ({"warmup_steps": 0}, 0),
    ],
)
def test_warmup_is_a_tenth_at_most(keys: dict[str, Any], steps: int) -> None:
    assert warmup(Recipe(**keys), 60) == steps
