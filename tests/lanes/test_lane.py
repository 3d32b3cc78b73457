"""Lanes of ids, and causes of what differs in small ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.lanes.causes import HISTORY, MEDIA, PROMPT_TRAINED, SYSTEM, THINK, TRUNCATED, differences
from workbench.lanes.lane import lane_of, regions

PAD = 1_000_000


def lane(*marked: tuple[str, bool]):
    """A lane of texts that are trained or not: an id a character, `¤` the pad of a picture."""
    ids = [PAD if char == "¤" else ord(char) for text, _ in marked for char in text]
    flags = [trained for text, trained in marked for _ in text]
    pieces = {one: (b"<pad>" if one == PAD else chr(one).encode()).decode("latin-1") for one in ids}
    return lane_of(ids, [one if on else -100 for one, on in zip(ids, flags, strict=True)], pieces, {PAD})


def message(role: str, text: str):
    return {"role": role, "content": [{"type": "text", "text": text}]}


ROW = [message("user", "Hi"), message("assistant", "Yes")]
PLAIN = lane(("U:Hi;A:", False), ("Yes", True), (";", False))


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=20), st.integers(1, 3))
def test_a_text_is_whole_however_its_bytes_are_cut(text, size):
    raw = text.encode()
    cut = [raw[at : at + size] for at in range(0, len(raw), size)]
    ids = list(range(len(cut)))
    made = lane_of(ids, ids, {one: piece.decode("latin-1") for one, piece in zip(ids, cut, strict=True)}, set())
    assert made.text == text
    assert made.trained.all()


def test_a_run_of_pads_is_one_and_trained_where_any_is():
    made = lane(("a¤", False), ("¤¤", True), ("b", False))
    assert made.text == "a<pad>b"
    assert made.trained.tolist() == [False, *[True] * 5, False]
    assert (made.tokens, made.trained_tokens) == (5, 2)


def test_regions_name_the_message_and_its_thinking():
    text = "U:Hi;A:<think>so</think>Yes;"
    found = regions(text, [message("user", "Hi"), message("assistant", "<think>so</think>Yes")])
    assert {text[place] for place in range(len(text)) if found.kind[place] == 1} == set("HiYes")
    assert found.kind[text.index("so")] == 2
    assert found.found == {0, 1}


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        (lane(("system:Be good;U:Hi;A:", False), ("Yes", True), (";", False)), SYSTEM),
        (lane(("U:Hi;A:<think></think>", False), ("Yes", True), (";", False)), THINK),
        (lane(("U:", False), ("Hi", True), (";A:", False), ("Yes", True), (";", False)), PROMPT_TRAINED),
        (lane(("U:Hi;A:", False), ("Ye", True)), TRUNCATED),
    ],
)
def test_causes(other, cause):
    assert {one.cause for one in differences(ROW, PLAIN, other)} == {cause}


def test_thinking_of_the_row_that_is_left_out():
    row = [message("user", "Hi"), message("assistant", "<think>so</think>Yes")]
    whole = lane(("U:Hi;A:", False), ("<think>so</think>Yes", True), (";", False))
    assert {one.cause for one in differences(row, whole, PLAIN)} == {HISTORY}


def test_pads_that_are_trained():
    first = lane(("U:¤¤Hi;A:", False), ("Yes", True), (";", False))
    second = lane(("U:", False), ("¤¤", True), ("Hi;A:", False), ("Yes", True), (";", False))
    assert {one.cause for one in differences(ROW, first, second)} == {MEDIA}


def test_the_same_lane_has_no_difference():
    assert differences(ROW, PLAIN, PLAIN) == []
