"""The verdicts on sabotaged runs as they were recorded: the cause first, and nothing that only follows from it."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from tests.overfit.sabotages import SABOTAGES, file_of, problems, recorded
from workbench.checks.registry import codes
from workbench.findings import Finding
from workbench.overfit.causes import EXPLAINS, first_causes
from workbench.overfit.events import Event, last
from workbench.overfit.verdict import CERTAIN, judge

RUNS = {name: recorded(name) for name in SABOTAGES}


@pytest.mark.parametrize("name", SABOTAGES)
def test_the_cause_comes_first(name: str) -> None:
    assert problems(SABOTAGES[name], judge(RUNS[name])) == []


def test_the_recordings_hold_nothing_of_the_machine() -> None:
    for name in SABOTAGES:
        text = file_of(name).read_text("utf-8")
        assert "/work/" not in text
        assert "/tmp/" not in text
        assert "/home/" not in text


@pytest.mark.parametrize("name", [name for name in SABOTAGES if last(RUNS[name], "step") is not None])
def test_higher_and_lower_are_never_both_advised(name: str) -> None:
    hints = " ".join(f"{one.message} {one.hint}" for one in judge(RUNS[name]).findings)
    assert not ("lower it" in hints and "raise it" in hints)


def test_each_explanation_is_of_codes_that_there_are() -> None:
    known = codes().keys()
    assert known >= EXPLAINS.keys()
    assert known >= set().union(*EXPLAINS.values())
    # Nothing explains what explains it, or both would go.
    assert not [(a, b) for a, listed in EXPLAINS.items() for b in listed if a in EXPLAINS.get(b, ())]


def test_a_note_explains_nothing_and_is_last() -> None:
    found = [Finding("R013", "warning", ""), Finding("R024", "note", ""), Finding("R020", "error", "")]
    assert [one.code for one in first_causes(found)] == ["R020", "R013", "R024"]
    some = [Finding("R009", "warning", ""), Finding("R013", "error", "")]
    assert [one.code for one in first_causes(some)] == ["R013", "R009"]
    every = [Finding("R013", "error", ""), Finding("R009", "error", "")]
    assert [one.code for one in first_causes(every)] == ["R009"]


def changed(name: str, kind: str, probe: str | None = None, **fields: Any) -> list[Event]:
    """A recorded run in which one event says something else."""
    events = copy.deepcopy(RUNS[name])
    event = last(events, kind, **({"name": probe} if probe else {}))
    assert event is not None
    event.update(fields)
    return events


def found(events: list[Event]) -> dict[str, Finding]:
    return {one.code: one for one in judge(events).findings}


def test_a_loss_that_moved_on_other_rows_alone_did_not_move() -> None:
    """The last step's rows are easier than the first's; the same rows have not moved."""
    events = copy.deepcopy(RUNS["rate too low"])
    steps = [event for event in events if event["event"] == "step"]
    for step in steps[-3:]:
        step["loss"] = 0.1
    assert "R012" in found(events)
    # And the other way round: the last step's rows are harder, but all have been learned.
    events = copy.deepcopy(RUNS["a mismatched adapter"])
    [event for event in events if event["event"] == "step"][-1]["loss"] = 0.95
    assert "R012" not in found(events)


def test_without_the_last_probe_each_row_is_compared_with_itself() -> None:
    events = [event for event in RUNS["rate too low"] if event["event"] != "probe"]
    assert "R012" in found(events)
    for number, step in enumerate(event for event in events if event["event"] == "step"):
        step["rows"] = {row: nll / (number + 1) for row, nll in step["rows"].items()}
    assert "R012" not in found(events)


def test_rows_that_are_worse_than_before_have_a_rate_that_is_too_high() -> None:
    events = copy.deepcopy(RUNS["rate too low"])
    for step in events:
        if step["event"] == "step":
            step["learning_rate"] = 0.01
    final = last(events, "probe", name="final")
    assert final is not None
    for row in final["rows"]:
        row["nll"] *= 1.5
    final["nll"] *= 1.5
    told = found(events)
    assert "R012" not in told
    assert "too high" in told["R006"].hint


def test_a_turn_with_an_uncertain_token_is_not_learned_yet() -> None:
    """Not the template is to blame while one token has less than half of the probability."""
    decode = last(RUNS["a mismatched adapter"], "probe", name="decode")
    assert decode is not None
    turns = copy.deepcopy(decode["turns"])
    turns[0] |= {"exact": False, "got": "green", "worst": CERTAIN + 0.02, "worst_text": "red"}
    events = changed("a mismatched adapter", "probe", "decode", turns=turns)
    told = found(events)
    assert "R019" not in told
    assert told["R013"].message.startswith("not learned yet: 1 of ")
    assert "more steps" in told["R013"].hint
    turns[0] |= {"worst": CERTAIN - 0.02}
    told = found(changed("a mismatched adapter", "probe", "decode", turns=turns))
    assert "R013" not in told
    assert "generation prompt" in told["R019"].hint


def test_a_loss_that_stands_asks_for_no_more_steps() -> None:
    events = copy.deepcopy(RUNS["too few steps"])
    step = last(events, "step")
    assert step is not None
    events[-1:-1] = [{**step, "step": number} for number in range(7, 30)]
    told = found(events)
    assert "still falls" not in told["R013"].message
    assert "equal questions" in told["R013"].hint


def test_known_rows_do_not_hide_an_unlearned_one() -> None:
    """Three rows that the model knew and one that it did not learn have a mean below the bound."""
    rows = [{"row": number, "tokens": 10, "nll": 0.001} for number in range(3)]
    events = changed("a mismatched adapter", "baseline", nll=0.3, rows=[*rows, {"row": 3, "tokens": 10, "nll": 1.2}])
    final = last(events, "probe", name="final")
    assert final is not None
    final |= {"nll": 0.04, "rows": [*rows, {"row": 3, "tokens": 10, "nll": 0.157}]}
    told = found(events)
    assert "R013" in told
    assert told["R024"].severity == "note"
    assert "3 of 4 rows" in told["R024"].message


@pytest.mark.parametrize(
    ("dtype", "weights", "inputs", "says"),
    [
        ("float32", ["model.norm.weight"], {}, "checkpoint is damaged"),
        ("float32", [], {"3": ["pixel_values"]}, "picture"),
        ("float16", [], {}, "bf16: true"),
        ("float32", [], {}, "eager"),
    ],
)
def test_a_loss_that_is_no_number_before_the_first_step(
    dtype: str, weights: list[str], inputs: dict[str, list[str]], says: str
) -> None:
    events = changed("weights of NaN", "baseline", not_finite={"weights": weights, "inputs": inputs})
    loaded = last(events, "loaded")
    assert loaded is not None
    loaded["dtype"] = dtype
    verdict = judge(events)
    assert [one.code for one in verdict.findings] == ["R030"]
    assert says in verdict.findings[0].hint
    assert verdict.findings[0].where.row == (3 if inputs else None)


def test_a_run_that_breaks_off_in_fp16_is_not_told_to_lower_its_rate() -> None:
    events = copy.deepcopy(RUNS["rate too high"])
    loaded, step = last(events, "loaded"), last(events, "step")
    assert loaded is not None
    assert step is not None
    step["loss"] = "nan"
    assert "lower it" in found(events)["R006"].hint
    loaded["dtype"] = "float16"
    assert "fp16 overflows" in found(events)["R006"].hint


@pytest.mark.parametrize(("counted", "says"), [(None, "ran out of memory"), (False, "who stopped it")])
def test_a_process_that_was_killed(counted: bool | None, says: str) -> None:
    error = {"event": "error", "kind": "killed", "message": "signal SIGKILL", "memory_kills": counted}
    verdict = judge([*RUNS["too few steps"][:8], error])
    assert verdict.findings[0].code == "R016"
    assert says in verdict.findings[0].hint


def test_pictures_that_change_a_little_are_no_dead_tower() -> None:
    events = changed("a dead tower", "probe", "swap", largest=5.5, rise=3.3)
    assert "R021" not in found(events)


def test_no_verdict_is_lost_to_a_number_that_is_none() -> None:
    events = changed("rate too high", "probe", "final", nll="nan")
    final = last(events, "probe", name="final")
    assert final is not None
    for row in final["rows"]:
        row["nll"] = "nan"
    verdict = judge(events)
    assert verdict.outcome == "fail"
    assert verdict.findings[0].code == "R006"
    assert verdict.final_nll is None or math.isfinite(verdict.final_nll)
