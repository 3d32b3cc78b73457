"""The filter that rows are walked by: seen at every size, gone by, told at its ends, and taken away with one key."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WorkbenchApp
from screens.inspect.listing import Listing
from screens.inspect.prompt import Prompt
from screens.inspect.row_list import SamplesList
from tests.screens.conftest import Opened, grid_of, screen_of, settled, to_row, until
from tests.screens.small_bench import ROWS, SmallBench, conversation

SIZES = [(43, 20), (60, 15), (80, 24), (120, 40), (200, 60)]


def samples_of(pilot: Pilot[None]) -> SamplesList:
    return screen_of(pilot).query_one(SamplesList)


def top_line(pilot: Pilot[None]) -> str:
    """The upper border of the tokens, or of what stands in their place, as it is drawn."""
    panes = screen_of(pilot).panes
    pane: Any = panes.grid if panes.grid.display else panes.problem
    region = pane.region
    lines = pilot.app.screen._compositor.render_strips()
    return lines[region.y].crop(region.x, region.right).text


async def filtered(pilot: Pilot[None], text: str) -> None:
    screen_of(pilot).filtering.set(text)
    await until(pilot, lambda: settled(pilot) and samples_of(pilot).listing.complete)


@pytest.mark.parametrize("size", SIZES)
async def test_the_filter_is_seen_at_every_size_and_esc_takes_it_away(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as pilot:
        assert "match" not in top_line(pilot)
        await filtered(pilot, "D001")
        await to_row(pilot, "J")
        # With the list hidden, above the reason why there are no tokens.
        if samples_of(pilot).display:
            await pilot.press("s")
        await pilot.pause()
        line = top_line(pilot)
        assert "row 2" in line
        assert "1 of 40 match D001 · esc" in line
        await filtered(pilot, "question")
        await pilot.press("s")
        grid_of(pilot).focus()
        await to_row(pilot, "J")
        assert "35 of 40" in top_line(pilot)
        assert "· esc" in top_line(pilot)
        await filtered(pilot, "sort:-tokens")
        assert "tokens ↓" in top_line(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: settled(pilot) and not samples_of(pilot).filtered)
        assert "tokens ↓" not in top_line(pilot)
        # It comes back.
        await pilot.press("ctrl+f", "enter")
        await until(pilot, lambda: settled(pilot) and samples_of(pilot).listing.complete)
        assert screen_of(pilot).filtering.text == "sort:-tokens"
        await pilot.press("*")
        await until(pilot, lambda: not samples_of(pilot).filtered)


async def test_brackets_and_long_filters_are_shown_as_they_are(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        await filtered(pilot, "[/b]que\\")
        await pilot.press("s")
        assert "match [/b]que\\ · esc" in top_line(pilot).replace("that match", "match")
        await filtered(pilot, "question " * 12)
        assert "match question questi" in top_line(pilot)
        assert "… · esc" in top_line(pilot)


async def test_a_selection_and_a_search_go_before_the_filter(opened: Opened) -> None:
    async with opened() as pilot:
        await filtered(pilot, "question")
        grid = grid_of(pilot)
        grid.focus()
        await to_row(pilot, "J")
        await pilot.press("v", "escape")
        assert grid.at.anchor is None
        assert screen_of(pilot).filtering.text == "question"
        await pilot.press("/", *"question", "enter", "escape")
        assert not len(grid.drawing.matches)
        assert screen_of(pilot).filtering.text == "question"
        await pilot.press("escape")
        assert not screen_of(pilot).filtering.text


async def test_walking_ends_at_the_ends_and_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("screens.inspect.filtering._PATIENCE_SECONDS", 0)
    monkeypatch.setattr(WorkbenchApp, "notify", lambda self, message, **_: said.append(message))
    async with opened(row=5) as pilot:
        await filtered(pilot, "trained>40 sort:tokens")
        rows = [samples_of(pilot).listing.row_at(place) for place in range(samples_of(pilot).rows)]
        grid_of(pilot).focus()
        for row in rows:
            await to_row(pilot, "J")
            assert screen_of(pilot).context.row in rows, row
        await to_row(pilot, "J", "J")
        assert screen_of(pilot).context.row == rows[-1]
        assert said[-1] == f"This is the last of {len(rows)} rows that match trained>40 sort:tokens; esc lists all"
        await filtered(pilot, "sort:-tokens")
        samples_of(pilot).focus()
        await to_row(pilot, "home", "up")
        assert said[-1] == "This is the first row, tokens ↓"
        await filtered(pilot, "D001")
        await to_row(pilot, "J", "J")
        assert said[-1] == "This is the only row that matches D001; esc lists all"
        await filtered(pilot, "nothing-has-this")
        await pilot.press("J")
        assert said[-1] == "No row matches nothing-has-this; esc lists all"
        await filtered(pilot, "")
        await to_row(pilot, "end", "pagedown")
        assert said[-1] == "This is the last row"


async def test_nothing_is_said_of_an_end_that_nobody_knows(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(WorkbenchApp, "notify", lambda self, message, **_: said.append(message))
    rows = [conversation(f"Question {number}?", "Yes.") for number in range(300)]
    async with opened(bench=SmallBench(rows, known=False)) as pilot:
        await to_row(pilot, "J", "J")
        assert not said


def test_the_round_of_a_filter_misses_no_row() -> None:
    listing = Listing()
    listing.length, listing.order = 20, [2, 5, 9]
    for start, ahead, back in ((4, [5, 9, 2], [2, 9, 5]), (5, [9, 2], [2, 9]), (0, [2, 5, 9], [9, 5, 2])):
        assert list(listing.round_from(start, 1)) == [*ahead, start]
        assert list(listing.round_from(start, -1)) == [*back, start]
    assert list(listing.round_from(12, 1)) == [2, 5, 9, 12]
    assert ROWS


@pytest.mark.parametrize("taken_away", [False, True])
async def test_the_next_start_asks_with_the_filter_of_before_and_lists_all_rows(
    opened: Opened, taken_away: bool
) -> None:
    async with opened() as pilot:
        await filtered(pilot, "question sort:-tokens")
        if taken_away:
            await pilot.press("escape")
            await until(pilot, lambda: not samples_of(pilot).filtered)
    async with opened() as pilot:
        assert not samples_of(pilot).filtered
        await pilot.press("ctrl+f")
        assert screen_of(pilot).query_one(Prompt).query_one("Input").value == "question sort:-tokens"
        await pilot.press("enter")
        await until(pilot, lambda: settled(pilot) and samples_of(pilot).rows == 35)
