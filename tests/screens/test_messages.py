"""Messages: each stands in the place of the key hints until it is read or no longer true, and none is lost."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from screens.app import WorkbenchApp
from screens.keys.screen_registry import SCREENS
from screens.shell.dialogs import InputDialog
from screens.shell.footer import KeyHints
from screens.shell.loading import LoadingScreen
from screens.shell.notice_line import NoticeLine
from screens.shell.notice_list import MessagesScreen
from screens.shell.notices import Notice, Notices
from screens.shell.telling import notice_of
from tests.screens.conftest import Opened, grid_of, message_of, screen_of, until
from workbench.bench import prepare
from workbench.errors import BenchError

LONG = "Words that go on and on. " * 60


def line_of(pilot: Pilot[None]) -> NoticeLine:
    """The line of the message on the screen in front."""
    return pilot.app.screen.query_one(NoticeLine)


def app_of(pilot: Pilot[None]) -> WorkbenchApp:
    """The app, with its type."""
    assert isinstance(pilot.app, WorkbenchApp)
    return pilot.app


# The rules


def test_a_newer_message_takes_the_place_of_an_older_one_but_not_of_an_error() -> None:
    notices = Notices()
    notices.say(Notice("first", said=0.0))
    notices.say(Notice("second", "warning", said=1.0))
    assert notices.shown(2.0) is notices.kept[-1]
    notices.say(Notice("wrong", "error", 8.0, said=2.0))
    notices.say(Notice("meanwhile", seconds=60.0, said=3.0))
    notices.say(Notice("warned", "warning", 60.0, said=3.5))
    shown = notices.shown(4.0)
    assert shown is not None
    assert shown.text == "wrong"
    # After its time, or esc, what came meanwhile is told.
    later = notices.shown(10.5)
    assert later is not None
    assert later.text == "warned"
    notices.say(Notice("wrong again", "error", said=11.0))
    assert [one.text for one in notices._standing] == ["wrong again"]
    assert notices.dismiss()
    assert notices.shown(11.0) is None
    assert not notices.dismiss()


def test_an_edit_takes_away_all_but_what_it_leaves_true() -> None:
    notices = Notices()
    notices.say(Notice("unforeseen", "error", lasting=True, said=0.0))
    notices.say(Notice("done", said=0.0))
    assert notices.outdate()
    assert [one.text for one in notices._standing] == ["unforeseen"]
    assert not notices.outdate()
    assert notices.clear()


def test_the_last_fifty_are_kept_and_one_that_is_said_again_is_kept_once() -> None:
    notices = Notices()
    for number in range(120):
        notices.say(Notice(f"message {number // 2}"))
    assert [one.text for one in notices.kept] == [f"message {number}" for number in range(10, 60)]


@pytest.mark.parametrize(
    ("message", "markup", "text"),
    [
        ("Saved to [$text-success]'x.svg'", True, "Saved to 'x.svg'"),
        ("role_boundaries[0] \x1b[2J", False, "role_boundaries[0] ␛[2J"),
        ("a [/wrong] tag", True, "a [/wrong] tag"),
        ("two\nlines", False, "two\nlines"),
    ],
)
def test_a_message_is_plain_text_whatever_it_is_made_of(message: str, markup: bool, text: str) -> None:
    assert notice_of(message, "", "information", 1.0, markup=markup).text == text
    assert notice_of(message, "Screenshot", "information", 1.0, markup=markup).text == f"Screenshot: {text}"


# The line


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 48), (200, 60)])
async def test_a_message_takes_the_place_of_the_keys_and_covers_nothing(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as pilot:
        screen, grid = screen_of(pilot), grid_of(pilot)
        hints, height = screen.query_one(KeyHints), grid.outer_size.height
        pilot.app.notify("Something was done", timeout=60)
        await until(pilot, lambda: message_of(pilot) == "Something was done")
        assert not hints.display
        assert line_of(pilot).region == (0, size[1] - 1, size[0], 1)
        assert grid.outer_size.height == height
        # A longer one pushes what is above it up, and is cut at four lines.
        pilot.app.notify(LONG, severity="warning", timeout=60)
        await until(pilot, lambda: line_of(pilot).region.height == 4)
        assert grid.outer_size.height == height - 3
        assert message_of(pilot).endswith("… all in the messages (M)")
        lines = str(line_of(pilot).render()).split("\n")
        assert lines[0].startswith(" ! Words")
        assert {line[:3] for line in lines[1:]} == {"   "}
        for widget in screen.walk_children():
            if widget.region.area and widget is not line_of(pilot):
                assert not widget.region.overlaps(line_of(pilot).region), widget
        # In a low window it takes a fourth of the lines, and grows with it.
        await pilot.resize_terminal(size[0], 9)
        await until(pilot, lambda: line_of(pilot).region.height == 2)
        assert message_of(pilot).endswith("… all in the messages (M)")
        await pilot.resize_terminal(30, size[1])
        await until(pilot, lambda: line_of(pilot).region == (0, size[1] - 4, 30, 4))
        await pilot.resize_terminal(*size)
        # It goes, and the keys are back.
        await pilot.press("escape")
        await until(pilot, lambda: message_of(pilot) == "")
        assert hints.display
        assert hints.region.y == size[1] - 1
        assert grid.outer_size.height == height


async def test_a_message_goes_after_its_time(opened: Opened) -> None:
    async with opened() as pilot:
        pilot.app.notify("Gone soon", timeout=0.2)
        await until(pilot, lambda: message_of(pilot) == "Gone soon")
        await until(pilot, lambda: message_of(pilot) == "")
        assert screen_of(pilot).query_one(KeyHints).display


async def test_a_message_goes_with_the_next_edit_of_whatever_kind(opened: Opened, recipe: Any) -> None:
    async with opened(bench=prepare(recipe)) as pilot:
        editing = screen_of(pilot).editing
        edits = {
            "f": lambda: editing.document.dirty,
            "u": lambda: not editing.document.dirty,
            "U": lambda: editing.document.dirty,
        }
        for key, done in edits.items():
            pilot.app.notify("Still true", timeout=60)
            await until(pilot, lambda: message_of(pilot) == "Still true")
            await pilot.press(key)
            await until(pilot, lambda done=done: done() and message_of(pilot) != "Still true")
        await pilot.press("e")
        pilot.app.notify("Still true", timeout=60)
        await until(pilot, lambda: message_of(pilot) == "Still true")
        await pilot.press("x")
        await until(pilot, lambda: message_of(pilot) == "")


async def test_a_message_goes_with_its_screen_and_stands_over_every_other(opened: Opened) -> None:
    async with opened(bench=prepare()) as pilot:
        app = app_of(pilot)
        for name in (*SCREENS, "inspect"):
            app.notify("On the screen before", timeout=60)
            await until(pilot, lambda: message_of(pilot) == "On the screen before")
            await app.show(name)
            if name != app.front or app.base is not app.screen:
                continue
            await pilot.pause()
            app.notify(f"On {name}", timeout=60)
            await until(pilot, lambda name=name: message_of(pilot) == f"On {name}")
            assert not app.screen.query_one(KeyHints).display
            app.clear_notifications()
            await until(pilot, lambda: message_of(pilot) == "")


async def test_a_message_is_seen_over_every_dialog_and_on_the_screen_below_afterwards(opened: Opened) -> None:
    async with opened((80, 24), bench=prepare()) as pilot:
        app = app_of(pilot)
        for keys in (("f1",), ("ctrl+p",), ("colon", "escape", "C"), ("f12",), ("ctrl+s",), ("i",), ("M",)):
            await pilot.press(*keys)
            await until(pilot, lambda: app.screen.is_modal)
            app.notify(LONG, timeout=60)
            await until(pilot, lambda: message_of(pilot).startswith("Words"))
            box = line_of(pilot).region
            assert box.bottom == 24
            others = [widget for widget in app.screen.children if widget is not line_of(pilot)]
            assert not [one for one in others if one.region.area and one.region.overlaps(box)], app.screen
            assert app.base.query_one(KeyHints).display
            app.pop_screen()
            await until(pilot, lambda: not app.screen.is_modal and message_of(pilot).startswith("Words"))
            app.clear_notifications()
            await until(pilot, lambda: message_of(pilot) == "")


async def test_a_warning_of_before_stands_on_a_dialog_and_what_led_to_it_is_over(opened: Opened) -> None:
    async with opened() as pilot:
        app = pilot.app
        app.notify("Warned before it", severity="warning", timeout=60)
        app.push_screen(InputDialog("a question"))
        await until(pilot, lambda: isinstance(app.screen, InputDialog) and message_of(pilot) == "Warned before it")
        app.pop_screen()
        app.notify("Inferring…", timeout=60)
        await until(pilot, lambda: message_of(pilot) == "Inferring…")
        app.push_screen(InputDialog("boundaries"))
        await until(pilot, lambda: app.screen.is_mounted and message_of(pilot) == "")
        app.pop_screen()
        await until(pilot, lambda: app_of(pilot).base.query_one(KeyHints).display)


async def test_a_pane_over_the_whole_window_leaves_room_for_it(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        grid = grid_of(pilot)
        await pilot.press("f10")
        await until(pilot, lambda: message_of(pilot).startswith("F10 or esc"))
        assert grid.region == (0, 0, 80, 23)
        app_of(pilot).telling.clear()
        await until(pilot, lambda: grid.region == (0, 0, 80, 24))


async def test_a_message_is_seen_where_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkbenchApp, "action_load", lambda self: None)
    app = WorkbenchApp(prepare())
    async with app.run_test(size=(80, 24)) as pilot:
        app.notify("Before the bench", timeout=60)
        await until(pilot, lambda: message_of(pilot) == "Before the bench")
        await app.switch_base(LoadingScreen("x"))
        assert isinstance(app.screen, LoadingScreen)
        app.screen.fail(BenchError("It does not load"))
        app.notify("After it", timeout=60)
        await until(pilot, lambda: message_of(pilot) == "After it")


async def test_a_click_takes_it_away_or_shows_all_of_one_that_is_cut(opened: Opened) -> None:
    async with opened() as pilot:
        pilot.app.notify("Short", timeout=60)
        await until(pilot, lambda: message_of(pilot) == "Short")
        await pilot.click(NoticeLine)
        await until(pilot, lambda: message_of(pilot) == "")
        pilot.app.notify(LONG, timeout=60)
        await until(pilot, lambda: message_of(pilot).startswith("Words"))
        await pilot.click(NoticeLine)
        await until(pilot, lambda: isinstance(pilot.app.screen, MessagesScreen))
        assert pilot.app.screen.found[0].text == LONG  # type: ignore[attr-defined]


# The list


async def test_messages_can_be_read_again_searched_and_copied(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        app = app_of(pilot)
        for number in range(3):
            app.notify(f"Saved {number}.yaml", timeout=60)
        app.notify("No such [folder]", severity="error", markup=False)
        await pilot.press("M")
        await until(pilot, lambda: isinstance(app.screen, MessagesScreen) and app.screen.is_mounted)
        listed = app.screen
        assert isinstance(listed, MessagesScreen)
        texts = [one.text for one in listed.found]
        assert message_of(pilot) == ""
        assert texts == [
            "No such [folder]",
            "Saved 2.yaml",
            "Saved 1.yaml",
            "Saved 0.yaml",
        ]
        await pilot.press(*"saved", "down", "enter")
        assert app.clipboard == "Saved 1.yaml"
        await pilot.press(*"xyz")
        assert listed.found == []
        await pilot.press("down", "enter", "pagedown", "up", "pageup")
        assert listed.query_one(OptionList).option_count == 1
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.is_modal)
