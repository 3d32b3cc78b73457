"""Values that axolotl refuses, in plain words, at their places."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from workbench.errors import InputError
from workbench.recipe.refusals import describe, in_order, odd_key, validated
from workbench.recipe.yaml.read import Parsed


class Row(BaseModel):
    role: str
    start: str
    end: str | None = None
    include_end: bool = True


class Entry(BaseModel):
    path: str | None = None
    roles_to_train: list[str] | None = None
    train_on_eos: Literal["turn", "all", "none"] | None = None


class Recipe(BaseModel):
    rank: int | None = None
    rate: float | None = None
    name: str | None = None
    mode: Literal["a", "b"] | None = None
    only: Literal["x"] | None = None
    size: int | tuple[int, int] | None = None
    flag: bool | None = None
    names: list[str] | None = None
    role_boundaries: list[Row] | None = None
    datasets: list[Entry] | None = Field(default=None, min_length=1)
    more: dict[str, int] | None = None


def refused(text: str, **renamed: str) -> tuple[Recipe, list[tuple[str, str, int | None]]]:
    """The recipe without its refused values, and message, hint and line of each refusal."""
    parsed = Parsed(text, "r.yaml")
    data = {renamed.get(key, key): value for key, value in parsed.data.items()}
    back = {new: old for old, new in renamed.items()}
    left, findings = validated(Recipe, data, parsed, back)
    assert {(one.code, one.severity) for one in findings} <= {("C010", "error")}
    return left, [(one.message, one.hint, one.where.line) for one in in_order(findings)]


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("rank: many", "rank is 'many'; expected a whole number", ""),
        ("rate: fast", "rate is 'fast'; expected a number", ""),
        ("name: 7", "name is 7; expected text", 'Quote it: "7"'),
        (
            "name: yes",
            "name is true; expected text",
            "YAML reads yes, no, on, off, true and false without quotes as true or false: quote the text.",
        ),
        ("mode: c", 'mode is \'c\'; expected one of "a", "b"', ""),
        (
            "mode: off",
            'mode is false; expected one of "a", "b"',
            "YAML reads yes, no, on, off, true and false without quotes as true or false: quote the text.",
        ),
        ("only: y", "only is 'y'; expected \"x\"", ""),
        ("size: wide", "size is 'wide'; expected a whole number or a list of two whole numbers", ""),
        ("flag: perhaps", "flag is 'perhaps'; expected true or false", ""),
        ("names: one", "names is 'one'; expected a list of texts", "Write it as a list: [one]"),
        (
            "names: true",
            "names is true; expected a list of texts",
            "YAML reads yes, no, on, off, true and false without quotes as true or false: quote the text.",
        ),
        ("more: [1]", "more is [1]; expected a mapping", ""),
        ("datasets: []", "datasets is []; expected a list of mappings with at least one entry", ""),
    ],
)
def test_a_refusal_says_what_is_there_and_what_is_expected(line: str, message: str, hint: str) -> None:
    _, found = refused(f"# first\n{line}\n")
    assert [(told, at) for told, _, at in found] == [(message, 2)]
    if not hint:
        # What is expected is the remedy where nothing else is to be said.
        assert found[0][1].startswith("Write ")
    elif "true or false" not in hint:
        assert found[0][1] == hint
    else:
        assert found[0][1].startswith(("YAML reads yes", "Without quotes YAML reads"))


def test_a_value_that_is_wrong_in_two_ways_is_refused_once() -> None:
    # It is neither a whole number nor, for what stands in it, a list of two.
    left, found = refused("size: [1, wide]\n")
    assert left.size is None
    assert [message for message, *_ in found] == [
        "size is [1, 'wide']; expected a whole number or a list of two whole numbers"
    ]


def test_a_long_value_is_cut() -> None:
    _, [(message, _, _)] = refused(f"rank: {'x' * 100}\n")
    assert message == f"rank is '{'x' * 56}…; expected a whole number"
    _, [(message, _, _)] = refused(f"rank: {'x' * 58}\n")
    assert message == f"rank is '{'x' * 58}'; expected a whole number"


def test_everything_else_is_kept() -> None:
    left, found = refused("rank: many\nrate: 0.5\nname: 7\n")
    assert (left.rank, left.rate, left.name) == (None, 0.5, None)
    assert [line for *_, line in found] == [1, 3]


def test_a_boundary_without_role_or_start_goes_whole_and_other_keys_alone() -> None:
    text = """role_boundaries:
- {role: user}
- {role: assistant, start: "<a>", include_end: perhaps}
- {role: 7, start: "<b>"}
"""
    left, found = refused(text)
    assert left.role_boundaries == [Row(role="assistant", start="<a>")]
    assert [(message, line) for message, _, line in found] == [
        ("role_boundaries[0].start is missing; expected text", 2),
        ("role_boundaries[1].include_end is 'perhaps'; expected true or false", 3),
        ("role_boundaries[2].role is 7; expected text", 4),
    ]
    assert next(hint for message, hint, _ in found if "missing" in message) == "axolotl needs it here."


def test_boundaries_that_all_go_leave_the_key_out() -> None:
    left, _ = refused("role_boundaries:\n- {role: user}\n")
    assert left.role_boundaries is None


def test_a_key_of_a_dataset_goes_alone() -> None:
    left, found = refused("datasets:\n- {path: a, roles_to_train: [user, 7], train_on_eos: turn}\n- {path: b}\n")
    assert left.datasets == [Entry(path="a", train_on_eos="turn"), Entry(path="b")]
    assert [message for message, *_ in found] == ["datasets[0].roles_to_train[1] is 7; expected text"]


def test_a_renamed_key_is_told_by_the_documents_name() -> None:
    _, found = refused("# x\nold_rank: many\n", old_rank="rank")
    assert [(told, at) for told, _, at in found] == [("old_rank is 'many'; expected a whole number", 2)]


def test_the_data_given_stays_as_it_is() -> None:
    data: dict[str, Any] = {"rank": "many", "datasets": [{"path": 7}]}
    validated(Recipe, data, Parsed("rank: many\ndatasets: [{path: 7}]\n", "r"), {})
    assert data == {"rank": "many", "datasets": [{"path": 7}]}


def test_a_recipe_that_cannot_be_mended_ends() -> None:
    class Never(BaseModel):
        rank: int

    with pytest.raises((InputError, KeyError)):
        validated(Never, {}, Parsed("a: 1\n", "r.yaml"), {})


def test_findings_come_in_the_order_of_the_text() -> None:
    parsed = Parsed("a: 1\nb: 2\n", "r")
    first, second = (odd_key(parsed, key) for key in ("a", "b"))
    assert in_order([second, first]) == [first, second]
    assert "The key 'a' is no text" in first.message
    assert (first.where.line, first.hint) == (1, "Quote the key.")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (bool | None, "true or false"),
        (Literal["a"], '"a"'),
        (Literal["a", "b"], 'one of "a", "b"'),
        (list[int], "a list of whole numbers"),
        (list[float], "a list of numbers"),
        (list[Row], "a list of mappings"),
        (dict[str, int], "a mapping"),
        (Row | str, "a mapping or text"),
        (int | float | None, "a whole number or a number"),
        (bytes, "another value"),
    ],
)
def test_types_in_plain_words(annotation: Any, words: str) -> None:
    assert describe(annotation) == words
