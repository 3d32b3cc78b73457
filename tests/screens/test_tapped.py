"""Dialogs without a keyboard: the hints of their lower border are keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import Pilot

from screens.inspect.reason_line import ReasonLine
from screens.shell.dialogs import ConfirmDialog, InputDialog
from screens.shell.help import HelpScreen
from screens.shell.settings_dialog import SettingsDialog
from screens.shell.tapped import key_at
from tests.screens.conftest import Opened, screen_of, until

HINTS = "enter writes it · tab takes · esc cancels"


async def tap(pilot: Pilot[None], word: str) -> None:
    """Click where a word of the lower border is drawn."""
    box = pilot.app.screen.children[0]
    y = box.region.bottom - 1
    line = pilot.app.screen._compositor.render_strips()[y].text
    await pilot.click(offset=(line.index(word), y))
    await pilot.pause()


@pytest.mark.parametrize("width", [43, 80])
async def test_a_dialog_is_answered_and_left_without_a_keyboard(opened: Opened, width: int) -> None:
    answers: list[bool | None] = []
    texts: list[str | None] = []
    async with opened((width, 30)) as pilot:
        for word in ("enter", "cancels"):
            await pilot.app.push_screen(ConfirmDialog("[b] save", "text", agree="does it", diff=False), answers.append)
            await pilot.pause()
            await tap(pilot, word)
        assert answers == [True, False]
        await pilot.app.push_screen(InputDialog("name", value="mine"), texts.append)
        await pilot.pause()
        await tap(pilot, "confirms")
        assert texts == ["mine"]
        await pilot.press("comma")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsDialog) and bool(pilot.app.screen.shown))
        await tap(pilot, "esc")
        assert not isinstance(pilot.app.screen, SettingsDialog)
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)
        await tap(pilot, "scroll")
        assert isinstance(pilot.app.screen, HelpScreen)
        await tap(pilot, "esc")
        assert not isinstance(pilot.app.screen, HelpScreen)


@given(st.integers(0, 100), st.integers(4, 100))
def test_every_column_of_a_border_has_one_key_at_most(x: int, width: int) -> None:
    key = key_at(HINTS, x, width)
    assert key in ("", "enter", "tab", "escape")
    start = width - 3 - cell_len(HINTS)
    if start >= 3:
        at = x - start
        wanted = "enter" if 0 <= at < 15 else "tab" if 18 <= at < 27 else "escape" if 30 <= at < 41 else ""
        assert key == wanted


async def test_what_is_wrong_is_said_in_full_on_a_phone(opened: Opened) -> None:
    async with opened((43, 40)) as pilot:
        reason = screen_of(pilot).query_one(ReasonLine)
        assert reason.size.height == 4
        await pilot.resize_terminal(43, 20)
        await pilot.pause()
        await pilot.pause()
        assert reason.size.height == 2
        await pilot.resize_terminal(80, 40)
        await pilot.pause()
        await pilot.pause()
        assert reason.size.height == 2
