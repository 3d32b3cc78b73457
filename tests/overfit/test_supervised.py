"""The child and its parent: a run that passes, and every way in which one is ended from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.overfit.conftest import Run as Overfit
from tests.overfit.conftest import demo
from workbench.overfit.events import Event, every, last, read
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import EVENTS, Run, latest, new_folder
from workbench.overfit.supervisor import Supervisor, run
from workbench.overfit.verdict import judge
from workbench.paths import sample_dir

HELD_OUT = str(sample_dir() / "shapes-heldout.jsonl")


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The demo on held-out rows, as a user starts it."""
    folder = tmp_path_factory.mktemp("passed") / "run"
    command = [sys.executable, "-m", "workbench.cli", "overfit", "--data", HELD_OUT, "--out", str(folder)]
    environment = {**os.environ, "VLMBENCH_STATE": str(folder.parent / "state")}
    ran = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    return ran, folder


def test_the_demo_passes(passed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    ran, _ = passed
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["schema"], told["verdict"]) == ("vlmbench.overfit/1", "pass")
    assert told["final_nll"] < 0.05
    probes = told["probes"]
    assert all(turn["exact"] and turn["stopped"] for turn in probes["decode"]["turns"])
    assert len(probes["decode"]["turns"]) >= 8
    assert probes["swap"]["applicable"]
    assert probes["swap"]["rise"] >= 0.5
    assert probes["reload"]["nll"] == pytest.approx(told["final_nll"], abs=1e-5)
    assert probes["frozen"]["moved"] == []
    assert probes["stop"]["nll"] < 0.05
    assert len(told["steps"]) == 60
    assert told["model"]["adapters"] == {"language": 24}
    assert told["baseline"]["direct"] == pytest.approx(told["baseline"]["plain"], rel=1e-3)


