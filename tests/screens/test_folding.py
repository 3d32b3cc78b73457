"""Messages folded to a line: by a key, all at once, unfolded by whatever goes to a token in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from screens.token_grid.folding import fold, folds, summary
from screens.token_grid.inspector import TokenInspector
from screens.token_grid.lines import draw_items, lay_out
from tests.screens.conftest import Opened, forget_drawn, grid_of, screen_of, to_row, until
from tests.screens.small_bench import ROWS, SmallBench, conversation
from workbench.bench import prepare
from workbench.views.row_view import read_row

LONG = conversation("Tell me. " * 60, "A story. " * 60, "And then?", "The end.")
VIEW: Any = read_row(SmallBench([LONG, *ROWS]).load(), 0)


def lines_of(pilot: Pilot[None]) -> list[str]:
    grid = grid_of(pilot)
    return [grid.render_line(y).text for y in range(grid.size.height)]


def counted(turn: int) -> str:
    """The summary of a turn of the shown row, counted anew."""
    bounds = [*(one.start for one in VIEW.turns), len(VIEW.rendering)]
    return summary(VIEW, bounds[turn], bounds[turn + 1])


@given(st.sets(st.integers(0, len(VIEW.turns) - 1)), st.integers(20, 90))
def test_folded_items_cover_every_token_once_and_begin_their_lines(folded: set[int], width: int) -> None:
    drawn = fold(draw_items(VIEW, ()), VIEW, folded)
    assert drawn.start[0] == 0
    assert drawn.start[1:].tolist() == drawn.stop[:-1].tolist()
    assert drawn.stop[-1] == len(VIEW.rendering)
    places = folds(drawn)
    assert drawn.start[places].tolist() == [VIEW.turns[turn].start for turn in sorted(folded)]
    assert [drawn.texts[text] for text in drawn.text[places].tolist()] == [counted(turn) for turn in sorted(folded)]
    trained = [bool(VIEW.mask.keep[drawn.start[at] : drawn.stop[at]].any()) for at in places.tolist()]
    assert (drawn.look[places] >= 3).tolist() == trained
    lines = lay_out(VIEW, drawn, width)
    assert set(places.tolist()) <= set(lines.lines.tolist())
    assert all(lines.bounds(lines.line_of(int(at))) == (at, at + 1) for at in places)


async def test_messages_fold_and_what_goes_to_them_unfolds(opened: Opened) -> None:
    async with opened((100, 30), bench=SmallBench([LONG, *ROWS])) as pilot:
        grid, screen = grid_of(pilot), screen_of(pilot)
        begins = [turn.start for turn in VIEW.turns]
        await pilot.press("}", "}", "right", "right")
        before, height = grid.at.cursor, grid.drawing.lines.height  # type: ignore[union-attr]
        await pilot.press("minus")
        assert grid.folded == {1}
        assert any(counted(1) in line and "assistant" in line for line in lines_of(pilot))
        assert grid.drawing.lines.height < height  # type: ignore[union-attr]
        assert "message 1 · assistant · folded" in screen.query_one(TokenInspector).render().plain
        # Steps go over it, and its own token is kept.
        assert grid.at.cursor == before
        await pilot.press("right")
        assert grid.at.cursor == begins[2]
        await pilot.press("left")
        assert grid.at.cursor == begins[1]
        assert grid.at.covered == (begins[1], begins[2])
        await pilot.press("underscore")
        assert grid.folded == {0, 1, 2, 3}
        assert grid.drawing.lines.height == 5  # type: ignore[union-attr]
        await pilot.press("up", "down", "down")
        assert grid.at.cursor == begins[2]
        # Messages are gone to as they are; a search counts what is folded, and opens where it goes.
        await pilot.press("left_curly_bracket", "left_curly_bracket")
        assert grid.folded == {0, 1, 2, 3}
        await pilot.press("slash", *"story")
        assert grid.folded == {0, 2, 3}
        assert "1 of 60" in str(screen.query_one("#prompt-note").render())
        await pilot.press("enter", "underscore", "greater_than_sign")
        assert grid.folded == {0, 2, 3}
        assert grid.at.cursor > begins[1]
        # A folded line that holds matches is marked, and a click opens it.
        await pilot.press("underscore")
        assert grid.drawing.shades[2] >= len(grid._inks().plain)
        await pilot.click(grid, offset=(grid.drawing.lines.gutter + grid.drawing.lines.label + 5, 2))  # type: ignore[union-attr]
        await pilot.pause()
        assert grid.folded == {1, 2, 3}
        await pilot.press("underscore", "G", "enter")
        assert grid.folded == {0, 1, 2}
        await pilot.press("left_curly_bracket", "space")
        # Kept while the row is shown; another row comes unfolded.
        await pilot.press("g", "minus")
        painted = lines_of(pilot)
        forget_drawn(screen)
        assert lines_of(pilot) == painted
        await pilot.resize_terminal(90, 30)
        await pilot.pause()
        assert 0 in grid.folded
        await to_row(pilot, "J")
        assert grid.folded == set()
        await pilot.press("underscore", "n")


async def test_an_edit_is_counted_in_what_is_folded_and_n_opens_it(opened: Opened, recipe: Any) -> None:
    async with opened((140, 40), bench=prepare(recipe)) as pilot:
        grid, screen = grid_of(pilot), screen_of(pilot)
        await pilot.press("underscore")
        assert all("none trained" in line for line in lines_of(pilot) if "tokens," in line)
        await pilot.press("f")
        await until(pilot, lambda: grid.view is not None and bool(grid.view.mask.trained))
        shown = [line for line in lines_of(pilot) if "tokens," in line]
        assert len(shown) == len(grid.view.turns)  # type: ignore[union-attr]
        assert any("none trained" not in line for line in shown)
        trained = [int(line.partition("tokens, ")[2].split()[0]) for line in shown if "none" not in line]
        assert sum(trained) == grid.view.mask.trained  # type: ignore[union-attr]
        lines = grid.drawing.lines
        assert lines is not None
        assert np.array_equal(np.diff(lines.shift), lines.items.width)
        await pilot.press("u")
        await until(pilot, lambda: grid.view is not None and not grid.view.mask.trained)
        every = set(grid.folded)
        await pilot.press("n")
        assert len(grid.folded) == len(every) - 1
        assert not grid.at.folded
        assert screen.steps.pointed is not None
