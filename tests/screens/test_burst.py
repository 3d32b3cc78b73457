"""Keys that come in one burst, as from a fast hand or another program: each is done in its turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.pilot import Pilot
from textual.widgets import Input

from screens.inspect.recipe_editor import RecipeEditor
from tests.screens.conftest import Opened, until
from workbench.bench import prepare

BURST = "empty" + 5 * "\x7f" + "dta" + 2 * "\x1b[D" + "a"


def send(pilot: Pilot[None], keys: str) -> None:
    """The keys as a terminal sends them, all at once."""
    for event in XTermParser(False).feed(keys):
        assert isinstance(event, events.Key)
        pilot.app.post_message(event)


@pytest.mark.parametrize("opens", ["f1", "/", "ctrl+f", "C"])
async def test_a_field_has_what_was_typed(opened: Opened, opens: str) -> None:
    async with opened((120, 34)) as pilot:
        await pilot.press(opens)
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        field = pilot.app.focused
        assert isinstance(field, Input)
        send(pilot, f"{BURST}!")
        await until(pilot, lambda: "!" in field.value)
        await pilot.pause()
        assert field.value == "da!ta"


async def test_the_recipe_has_what_was_typed(opened: Opened, recipe: Path) -> None:
    async with opened((120, 34), bench=prepare(recipe)) as pilot:
        await pilot.press("e")
        area = pilot.app.screen.query_one(RecipeEditor).area
        await until(pilot, lambda: area.has_focus)
        await pilot.press("end", "enter")
        send(pilot, f"# {BURST}!")
        await until(pilot, lambda: "!" in area.text)
        await pilot.pause()
        assert "# da!ta" in area.text.splitlines()
