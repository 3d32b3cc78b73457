"""The comparison on answers that the real trainers gave about rows of the report card (Qwen2.5-VL's tokenizer)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from report_card.rows import rows
from workbench.consumers.trainers.client import read_rows
from workbench.lanes.asking import lanes_of
from workbench.lanes.causes import INJECTION, MERGED, OTHER, PROMPT_TRAINED, ROW, SHIFTED, STOP
from workbench.lanes.comparison import compare
from workbench.views.lanes import lanes_text

RECORDED = json.loads((Path(__file__).parent / "recorded" / "qwen2_5_vl.json").read_text("utf-8"))
ROWS = rows(Path("picture.png"))
NUMBERS = [row["row"] for row in RECORDED["trl"]["rows"]]


@pytest.fixture(scope="module")
def made():
    answers = [read_rows(payload, NUMBERS, name) for name, payload in RECORDED.items()]
    return compare({number: ROWS[number]["messages"] for number in NUMBERS}, answers)


def row(made, number):
    return next(one for one in made.rows if one.row == number)


def causes(made, number, trainer):
    group = next(one for one in row(made, number).groups if trainer in one.trainers)
    return {one.cause for one in group.differences}


def test_trainers_that_do_alike_are_one_group(made):
    groups = [one.trainers for one in row(made, 0).groups]
    assert groups[0] == ("trl", "llamafactory", "ms-swift")
    assert {*groups[1:]} == {("unsloth_zoo",), ("nemo_automodel",)}


def test_the_line_break_after_a_turn(made):
    assert causes(made, 0, "unsloth_zoo") == {STOP}


def test_the_token_that_shifting_loses(made):
    assert SHIFTED in causes(made, 0, "nemo_automodel")


def test_an_answer_that_begins_with_a_line_break(made):
    assert MERGED in causes(made, 16, "unsloth_zoo")
    summary = {one.name: one for one in made.summaries}
    assert summary["unsloth_zoo"].nothing == summary["nemo_automodel"].nothing == 1
    assert summary["trl"].nothing == 0


def test_a_header_that_is_trained_with_the_token_it_shares(made):
    groups = row(made, 16).groups
    assert groups[0].trainers == ("llamafactory", "ms-swift")
    assert causes(made, 16, "trl") == {MERGED}


def test_a_turn_that_a_user_writes(made):
    assert INJECTION in causes(made, 28, "unsloth_zoo")
    assert INJECTION in causes(made, 28, "nemo_automodel")


def test_rows_that_are_left_out_or_refused(made):
    for number in (33, 34, 35, 36, 37):
        assert causes(made, number, "llamafactory") == {ROW}
    summary = next(one for one in made.summaries if one.name == "llamafactory")
    assert (summary.dropped, summary.failed) == (4, 1)


def test_every_difference_has_a_cause(made):
    found = [one.cause for each in made.rows for group in each.groups for one in group.differences]
    assert len(found) > 50
    assert OTHER not in found


def test_a_summary_names_the_release(made):
    assert [one.version for one in made.summaries][:2] == ["trl 1.16.0", "llamafactory 0.9.5"]


def test_the_same_trainer_in_two_releases_says_what_an_upgrade_changes():
    """Qwen3.5-MoE under `tokenizer_default`, as axolotl 0.19 and 0.21 answered: the older one has no turns for it."""
    recorded = json.loads((Path(__file__).parent / "recorded" / "axolotl_releases.json").read_text("utf-8"))
    answers = [read_rows(payload, range(4), label) for label, payload in recorded.items()]
    lanes = lanes_of({number: ROWS[number]["messages"] for number in range(4)}, answers, {"axolotl (2)": ("x",)}, {})
    assert [one.name for one in lanes.comparison.summaries] == ["axolotl 0.19.0", "axolotl 0.21.0"]
    assert lanes.lost == {"axolotl 0.21.0": ("x",)}
    for one in lanes.comparison.rows:
        assert [group.trainers for group in one.groups] == [("axolotl 0.19.0",), ("axolotl 0.21.0",)]
        assert {each.cause for each in one.groups[1].differences} == {PROMPT_TRAINED}
    text = lanes_text(lanes)
    assert "axolotl 0.19.0" in text.splitlines()[1]
    assert "axolotl (2)" not in text
    # Asked twice in one release, both keep their labels.
    twice = lanes_of({}, [answers[0], replace(answers[0], label="axolotl (2)")], {}, {})
    assert [one.name for one in twice.comparison.summaries] == ["axolotl", "axolotl (2)"]
