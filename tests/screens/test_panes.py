"""Panes that are resized, hidden and zoomed, and the picture under the cursor."""

from __future__ import annotations

from screens.checks import ChecksScreen
from screens.inspect.panes import Panes
from screens.inspect.picture import Preview
from screens.pictures.half_blocks import size_in_cells
from tests.screens.conftest import Opened, grid_of, screen_of, settled, until
from workbench.bench import prepare


async def test_panes_are_resized_by_keys_and_by_dragging_their_edge(opened: Opened) -> None:
    async with opened((140, 40)) as pilot:
        screen = screen_of(pilot)
        side, samples, token = (screen.query_one(name) for name in ("#side", "#samples", "#token"))
        before = side.outer_size.width
        await pilot.press("ctrl+right", "ctrl+right", "ctrl+left")
        await pilot.pause()
        assert side.outer_size.width == before + 2
        await pilot.press("shift+tab", "ctrl+left")
        await pilot.pause()
        assert samples.outer_size.width == 18
        edge = samples.region.right - 1
        await pilot.mouse_down(offset=(edge, 10))
        await pilot.hover(offset=(edge + 9, 10))
        await pilot.mouse_up(offset=(edge + 9, 10))
        assert samples.outer_size.width == 27
        top = token.region.y
        await pilot.mouse_down(offset=(30, top))
        await pilot.hover(offset=(30, top - 3))
        await pilot.mouse_up(offset=(30, top - 3))
        assert token.outer_size.height == 8
        screen.query_one(Panes).set_size("samples", 500)
        await pilot.pause()
        assert grid_of(pilot).outer_size.width >= 20


async def test_the_tokens_can_have_the_window_to_themselves(opened: Opened) -> None:
    async with opened() as pilot:
        screen = screen_of(pilot)
        await pilot.press("t")
        assert not screen.query_one("#token").display
        await pilot.press("t", "z")
        await pilot.pause()
        assert grid_of(pilot).outer_size.width == 120
        await pilot.press("z")
        await pilot.pause()
        assert screen.query_one("#samples").display
        assert screen.query_one("#token").display


async def test_a_recipe_comes_back_as_it_was_left(opened: Opened) -> None:
    async with opened((140, 40), bench=prepare()) as pilot:
        screen = screen_of(pilot)
        await pilot.press("ctrl+right", "ctrl+right", "t", "J")
        await pilot.press("e")
        await pilot.pause()
        editing = screen.query_one("#side").outer_size.width
        screen.frame.set_size("side", 90)
        await pilot.press("escape")
        await pilot.pause()
        side = screen.query_one("#side").outer_size.width
        assert side < editing < 90
        await pilot.press("2")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChecksScreen))
    async with opened((140, 40), bench=prepare(), front=True) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChecksScreen))
        await pilot.press("1")
        await until(pilot, lambda: settled(pilot))
        screen = screen_of(pilot)
        assert not screen.query_one("#token").display
        assert (screen.context.row, screen.query_one("#side").outer_size.width) == (1, side)
        await pilot.press("e")
        await pilot.pause()
        assert screen.query_one("#side").outer_size.width == 90
        await pilot.press("escape", "s", "z")
    async with opened((100, 40), bench=prepare()) as pilot:
        screen = screen_of(pilot)
        assert screen.has_class("-zoomed")
        await pilot.press("z")
        await pilot.pause()
        assert not screen.query_one("#samples").display
        assert grid_of(pilot).outer_size.width >= 24


async def test_the_picture_of_a_chip_is_shown_beside_it(opened: Opened) -> None:
    async with opened() as pilot:
        preview, grid = screen_of(pilot).query_one(Preview), grid_of(pilot)
        assert not preview.display
        await pilot.press("g", "down", "down", "home")
        await pilot.pause()
        assert preview.display
        assert grid.at.run == 0
        assert preview.region.y > grid.region.y + 2
        assert grid.region.contains_region(preview.region)
        svg = pilot.app.export_screenshot()
        assert "#3366cc" in svg
        await pilot.press("p")
        assert not preview.display
        await pilot.press("p", "}")
        await pilot.pause()
        assert not preview.display


def test_a_picture_keeps_its_shape_in_cells() -> None:
    assert size_in_cells(100, 100, (36, 12)) == (24, 12)
    assert size_in_cells(1000, 10, (36, 12)) == (36, 1)
