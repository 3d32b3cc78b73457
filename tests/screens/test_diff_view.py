"""Diffs before something is written: one column, or both texts side by side where there is room."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from screens.shell.diff_view import SIDES_FROM, DiffView, one_column, pairs, side_by_side
from screens.shell.themes import THEMES, paints
from tests.screens.conftest import Opened, screen_of, settled, until
from workbench.bench import prepare

LINES = st.lists(st.sampled_from(["a: 1", "b: 2", "- c", "+ d", "", "--- e", "@@ f", "  g: x y"]), max_size=12)
PAINT = paints(THEMES[0])


@given(LINES, LINES)
def test_each_side_is_its_text(old: list[str], new: list[str]) -> None:
    body = "\n".join(unified_diff(old, new, "before", "after", n=99, lineterm=""))
    found = list(pairs(body.partition("\n")[2].partition("\n")[2]))
    # Nothing in it, or nothing but headings, is drawn too.
    drawn(body, 40)
    sides = [[pair[side] for pair in found if pair[side] and pair[side].sign != "@"] for side in (0, 1)]  # type: ignore[union-attr]
    for side, lines in zip(sides, (old, new), strict=True):
        shown = [one.text for one in side if one is not None]
        assert shown == (lines if old != new else [])
        assert [one.number for one in side if one is not None] == list(range(1, len(shown) + 1))


def drawn(body: str, width: int) -> list[str]:
    console = Console(width=width, file=None, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(side_by_side(body, PAINT))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_what_was_changed_stands_beside_what_it_took_the_place_of() -> None:
    old = ["base_model: a", "lora_r: 8", "seed: 1", "x: \x1b[31m", "end: 1"]
    new = ["base_model: a", "lora_r: 16", "seed: 1", "x: \x1b[32m", "more: 2", "end: 1"]
    body = "\n".join(unified_diff(old, new, "r.yaml", "r.yaml (edited)", lineterm=""))
    assert drawn(body, 60) == [
        "    r.yaml                        r.yaml (edited)",
        "1   base_model: a             1   base_model: a",
        "2 - lora_r: 8                 2 + lora_r: 16",
        "3   seed: 1                   3   seed: 1",
        "4 - x: ␛[31m                  4 + x: ␛[32m",
        "                              5 + more: 2",
        "5   end: 1                    6   end: 1",
    ]
    # A row and its messages have no lines in common.
    assert drawn("-  text: a b c\n+  user\n+    text: a b c\n@ refused: so", 40) == [
        "-   text: a b c     +   user",
        "  refused: so       +     text: a b c",
    ]
    # The word that differs is marked, and no more of the line.
    cell = side_by_side(body, PAINT).columns[3]._cells[2]
    assert isinstance(cell, Text)
    assert [cell.plain[span.start : span.end] for span in cell.spans if span.style.underline] == ["16"]  # type: ignore[union-attr]
    console = Console(width=20, color_system=None)
    with console.capture() as captured:
        console.print(one_column("+name: " + "long " * 6, PAINT))
    first, *rest = captured.get().rstrip().splitlines()
    assert first.startswith("+name: long")
    assert rest
    assert all(line.startswith(" long") for line in rest)


async def test_what_is_to_be_saved_is_shown_on_both_sides_of_a_wide_window(opened: Opened, recipe: Path) -> None:
    async with opened((SIDES_FROM, 40), bench=prepare(recipe)) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: settled(pilot) and screen_of(pilot).editing.document.dirty)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(pilot.app.screen.query(DiffView)))
        view = pilot.app.screen.query_one(DiffView)

        def both() -> bool:
            lines = [strip.text for strip in view.render_lines(view.size.region)]
            return any("modle" in line and "model" in line.replace("modle", "") for line in lines)

        await until(pilot, both)
        assert view.region.width > SIDES_FROM * 0.9
        await pilot.resize_terminal(SIDES_FROM - 1, 40)
        await until(pilot, lambda: not both())
        await pilot.resize_terminal(SIDES_FROM, 40)
        await until(pilot, both)
        await pilot.press("escape")
