"""Lines that panes keep from one paint to the next: the screen must look as if they kept nothing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input

from screens.inspect.recipe_editor import RecipeEditor
from screens.shell.job_line import JobProgress
from screens.shell.path_dialog import PathDialog
from screens.shell.themes import THEMES
from tests.screens.conftest import Opened, forget_drawn, screen_of, settled, until
from workbench.bench import prepare


def _anew(screen: Screen[Any]) -> list[Strip]:
    """The screen with nothing taken from an earlier paint."""
    forget_drawn(screen)
    return screen._compositor.render_strips()


async def test_what_is_painted_is_what_would_be_drawn_anew(opened: Opened, recipe: Path) -> None:
    async with opened((120, 34), bench=prepare(recipe)) as pilot:
        app, seen = pilot.app, []
        there = app.base  # type: ignore[attr-defined]

        async def compare(what: str) -> None:
            await until(pilot, lambda: app.screen is not there or settled(pilot))
            shown = app.screen._compositor.render_strips()
            assert shown == _anew(app.screen), what
            await pilot.pause()
            # By now a check may have ended, or the cursor blinked: compared at one moment, as before.
            later = app.screen._compositor.render_strips()
            assert later == _anew(app.screen), what
            seen.append(shown)

        for key in (
            "right",
            "down",
            "tab",
            "shift+tab",
            "n",
            "l",
            "l",
            "l",
            "l",
            "s",
            "s",
            "j",
            "k",
            "ctrl+end",
            "home",
        ):
            await pilot.press(key)
            await compare(key)
        await pilot.press("e")
        await compare("e")
        editor = there.query_one(RecipeEditor)
        line = next(at for at, text in enumerate(editor.area.text.splitlines()) if "start:" in text)
        editor.go(line + 1, editor.area.document.get_line(line).index("<") + 3)
        for key in ("x", "backspace", "x", "y", "backspace", "backspace", "down", "[", "backspace", "ctrl+z", "ctrl+y"):
            await pilot.press(key)
            shown = app.screen._compositor.render_strips()
            assert shown == _anew(app.screen), key
            await compare(f"{key}, checked")
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        dimmed = app.screen._compositor.render_strips()
        for screen in app.screen_stack:
            forget_drawn(screen)
        await pilot.pause()
        assert dimmed == app.screen._compositor.render_strips()
        await pilot.press("escape")
        await compare("without help")
        for theme in THEMES:
            app.theme = theme.name
            await pilot.pause()
            await compare(theme.name)
        for size in ((160, 48), (80, 24), (120, 34)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await compare(str(size))
        assert sum(one != other for one, other in itertools.pairwise(seen)) >= 25


async def test_a_change_beneath_a_dialog_is_painted_once(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Painted again and again, it would leave the background thread no time for as long as the dialog is open."""
    async with opened((120, 34)) as pilot:
        app, screen = pilot.app, screen_of(pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, PathDialog) and app.screen.is_mounted)
        screen.context.show_job("sort", JobProgress("sort", 5, 10))
        app.screen.query_one(Input).cursor_blink = False
        await pilot.pause(0.2)
        assert "5 of 10 rows" in str(screen.panes.reason.render())
        paints: list[object] = []
        display = app._display
        monkeypatch.setattr(app, "_display", lambda *update: (paints.append(update), display(*update)))
        screen.context.show_job("sort", JobProgress("sort", 7, 10))
        for _ in range(30):
            # A word from the background thread, as while rows are sorted.
            screen.call_later(lambda: None)
            await pilot.pause(0.01)
        assert 1 <= len(paints) <= 3
        screen.context.show_job("sort", None)
