"""A compared mask as it is shown: it follows an undo, a save elsewhere and the end of the comparison."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.widgets import Input

from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.boundary_form import BoundaryForm
from screens.inspect.row_list import SamplesList
from screens.shell.path_dialog import PathDialog
from tests.screens.conftest import Opened, grid_of, screen_of, settled, until
from workbench.bench import prepare
from workbench.paths import sample_dir


def panel_of(pilot: Any) -> BoundariesPanel:
    return screen_of(pilot).query_one(BoundariesPanel)


def with_a_broken_row(recipe: Path, place: int) -> None:
    """The first rows of the demo, and one that cannot be rendered."""
    rows = (sample_dir() / "shapes.jsonl").read_text("utf-8").splitlines()[:4]
    rows.insert(place, json.dumps({"messages": "none"}))
    (recipe.parent / "pictures").symlink_to(sample_dir() / "pictures")
    file = recipe.parent / "rows.jsonl"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    text = recipe.read_text("utf-8")
    recipe.write_text(text.replace(str(sample_dir() / "shapes.jsonl"), str(file)), "utf-8")


async def test_boundaries_follow_an_undo_where_the_row_has_no_tokens(opened: Opened, recipe: Path) -> None:
    with_a_broken_row(recipe, 1)
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        panel, screen = panel_of(pilot), screen_of(pilot)
        assert "matches 0/" in panel.plain
        assert "modle" in panel.plain
        screen.rows.show(1)
        await until(pilot, lambda: settled(pilot) and screen.context.view is None)
        # There is nothing to match in.
        assert "matches" not in panel.plain
        assert "modle" in panel.plain
        screen.editing.type(screen.editing.document.text.replace("modle", "model"))
        screen.follow()
        assert "modle" not in panel.plain
        screen.action_undo_edit()
        assert "modle" in panel.plain
        assert "matches" not in panel.plain
        screen.rows.show(0)
        await until(pilot, lambda: settled(pilot) and screen.context.view is not None)
        assert "matches 0/" in panel.plain
        # The form over them says no more than they do.
        await pilot.press("e", "f4")
        form = screen.query_one(BoundaryForm)
        assert {one.text for one in form._matched} >= {"0 of 2"}
        screen.rows.show(1)
        await until(pilot, lambda: settled(pilot) and screen.context.view is None)
        assert {one.text for one in form._matched} == {""}


async def test_an_undo_while_the_rows_are_read_again_is_followed_too(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen, panel = screen_of(pilot), panel_of(pilot)
        whole, counted, apply = grid_of(pilot).view, panel.plain, screen.bench.apply
        reading, go_on = Event(), Event()

        def held() -> None:
            apply()
            reading.set()
            assert go_on.wait(20)

        monkeypatch.setattr(screen.bench, "apply", held)
        screen.editing.type(screen.editing.document.text.replace("shapes.jsonl", "text.jsonl"))
        screen.follow()
        await until(pilot, reading.is_set)
        screen.action_undo_edit()
        go_on.set()
        await until(pilot, lambda: settled(pilot) and not screen.editing.stale and screen.bench.rows.known_length == 24)
        view = grid_of(pilot).view
        assert whole is not None
        assert view is not None
        assert len(view.rendering) == len(whole.rendering)
        assert panel.plain == counted


async def test_a_save_on_another_screen_ends_what_was_shown_against_the_file(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        panel, screen, samples = panel_of(pilot), screen_of(pilot), screen_of(pilot).query_one(SamplesList)
        screen.editing.type(screen.editing.document.text.replace("modle", "model"))
        screen.follow()
        await until(pilot, lambda: settled(pilot) and "→" in str(samples.border_title))
        assert "−0 trained" in str(panel.border_subtitle)
        assert "→" in str(grid_of(pilot).border_title)
        await pilot.press("2")
        await pilot.press("ctrl+s", "enter")
        await until(pilot, lambda: not screen.editing.document.dirty)
        await pilot.press("1")
        await until(pilot, lambda: settled(pilot) and "→" not in str(samples.border_title))
        assert "trained" not in str(panel.border_subtitle)
        assert "→" not in str(grid_of(pilot).border_title)


async def test_a_comparison_begins_and_ends_while_the_text_cannot_be_read(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare()) as pilot:
        panel, screen, samples = panel_of(pilot), screen_of(pilot), screen_of(pilot).query_one(SamplesList)
        before = str(grid_of(pilot).border_title), str(samples.border_title)
        good = screen.editing.document.text
        screen.editing.type(f"{good}\nodd: [")
        screen.follow()
        assert screen.editing.problem is not None
        screen.editing.compare(recipe)
        screen.follow()
        await until(pilot, lambda: settled(pilot) and "→" in str(samples.border_title))
        assert str(panel.border_title) == "role_boundaries against mine.yaml"
        assert "−0 trained" in str(panel.border_subtitle)
        assert "→" in str(grid_of(pilot).border_title)
        screen.editing.compare(None)
        screen.follow()
        await until(pilot, lambda: settled(pilot) and "→" not in str(samples.border_title))
        assert str(panel.border_title) == "role_boundaries"
        assert "trained" not in str(panel.border_subtitle)
        assert (str(grid_of(pilot).border_title), str(samples.border_title)) == before


@pytest.mark.parametrize("key", ["escape", "alt+c"])
async def test_a_comparison_is_left_by_a_key_that_its_pane_names(opened: Opened, recipe: Path, key: str) -> None:
    async with opened((120, 40), bench=prepare()) as pilot:
        panel, screen = panel_of(pilot), screen_of(pilot)
        before = str(panel.border_title), str(panel.border_subtitle)
        screen.editing.compare(recipe)
        screen.follow()
        await until(pilot, lambda: settled(pilot) and "against mine.yaml" in str(panel.border_title))
        assert "alt+c ends" in str(panel.border_subtitle)
        await pilot.press("ctrl+f", *"red", "enter")
        await until(pilot, lambda: settled(pilot) and screen.query_one(SamplesList).listing.complete)
        if key == "escape":
            # The filter goes first, as its title says.
            assert "esc lists all" in str(grid_of(pilot).border_title)
            await pilot.press(key)
            assert not screen.filtering.text
            assert screen.editing.other is not None
        await pilot.press(key)
        assert screen.editing.other is None
        await until(pilot, lambda: settled(pilot))
        assert (str(panel.border_title), str(panel.border_subtitle)) == before
        await pilot.press("alt+c")
        assert screen.editing.other is None


async def test_a_path_that_cannot_be_read_is_asked_about_as_it_was_typed(opened: Opened) -> None:
    async with opened((120, 34)) as pilot:
        for _ in range(2):
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, PathDialog))
            field = pilot.app.screen.query_one(Input)
            if field.value:
                break
            field.value = "nowhere.yaml"
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.screen is screen_of(pilot))
        assert field.value == "nowhere.yaml"
