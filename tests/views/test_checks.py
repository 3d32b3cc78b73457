"""Output of `check` and `explain`: groups, their scope, the sum, fixes, pages of codes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.views.support import EVIL, SAFE, flat, lines, note, styles
from workbench.bench import Bench
from workbench.checks.registry import codes, explain
from workbench.checks.report import Group, Report, grouped
from workbench.checks.run import check_rows
from workbench.errors import Where
from workbench.findings import Edit, Finding, Fix
from workbench.row import Row
from workbench.views.checks import check_payload, check_view, code_page, codes_table, fixes_view, looked_at, scope

FIX = Fix("write train_on_eos: turn", (Edit(("datasets", 0, "train_on_eos"), "turn"),))


def report(*findings: Finding, rows: int = 4, **more: Any) -> Report:
    figures = {"trained": 150, "tokens": 1200} | more
    return Report(
        findings,
        rows,
        figures["trained"],
        figures["tokens"],
        figures.get("agreement"),
        grouped(findings),
        figures.get("read"),
    )


def group(*rows: int | None, places: int = 5) -> Group:
    (one,) = grouped([note("M001", "error", row=row) for row in rows], places)
    return one


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (group(3), ""),
        (group(0, 1, 4), " (3 rows: 0, 1, 4)"),
        # Several in a row are counted by row; in one row alone, by how often.
        (group(0, 0, 4), " (2 rows: 0, 4)"),
        (group(2, 2, 2), " (3 times: 2)"),
        (group(None, None), " (2 times)"),
        (group(*range(5)), " (5 rows: 0, 1, 2, 3, 4)"),
        (group(0, 0, 0, 1, 2, 2, 2), " (3 rows: 0, 1, 2)"),
        (group(*range(1200)), " (1,200 rows: 0, 1, 2, 3, 4, …)"),
        (group(*range(7), places=2), " (7 rows: 0, 1, …)"),
    ],
)
def test_the_scope_says_how_often_and_where(found: Group, told: str) -> None:
    assert scope(found) == told


def test_groups_are_told_the_worst_first_with_place_hint_and_fix(opened: Bench) -> None:
    found = [
        note("D005", "note", "pictures", "Start axolotl there.", row=1),
        replace(note("M001", "warning", "ends", "Do it.", row=2), fix=FIX),
        Finding("D001", "error", "no JSON", "", Where(file="rows.jsonl", line=3, row=2)),
    ]
    told = lines(check_view(opened, report(*found)), 200)
    assert told == [
        "multimodal path: processor_type: AutoProcessor",
        "",
        "✗ D001 rows.jsonl:3: row 2: no JSON",
        "! M001 row 2: ends",
        "       Do it. [--fix]",
        "i D005 row 1: pictures",
        "       Start axolotl there.",
        "",
        f"from the table of {opened.axolotl.name}",
        "1 error, 1 warning, 1 note  ·  4 of 24 rows · 150 of 1,200 tokens trained (12%)",
    ]
    assert styles(check_view(opened, report(*found)), "M001") == {"yellow"}
    assert styles(check_view(opened, report(*found)), "D001") == {"bold red"}
    assert styles(check_view(opened, report(*found)), "D005") == {"cyan"}


def test_the_last_line_sums_up(opened: Bench) -> None:
    total = opened.rows.known_length

    def last(one: Report) -> str:
        return lines(check_view(opened, one), 300)[-1]

    assert total == 24
    assert last(report(rows=24)) == "clean  ·  all 24 rows · 150 of 1,200 tokens trained (12%)"
    assert last(report(rows=0, tokens=0, trained=0)) == "clean  ·  0 of 24 rows · 0 of 0 tokens trained (0)"
    two = report(note("M001", "error"), note("M002", "error"), note("D005", "note"), agreement=(98, 1100))
    assert last(two) == (
        "2 errors, 1 note  ·  4 of 24 rows · 150 of 1,200 tokens trained (12%)"
        " · transformers' assistant mask agrees on 98 of 1,100 content tokens"
    )
    for found, style in (("error", "bold red"), ("warning", "yellow"), ("note", "green")):
        shown = check_view(opened, report(note("M001", found, "x"), note("M002", "note", "y")))  # type: ignore[arg-type]
        count = "2 notes" if found == "note" else f"1 {found}, 1 note"
        assert styles(shown, count) == {style}


def test_nothing_from_the_data_acts_on_the_terminal(opened: Bench) -> None:
    found = replace(note("M001", "error", EVIL, EVIL), where=Where(file=EVIL), fix=Fix(EVIL, FIX.edits))
    text = flat(check_view(opened, report(found)))
    assert text.count(SAFE) == 3
    assert "\x1b" not in text
    text = flat(fixes_view([Fix(EVIL, FIX.edits)], f"+{EVIL}\n"))
    assert text.count(SAFE) == 2
    assert "\x1b" not in text


def test_of_the_demo(opened: Bench, rows: list[Row]) -> None:
    found = check_rows(opened, rows, select=["D"])
    told = lines(check_view(opened, found), 300)
    assert told[0] == "multimodal path: processor_type: AutoProcessor"
    assert told[2].startswith("i D005 ")
    assert told[2].endswith(" (3 rows: 0, 1, 2)")
    trained, tokens = sum(row.mask.trained for row in rows), sum(len(row.rendering) for row in rows)
    looked = f"3 notes  ·  3 of 24 rows, the syntax of all 24 read · {trained} of {tokens} tokens trained ("
    assert told[-1].startswith(looked)
    payload = check_payload(opened, found)
    assert json.loads(json.dumps(payload)) == payload
    assert payload["summary"] == {
        "rows": 3,
        "rows_known": 24,
        "rows_drawn_evenly": False,
        "rows_one_by_one": "",
        "rows_read": 24,
        "tokens": tokens,
        "trained": trained,
        "errors": 0,
        "warnings": 0,
        "notes": 3,
        "ignored": 0,
        "in_baseline": 0,
        "codes": {"D005": 3},
        "fixable": 0,
        "assistant_mask": None,
    }
    assert {name: payload[name] for name in ("schema", "model", "family", "recipe", "fixed")} == {
        "schema": "vlmbench.check/1",
        "model": "demo-model",
        "family": "gemma4",
        "recipe": "demo.yaml",
        "fixed": [],
    }
    assert payload["data"] == opened.rows.name
    assert [one["where"]["row"] for one in payload["findings"]] == [0, 1, 2]


def test_what_was_looked_at_says_how_much_of_it(opened: Bench) -> None:
    assert looked_at(opened.rows.known_length, report(rows=4, read=24)) == "4 of 24 rows, the syntax of all 24 read"
    assert looked_at(opened.rows.known_length, report(rows=4)) == "4 of 24 rows"
    # Where every row was checked, that says it.
    assert looked_at(opened.rows.known_length, report(rows=24, read=24)) == "all 24 rows"
    assert looked_at(None, report(rows=4)) == "4 rows; how many there are is not known"
    assert looked_at(12_345, report(rows=4_000, read=12_345)) == "4,000 of 12,345 rows, the syntax of all 12,345 read"


def test_the_payload_counts_by_severity_code_and_fix(copied: Bench) -> None:
    found = [
        replace(note("M002", "warning"), fix=FIX),
        note("M001", "error"),
        note("M001", "error"),
        note("D005", "note"),
        note("D006", "note"),
        note("D006", "note"),
    ]
    copied.family = None
    told = check_payload(copied, report(*found, agreement=(3, 4)), [FIX])
    assert [told["summary"][name] for name in ("errors", "warnings", "notes", "fixable")] == [2, 1, 3, 1]
    assert list(told["summary"]["codes"].items()) == [("D005", 1), ("D006", 2), ("M001", 2), ("M002", 1)]
    assert told["summary"]["assistant_mask"] == {"agree": 3, "of": 4}
    assert told["family"] is None
    assert told["fixed"] == [FIX.to_dict()]
    assert [one["code"] for one in told["findings"]] == [one.code for one in found]


def test_fixes_are_told_with_their_diff() -> None:
    diff = "--- a\n+++ b\n@@ -1 +1 @@\n kept\n-old\n+new\n"
    view = fixes_view([FIX], diff)
    assert lines(view)[:2] == ["1 fix:", "  write train_on_eos: turn"]
    assert lines(view)[2:] == diff.splitlines()
    assert (styles(view, "+new"), styles(view, "-old"), styles(view, "kept")) == ({"green"}, {"red"}, {"dim"})
    assert lines(fixes_view([FIX, FIX], ""))[0] == "2 fixes:"
    assert lines(fixes_view([], ""))[0] == "0 fixes:"


@pytest.mark.parametrize("code", ["M001", "D005", "A012"])
def test_a_page_has_cause_example_and_what_to_do_in_order(code: str) -> None:
    one = explain(code)
    told = lines(code_page(one), 2000)
    assert told[0] == f"{code} {one.title}"
    assert told[1] == f"{one.severity}, found in the {one.scope}"
    heads = [told.index(head) for head in ("Cause", "Example", "What to do")]
    assert heads == sorted(heads)
    for head, text in zip(heads, (one.cause, one.example, one.fix), strict=True):
        assert told[head - 1] == ""
        assert told[head + 1] == f"  {text.splitlines()[0].rstrip()}"


def test_the_table_lists_every_code_with_its_title() -> None:
    known = codes()
    told = lines(codes_table(known.values()), 300)
    assert [line.split("  ", 1) for line in told] == [[one.code, one.title] for one in known.values()]
    for severity, style in (("error", "bold red"), ("warning", "yellow"), ("note", "cyan")):
        some = next(one for one in known.values() if one.severity == severity)
        assert styles(codes_table([some]), some.code) == {style}
