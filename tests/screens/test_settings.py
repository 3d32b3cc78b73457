"""The settings: what they show, what they keep, and that the next start goes by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WorkbenchApp
from screens.checks import ChecksScreen
from screens.shell.dialogs import ConfirmDialog
from screens.shell.preferences import CHOICES, Preferences, prefer, preferences, settings_file
from screens.shell.screen_state import keep, recall
from screens.shell.settings_dialog import SettingsDialog, SettingsList
from screens.token_grid.lenses import Lens
from tests.screens.conftest import Opened, grid_of, screen_of, until
from tests.screens.small_bench import ROWS, SmallBench
from workbench.bench import prepare


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"VLMBENCH_{name}", str(tmp_path / name.lower()))
    return tmp_path


async def opened_settings(pilot: Pilot[None]) -> SettingsDialog:
    await pilot.press("comma")
    await until(pilot, lambda: isinstance(pilot.app.screen, SettingsDialog) and bool(pilot.app.screen.shown))
    dialog = pilot.app.screen
    assert isinstance(dialog, SettingsDialog)
    return dialog


async def go_to(pilot: Pilot[None], dialog: SettingsDialog, name: str) -> None:
    await pilot.press("home")
    for _ in dialog.shown:
        if dialog.setting is not None and dialog.setting.name == name:
            return
        await pilot.press("down")
    raise AssertionError(name)


async def test_what_is_set_is_seen_at_the_next_start(opened: Opened) -> None:
    async with opened() as pilot:
        assert pilot.app.theme == "vlmbench-dark"
        dialog = await opened_settings(pilot)
        await pilot.press("right", "right")
        # At once.
        assert pilot.app.theme == "vlmbench-light"
        assert json.loads(settings_file().read_text()) == {"theme": "vlmbench-light"}
        assert dialog.shown[0].source == "set here"
        await go_to(pilot, dialog, "lens")
        await pilot.press("right", "right")
        await go_to(pilot, dialog, "spaces")
        await pilot.press("enter")
        await go_to(pilot, dialog, "pictures beside the tokens")
        await pilot.press("left")
        assert preferences() == Preferences("vlmbench-light", "owner", "shown", "hidden")
        await pilot.press("escape")
        # What a recipe's screens showed at last does not go before it.
        await pilot.press("T", "l", "q")
    async with opened() as pilot:
        assert pilot.app.theme == "vlmbench-light"
        assert grid_of(pilot).lens is Lens.OWNER
        assert grid_of(pilot).drawing.spaces
        assert screen_of(pilot).pictures.wanted is False
        dialog = await opened_settings(pilot)
        await pilot.press("left", "left")
        assert preferences().theme == ""
        assert dialog.shown[0].value == "as it was left"


async def test_each_setting_has_its_values_and_goes_round(opened: Opened) -> None:
    async with opened((43, 20)) as pilot:
        dialog = await opened_settings(pilot)
        for number, setting in enumerate(list(dialog.shown)):
            if not setting.key:
                continue
            await go_to(pilot, dialog, setting.name)
            seen = []
            for _ in CHOICES[setting.key]:
                await pilot.press("space")
                seen.append(dialog.shown[number].value)
            assert sorted(seen) == sorted(CHOICES[setting.key].values())
            assert seen[-1] == setting.value
        assert {setting.key for setting in dialog.shown if setting.key} == set(CHOICES)


async def test_no_setting_is_called_by_the_first_words_of_another(opened: Opened) -> None:
    async with opened() as pilot:
        names = [setting.name for setting in (await opened_settings(pilot)).shown]
    words = [name.split() for name in names]
    alike = [(one, more) for one in words for more in words if one is not more and more[: len(one)] == one]
    assert alike == []


async def test_panes_and_screen_begin_anew(opened: Opened) -> None:
    bench: Any = SmallBench(ROWS)
    keep(bench, {"panes": {"zoomed": True}, "screen": "checks", "row": 3})
    assert recall(bench) == {"panes": {"zoomed": True}, "screen": "checks", "row": 3}
    prefer("panes", "own")
    prefer("screen", "inspect")
    assert recall(bench) == {"screen": "inspect", "row": 3}
    async with opened(bench=bench) as pilot:
        assert not screen_of(pilot).has_class("-zoomed")
        assert screen_of(pilot).context.row == 3


async def test_what_the_environment_fixes_is_shown_and_not_changed(
    opened: Opened, own_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLMBENCH_PICTURES", "blocks")
    monkeypatch.setenv("VLMBENCH_ASK", "0")
    async with opened() as pilot:
        dialog = await opened_settings(pilot)
        by_name = {setting.name: setting for setting in dialog.shown}
        assert by_name["drawing of pictures"].source == "environment: VLMBENCH_PICTURES"
        assert by_name["drawing of pictures"].value == "in half blocks"
        assert by_name["trainer asked"].source == "environment: VLMBENCH_ASK"
        assert by_name["state folder"].source == "environment: VLMBENCH_STATE"
        assert str(own_state / "state") in by_name["state folder"].value
        assert by_name["key map"].value == str(own_state / "config" / "keys.toml")
        await go_to(pilot, dialog, "trainer asked")
        await pilot.press("right", "enter")
        assert pilot.app.screen is dialog
        assert not settings_file().exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"theme": "pink", "lens": 3, "spaces": "shown", "more": 1}', "\udcff"]
)
def test_a_file_that_cannot_be_read_changes_nothing(text: str) -> None:
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(text, "utf-8", "surrogateescape")
    assert preferences() == Preferences(spaces="shown" if "shown" in text else "")


async def test_a_setting_that_cannot_be_kept_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    async with opened() as pilot:
        dialog = await opened_settings(pilot)
        monkeypatch.setattr(WorkbenchApp, "notify", lambda self, message, **_: said.append(message))
        settings_file().parent.mkdir(parents=True, exist_ok=True)
        settings_file().mkdir()
        await pilot.press("right")
        assert said[0].startswith("Not kept: ")
        assert dialog.shown[0].value == "as it was left"
        settings_file().rmdir()


async def test_what_is_kept_is_cleared_after_a_question(opened: Opened, own_state: Path) -> None:
    left = own_state / "state" / "recipes" / "other-0123456789ab"
    for file in (
        left / "working.yaml",
        left / "opened.yaml",
        left / "set-aside" / "a.yaml",
        own_state / "state" / "rows" / "0123456789abcdef.jsonl",
        own_state / "cache" / "asked" / "a.json",
        own_state / "cache" / "precious.txt",
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x: 1\n")
    async with opened() as pilot:
        screen_of(pilot).editing.type(screen_of(pilot).editing.document.text + "# more\n")
        mine = screen_of(pilot).editing.working_copy.file
        dialog = await opened_settings(pilot)
        for name, gone in (
            ("unsaved edits", left / "working.yaml"),
            ("rows of notebooks", own_state / "state" / "rows" / "0123456789abcdef.jsonl"),
            ("cache", own_state / "cache" / "asked" / "a.json"),
        ):
            await go_to(pilot, dialog, name)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
            await pilot.press("escape")
            assert gone.exists()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
            await pilot.press("enter")
            await until(pilot, lambda gone=gone: not gone.exists())  # type: ignore[misc]
        assert not (left / "set-aside" / "a.yaml").exists()
        assert not (left / "opened.yaml").exists()
        assert (own_state / "cache" / "precious.txt").exists()
        assert mine.exists()
        assert dialog.query_one(SettingsList).option_count > len(dialog.shown)


async def test_checks_of_a_sample_say_so(opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.blocks.chosen_rows.WHOLE", 3)
    prefer("rows", "sample")
    async with opened(bench=prepare(recipe)) as pilot:
        length = screen_of(pilot).bench.rows.known_length
        await pilot.press("2")
        app: Any = pilot.app
        await until(pilot, lambda: isinstance(app.base, ChecksScreen) and app.base.done)
        assert f"3 of {length} rows" in str(app.base.query_one("#progress").render())
        assert app.story.report_of(app.base.editing.document.text) is None
        marks = app.story.marks("checks", app.base.editing.document.text)
        assert all(mark.mood != "good" for mark in marks)
        assert "+" in "".join(mark.text for mark in marks) or "sample" in marks[0].text
