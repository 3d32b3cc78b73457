"""Windows with no room: nothing that is drawn may go on until there is some."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.widgets import OptionList

from screens.keys.screen_registry import SCREENS as REGISTRY
from screens.shell.status_bar import AskedStatus, Status, StatusBar, _middle
from screens.shell.story import Mark
from screens.shell.themes import paints
from tests.screens.conftest import Opened, screen_of, until
from tests.screens.small_bench import ROWS, SmallBench
from workbench.bench import prepare

SCREENS = Path(__file__).resolve().parents[2] / "screens"
LOOPS = {
    ("shell/worker.py", "_run"): "ends when the app closes",
    ("shell/end_with_parent.py", "_watch"): "ends with the server or the terminal",
    ("shell/watchdog.py", "_run"): "ends when the app does",
    ("inspect/comparison.py", "_add_up"): "goes on by a block each time, to the end of the data or until it is stopped",
    ("inspect/filtering.py", "_search"): "looks at the next row each time, and stops between two when it is asked to",
    ("inspect/finding_steps.py", "_seeking"): "goes round the rows once, a block each time",
    ("inspect/rows.py", "_sample"): "goes through the rows that were asked for, a block each time",
    ("token_grid/paint.py", "_texts"): "goes through the pieces of a line",
}


@pytest.mark.parametrize("text", ["google/gemma-4-E2B-it", "你好世界/模型", "e\u0301e\u0301e\u0301", "👍🏽👍🏽", ""])
def test_a_title_is_shortened_to_any_room(text: str) -> None:
    for room in range(-40, cell_len(text) + 3):
        short = _middle(text, room)
        assert cell_len(short) <= max(0, room)
        assert short == text or "…" in short or room < 1
    assert _middle("google/gemma-4-E2B-it", 12) == "googl…E2B-it"


def test_every_loop_with_an_open_end_is_known() -> None:
    found = {}
    for file in SCREENS.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.While):
                        found[file.relative_to(SCREENS).as_posix(), function.name] = node
    assert set(found) == set(LOOPS), "say in LOOPS why a new loop ends however small the window is, or use `for`"
    named = {key: {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)} for key, node in found.items()}
    for key, names in named.items():
        assert not names & {"cell_len", "room", "width", "height", "size"}, key


async def test_the_bar_has_a_line_for_every_width(opened: Opened) -> None:
    asked = AskedStatus.of("axolotl 0.21.0", "gives the same labels", True)
    full = Status("google/gemma-4-E2B-it", "gemma4", "recipe.yaml", True, asked, "multimodal path", "x")
    async with opened((120, 24)) as pilot:
        bar = screen_of(pilot).query_one(StatusBar)
        paint = paints(pilot.app.current_theme)
        for name in REGISTRY:
            pilot.app.story.say(name, "x", Mark("✗12 !3", "error", "✗12"))  # type: ignore[attr-defined]
        for status in (full, replace(full, path="text path", edited=False), Status("x"), Status("")):
            bar.show(status)
            for width in range(1, 210):
                tabs, right = bar._sides(paint, width)
                assert right.cell_len == 0 or tabs.text.cell_len + right.cell_len < width
                # Every screen has its place, with its number and whichever marks it has room for.
                assert len(tabs.starts) == len(REGISTRY)
                for number, start in enumerate(tabs.starts, 1):
                    assert tabs.text.plain[start:].strip().startswith(f"{number}")
                if width >= 20:
                    assert tabs.text.cell_len <= width
        for width in (1, 2, 9, 20, 40, 52, 62, 80, 129):
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda width=width: bar.size.width == width)  # type: ignore[misc]
            bar.show(full)
            line = bar.render_line(0)
            assert line.cell_length == width
            # Whether the trainer agrees is said at every width that has room for a sign.
            assert width < 20 or "✓" in line.text


async def test_a_list_without_room_has_no_pages(opened: Opened, recipe: Path) -> None:
    async with opened((80, 24), bench=prepare(recipe)) as pilot:
        for keys in (("2",), ("1", "ctrl+p", "a")):
            await pilot.resize_terminal(80, 24)
            await pilot.press(*keys)
            await until(pilot, lambda: pilot.app.screen.query_one(OptionList).highlighted is not None)
            shown = pilot.app.screen.query_one(OptionList)
            for height in (5, 1, 24):
                await pilot.resize_terminal(20, height)
                await pilot.press("pagedown", "pageup", "end", "pageup", "home", "pagedown")
            shown.styles.display = "none"
            await until(pilot, lambda shown=shown: not shown.scrollable_content_region)  # type: ignore[misc]
            for way in ("page_down", "page_up"):
                if keys == ("2",):
                    await pilot.app.run_action(way, shown)
                else:
                    await pilot.app.run_action(f"command_list('{way}')", pilot.app.screen)
        await pilot.press("escape")


async def test_a_window_of_one_cell_is_survived(opened: Opened) -> None:
    async with opened((80, 24), bench=SmallBench(ROWS)) as pilot:
        for size in ((1, 1), (1, 60), (200, 1), (3, 2), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.press("e", "F", "escape", "1", "pagedown", "end", "J", "K", "b", "s", "w", "z")
        assert pilot.app.is_running
