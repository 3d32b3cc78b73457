"""Findings that no recorded run has: the events of one with a figure changed, and the same without the change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.overfit.events import read
from workbench.overfit.verdict import judge

EVENTS = list(read(Path(__file__).parent / "recorded" / "too-few-steps.jsonl"))
Events = list[dict[str, Any]]


def named(events: Events, event: str, name: str | None = None) -> Events:
    return [one for one in events if one["event"] == event and one.get("name") == name]


def high(events: Events) -> None:
    named(events, "baseline")[0]["nll"] = 4.5


def still(events: Events) -> None:
    for step in named(events, "step"):
        step["grad_norm"] = 0.0


def apart(events: Events) -> None:
    named(events, "baseline")[0]["plain"] *= 2


def moved(events: Events) -> None:
    named(events, "probe", "frozen")[0]["moved"] = ["model.vision_tower.weight"]


def steep(events: Events) -> None:
    named(events, "step")[3]["grad_norm"] = 5000.0


def crashed(events: Events) -> None:
    del events[-1]
    events.append({"event": "error", "time": 9.0, "kind": "crash", "message": "RuntimeError: no", "tail": "no"})


ALTERED: dict[str, Callable[[Events], None]] = {
    "R005": high,
    "R007": still,
    "R008": apart,
    "R010": moved,
    "R011": steep,
    "R018": crashed,
}


@pytest.mark.parametrize("code", ["R005", "R007", "R008", "R010", "R011", "R018"])
def test_a_changed_figure_has_its_finding_and_the_run_as_it_was_has_not(code: str) -> None:
    events: Any = copy.deepcopy(EVENTS)
    assert code not in {one.code for one in judge(events).findings}
    ALTERED[code](events)
    assert code in {one.code for one in judge(events).findings}
