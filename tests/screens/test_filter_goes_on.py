"""A search for rows goes on over edits that change nothing about them, and begins anew where they may be others."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from screens.inspect import filtering
from screens.inspect.row_list import SamplesList
from tests.screens.conftest import Opened, screen_of, settled, until
from workbench.bench import prepare


async def test_a_sort_goes_on_while_nothing_about_the_rows_changes(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching, go_on, holding = Event(), Event(), filtering._holding
    blocks: list[list[int]] = []

    def held(wanted: Any, rows: Any, *more: Any) -> Any:
        blocks.append([row.index for row in rows])
        searching.set()
        assert go_on.wait(20)
        return holding(wanted, rows, *more)

    monkeypatch.setattr(filtering, "_holding", held)
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen, checks = screen_of(pilot), 0
        samples, text = screen.query_one(SamplesList), screen.editing.document.text
        forget = samples.forget

        def counted() -> None:
            nonlocal checks
            checks += 1
            forget()

        monkeypatch.setattr(samples, "forget", counted)
        await pilot.press("o")
        await until(pilot, searching.is_set)
        # A comment, its undo, and a comparison, each followed to its end.
        screen.editing.type(f"# a comment\n{text}")
        screen.follow()
        await until(pilot, lambda: checks == 1)
        screen.action_undo_edit()
        await until(pilot, lambda: checks == 2)
        screen.editing.compare(recipe)
        screen.follow()
        await until(pilot, lambda: checks == 3)
        go_on.set()
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert [row for block in blocks for row in block] == list(range(24))
        assert sorted(samples.listing.order or ()) == list(range(24))


@pytest.mark.parametrize("undone", [False, True])
async def test_a_sort_begins_anew_where_a_block_of_it_may_be_of_another_mask(
    opened: Opened, recipe: Path, undone: bool
) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        samples = screen.query_one(SamplesList)
        screen.filtering.set("sort:code M002")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        before, request = samples.rows, screen.filtering._request
        assert before
        screen.editing.type(screen.editing.document.text.replace("modle", "model"))
        screen.follow()
        if undone:
            # Before the rows were asked for again.
            screen.action_undo_edit()
        await until(pilot, lambda: screen.filtering._request > request)
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert samples.rows == (before if undone else 0)


async def test_rows_are_found_again_in_data_that_was_read_again(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        samples = screen.query_one(SamplesList)
        screen.filtering.set("M002")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        before = samples.rows
        # As after a reading that found nothing to read.
        screen.edits.settled(None)
        assert samples.rows == 0
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert samples.rows == before > 0
