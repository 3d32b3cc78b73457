"""Checks, inference, runs and exports on a page."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.views.support import EVIL, SAFE, Element, exported, note, read, words
from tests.views.test_checks import FIX, report
from tests.views.test_infer import evidence, found
from workbench.bench import Bench
from workbench.errors import Where
from workbench.export.readiness import Proof
from workbench.findings import Fix
from workbench.overfit.events import Event
from workbench.overfit.verdict import Verdict, judge
from workbench.row import Row
from workbench.views.html_reports import (
    check_html,
    diff_html,
    export_html,
    infer_html,
    progress_html,
    rows_html,
    run_html,
    yaml_html,
)

RUN = Path(__file__).parents[1] / "screens" / "recorded" / "run.jsonl"


@pytest.fixture
def run() -> list[Event]:
    return [json.loads(line) for line in RUN.read_text("utf-8").splitlines()]


# Rows


def test_rows_are_listed_with_their_share_and_first_words(rows: list[Row]) -> None:
    page = read(rows_html(rows, 0, 3))
    head, *told = page.table()
    assert head == ["row", "trained", "tokens", "", "begins", "findings"]
    assert [line[:3] for line in told] == [
        [str(row.index), str(row.mask.trained), str(len(row.rendering))] for row in rows
    ]
    assert told[0][4] == "What is the green shape?"
    # Notes do not count as findings of a row.
    assert [line[5] for line in told] == ["", "", ""]
    shares = [row.mask.trained / len(row.rendering) for row in rows]
    bars = page.all("span", "bar")
    assert [one.attributes["title"] for one in bars] == [f"{share:.0%} trained" for share in shares]
    assert [one.one("i").attributes["style"] for one in bars] == [f"width:{share:.0%}" for share in shares]
    assert not page.all("p", "cut")


def test_a_part_of_the_rows_says_which(rows: list[Row]) -> None:
    assert read(rows_html(rows, 10, 2400)).one("p", "cut").text == "rows 10–13 of 2,400: .rows[a:b]"
    assert read(rows_html(rows, 0, None)).one("p", "cut").text == "rows 0–3: .rows[a:b]"


def test_a_row_that_cannot_be_shown_is_listed_with_its_reason(hostile: Bench) -> None:
    page = read(rows_html([hostile.row(0), hostile.row(1)], 0, 2))
    first, second = page.table()[1:]
    assert first[4].startswith(f"Read {SAFE} and the next")
    assert second[:4] == ["1", "–", "–", ""]
    assert second[4] == hostile.row(1).error.message  # type: ignore[union-attr]
    assert second[5] == "D001"
    assert words(page.all("span", "error")) == ["D001"]


def test_long_beginnings_are_cut_and_codes_said_once(copied: Bench) -> None:
    row = copied.row(0)
    words_of = row.conversation.messages[0]["content"]
    row.checked = (
        copied.masking,
        [note("M002", "warning"), note("M001", "error"), note("M002", "warning"), note("D005", "note")],
    )
    for length, told in ((90, "x" * 90), (91, "x" * 89 + "…")):
        words_of[1]["text"] = "x" * length
        line = read(rows_html([row], 0, 1)).table()[1]
        assert line[4] == told
        assert line[5] == "M002 M001"
    # What comes first is a text that says something, white space in one.
    words_of[1]["text"] = " \n"
    row.conversation.messages[1]["content"][0]["text"] = "two\n  words"
    assert read(rows_html([row], 0, 1)).table()[1][4] == "two words"


PATH = "multimodal path: processor_type: AutoProcessor"


# Checks


def test_a_check_is_told_by_cause_under_what_was_looked_at(opened: Bench) -> None:
    finding = replace(note("M001", "warning", EVIL, EVIL, row=1), fix=Fix(EVIL, FIX.edits))
    page = read(check_html(opened, report(finding, replace(finding, where=Where(row=3)), note("D001", "error"))))
    assert page.one("p", "outcome").text == "1 error, 2 warnings"
    assert page.one("p", "facts").text == "4 of 24 rows · 150 of 1,200 tokens trained (12%)"
    assert page.one("p", "path").text == PATH
    first, second = page.all("li")
    assert (first.classes, second.classes) == (["error"], ["warning"])
    assert second.text == f"! M001 row 1 {SAFE} (2 rows: 1, 3)\n{SAFE}\nfix: {SAFE}"
    assert "fix:" not in first.text


def test_a_clean_check(opened: Bench) -> None:
    page = read(check_html(opened, report(rows=24)))
    assert page.one("p", "outcome").one("span", "yes").text == "clean"
    assert page.one("p", "facts").text.startswith("all 24 rows · ")
    assert not page.all("li")
    assert "%" not in read(check_html(opened, report(tokens=0, trained=0))).one("p", "facts").text


# Inference


def test_inferred_boundaries_are_told_with_their_evidence() -> None:
    inference = found(evidence(notes=(EVIL,)), evidence("user", False, figures={"recalled": 0}), notes=("all",), rows=7)
    page = read(infer_html(inference, EVIL, EVIL))
    outcome = page.one("p", "outcome")
    assert outcome.text == f"{SAFE}: NOT verified for user; verified for assistant"
    assert "no" in outcome.classes
    assert page.one("p", "facts").text == (
        f"Proved on 30 conversations that were not used to find it, and 7 rows of {SAFE}."
    )
    assert page.table() == [
        ["role", "content trained", "ends trained", "leaked", ""],
        ["assistant", "1000 of 1000 (100%)", "40 of 40", "0", "verified"],
        ["user", "0 of 1000 (0.00%)", "40 of 40", "0", "not verified"],
    ]
    assert words(page.one("table").all("span", "yes")) == ["verified"]
    assert words(page.one("table").all("span", "no")) == ["not verified"]
    assert words(page.all("li")) == [f"assistant: {SAFE}", "all"]
    assert page.one("pre").text + "\n" == inference.yaml()
    good = read(infer_html(found(evidence()), "m", "d"))
    assert "yes" in good.one("p", "outcome").classes
    assert good.one("p", "facts").text == "Proved on 30 conversations that were not used to find it."


# Runs


def test_a_run_is_told_with_curve_facts_and_what_was_written(run: list[Event]) -> None:
    page = read(run_html(run, judge(run), "events.jsonl"))
    outcome = page.one("p", "outcome")
    assert (outcome.text, outcome.classes) == (judge(run).line, ["outcome", "pass"])
    svg = page.one("svg")
    assert "in 60 steps" in svg.one("title").text
    assert any(one.text.endswith(f", {math.log(1536):.3g}") for one in svg.all("text"))
    told = words(page.all("li", "muted"))
    assert told[1] == "loss 0.710 → 0.0006 nats per token"
    assert page.one("summary").text == "11 turns, as wanted and as the model writes them"
    head, *turns = page.table()
    assert head == ["row", "trained turn", "what the model wrote", "exact", "stopped"]
    assert turns[0] == ["0", "There is a purple cross.", "There is a purple cross.", "✓", "✓"]
    assert page.one("p", "cut").text == "events: events.jsonl"


def test_what_a_model_wrote_is_escaped_and_judged(run: list[Event]) -> None:
    turns = [{"row": 2, "wanted": "a", "got": EVIL, "exact": False, "stopped": True}]
    bad = Verdict("fail", (note("R001", "error", EVIL),), 1.0, 1.0, None, 60)
    page = read(run_html([one | {"turns": turns} if one.get("name") == "decode" else one for one in run], bad, EVIL))
    assert page.table()[1] == ["2", "a", SAFE, "✗", "✓"]
    assert words(page.one("table").all("span", "no")) == ["✗"]
    assert words(page.one("table").all("span", "yes")) == ["✓"]
    assert page.one("p", "outcome").classes == ["outcome", "fail"]
    assert page.one("p", "outcome").text == f"fail: {SAFE}"
    assert SAFE in page.one("li", "error").text
    early = read(run_html(run[:3], judge(run[:3]), "e"))
    assert not early.all("details")
    assert not early.all("svg")


def test_a_run_that_goes_on_says_what_it_does(run: list[Event]) -> None:
    def told(events: list[Event], steps: int = 60) -> Element:
        return read(progress_html(events, steps))

    assert told(run[:1]).one("p", "outcome").text.strip() == "loading the model"
    steps = [at for at, one in enumerate(run) if one["event"] == "step"]
    page = told(run[: steps[14] + 1])
    step = run[steps[14]]
    assert page.one("p", "outcome").text.strip() == "training"
    assert page.one("i").attributes["style"] == "width:25%"
    left = step["seconds"] * 45
    assert page.one("p", "facts").text == (
        f"step 15 of 60 · loss {step['loss']:.4f} · gradient {step['grad_norm']:.2f} · {left:.0f} s left"
    )
    assert page.one("svg")
    asked = told(run[: run.index(next(one for one in run if one.get("name") == "swap")) + 1])
    assert asked.one("p", "outcome").text.strip() == "asking: swap"
    assert "left" not in asked.one("p", "facts").text
    assert asked.one("i").attributes["style"] == "width:100%"
    # A plan of no steps divides by nothing.
    assert told(run[:1], 0).one("i").attributes["style"] == "width:0%"


# Exports


def test_an_export_tells_each_step_needs_and_the_file() -> None:
    proofs = (
        Proof("schema", True, "ok", "fine", "not said"),
        Proof("overfit", False, "no_run", EVIL, EVIL),
        Proof("consumer", None, "none", "not asked", "ask"),
    )
    made = exported(*proofs, needs=(EVIL,), text=f"# {EVIL}\nb: 1\n", files=(EVIL,))
    page = read(export_html(made, EVIL, f"@@ x\n-{EVIL}\n+b\n"))
    outcome = page.one("p", "outcome")
    assert (outcome.text, outcome.classes) == ("not proven, 1 missing", ["outcome", "fail"])
    assert page.all("table")[0].all("tr")[1:][0].text == "✓schemafine"
    assert page.table()[1:] == [
        ["✓", "schema", "fine"],
        ["✗", "overfit", f"{SAFE}\n→ {SAFE}"],
        ["–", "consumer", "not asked\n→ ask"],
    ]
    assert words(page.one("table").all("span")[:1]) == ["✓"]
    assert [one.classes for one in page.one("table").all("span") if one.text in "✓✗–"] == [
        ["yes"],
        ["no"],
        ["doubtful"],
    ]
    assert page.one("li", "warning").text == f"! {SAFE}"
    assert words(page.all("code")) == [SAFE, SAFE]
    count = len(made.text.splitlines())
    assert words(page.all("summary")) == ["difference to the file that is there", f"the file, {count} lines"]
    assert page.all("pre")[1].text.endswith(f"# {SAFE}\nb: 1")
    good = read(export_html(exported(proofs[0], by="axolotl 0.19.0"), None, ""))
    assert good.one("p", "pass").text == "proven by axolotl 0.19.0"
    assert len(good.all("summary")) == 1
    assert not good.all("code")
    assert not good.all("li")


def test_a_recipes_comments_are_muted() -> None:
    page = read(yaml_html(f"# {EVIL}\na: 1 # not alone\n  # indented\nb: {EVIL}"))
    assert words(page.all("span", "note")) == [f"# {SAFE}", "  # indented"]
    assert page.one("pre").text == f"# {SAFE}\na: 1 # not alone\n  # indented\nb: {SAFE}"


def test_a_diff_is_coloured_by_its_signs() -> None:
    page = read(diff_html(f"@@ -1 +1 @@\n-old\n+{EVIL}\n same\n"))
    assert [(one.classes, one.text) for one in page.all("span")] == [
        (["note"], "@@ -1 +1 @@"),
        (["gone"], "-old"),
        (["new"], f"+{SAFE}"),
        ([], " same"),
    ]
