"""Every action of the registry is exercised on a real bench: through the palette's way, and by its key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WorkbenchApp
from screens.keys.actions import ACTIONS, Action
from screens.keys.screen_registry import SCREENS
from screens.shell.loading import LoadingScreen
from tests.screens.conftest import Opened, settled, until
from workbench.bench import prepare

LEAVING = {"app.quit"}
LOADING = {"load.retry"}
BASES = list(SCREENS)


def base_of(action: Action) -> str:
    """The screen on which an action can be used."""
    if action.scope in ("app", "grid", "samples", "editor", "form"):
        return "inspect"
    return action.scope


async def close_dialogs(pilot: Pilot[None]) -> None:
    """Leave whatever an action opened over the screen."""
    for _ in range(6):
        if len(pilot.app.screen_stack) <= 2:
            return
        await pilot.press("escape")
        await pilot.pause()
    raise AssertionError(f"{pilot.app.screen} does not close at escape")


@pytest.mark.parametrize("base", BASES)
async def test_every_action_runs(opened: Opened, recipe: Path, base: str) -> None:
    """Nothing that can be chosen in the palette breaks the app, whatever was done before it."""
    mine = [one for one in ACTIONS if base_of(one) == base and one.id not in LEAVING | LOADING]
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        app: Any = pilot.app
        assert isinstance(app, WorkbenchApp)
        assert await app.show(base) is app.base
        assert mine
        for action in mine:
            await app.show(base)
            await pilot.pause()
            if action.scope == "editor":
                await pilot.press("e")
            if action.scope == "form":
                await pilot.press("f4")
            assert action.scope in app.scopes, action.id
            await app.perform(action)
            await pilot.pause()
            await close_dialogs(pilot)
            assert app.problem is None, (action.id, app.problem)
            assert not isinstance(app.base, LoadingScreen), action.id


def test_every_action_has_a_method_and_belongs_somewhere() -> None:
    known = {"app", "loading", "grid", "samples", "editor", "form", *BASES}
    assert {action.scope for action in ACTIONS} <= known


async def test_leaving_leaves(opened: Opened) -> None:
    (leave,) = (action for action in ACTIONS if action.id == "app.quit")
    async with opened() as pilot:
        app: Any = pilot.app
        await app.perform(leave)
        await until(pilot, lambda: app._exit)
    assert app.return_code == 0


async def test_the_keys_of_the_inspect_screen_do_what_their_actions_say(opened: Opened, recipe: Path) -> None:
    """Each key reaches its own action, from the pane that it belongs to."""
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        app: Any = pilot.app
        screen = app.base
        ran: list[str] = []
        for action in ACTIONS:
            if (
                base_of(action) != "inspect"
                or action.scope in ("editor", "form")
                or action.action.startswith(("app.", "screen.", "show_screen"))
            ):
                continue
            if action.action in ("quit", "command_palette", "help"):
                continue
            pane = screen.query_one(f"#{action.scope if action.scope in ('grid', 'samples') else 'grid'}")
            owner = app if action.scope == "app" else screen if action.scope == "inspect" else pane
            name = f"action_{action.action}"
            if part := re.fullmatch(r"part\('(\w+)\.(\w+)'\)", action.action):
                owner, name = screen.parts[part[1]], part[2]
            name = name.partition("(")[0]
            assert hasattr(owner, name), action.id
            kept = getattr(owner, name)
            object.__setattr__(owner, name, lambda *_, one=action.id: ran.append(one))
            for key in action.keys:
                pane.focus()
                await pilot.pause()
                ran.clear()
                await pilot.press(key)
                await pilot.pause()
                assert ran == [action.id], (action.id, key, ran)
            object.__setattr__(owner, name, kept)
        assert settled(pilot)
