"""A pane over the whole window."""

from __future__ import annotations

from time import sleep

from textual import events
from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY

from screens.keys.actions import ACTIONS
from screens.pictures.full_screen import PictureScreen
from tests.screens.conftest import Opened, grid_of, screen_of, settled, until


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
        # A pane with a size of its own, too, and back to it; the text with the error below it.
        screen.edits.open_text()
        panes = screen.panes
        for pane in (panes.samples, panes.boundaries, panes.findings, panes.editor):
            (panes.editor.area if pane is panes.editor else pane).focus()
            await pilot.pause()
            before = pane.outer_size
            await pilot.press("f10")
            await until(pilot, lambda pane=pane: pane.outer_size == (120, 40))  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda pane=pane, before=before: pane.outer_size == before)  # type: ignore[misc]
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


async def test_a_key_goes_straight_to_each_pane_whatever_is_typed_there(opened: Opened) -> None:
    """Hidden panes are shown; no letter of such a key is written into the recipe."""
    straight = {"s": "samples", "r": "boundaries", "n": "findings", "e": "yaml", "t": "grid"}
    async with opened((80, 24), front=True) as pilot:
        screen, app = screen_of(pilot), pilot.app

        async def press(key: str) -> str:
            # As a terminal sends it: with the letter that the key would write.
            app.post_message(events.Key(f"alt+{key}", key))
            await pilot.pause()
            return str(app.focused.id) if app.focused is not None else ""

        text = screen.editing.document.text
        for before in ("e", "t"):
            for key, pane in straight.items():
                await press(before)
                assert await press(key) == pane, (before, key)
                assert app.focused is not None
                assert app.focused.region.size.area > 0, key
        # The form stands for the boundaries while it is open; the tokens alone give way to a pane.
        await press("e")
        await pilot.press("f4")
        await press("t")
        await press("r")
        assert screen.panes.form in app.focused.ancestors  # type: ignore[union-attr]
        # As wide as a phone: no room beside the text.
        await pilot.resize_terminal(43, 40)
        await press("e")
        assert screen.panes.editor.region.right <= 43
        for key in ("t", "s"):
            await press("e")
            await press(key)
            assert not screen.panes.editor.display
            assert app.focused is not None
            assert app.focused.region.width > 10
        await pilot.press("s")
        await pilot.resize_terminal(80, 24)
        await press("t")
        await pilot.press("z")
        assert not screen.panes.findings.region.size.area
        await press("n")
        await until(pilot, lambda: app.focused is screen.panes.findings)
        assert screen.panes.findings.region.size.area > 0
        assert screen.editing.document.text == text

        # A picture has a pane where there is room for one, and the whole window where there is none.
        await pilot.press("escape", "escape")
        screen.edits.close()
        await press("p")
        assert isinstance(app.screen, PictureScreen)
        await pilot.press("escape")
        await pilot.resize_terminal(200, 60)
        shown = (screen.panes.dock, screen.panes.samples)
        await until(pilot, lambda: all(pane.region.width > 20 for pane in shown) and settled(pilot))
        # A wide list has the tokens and pictures of a row, beside the worst of what is wrong with it.
        lines = [screen.panes.samples.render_line(y).text.split() for y in range(5)]
        assert lines[0] == ["▸", "0", "32%", "81t", "▣1"]
        assert lines[2] == ["2", "–", "✗", "D001"]
        assert lines[4][3] == "▣2"
        await press("p")
        assert app.focused is screen.panes.dock
        await pilot.press("f10")
        await until(pilot, lambda: screen.panes.dock.outer_size == (200, 60))
        await pilot.press("escape", "enter")
        assert isinstance(app.screen, PictureScreen)


def test_a_terminal_sends_those_keys_as_such() -> None:
    """Not so alt+b and alt+f: what a terminal sends for them is a word left and right."""
    keys = [key for action in ACTIONS for key in action.keys if key.startswith("alt+")]
    assert len(keys) == 8
    for key in keys:
        parser = XTermParser()
        assert list(parser.feed("\x1b" + key.removeprefix("alt+"))) == []
        sleep(1.5 * ESCAPE_DELAY)
        assert [event.key for event in parser.tick() if isinstance(event, events.Key)] == [key]
