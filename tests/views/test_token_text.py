"""Every token keeps to its own cells, whatever stands beside it."""

from __future__ import annotations

from itertools import product

import pytest
from rich.cells import cell_len

from workbench.views.token_text import standalone_text

HOSTILE = ["🏽", "\u200d", "👩\u200d", "\u0301", "e\u0301", "\u093e", "\ufe0f", "❤\ufe0f", "👍🏽", "a", "\u1161", "世"]


@pytest.mark.parametrize(("first", "second"), product(HOSTILE, HOSTILE))
def test_widths_add_up(first: str, second: str) -> None:
    left, right = standalone_text(first), standalone_text(second)
    assert cell_len(left + right) == cell_len(left) + cell_len(right)
    assert cell_len(left) > 0


@pytest.mark.parametrize("text", ["👍🏽", "e\u0301", "❤\ufe0f", "👩\u200d👩\u200d👧", "世界", "naïve"])
def test_what_stands_by_itself_is_left_alone(text: str) -> None:
    assert standalone_text(text) == text


def test_an_accent_is_seated_and_a_joiner_named() -> None:
    assert standalone_text("\u0301") == "◌\u0301"
    assert standalone_text("👩\u200d") == "👩⟨U+200D⟩"
    assert standalone_text("🏽") == "⟨U+1F3FD⟩"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # Marks without a width, with one of their own in some fonts, and around a character: Mn, Mc and Me.
        ("\u0301x", "◌\u0301x"),
        ("\u0903क", "◌\u0903क"),
        ("\u20dd", "◌\u20dd"),
        # Variation selectors have no shape that could be seated.
        ("\ufe00", "⟨U+FE00⟩"),
        ("\ufe0ea", "⟨U+FE0E⟩a"),
        ("\ufe0f", "⟨U+FE0F⟩"),
        ("a\u200d\u200d", "a⟨U+200D⟩⟨U+200D⟩"),
        ("\u200da", "⟨U+200D⟩a"),
        ("\x85é", "⟨U+0085⟩é"),
        ("", ""),
    ],
)
def test_what_a_text_begins_and_ends_with_decides(text: str, shown: str) -> None:
    assert standalone_text(text) == shown
