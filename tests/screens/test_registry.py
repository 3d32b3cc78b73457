"""Screens are reached by their numbers and by the palette, keep what they show, and see each other's edits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from screens.app import WorkbenchApp
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.screen import InspectScreen
from screens.keys.actions import ACTIONS
from screens.keys.screen_registry import SCREENS, Entry, entry
from screens.shell.base_screen import WorkbenchScreen
from screens.shell.status_bar import StatusBar
from tests.screens.conftest import Opened, grid_of, until


class Plain(WorkbenchScreen):
    """A screen with nothing of its own."""

    SCOPES = ("plain",)
    seen: list[bool]

    def body(self) -> ComposeResult:
        self.seen = []
        yield Static("plain")

    def activated(self, edited: bool) -> None:
        self.seen.append(edited)


@pytest.fixture
def all_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    load = Entry.load
    monkeypatch.setattr(Entry, "there", property(lambda self: True))
    monkeypatch.setattr(Entry, "load", lambda self: load(self) if self.name == "inspect" else Plain)
    return


def app_of(pilot: object) -> WorkbenchApp:
    app = pilot.app  # type: ignore[attr-defined]
    assert isinstance(app, WorkbenchApp)
    return app


async def test_number_keys_bring_screens_to_the_front_and_back(opened: Opened, all_there: None) -> None:
    async with opened() as pilot:
        await pilot.press("]", "right")
        cursor, inspect = grid_of(pilot).at.cursor, app_of(pilot).base
        await pilot.press("3")
        model = app_of(pilot).base
        assert isinstance(model, Plain)
        assert app_of(pilot).scopes == ("plain", "app")
        assert "small/model" in model.query_one(StatusBar).render().plain
        await pilot.press("5")
        assert app_of(pilot).base is not model
        await pilot.press("3")
        assert app_of(pilot).base is model
        await pilot.press("1")
        assert app_of(pilot).base is inspect
        assert grid_of(pilot).at.cursor == cursor


async def test_a_screen_learns_of_edits_made_on_another(opened: Opened, all_there: None) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        checks = app_of(pilot).base
        assert isinstance(checks, Plain)
        await pilot.press("1", "2")
        checks.editing.type(checks.editing.document.text + "# more\n")
        await pilot.press("1")
        inspect = app_of(pilot).base
        assert isinstance(inspect, InspectScreen)
        await until(pilot, lambda: inspect.query_one(RecipeEditor).area.text.endswith("# more\n"))
        await pilot.press("2")
        assert checks.seen == [True, False, True]


async def test_a_screen_without_a_file_is_not_there(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Entry, "there", property(lambda self: self.name == "inspect"))
    async with opened() as pilot:
        await pilot.press("4")
        assert isinstance(app_of(pilot).base, InspectScreen)
        assert app_of(pilot).usable("show_screen('overfit')") is False
        assert app_of(pilot).usable("show_screen('inspect')") is True


def test_every_screen_has_its_number_and_its_action() -> None:
    for number, one in enumerate(SCREENS, 1):
        (action,) = (action for action in ACTIONS if action.id == f"screen.{one.name}")
        assert action.keys == (str(number),)
        assert entry(one.name) is one
    with pytest.raises(KeyError):
        entry("nowhere")
