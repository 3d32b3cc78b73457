"""`c` on rows of another shape: three of them before and after, then the file, which the recipe can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.inspect.reason_line import ReasonLine
from screens.shell.dialogs import ChoiceDialog, ConfirmDialog, InputDialog
from tests.convert.shapes import CASES, talk, written
from tests.screens.conftest import Opened, message_of, screen_of, settled, until
from workbench.bench import Bench, prepare
from workbench.convert.run import converting
from workbench.paths import sample_dir

LLAVA = next(case for case in CASES if case.name == "llava")


def told(pilot: Pilot[None]) -> str:
    return message_of(pilot)


def shown(pilot: Pilot[None]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def recipe_of(data: str, folder: Path, more: str = "") -> Bench:
    """The demo's recipe for other rows, in a file of its own."""
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    (folder / "mine.yaml").write_text(text.replace("path: shapes-heldout.jsonl", f"path: {data}{more}"), "utf-8")
    return prepare(folder / "mine.yaml")


async def dialog(pilot: Pilot[None], kind: type) -> Any:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind), 60)
    return pilot.app.screen


async def test_three_rows_then_the_file_then_the_recipe(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(LLAVA, tmp_path / "data")
    bench = recipe_of("data/data.json", tmp_path, "\n    field_messages: conversations")
    async with opened((130, 40), bench=bench) as pilot:
        await pilot.press("c")
        asked = await dialog(pilot, ChoiceDialog)
        text = shown(pilot)
        assert "LLaVA (from and value); messages: conversations; image: image" in text
        assert "- image: img/red.png" in text.replace("-  image", "- image")
        assert "row 2" in text
        assert len(asked._views) == 3
        await pilot.press("enter")
        entered = await dialog(pilot, InputDialog)
        assert entered._value == "data/data.messages.jsonl"
        await pilot.press("enter")
        await dialog(pilot, ConfirmDialog)
        text = shown(pilot)
        assert "3 of 3 rows" in text
        assert "3 rows proven here for" in text
        out = tmp_path / "data" / "data.messages.jsonl"
        assert len(out.read_text().splitlines()) == 3
        await pilot.press("enter")
        editing = screen_of(pilot).editing
        await until(pilot, lambda: bench.rows.name == str(out), 60)
        await until(pilot, lambda: settled(pilot), 60)
        entry = editing.document.get(("datasets", 0))
        assert entry["path"] == str(out)
        assert "field_messages" not in entry
        assert screen_of(pilot).context.view is not None
        # One step of the history, and the file of the recipe is as it was.
        await pilot.press("u")
        assert editing.document.get(("datasets", 0))["field_messages"] == "conversations"
        assert not editing.document.dirty


async def test_a_conversion_is_stopped_and_leaves_nothing(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(LLAVA, tmp_path / "data")
    bench, go = recipe_of("data/data.json", tmp_path, "\n    field_messages: conversations"), Event()

    def slowly(*given: Any, **more: Any) -> Iterator[Any]:
        for result in converting(*given, **more):
            yield result
            if result.read == 1:
                go.wait(20)

    monkeypatch.setattr("workbench.convert.run.converting", slowly)
    monkeypatch.setattr("screens.inspect.conversion._TELL_SECONDS", -1)
    async with opened((130, 40), bench=bench) as pilot:
        await pilot.press("c")
        await dialog(pilot, ChoiceDialog)
        await pilot.press("enter")
        await dialog(pilot, InputDialog)
        await pilot.press("enter")
        reason = screen_of(pilot).query_one(ReasonLine)
        await until(pilot, lambda: "conversion  ▓▓▓▓░░░░░░░░  1 of 3 rows" in reason.render().plain)
        await pilot.press("escape")
        go.set()
        await until(pilot, lambda: "nothing was written" in told(pilot))
        assert "conversion" not in reason.render().plain
        assert [path.name for path in (tmp_path / "data").iterdir() if "messages" in path.name] == []


async def test_rows_that_are_messages_need_nothing(opened: Opened, tmp_path: Path) -> None:
    part = [{"type": "text", "text": "Hello."}]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": talk(part, part)}) + "\n")
    async with opened((120, 34), bench=recipe_of(str(tmp_path / "rows.jsonl"), tmp_path)) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "nothing to convert" in told(pilot))
        assert len(pilot.app.screen_stack) == 2


async def test_tools_as_text_are_offered_and_refusals_told(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = next(case for case in CASES if case.name == "agent-roles")
    data = written(case, tmp_path / "data")
    async with opened((130, 40), bench=recipe_of(str(data), tmp_path)) as pilot:
        await pilot.press("c")
        await dialog(pilot, ChoiceDialog)
        assert "1 of these 2 rows would be refused: calls of tools" in shown(pilot)
        await pilot.press("t")
        await dialog(pilot, InputDialog)
        await pilot.press("enter")
        await dialog(pilot, ConfirmDialog)
        assert "2 of 2 rows" in shown(pilot)
        await pilot.press("escape")
        assert not screen_of(pilot).editing.document.dirty


async def test_an_unknown_shape_is_told_with_its_option(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "\\u001b[2JHello"}\n')
    async with opened((120, 34), bench=recipe_of(str(tmp_path / "rows.jsonl"), tmp_path)) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "--user COL" in told(pilot))
        assert "\x1b" not in told(pilot)


async def test_no_file_is_written_over(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = written(LLAVA, tmp_path / "data")
    before = data.read_bytes()
    async with opened((120, 34), bench=recipe_of(str(data), tmp_path)) as pilot:
        await pilot.press("c")
        await dialog(pilot, ChoiceDialog)
        await pilot.press("enter")
        asked = await dialog(pilot, InputDialog)
        asked.dismiss(str(data))
        await until(pilot, lambda: "never written over" in told(pilot))
        assert data.read_bytes() == before
