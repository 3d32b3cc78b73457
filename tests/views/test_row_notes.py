"""Findings that stand with their row, and those that are said once."""

from __future__ import annotations

import pytest

from tests.views.support import holder, note
from workbench.bench import Bench
from workbench.checks.row_checks import row_findings
from workbench.row import Row
from workbench.views import row_notes
from workbench.views.row_notes import general, serious


def test_errors_and_warnings_stand_with_their_row_and_notes_do_not() -> None:
    found = [note("M001", "warning"), note("D005", "note"), note("D001", "error"), note("M013", "note")]
    assert [one.code for one in serious(found)] == ["M001", "D001"]
    assert serious(found[1:2]) == []


def test_what_is_said_of_all_rows_is_the_benches_and_each_kind_of_note_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_notes, "recipe_errors", lambda bench: [note("C010", "error", "of the recipe")])
    bench = holder(note("A012", "warning"), note("A020", "note"))
    rows = [
        holder(note("D005", "note", "one", row=0), note("M001", "error"), note("T007", "note", "other", "do")),
        holder(note("D005", "note", "two", row=1), note("M002", "warning")),
        holder(
            note("D005", "note", "three", row=2),
            note("D005", "note", "another", "a hint of its own"),
            note("D006", "note", "of another code"),
        ),
    ]
    told = general(bench, rows)
    assert [(one.code, one.message) for one in told] == [
        ("A012", "m"),
        ("A020", "m"),
        ("C010", "of the recipe"),
        # The first row's words and place speak for all.
        ("D005", "one (and 2 more like it)"),
        ("T007", "other"),
        ("D005", "another"),
        ("D006", "of another code"),
    ]
    assert told[3].where.row == 0
    # Neither the bench's list nor the rows' findings are touched.
    assert row_findings(rows[0])[0].message == "one"
    assert len(bench.findings) == 2


def test_of_the_demo(opened: Bench, rows: list[Row]) -> None:
    assert opened.findings == []
    assert {one.code for row in rows for one in row_findings(row)} == {"D005"}
    told = general(opened, rows)
    (note_of_all,) = told
    assert note_of_all.message.endswith("(and 2 more like it)")
    assert general(opened, rows[:1])[0].message + " (and 2 more like it)" == note_of_all.message
    assert general(opened, rows[:2])[0].message == general(opened, rows[:1])[0].message + " (and 1 more like it)"
    assert general(opened, []) == []
