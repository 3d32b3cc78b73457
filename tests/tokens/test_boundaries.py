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
