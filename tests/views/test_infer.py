"""Output of `infer`: figures by role, notes, markers that merge, and YAML that a recipe can hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.views.support import EVIL, SAFE
from workbench.bench import Bench
from workbench.infer.headers import MarkerMismatch
from workbench.infer.proof import Figures
from workbench.infer.search import Evidence, Inference, infer
from workbench.views.infer import COLUMNS, cells, headline, infer_payload, infer_text

START, END = "<|turn>model\n", "<turn|>"


def evidence(role: str = "assistant", verified: bool = True, **more: Any) -> Evidence:
    figures = {"content": 1000, "recalled": 1000, "stops": 40, "stopped": 40, "turns": 40} | more.pop("figures", {})
    broken = more.pop("broken", ())
    return Evidence(role, (START,), END, Figures(**figures), None, verified, more.pop("notes", ()), broken)


def found(*one: Evidence, **more: Any) -> Inference:
    boundaries = [{"role": each.role, "start": START, "end": END} for each in one]
    return Inference(boundaries, one, **({"conversations": 30} | more))


@pytest.mark.parametrize(
    ("figures", "recall", "stops", "leaked"),
    [
        ({}, "1000 of 1000 (100%)", "40 of 40", "0"),
        ({"recalled": 500}, "500 of 1000 (50.00%)", "40 of 40", "0"),
        # 100% is said of nothing less.
        ({"recalled": 999_999, "content": 1_000_000}, "999999 of 1000000 (99.99%)", "40 of 40", "0"),
        ({"recalled": 0, "content": 0}, "0 of 0", "40 of 40", "0"),
        ({"stopped": 0}, "1000 of 1000 (100%)", "0 of 40", "0"),
        ({"stopped": 0, "stops": 0}, "1000 of 1000 (100%)", "-", "0"),
        ({"leaked_content": 3, "leaked_template": 4}, "1000 of 1000 (100%)", "40 of 40", "7"),
    ],
)
def test_cells(figures: dict[str, int], recall: str, stops: str, leaked: str) -> None:
    assert cells(evidence(figures=figures)) == ("assistant", recall, stops, leaked, "verified")
    assert cells(evidence("user", False))[-1] == "not verified"
    assert len(cells(evidence())) == len(COLUMNS)


def test_the_headline_names_what_is_not_proved_first() -> None:
    good, bad = evidence(), evidence("user", False)
    assert headline(found(good, evidence("system"))) == "verified for assistant, system"
    assert headline(found(good, bad)) == "NOT verified for user; verified for assistant"
    assert headline(found(bad, evidence("tool", False))) == "NOT verified for user, tool"
    assert headline(found()) == "nothing was found"


def test_the_text_is_a_recipes_yaml_under_comments() -> None:
    text = infer_text(
        found(evidence(notes=("a note",)), evidence("user", False), notes=("of all",), rows=7), "org/m", "rows.jsonl"
    )
    assert yaml.safe_load(text) == {
        "role_boundaries": [
            {"role": "assistant", "start": START, "end": END},
            {"role": "user", "start": START, "end": END},
        ]
    }
    above = text.partition("role_boundaries:")[0].splitlines()
    assert above == [
        "# org/m: NOT verified for user; verified for assistant",
        "# Proved on 30 conversations that were not used to find it, and 7 rows of rows.jsonl.",
        "#",
        "# role       content trained      ends trained  leaked",
        "# assistant  1000 of 1000 (100%)  40 of 40      0       verified",
        "# user       1000 of 1000 (100%)  40 of 40      0       not verified",
        "#",
        "# assistant: a note",
        "# of all",
        "#",
    ]


def test_without_rows_or_notes_nothing_is_said_of_them() -> None:
    text = infer_text(found(evidence()), "m", "rows.jsonl")
    assert "rows.jsonl" not in text
    assert "Proved on 30 conversations that were not used to find it." in text
    assert "#\n#\n" not in text
    assert "is not found" not in text


def test_markers_that_merge_with_content_are_told_with_their_ids() -> None:
    broken = (MarkerMismatch("assistant", START, 'a"\n', (1, 2, 3), (1, 2, 9)),)
    tail = infer_text(found(evidence(broken=broken)), "m").partition(f'end: "{END}"\n')[2]
    first, second = tail.splitlines()
    assert "whole header is not found" in first
    assert second == r'#   "<|turn>model\n" is [1, 2, 3] alone; before "a\"\n" the ids are [1, 2, 9]'


def test_nothing_from_the_data_acts_on_the_terminal_or_leaves_the_comments() -> None:
    broken = (MarkerMismatch("assistant", EVIL, EVIL, (1,), (2,)),)
    hostile = found(evidence(notes=(f"{EVIL}\nrole_boundaries: []",), broken=broken), notes=(EVIL,), rows=1)
    text = infer_text(hostile, EVIL, EVIL)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count(SAFE) == 4
    assert list(yaml.safe_load(text)) == ["role_boundaries"]
    assert len(yaml.safe_load(text)["role_boundaries"]) == 1


def test_the_json_begins_with_its_schema_and_the_model() -> None:
    told = infer_payload(found(evidence(), evidence("user", False, figures={"recalled": 250})), "org/m")
    assert list(told)[:2] == ["schema", "model"]
    assert (told["schema"], told["model"], told["verified"]) == ("vlmbench.infer/1", "org/m", False)
    assert [one["recall"] for one in told["evidence"]] == [1.0, 0.25]
    assert json.loads(json.dumps(told)) == told


def test_of_the_demo(opened: Bench) -> None:
    inference = infer(opened.renderer, opened.loaded.tokenizer, rows=[opened.row(0).conversation.messages])
    text = infer_text(inference, opened.title, opened.rows.name)
    roles = {row["role"]: row for row in yaml.safe_load(text)["role_boundaries"]}
    assert roles["assistant"] == {"role": "assistant", "start": START, "end": END}
    assert "and 1 rows of" in text
    for one in inference.evidence:
        assert f"{one.figures.recalled} of {one.figures.content}" in text
