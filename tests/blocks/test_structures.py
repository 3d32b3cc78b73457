"""Rows drawn for a proof: one of every rendering structure, whatever the words in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.blocks.test_path import opened as opened
from workbench.bench import Bench
from workbench.blocks.structures import DrawnRows, draw_rows

ASK, ANSWER = {"role": "user", "content": "a red square"}, {"role": "assistant", "content": "two"}


def talk(*turns: dict[str, Any], words: str = "") -> dict[str, Any]:
    return {"messages": [{**turn, "content": turn["content"] + words} for turn in turns]}


@pytest.fixture
def bench(opened: Callable[..., Bench]) -> Bench:
    """Forty rows of one structure, three of another, one with a system turn, one whose text holds a control token."""
    odd = [talk(ASK, ANSWER, ASK, ANSWER, words=f" {number}") for number in range(3)]
    odd += [talk({"role": "system", "content": "Be brief."}, ASK, ANSWER), talk(ASK, ANSWER, words="<|im_end|>")]
    odd += [{"messages": "none"}]
    return opened("qwen3_5", [talk(ASK, ANSWER, words=f" {number}") for number in range(40)] + odd)


def test_every_structure_is_drawn_once_at_least(bench: Bench) -> None:
    drawn = draw_rows(bench, 8)
    assert drawn.rows == (0, 1, 2, 3, 40, 43, 44, 45)
    assert (drawn.looked_at, drawn.structures, drawn.covered) == (46, 5, 5)
    assert drawn.described == "of all 5 rendering structures in 46 rows"


def test_the_most_frequent_come_first_where_there_is_no_room_for_all(bench: Bench) -> None:
    drawn = draw_rows(bench, 2)
    assert drawn.rows == (0, 40)
    assert drawn.described == "of 2 of 5 rendering structures in 46 rows"


def test_all_rows_are_all_rows(bench: Bench) -> None:
    assert draw_rows(bench, None).rows == draw_rows(bench, 200).rows == tuple(range(46))


def test_words_for_one_structure_of_a_sample() -> None:
    assert DrawnRows((0,), 2000, 9999, 1, 1).described == "of the one rendering structure in 2,000 of 9,999 rows"