def test_the_loss_of_every_token_is_told(passed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    events = read(passed[1] / EVENTS)
    before, after = (
        {event["row"]: event for event in every(events, "token_nll") if event["when"] == when}
        for when in ("before", "after")
    )
    assert set(before) == set(after) == {0, 1, 2, 3}
    baseline = last(events, "baseline")
    assert baseline is not None
    measured = [nll for event in before.values() for nll in event["nll"] if nll is not None]
    assert len(measured) == baseline["tokens"]
    assert sum(measured) / len(measured) == pytest.approx(baseline["nll"], abs=1e-4)
    assert all(len(event["nll"]) == len(event["input_ids"]) for event in after.values())


def test_a_recorded_run_replays_to_the_same_verdict(passed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    ran, folder = passed
    command = [sys.executable, "-m", "workbench.cli", "overfit", "--replay", str(folder), "--format", "json"]
    again = subprocess.run(command, capture_output=True, check=False)
    assert again.returncode == 0
    assert again.stdout == ran.stdout.encode()
    text = subprocess.run(command[:-2], capture_output=True, text=True, check=False)
    assert text.stdout.splitlines()[1].startswith("pass: ")
    assert "13 of 13 turns" in text.stdout


def started(tmp_path: Path, edits: dict[Any, Any] | None = None, **options: Any) -> Supervisor:
    bench = demo(tmp_path, edits or {})
    # So many steps that it does not end by itself.
    plan = make_plan(bench, rows=2, steps=options.pop("steps", 100_000), device="cpu")
    return Supervisor(plan, new_folder(bench, tmp_path / "run"), **options)


def follow(supervisor: Supervisor, at: str, then: Any) -> list[Event]:
    """Run until an event of a kind comes, do something, and go on to the end."""
    events: list[Event] = []
    done = False
    for event in supervisor.events():
        events.append(event)
        if event["event"] == at and not done:
            done = True
            then(supervisor)
    return events


def test_a_kill_in_the_middle_is_a_verdict(tmp_path: Path) -> None:
    events = follow(started(tmp_path), "step", lambda supervisor: os.kill(supervisor._child.pid, signal.SIGKILL))
    verdict = judge(events)
    assert verdict.outcome == "fail"
    assert [one.code for one in verdict.findings if one.severity == "error"] == ["R016"]
    assert "SIGKILL" in verdict.findings[0].message
    assert verdict.steps >= 1
    assert judge(read(tmp_path / "run" / EVENTS)) == verdict


def test_out_of_memory_is_a_verdict(tmp_path: Path) -> None:
    events = run(started(tmp_path, max_bytes=120 * 2**20), lambda event: None)
    verdict = judge(events)
    assert [one.code for one in verdict.findings if one.severity == "error"] == ["R015"]
    assert "limit" in verdict.findings[0].message
    assert "a step needs about" in verdict.findings[0].message
    assert "micro_batch_size" in verdict.findings[0].hint


def test_cancelling_and_the_limit_of_time(tmp_path: Path) -> None:
    events = follow(started(tmp_path), "step", lambda supervisor: supervisor.cancel())
    verdict = judge(events)
    assert (verdict.outcome, [one.code for one in verdict.findings]) == ("doubtful", ["R014"])
    other = tmp_path / "other"
    other.mkdir()
    assert [one.code for one in judge(run(started(other, max_seconds=0.5), lambda event: None)).findings] == ["R014"]


def test_the_child_goes_with_its_parent(tmp_path: Path) -> None:
    supervisor = started(tmp_path)
    supervisor.plan.write(supervisor.folder / "plan.json")
    code = (
        "import sys, pathlib\n"
        "from workbench.overfit.plan import Plan\nfrom workbench.overfit.supervisor import Supervisor\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "one = Supervisor(Plan.read(folder / 'plan.json'), folder)\n"
        "for event in one.events(): print(one._child.pid, flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(supervisor.folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the child outlived its parent"
        time.sleep(0.1)


def test_two_processes_under_accelerate(tmp_path: Path, overfit: Overfit) -> None:
    two = tmp_path / "two"
    two.mkdir()
    edits = {("micro_batch_size",): 1}
    supervisor = started(two, edits, steps=3, launcher="accelerate", processes=2)
    events = run(supervisor, lambda event: None)
    log = (two / "run" / "log.txt").read_text("utf-8", "replace")
    assert last(events, "error") is None, log[-3000:]
    steps = every(events, "step")
    assert [event["step"] for event in steps] == [1, 2, 3]
    final = last(events, "probe", name="final")
    assert final is not None
    # Each process sees a row of its own, and the steps are those of both.
    alone = overfit({("micro_batch_size",): 2}, rows=2, steps=3)
    for key in ("loss", "grad_norm", "learning_rate"):
        assert [one[key] for one in steps] == pytest.approx([one[key] for one in every(alone, "step")], rel=1e-3)
    assert final["nll"] == pytest.approx(judge(alone).final_nll, rel=1e-3)


def test_the_end_of_another_process_is_the_cause(tmp_path: Path) -> None:
    """The first process only hears that the connection is gone; why is in the launcher's log."""

    def kill_the_second(supervisor: Supervisor) -> None:
        assert supervisor._child is not None
        children = psutil.Process(supervisor._child.pid).children(recursive=True)
        (second,) = (one for one in children if one.environ().get("RANK") == "1")
        second.kill()

    supervisor = started(tmp_path, {("micro_batch_size",): 1}, launcher="accelerate", processes=2)
    verdict = judge(follow(supervisor, "step", kill_the_second))
    assert [one.code for one in verdict.findings if one.severity == "error"] == ["R016"]
    assert "SIGKILL" in verdict.findings[0].message


def test_runs_are_kept_with_their_recipe(tmp_path: Path) -> None:
    bench = demo(tmp_path, {})
    assert latest(bench) is None
    folder = new_folder(bench)
    for _ in Supervisor(make_plan(bench, rows=1, steps=1, device="cpu"), folder).events():
        pass
    kept = latest(bench)
    assert kept is not None
    assert isinstance(kept, Run)
    assert kept.folder == folder
    assert kept.verdict.steps == 1
    assert kept.fingerprint is not None
    assert kept.fingerprint.indices == (0,)
