"""The checks of a GPU, without one: what they say of runs that are good and of runs that are not."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import gpu
from tests.gpu import Box, Ran, outcomes
from tests.overfit.sabotages import recorded
from tests.support.environment import ROOT
from workbench.overfit.events import Event, last
from workbench.overfit.verdict import judge
from workbench.views.overfit import overfit_payload


def ran(events: list[Event], **loaded: Any) -> Ran:
    """A recorded run as the command would tell it."""
    events = copy.deepcopy(events)
    event = last(events, "loaded")
    if event is not None:
        event.update(loaded)
    return Ran(overfit_payload(events, judge(events), ""), events)


# It learned its rows: the nearest to an honest run among the recorded ones.
LEARNED = recorded("a mismatched adapter")


def good(**loaded: Any) -> Ran:
    events = copy.deepcopy(LEARNED)
    reload, final = last(events, "probe", name="reload"), last(events, "probe", name="final")
    assert reload is not None
    assert final is not None
    reload |= {"nll": final["nll"], "missing": []}
    return ran(events, **({"dtype": "bfloat16", "device": "cuda"} | loaded))


def test_without_a_gpu_nothing_is_run_and_nothing_is_claimed() -> None:
    code = "import sys, torch; torch.cuda.is_available = lambda: False; from tests import gpu; sys.exit(gpu.main([]))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, "no GPU here: not run\n")


def test_bf16() -> None:
    assert good().verdict == "pass"
    assert gpu.judged_bf16(good(), good()) == []
    assert "float32" in gpu.judged_bf16(good(dtype="float32"), good())[0]
    other = good()
    other.told["first_loss"] *= 1.2
    assert "on the CPU" in gpu.judged_bf16(good(), other)[0]
    unsaved = ran(LEARNED, dtype="bfloat16")
    assert any("saved adapter" in text for text in gpu.judged_bf16(unsaved, unsaved))


def test_few_bits() -> None:
    assert gpu.judged_bits(good(), good()) == []
    assert "not quantized" in gpu.judged_bits(good(replaced={"load_in_4bit": "…"}), good())[0]
    far = good()
    far.told["first_loss"] = 12.0
    assert "dtype" in gpu.judged_bits(far, good())[0]
    assert gpu.judged_bits(ran(recorded("rate too high")), good()) != []


@pytest.mark.parametrize(
    ("installed", "replaced", "fine"),
    [(True, False, True), (True, True, False), (False, True, True), (False, False, False)],
)
def test_flash_attention(installed: bool, replaced: bool, fine: bool) -> None:
    run = good(replaced={"attn_implementation": "sdpa is used"} if replaced else {})
    assert (gpu.judged_flash(run, installed=installed) == []) is fine


def test_a_run_without_a_step_is_bad_everywhere() -> None:
    none = ran(recorded("weights of NaN"))
    assert gpu.judged_flash(none, installed=True)
    assert gpu.judged_memory(none, 1e9)
    assert gpu.judged_one_copy(none)
    assert gpu.judged_launcher(none, good())
    assert gpu.judged_out_of_memory(none)
    nothing = Ran({}, [], "killed")
    assert gpu.judged_bf16(nothing, good())
    assert gpu.judged_bits(nothing, good())
    assert gpu.judged_out_of_memory(nothing)


def test_memory() -> None:
    run = good()
    assert gpu.judged_memory(run, run.peak) == []
    assert "estimated" in gpu.judged_memory(run, 2 * run.peak)[0]
    assert "estimated" in gpu.judged_memory(run, run.peak / 2)[0]
    assert gpu.judged_one_copy(run) == []
    events = [event for event in LEARNED if event.get("name") != "reload" and event["event"] != "done"]
    failed = ran([*events, {"event": "error", "kind": "memory", "message": "CUDA out of memory"}])
    assert "once it was trained" in gpu.judged_one_copy(failed)[0]
    assert gpu.judged_out_of_memory(ran(recorded("out of memory"))) == []


def test_the_launcher() -> None:
    events = copy.deepcopy(LEARNED)
    assert gpu.judged_launcher(ran(events), ran(events)) == []
    step = next(event for event in events if event["event"] == "step")
    step["loss"] *= 2
    assert "first step" in gpu.judged_launcher(ran(events), ran(LEARNED))[0]


def test_a_check_that_stops_is_bad_and_one_that_cannot_be_made_is_none(tmp_path: Path) -> None:
    def stops(box: Box) -> list[str]:
        raise KeyError("x")

    box = Box(tmp_path, "cpu", 0)
    marks = {name: mark for mark, name, _ in outcomes(box, (stops, gpu.in_four_bits, gpu.its_memory))}
    assert marks == {"stops": "BAD", "in_four_bits": "skip", "its_memory": "skip"}
