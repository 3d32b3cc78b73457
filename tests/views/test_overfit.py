"""A run in words and as JSON, from the events of a real one."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.views.support import EVIL, SAFE
from workbench.errors import Where
from workbench.findings import Finding
from workbench.overfit.events import Event
from workbench.overfit.verdict import MEMORISED, Verdict, judge
from workbench.views.overfit import Live, compared, facts, overfit_payload, overfit_text, sparkline

RUN = Path(__file__).parents[1] / "screens" / "recorded" / "run.jsonl"


@pytest.fixture
def run() -> list[Event]:
    """The events of a run of the demo that passed: 60 steps on 4 rows."""
    return [json.loads(line) for line in RUN.read_text("utf-8").splitlines()]


def without(run: list[Event], *names: str) -> list[Event]:
    return [one for one in run if one["event"] not in names and one.get("name") not in names]


def changed(run: list[Event], name: str, **fields: Any) -> list[Event]:
    return [one | fields if name in (one["event"], one.get("name")) else one for one in run]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# Facts


def test_the_facts_of_a_run_that_passed(run: list[Event]) -> None:
    told = facts(run, judge(run))
    memory = max(one["memory"] for one in run if one["event"] == "step") / 2**30
    losses = [one["loss"] for one in run if one["event"] == "step"]
    assert told == [
        "125,952 of 1,420,416 parameters trained, adapters: 24 in language (float32, cpu)",
        f"loss 0.710 → 0.0006 nats per token  {sparkline(losses)}",
        "reproduced exactly: 11 of 11 turns; 11 of 11 stop",
        "pictures exchanged: +6.74 nats on 10 of 78 tokens",
        "saved adapter on a fresh model: 0.0006 nats per token",
        f"60 steps, 22 s, {memory:.2f} GiB",
    ]
    assert facts(run, judge(run), curve=False)[1] == "loss 0.710 → 0.0006 nats per token"


def test_what_was_not_asked_is_not_told(run: list[Event]) -> None:
    early = without(run, "probe", "done", "reload", "swap", "decode", "stop", "final")
    told = facts(early, judge(early))
    assert [line.split(" ")[0] for line in told] == ["125,952", "loss"]
    # Until the end is measured, the last step's loss stands for it.
    last = next(one["loss"] for one in reversed(run) if one["event"] == "step")
    assert f"→ {last:.4f} nats" in told[1]
    assert facts(run[:1], judge(run[:1])) == []
    no_adapter = changed(run, "loaded", adapters={})
    assert facts(no_adapter, judge(no_adapter))[0] == "125,952 of 1,420,416 parameters trained (float32, cpu)"
    two = changed(run, "loaded", adapters={"language": 24, "vision": 3})
    assert "adapters: 24 in language, 3 in vision" in facts(two, judge(two))[0]
    text_only = changed(run, "swap", applicable=False, why="no pictures")
    assert "pictures exchanged: not applicable, no pictures" in facts(text_only, judge(text_only))
    kept = changed(run, "reload", applicable=False)
    assert not any("fresh model" in line for line in facts(kept, judge(kept)))


def test_turns_that_differ_are_not_counted_as_exact(run: list[Event]) -> None:
    decode = next(one for one in run if one.get("name") == "decode")
    turns = [turn | {"exact": number < 4} for number, turn in enumerate(decode["turns"])]
    told = changed(changed(run, "decode", turns=turns), "stop", stopped=9)
    assert "reproduced exactly: 4 of 11 turns; 9 of 11 stop" in facts(told, judge(told))


# The line of blocks


def test_the_line_of_blocks_falls_with_the_logarithm_of_the_loss() -> None:
    assert sparkline([1.0, math.sqrt(MEMORISED), MEMORISED]) in ("█▅▁", "█▄▁")
    # The level of reproduced rows is half of the way down only where no loss is below it.
    assert sparkline([1.0, MEMORISED, MEMORISED**2])[1] in "▄▅"
    assert sparkline([1.0, 2.0, 4.0])[-1] == "█"
    assert sparkline([MEMORISED] * 3) == "▁▁▁"
    assert sparkline([math.nan, 1.0, math.inf]) == "█"
    assert sparkline([math.nan]) == sparkline([]) == ""
    assert sparkline([0.0, 1.0]) == "▁█"


def test_the_line_of_blocks_is_no_longer_than_asked() -> None:
    losses = [2.0**-step for step in range(90)]
    told = sparkline(losses)
    assert len(told) == 30
    assert list(told) == sorted(told, reverse=True)
    assert told[0] == "█"
    assert len(sparkline(losses, 7)) == 7
    assert len(sparkline(losses[:5])) == 5


# The whole, as text and as JSON


def test_the_text_has_verdict_facts_findings_and_the_file(run: list[Event]) -> None:
    findings = (
        Finding("R001", "error", f"wrong {EVIL}", f"do {EVIL}", Where(row=3)),
        Finding("R002", "note", "look"),
    )
    verdict = Verdict("fail", findings, 0.71, 0.5, None, 60)
    told = overfit_text(run, verdict, "/tmp/events.jsonl").splitlines()
    assert told[0].startswith("fail: wrong ")
    assert "\x1b" not in "\n".join(told)
    joined = " ".join(" ".join(told).split())
    assert joined.startswith(f"fail: wrong {SAFE} ")
    assert f"✗ R001 row 3: wrong {SAFE} do {SAFE} i R002 look" in joined
    assert told[-1] == "events: /tmp/events.jsonl"
    named = changed(run, "loaded", dtype=EVIL)
    assert "\x1b" not in overfit_text(named, verdict, EVIL)
    assert [line for line in told if "60 steps, 22 s" in line]


def test_the_payload_is_the_run_without_its_bookkeeping(run: list[Event]) -> None:
    told = overfit_payload(run, judge(run), "events.jsonl")
    assert json.loads(json.dumps(told)) == told
    assert (told["schema"], told["verdict"], told["events"]) == ("vlmbench.overfit/1", "pass", "events.jsonl")
    assert told["rows"] == [0, 1, 2, 3]
    assert told["model"] == {
        "parameters": 1420416,
        "trainable": 125952,
        "adapters": {"language": 24},
        "device": "cpu",
        "dtype": "float32",
    }
    assert set(told["baseline"]) == {"nll", "tokens", "rows", "direct", "plain", "logged_factor"}
    assert [one["step"] for one in told["steps"]] == list(range(1, 61))
    assert not {"event", "time"} & set(told["steps"][0])
    assert set(told["probes"]) == {"final", "gradients", "frozen", "decode", "stop", "swap", "reload"}
    assert not {"event", "time", "name"} & set(told["probes"]["final"])
    assert told["probes"]["stop"]["stopped"] == 11
    assert told["not_honoured"] == {}


def test_the_payload_of_a_run_that_ended_at_once(run: list[Event]) -> None:
    start = run[0] | {"not_honoured": {"sample_packing": "off"}}
    told = overfit_payload([start], judge([start]), "e")
    assert told["not_honoured"] == {"sample_packing": "off"}
    assert (told["model"], told["baseline"], told["steps"], told["probes"]) == ({}, {}, [], {})
    assert overfit_payload([], judge([]), "e")["rows"] == []


# Two runs side by side


def test_two_runs_are_compared_in_what_either_measured(run: list[Event]) -> None:
    early = without(run, "done", "swap", "final", "decode")[:-3]
    told = compared(run, judge(run), early, judge(early))
    assert [name for name, *_ in told] == [
        "verdict",
        "first loss",
        "last loss",
        "trained",
        "exact turns",
        "pictures exchanged",
        "steps",
        "seconds",
        "memory",
    ]
    sides = {name: (here, there) for name, here, there in told}
    assert sides["first loss"] == ("0.710", "0.710")
    assert sides["trained"] == ("125,952", "125,952")
    assert sides["exact turns"] == ("11 of 11", "–")
    assert sides["pictures exchanged"] == ("+6.74 nats", "–")
    assert sides["seconds"] == ("22", "–")
    assert sides["steps"][0] == "60"
    assert sides["last loss"][0] == "0.0006"
    assert sides["verdict"] == ("pass", judge(early).outcome)
    # What neither measured has no line.
    nothing = run[:1]
    assert [name for name, *_ in compared(nothing, judge(nothing), nothing, judge(nothing))] == ["verdict"]
    swapped = changed(run, "swap", applicable=False)
    assert "pictures exchanged" not in [name for name, *_ in compared(swapped, judge(swapped), early, judge(early))]


# While it goes on


def live(run: list[Event], stream: io.StringIO, left_out: dict[str, str] | None = None) -> str:
    with Live(stream, 60, left_out or {}) as shown:
        for event in run:
            shown.tell(event)
    return stream.getvalue()


def test_a_pipe_gets_the_first_step_and_every_tenth(run: list[Event]) -> None:
    told = live(run, io.StringIO()).splitlines()
    assert [line.split("  ")[0] for line in told] == [f"step {step}/60" for step in (1, 10, 20, 30, 40, 50, 60)]
    assert told[0] == "step 1/60  loss 0.7006  gradient 2.13"


def test_what_is_not_followed_is_said_before(run: list[Event]) -> None:
    told = live(run[:2], io.StringIO(), {"sample_packing": "rows stay apart"}).splitlines()
    assert told == ["sample_packing is not followed here: rows stay apart"]
    assert "\x1b" not in live(run[:2], io.StringIO(), {EVIL: EVIL})


def test_a_terminal_gets_a_bar_that_goes_away(run: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    with Live(stream, 60, {}) as shown:
        bar = shown._progress
        assert bar is not None
        (task,) = bar.tasks
        assert (task.description, task.total) == ("loading", None)
        seen = []
        for event in run:
            shown.tell(event)
            seen.append((event["event"], task.description, task.completed, task.total))
    assert ("loaded", "measuring", 0, None) in seen
    assert ("baseline", "training", 0, None) in seen
    assert ("step", "step 7/60", 7, 60) in seen
    assert ("probe", "asking: swap", 0, None) in seen
    assert "step 10/60  loss" not in stream.getvalue()


def test_the_text_is_coloured_only_on_a_terminal_that_wants_it(
    run: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m" in overfit_text(run, judge(run), "e")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert "\x1b" not in overfit_text(run, judge(run), "e")
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in overfit_text(run, judge(run), "e")
