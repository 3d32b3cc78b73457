"""The list of completions in the recipe's editor, with keys alone and with the mouse."""

from __future__ import annotations

from pathlib import Path

from screens.inspect.completing import CompletionList
from tests.screens.conftest import Opened, screen_of, until
from tests.screens.test_editing import editor_of, trained
from workbench.bench import prepare


async def test_keys_and_markers_are_completed_where_they_are_typed(opened: Opened, recipe: Path) -> None:
    """A misspelt marker is mended by the list alone; the keys beside it stay the editor's own."""
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        await pilot.press("e")
        editor = editor_of(pilot)
        area, found = editor.area, editor.query_one(CompletionList)
        lines = area.text.split("\n")
        wrong = next(number for number, line in enumerate(lines) if "modle" in line)
        assert trained(pilot) == 0

        # The marker that the template writes, at the key that asks for it.
        area.move_cursor((wrong, lines[wrong].index("modle")))
        for _ in range(len(lines[wrong]) - lines[wrong].index("modle")):
            await pilot.press("delete")
        await pilot.press("ctrl+space")
        assert [one.shown for one in found.shown] == [r'"<|turn>model\n"', r'"<|turn>user\n"']
        place = found.region
        assert place.y == area.cursor_screen_offset.y + 1
        await pilot.press("tab")
        assert area.document.get_line(wrong) == r'    start: "<|turn>model\n"'
        assert trained(pilot) > 0
        assert not found.shown

        # A key opens it by itself, its values follow; up and down choose, and enter takes what was chosen.
        area.move_cursor((0, 0))
        await pilot.press("enter", "up", *"group_by")
        await until(pilot, lambda: bool(found.shown))
        assert [one.shown for one in found.shown] == ["group_by_length"]
        await pilot.press("tab")
        assert area.document.get_line(0) == "group_by_length: "
        await until(pilot, lambda: [one.shown for one in found.shown] == ["true", "false"])
        await pilot.press("down", "enter")
        assert area.document.get_line(0) == "group_by_length: false"
        assert screen_of(pilot).editing.document.get(("group_by_length",)) is False
        await pilot.pause(0.2)
        assert not found.shown

        # Escape closes the list and not the editor; enter that chose nothing, and tab without it, are the editor's.
        await pilot.press("enter", *"lor")
        await until(pilot, lambda: bool(found.shown))
        await pilot.press("escape")
        assert not found.shown
        assert editor.display
        await pilot.press("a")
        await until(pilot, lambda: bool(found.shown))
        await pilot.press("enter", "tab")
        assert area.document.get_line(1) == "lora"
        assert area.document.get_line(2).isspace()
        assert not found.shown

        # With the mouse; and what was typed since the list was drawn is what counts.
        await pilot.press("left", "left", "left", "left", "left", "left", "left")
        area.move_cursor((1, 4))
        await pilot.press("_")
        await until(pilot, lambda: bool(found.shown))
        assert await pilot.click(found, offset=(3, 2))
        taken = area.document.get_line(1)
        assert taken.startswith("lora_")
        assert taken.endswith((": ", ":"))
        await until(pilot, lambda: not found.display or found.shown[0].shown != "lora_")

        # It goes with the cursor, and with the focus.
        area.move_cursor((1, 0))
        await pilot.press("ctrl+space")
        area.move_cursor((4, 0))
        await until(pilot, lambda: not found.shown)
