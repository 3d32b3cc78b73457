"""A model that is shared out: the settings for it, and two processes that have half of each tensor and one result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.overfit.conftest import demo
from tests.support.environment import ROOT
from workbench.errors import InputError
from workbench.overfit import devices, start
from workbench.overfit.plan import Plan, make_plan
from workbench.overfit.runs import PLAN
from workbench.overfit.sharding import launch_arguments, sharding_of


def test_the_familys_layer_is_wrapped(tmp_path: Path) -> None:
    sharding = sharding_of(demo(tmp_path, {}))
    assert sharding["wrap"] == ["Gemma4TextDecoderLayer"]
    assert sharding["reshard_after_forward"] is True


def test_the_recipes_own_settings_rule(tmp_path: Path) -> None:
    edits = {
        ("fsdp_config",): {
            "fsdp_transformer_layer_cls_to_wrap": "Gemma4TextDecoderLayer, Gemma4VisionEncoderLayer",
            "reshard_after_forward": False,
            "cpu_ram_efficient_loading": False,
        }
    }
    sharding = sharding_of(demo(tmp_path, edits))
    assert sharding["wrap"] == ["Gemma4TextDecoderLayer", "Gemma4VisionEncoderLayer"]
    assert (sharding["reshard_after_forward"], sharding["cpu_ram_efficient_loading"]) == (False, False)


def test_weights_are_handed_out_where_that_can_be(tmp_path: Path) -> None:
    """accelerate stops at buffers that are saved with the model, which the demo's clipped layers have."""
    bench = demo(tmp_path, {("fsdp_config",): {"cpu_ram_efficient_loading": True}})
    assert sharding_of(bench)["cpu_ram_efficient_loading"] is False
    for module in bench.anatomy.model.modules():
        module._non_persistent_buffers_set.update(module._buffers)
    assert sharding_of(bench)["cpu_ram_efficient_loading"] is True


def test_a_layer_that_the_model_has_not(tmp_path: Path) -> None:
    edits = {("fsdp_config",): {"transformer_layer_cls_to_wrap": "LlamaDecoderLayer"}}
    with pytest.raises(InputError) as raised:
        sharding_of(demo(tmp_path, edits))
    assert "LlamaDecoderLayer" in raised.value.cause
    assert "Gemma4TextDecoderLayer" in raised.value.cause
    assert raised.value.where.field == "fsdp_config.transformer_layer_cls_to_wrap"


def test_a_family_that_is_not_known_goes_by_the_models_own_layers(tmp_path: Path) -> None:
    bench = demo(tmp_path, {})
    bench.family = None
    assert sharding_of(bench)["wrap"] == ["Gemma4TextDecoderLayer"]


def test_accelerate_takes_the_settings(tmp_path: Path) -> None:
    from accelerate.commands.launch import launch_command_parser

    words = launch_arguments(sharding_of(demo(tmp_path, {})))
    parsed = launch_command_parser().parse_args([*words, "script.py"])
    assert parsed.use_fsdp
    assert int(parsed.fsdp_version) == 2
    assert parsed.fsdp_transformer_layer_cls_to_wrap == "Gemma4TextDecoderLayer"
    assert parsed.fsdp_reshard_after_forward == "true"


def test_a_box_of_gpus_shares_the_model_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command and what the processes see, on a machine that says it has four."""
    for module in (devices, start):
        monkeypatch.setattr(module, "gpus", lambda device="auto": 4)
    monkeypatch.setattr("workbench.overfit.supervisor.gpus", lambda device="auto": 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    bench = demo(tmp_path, {})
    two = start.start(bench, rows=1, steps=1, out=tmp_path / "two", launcher="accelerate", processes=2)
    assert "--use_fsdp" in two.command
    assert "--multi_gpu" not in two.command
    device, variables = two._devices()
    assert (device, variables["CUDA_VISIBLE_DEVICES"]) == ("cuda", "4,5")
    assert "ACCELERATE_USE_CPU" not in variables
    eight = start.start(bench, rows=1, steps=1, out=tmp_path / "eight", launcher="accelerate", processes=8)
    assert "--use_fsdp" not in eight.command
    assert eight._devices()[1]["ACCELERATE_USE_CPU"] == "true"


def ranks(folder: Path, how: str, count: int) -> list[dict[str, Any]]:
    """The measurements of each process."""
    program = [sys.executable, "-P", "-m", "tests.overfit.shared_out", str(folder), how]
    variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29_700 + os.getpid() % 200), "WORLD_SIZE": str(count)}
    if how == "shared":
        # As accelerate says it to the processes that it starts.
        variables |= {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"}
    started = [
        subprocess.Popen(
            program,
            env={**os.environ, **variables, "RANK": str(rank), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    for process in started:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error[-3000:]
    return [json.loads((folder / f"told-{rank}.json").read_text("utf-8")) for rank in range(count)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("alone")
    planned(folder).write(folder / PLAN)
    return ranks(folder, "alone", 1)[0]


def planned(folder: Path) -> Plan:
    bench = demo(folder, {("lora_dropout",): 0.0})
    plan = make_plan(bench, rows=2, steps=3, device="cpu")
    return replace(plan, sharding=sharding_of(bench))


def test_two_processes_with_half_of_each_tensor(tmp_path: Path, alone: dict[str, Any]) -> None:
    planned(tmp_path).write(tmp_path / PLAN)
    told = ranks(tmp_path, "shared", 2)
    for one in told:
        assert one["parts"] == one["of"] == alone["of"]
        assert one["held"] < 0.6 * alone["held"]
        assert one["losses"] == pytest.approx(alone["losses"], rel=1e-3)
        assert one["losses"][-1] < one["losses"][0]
        assert one["moved"] == []
        for mine, theirs in zip(one["after"], alone["after"], strict=True):
            assert mine == pytest.approx(theirs, rel=5e-3, abs=5e-4)
        assert one["decoded"] == alone["decoded"]
        assert one["adapter"] == pytest.approx(alone["adapter"], rel=1e-3, abs=1e-3)
    baselines = [next(event for event in one["events"] if event["event"] == "baseline") for one in (*told, alone)]
    assert baselines[0]["nll"] == pytest.approx(baselines[2]["nll"], rel=1e-4)
    assert told[0]["held"] + told[1]["held"] == alone["held"]
