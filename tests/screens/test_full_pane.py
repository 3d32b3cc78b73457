"""A pane over the whole window."""

from __future__ import annotations

from tests.screens.conftest import Opened, grid_of, screen_of, until


async def test_the_pane_in_focus_takes_the_window_and_gives_it_back(opened: Opened) -> None:
    async with opened((120, 40)) as pilot:
        screen, grid = screen_of(pilot), grid_of(pilot)
        before = grid.outer_size
        await pilot.press("f10")
        await until(pilot, lambda: grid.outer_size == (120, 40))
        # Its keys are its own still.
        await pilot.press("right", "right")
        assert grid.at.cursor == 2
        await pilot.press("f10")
        await until(pilot, lambda: grid.outer_size == before)
        await pilot.press("tab", "f10")
        assert screen.maximized is not None
        assert screen.maximized is not grid
        await pilot.press("escape")
        assert screen.maximized is None

        # What is opened beside it is seen.
        grid.focus()
        await pilot.press("f10", "e")
        await until(pilot, lambda: screen.panes.editor.region.width > 0)
        assert screen.maximized is None
        # A dialog stays as it is.
        await pilot.press("escape", "C", "f10")
        assert pilot.app.screen.is_modal
        assert pilot.app.screen.maximized is None
