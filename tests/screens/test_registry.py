"""Screens are reached by their numbers and by the palette, keep what they show, and see each other's edits."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from screens.app import WorkbenchApp
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.screen import InspectScreen
from screens.keys.actions import ACTIONS
from screens.keys.screen_registry import SCREENS, Entry
from screens.shell.base_screen import WorkbenchScreen
from screens.shell.footer import KeyHints
from screens.shell.loading import LoadingScreen
from screens.shell.status_bar import StatusBar
from tests.screens.conftest import Opened, grid_of, until
from tests.screens.small_bench import ROWS, SmallBench


class Plain(WorkbenchScreen):
    """A screen with nothing of its own."""

    SCOPES = ("plain",)
    resumed: list[bool]

    def body(self) -> ComposeResult:
        self.resumed = []
        yield Static("plain")

    def activated(self, edited: bool) -> None:
        self.resumed.append(edited)


@pytest.fixture
def all_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Entry, "load", lambda self: Plain)
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
        assert checks.resumed == [True, False, True]


async def test_screens_are_kept_under_their_names_once_they_were_shown(opened: Opened, all_there: None) -> None:
    async with opened() as pilot:
        app = app_of(pilot)
        assert [name for name in SCREENS if app.is_screen_installed(name)] == ["inspect"]
        await pilot.press("4", "1")
        assert [name for name in SCREENS if app.is_screen_installed(name)] == ["inspect", "overfit"]
        assert app.waiting_screens() == [app.get_screen("inspect"), app.get_screen("overfit")]
        assert app.base is app.get_screen("inspect")
        with pytest.raises(KeyError):
            await app.show("nowhere")
        assert app.base is app.get_screen("inspect")


async def test_no_screen_can_be_shown_before_the_bench_is_loaded() -> None:
    begun, go = threading.Event(), threading.Event()

    def slowly(progress: object) -> None:
        begun.set()
        go.wait(20)

    app = WorkbenchApp(SmallBench(ROWS, loading=slowly))
    async with app.run_test() as pilot:
        await until(pilot, begun.is_set)
        await pilot.press("2")
        assert isinstance(app.base, LoadingScreen)
        assert not app.check_action("show_screen", ("checks",))
        assert "checks" not in app.base.query_one(KeyHints).render().plain
        go.set()
        await until(pilot, lambda: isinstance(app.base, InspectScreen), 120)
        assert app.check_action("show_screen", ("checks",))


def test_every_screen_has_its_number_and_its_action() -> None:
    for number, (name, screen) in enumerate(SCREENS.items(), 1):
        (action,) = (action for action in ACTIONS if action.id == f"screen.{name}")
        assert action.keys == (str(number),)
        assert issubclass(screen.load(), Screen)
