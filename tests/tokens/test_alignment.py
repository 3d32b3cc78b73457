"""A text aligned with what a template made of it, piece by piece."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tokens.alignment import Piece, match


def pairs(text: str, prompt: str) -> list[tuple[str, str]]:
    """Pieces of the prompt, each with the piece of the text that it came from."""
    return [
        (prompt[one.start : one.stop], text[one.first : one.last])
        for one in match(text, 0, len(text), prompt, 0, len(prompt))
    ]


@pytest.mark.parametrize(
    ("text", "prompt", "found"),
    [
        ("abc", "abc", [("abc", "abc")]),
        # Escaped: one character became several.
        ("a<b", "a&lt;b", [("a", "a"), ("&lt;", "<"), ("b", "b")]),
        ('say "x"', 'say \\"x\\"', [("say ", "say "), ("\\", '"'), ('"x', '"x'), ("\\", '"'), ('"', '"')]),
        # One character that is alike is no reason to go on from it.
        ("a\nbanana", "a<br>banana", [("a", "a"), ("<br>", "\n"), ("banana", "banana")]),
        # Cut: what is missing has no piece.
        ("  abc  ", "abc", [("abc", "abc")]),
        ("one two three", "one three", [("one t", "one t"), ("hree", "hree")]),
        # Written in between.
        ("abcd", "ab--cd", [("ab", "ab"), ("--", "c"), ("cd", "cd")]),
        # Replaced.
        ("a\nb", "a b", [("a", "a"), (" ", "\n"), ("b", "b")]),
        # What follows the text's end belongs to its last character.
        ("abc", "abc!!", [("abc", "abc"), ("!!", "c")]),
        ("abc", "xyz", [("xyz", "abc")]),
        ("", "abc", []),
        ("abc", "", []),
    ],
)
def test_what_is_alike_is_aligned_one_to_one_and_the_rest_as_a_whole(
    text: str, prompt: str, found: list[tuple[str, str]]
) -> None:
    assert pairs(text, prompt) == found


def test_a_part_of_a_text_is_aligned_within_its_places() -> None:
    assert match("..abc..", 2, 5, "[[abc]]", 2, 5) == [Piece(2, 5, 2, 5)]
    # Neither what stands before nor behind is looked at.
    assert match("xabcx", 1, 4, "abcx", 0, 3) == [Piece(0, 3, 1, 4)]


def test_a_long_cut_is_found_again_further_ahead() -> None:
    tail = "the end of it all"
    text = "begin " + "x" * 500 + tail
    assert pairs(text, "begin " + tail)[-1] == (tail, tail)
    # A dozen characters are enough to know the place, whatever was made of what follows.
    assert pairs(text + " <b>", "begin " + tail + " &lt;b>") == [
        ("begin ", "begin "),
        (f"{tail} ", f"{tail} "),
        ("&lt;", "<"),
        ("b>", "b>"),
    ]


@given(st.text("ab<>\n ", max_size=40), st.text("ab&;\n ", max_size=40))
def test_pieces_are_in_order_and_within(text: str, prompt: str) -> None:
    pieces = match(text, 0, len(text), prompt, 0, len(prompt))
    at = 0
    for one in pieces:
        assert at <= one.start < one.stop <= len(prompt)
        assert 0 <= one.first < one.last <= len(text)
        at = one.stop
    assert [one.first for one in pieces] == sorted(one.first for one in pieces)


@given(st.text(min_size=1, max_size=60))
def test_escaping_a_text_loses_no_character(text: str) -> None:
    escaped = "".join("&lt;" if char == "<" else char for char in text)
    pieces = match(text, 0, len(text), escaped, 0, len(escaped))
    same = [one for one in pieces if one.stop - one.start == one.last - one.first]
    assert all(escaped[one.start : one.stop] == text[one.first : one.last] for one in same)
    assert sum(one.stop - one.start for one in pieces) == len(escaped)
