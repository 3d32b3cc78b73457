"""Errors and notes about one row, and their places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.data.row_notes import BAD_CONTENT, BAD_MEDIA, BAD_PART, BAD_PICTURES, BAD_ROW, Notes, RowError, type_name
from workbench.errors import Where

DATA = Path("/data")


def notes(line: int | None = 8) -> Notes:
    return Notes(row=7, source="rows.jsonl", line=line)


def test_a_finding_stands_at_the_message_and_key_in_hand() -> None:
    one = notes()
    one.add(BAD_ROW, "note", "of the row")
    one.at_message("messages", 2, "content[1]")
    one.add(BAD_CONTENT, "warning", "of a part", "do")
    one.at_message("messages", 3, None)
    one.add(BAD_PICTURES, "error", "of a message")
    one.add(BAD_PART, "error", "of a field", field="images[0]")
    one.at_message("messages", None, None)
    one.add(BAD_MEDIA, "note", "of the row again")
    assert [(each.code, each.severity, each.message, each.hint) for each in one.findings[:2]] == [
        ("D001", "note", "of the row", ""),
        ("D002", "warning", "of a part", "do"),
    ]
    assert [(each.where.row, each.where.message, each.where.field) for each in one.findings] == [
        (7, None, None),
        (7, 2, "messages[2].content[1]"),
        (7, 3, "messages[3]"),
        (7, None, "images[0]"),
        (7, None, None),
    ]
    assert {(each.where.file, each.where.line) for each in one.findings} == {("rows.jsonl", 8)}
    assert Notes(row=0, source="", line=None).where().to_dict() == {"row": 0}


def test_an_error_is_a_finding_of_its_code() -> None:
    one = notes()
    one.at_message("messages", 0, "role")
    error = one.error(BAD_PART, "No role", "it is null", "Give one.")
    finding = error.finding()
    assert (finding.code, finding.severity, finding.message, finding.hint) == (
        "D008",
        "error",
        "No role: it is null",
        "Give one.",
    )
    assert finding.where == Where("rows.jsonl", 8, row=7, message=0, field="messages[0].role")
    assert RowError(BAD_PART, "No role").finding().message == "No role"
    assert one.error(BAD_PART, "t", field="x").where.field == "x"
    assert one.findings == []


def test_files_found_elsewhere_than_axolotl_looks_are_told_once_a_row() -> None:
    one = notes()
    one.at_message("messages", 1, None)
    one.note_places(DATA, lambda: None)
    assert one.findings == []
    one.beside_data, one.shadowed = ["a.png"], []
    # Where it must be started in the folder of the data, axolotl finds what lies there.
    one.note_places(DATA, lambda: DATA)
    assert one.findings == []
    one.note_places(DATA, lambda: None)
    one.beside_data = ["a.png", "b.png", "c.png"]
    one.shadowed = ["d.png", "e.png"]
    one.note_places(DATA, lambda: None)
    alone, several, swapped = one.findings
    assert alone.message.startswith("'a.png' found beside the data file only;")
    assert several.message.startswith("'a.png' and 2 more found beside the data file only;")
    assert swapped.message.startswith("'d.png' is two files:")
    assert [each.severity for each in one.findings] == ["note", "note", "warning"]
    assert {each.code for each in one.findings} == {"D005"}
    # They are about the row, not about the message that was last in hand.
    assert {(each.where.message, each.where.field) for each in one.findings} == {(None, None)}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("x", "a text"),
        ([], "a list"),
        ({}, "an object"),
        (b"", "a bytes"),
    ],
)
def test_kinds_as_json_calls_them(value: Any, name: str) -> None:
    assert type_name(value) == name
