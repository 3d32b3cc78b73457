"""Lines that go on under their own text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from screens.shell.hanging import hang

CONSOLE = Console(width=200, color_system=None)
WORDS = st.lists(
    st.sampled_from(["a", "words", "你好世界", "`vlmbench check`", "x" * 30, "…"]), min_size=1, max_size=12
)


@given(WORDS, st.integers(12, 60), st.integers(0, 8))
def test_no_line_is_too_long_and_no_word_is_lost(words: list[str], width: int, indent: int) -> None:
    line = Text(end="").append("→ ", "red").append(" ".join(words), "bold")
    first, *rest = hang(line, width, indent, CONSOLE).plain.split("\n")
    assert first.startswith("→")
    assert all(cell_len(one) <= width for one in (first, *rest))
    assert all(one.startswith(" " * indent) for one in rest)
    assert "".join((first, *rest)).replace(" ", "") == line.plain.replace(" ", "")


def test_styles_go_on_and_an_unknown_width_wraps_nothing() -> None:
    line = Text(end="").append("✗ check  ", "red").append("one two three four five", "bold")
    assert hang(line, 0, 2, CONSOLE) is line
    wrapped = hang(line, 18, 9, CONSOLE)
    assert wrapped.plain == "✗ check  one two\n         three\n         four five"
    assert {wrapped.plain[span.start : span.end].strip() for span in wrapped.spans if span.style == "bold"} == {
        "one two",
        "three",
        "four five",
    }
