from __future__ import annotations

from dataclasses import dataclass

import pytest

from workbench.errors import InputError, Where
from workbench.tokens.boundaries import resolve


@dataclass
class Text:
    role: str
    start: str
    end: str | None = None
    include_start: bool = False
    include_end: bool = True


class Letters:
    """One id per letter; spaces encode to nothing."""

    eos_token_id: int | None = 2

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        assert add_special_tokens is False
        return [ord(char) for char in text if char != " "]


def test_markers_are_encoded_alone_and_eos_is_the_tokenizers():
    (one, two, three) = resolve([Text("a", "<a", ">"), Text("b", "<b", "eos_token"), Text("c", "<c")], Letters())
    assert (one.start, one.end) == ((60, 97), (62,))
    assert two.end == (2,)
    assert three.end == ()


@pytest.mark.parametrize("text", [Text("a", " ", ">"), Text("a", "<", " ")])
def test_a_marker_of_no_token_is_refused_with_its_place(text):
    with pytest.raises(InputError, match="encodes to no token") as raised:
        resolve([Text("x", "<"), text], Letters(), places=[Where("r.yaml", 1), Where("r.yaml", 7, 5)])
    assert str(raised.value.where) == "r.yaml:7:5"


def test_eos_of_a_tokenizer_without_one_is_refused():
    tokenizer = Letters()
    tokenizer.eos_token_id = None
    with pytest.raises(InputError, match="no end-of-sequence token"):
        resolve([Text("a", "<", "eos_token")], tokenizer)


def test_a_boundary_keeps_its_texts_and_what_is_included():
    (one, two) = resolve([Text("a", "<a", ">", include_start=True, include_end=False), Text("b", "<b")], Letters())
    assert (one.role, one.start_text, one.end_text) == ("a", "<a", ">")
    assert (one.include_start, one.include_end) == (True, False)
    assert (two.role, two.start_text, two.end_text) == ("b", "<b", None)
    assert (two.include_start, two.include_end) == (False, True)


def test_markers_that_were_encoded_before_are_not_encoded_again():
    class Counting(Letters):
        asked = ()

        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            self.asked = (*self.asked, text)
            return super().encode(text, add_special_tokens)

    tokenizer, known = Counting(), {"<a": (7, 8)}
    (one, two) = resolve([Text("a", "<a", ">"), Text("b", "<b", ">")], tokenizer, known=known)
    assert (one.start, one.end, two.start) == ((7, 8), (62,), (60, 98))
    assert tokenizer.asked == (">", "<b")
    assert known == {"<a": (7, 8), ">": (62,), "<b": (60, 98)}


def test_without_a_place_a_refusal_names_the_row():
    with pytest.raises(InputError) as raised:
        resolve([Text("a", "<a"), Text("b", " ")], Letters(), places=[Where("r.yaml", 1)])
    assert raised.value.where.field == "role_boundaries[1]"
