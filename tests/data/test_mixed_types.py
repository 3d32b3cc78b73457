"""Fields of different kinds, as the JSON builder of `datasets` hands them out."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.data.mixed_types import Mixed
from workbench.errors import Where
from workbench.findings import Finding

PARTS = [{"type": "text", "text": "7"}]


def said(content: Any, key: str = "content") -> dict[str, Any]:
    return {"messages": [{"role": "user", key: content}]}


def read(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Finding]]:
    found: list[Finding] = []
    mixed = Mixed(rows)
    return [mixed.as_read(row, found, Where(row=number)) for number, row in enumerate(rows)], found


def test_texts_alone_stay_texts() -> None:
    rows = [said("7"), said("true"), said('{"a": 1}'), said(None)]
    assert read(rows) == (rows, [])
    assert read([]) == ([], [])


def test_texts_beside_lists_are_read_as_the_json_they_are() -> None:
    rows = [said(PARTS), said("7"), said("hello"), said("[1]"), said("null")]
    out, (finding,) = read(rows)
    assert [one["messages"][0]["content"] for one in out] == [PARTS, 7, "hello", [1], None]
    # The rows themselves stay, and so do the texts inside lists.
    assert rows[1] == said("7")
    assert (finding.code, finding.severity, finding.where.row) == ("D002", "error", 1)
    assert "`messages[].content` holds texts in some rows" in finding.message
    assert "'7' is a number now" in finding.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.", 1.0),
        ("", ""),
        ("01", 1),
        ("NaN", None),
        ("7 x", "7 x"),
        ("[1, ", "[1, "),
        ('{"a": "1"}', {"a": "1"}),
        ("1e5", 1e5),
    ],
)
def test_texts_are_parsed_by_the_rules_of_datasets(text: str, value: Any) -> None:
    """Its parser is not Python's; a text that it does not take stays as it is."""
    out, _ = read([said(PARTS), said(text)])
    assert out[1] == said(value)
    assert type(out[1]["messages"][0]["content"]) is type(value)


def test_the_finding_is_told_once_and_only_of_what_is_said() -> None:
    _, found = read([said(PARTS), said("7"), said("8"), said("9")])
    assert [one.where.row for one in found] == [1]
    rows = [{"id": 1, **said("x")}, {"id": "2", **said("y")}]
    out, found = read(rows)
    assert [one["id"] for one in out] == [1, 2]
    assert found == []
    _, found = read([said(PARTS, "value"), said("true", "value")])
    assert "is true or false now" in found[0].message


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        # Whole numbers and others are of one kind; a missing value of none.
        ([1, 2.5, None], [1, 2.5, None]),
        ([1, True, "2"], [1, True, 2]),
        (["1", None, 2], [1, None, 2]),
        ([[1], ["2"]], [[1], [2]]),
        ([["1"], ["2"]], [["1"], ["2"]]),
        # Numbers and objects without a text among them are none that is read again.
        ([1, {"a": "1"}], [1, {"a": "1"}]),
        ([{"a": "1"}, {"a": 2}], [{"a": 1}, {"a": 2}]),
        # Objects with different keys are kept whole.
        ([{"a": "1"}, {"b": 2, "a": 3}], [{"a": "1"}, {"b": 2, "a": 3}]),
    ],
)
def test_which_fields_are_mixed(values: list[Any], read_as: list[Any]) -> None:
    out, _ = read([{"x": value} for value in values])
    assert [one["x"] for one in out] == read_as


def test_a_row_that_is_otherwise_than_the_rows_that_decide_stays() -> None:
    found: list[Finding] = []
    mixed = Mixed([said(PARTS), said("x")])
    for row in ({"messages": None}, {"messages": "7"}, {"other": 1}, {"messages": ["7"]}):
        assert mixed.as_read(row, found, Where()) == row
    assert found == []
