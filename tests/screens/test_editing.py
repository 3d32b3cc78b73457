"""The story of an edit, on the demo and on recipes beside it: break a turn, see it, mend it, undo, save, come back."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widgets import Static

from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.comparison import AllRows, RecipeComparison
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.row_list import SamplesList
from screens.shell.dialogs import ChoiceDialog, ConfirmDialog, InputDialog
from screens.shell.status_bar import StatusBar
from screens.token_grid.lenses import Lens, TokenVerdict, verdicts
from tests.editing.test_working_copy import another
from tests.export.support import with_boundaries
from tests.screens.conftest import BROKEN, Opened, grid_of, message_of, screen_of, settled, until
from tests.screens.terminal import Terminal
from workbench.bench import prepare
from workbench.blocks.known import KnownRows, MaskPair
from workbench.paths import recipe_dir, sample_dir
from workbench.recipe import plugin
from workbench.views.palette import Look


def trained(pilot: Any) -> int:
    view = grid_of(pilot).view
    return -1 if view is None else view.mask.trained


def editor_of(pilot: Any) -> RecipeEditor:
    return screen_of(pilot).query_one(RecipeEditor)


async def write(pilot: Any, line: int, column: int, remove: int, text: str) -> None:
    """Type into the editor: go to a place, take out some characters, and write."""
    editor = editor_of(pilot)
    editor.go(line, column)
    for _ in range(remove):
        await pilot.press("delete")
    for char in text:
        await pilot.press(char)
    await pilot.pause()


async def test_the_whole_story(opened: Opened, recipe: Path) -> None:
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        assert trained(pilot) == 0
        assert "M002" in {one.code for one in screen_of(pilot).context.findings}
        await pilot.press("e")
        editor = editor_of(pilot)
        line = editor.area.cursor_location[0] + 1
        assert editor.area.document.get_line(line - 1).startswith("role_boundaries:")
        # Mend the marker, letter by letter; the mask follows at the last of them, with no help from another thread.
        column = editor.area.document.get_line(line + 1).index("modle") + 1
        await write(pilot, line + 2, column, 5, "model")
        assert trained(pilot) == 15
        assert screen_of(pilot).query_one(BoundariesPanel).border_subtitle == "+15 −0 trained · C all rows"
        assert "0 → 15 of" in str(grid_of(pilot).border_title)
        grid = grid_of(pilot)
        assert grid.drawing.changed is not None
        assert int(grid.drawing.changed.added.sum()) == 15
        assert set(np.unique(grid.drawing.shades).tolist()) & {
            len(Look) + Look.TRAINED,
            len(Look) + Look.TRAINED_CONTROL,
        }
        await until(pilot, lambda: not [one for one in screen_of(pilot).context.findings if one.severity == "error"])
        # All rows that are loaded are counted, before and after.
        samples = screen_of(pilot).query_one(SamplesList)
        await until(pilot, lambda: samples.border_title == "samples 0→17%")
        # Undo and redo are the recipe's, from the tokens and from the text.
        await pilot.press("escape", "u")
        assert trained(pilot) == 0
        await pilot.press("U")
        assert trained(pilot) == 15
        assert "modle" in recipe.read_text("utf-8")
        await pilot.press("ctrl+s")
        assert isinstance(pilot.app.screen, ConfirmDialog)
        await pilot.press("enter")
        await until(pilot, lambda: "modle" not in recipe.read_text("utf-8"))
        assert not screen_of(pilot).editing.document.dirty
        assert not screen_of(pilot).editing.working_copy.file.exists()
        await pilot.press("J", "l")
        await until(pilot, lambda: settled(pilot))
        theme = pilot.app.theme
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        assert (screen_of(pilot).context.row, grid_of(pilot).lens, pilot.app.theme) == (1, Lens.OWNER, theme)
        assert trained(pilot) > 0


async def test_only_lines_that_differ_are_painted(opened: Opened) -> None:
    async with opened((120, 40), bench=prepare()) as pilot:
        # Nothing but the keys: what follows them on the other thread comes at a time of its own.
        vars(screen_of(pilot).rows)["check_again"] = lambda: None
        await pilot.press("e")
        editor, grid = editor_of(pilot), grid_of(pilot)
        line = editor.area.cursor_location[0] + 3
        column = editor.area.document.get_line(line - 1).index("model") + 1
        await write(pilot, line, column, 0, "x")
        told: list[Any] = []
        vars(grid)["refresh"] = lambda *regions, **options: told.extend(regions or ["all"]) or grid
        await write(pilot, line, column, 0, "y")
        assert trained(pilot) == 0
        assert told == []
        # The mask comes back: the lines that train something; the title with their number; and the lower border, whose
        # legend tells of no change any more.
        await write(pilot, line, column, 2, "")
        assert trained(pilot) == 22
        # While the text of a border is set, a paint of the whole pane is asked for and spared.
        told = [region for region in told if region != "all"]
        borders = [region for region in told if region.y in (-1, grid.size.height)]
        told = [region for region in told if region not in borders]
        assert {(region.y, region.height) for region in borders} == {(-1, 1), (grid.size.height, 1)}
        assert 0 < len(told) < grid.size.height // 2


async def test_a_finding_s_fix_is_one_key_and_undone_by_another(opened: Opened, recipe: Path) -> None:
    recipe.write_text(recipe.read_text("utf-8").replace(*reversed(BROKEN)).replace('turn|>"', 'turn>"', 1), "utf-8")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        before = trained(pilot)
        assert any(one.fix for one in screen_of(pilot).context.findings)
        await pilot.press("f")
        assert trained(pilot) != before
        assert trained(pilot) == 15
        await pilot.pause()
        assert " fixed: " in message_of(pilot)
        # What was told of the fix goes with it.
        await pilot.press("u")
        assert trained(pilot) == before
        await pilot.pause()
        assert message_of(pilot) == ""


async def test_the_plugin_is_one_key_and_its_file_comes_with_the_save(opened: Opened, recipe: Path) -> None:
    recipe.write_text(with_boundaries(recipe.read_text("utf-8")), "utf-8")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        (finding,) = [one for one in screen_of(pilot).bench.findings if one.code == "A012"]
        assert finding.severity == "error"
        await pilot.press("f")
        await until(pilot, lambda: screen_of(pilot).editing.document.dirty)
        assert plugin.is_listed(screen_of(pilot).editing.document.data)
        assert not (recipe.parent / plugin.FILE).exists()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await until(pilot, (recipe.parent / plugin.FILE).exists)
        assert plugin.FILE in message_of(pilot)
        assert not [one for one in screen_of(pilot).bench.findings if one.code == "A012"]


async def test_a_recipe_that_axolotl_takes_for_text_is_no_clean_one(opened: Opened, recipe: Path) -> None:
    text = recipe.read_text("utf-8").replace(*reversed(BROKEN))
    assert "processor_type: AutoProcessor\n" in text
    recipe.write_text(text.replace("processor_type: AutoProcessor\n", ""), "utf-8")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        assert [one.code for one in screen.context.findings if one.severity == "error"] == ["C001"]
        assert " 2 checks ✗1+" in str(screen.query_one(StatusBar).render())
        await pilot.press("f")
        await until(pilot, lambda: "processor_type" in screen.editing.document.data, 60)
        assert screen.editing.document.data["processor_type"] == "AutoProcessor"
        await until(pilot, lambda: not [one for one in screen.context.findings if one.severity == "error"], 30)


async def test_what_is_wrong_is_said_with_line_and_column_and_the_mask_stays(opened: Opened) -> None:
    async with opened((120, 40), bench=prepare()) as pilot:
        await pilot.press("e")
        editor = editor_of(pilot)
        line = editor.area.cursor_location[0] + 1
        column = len(editor.area.document.get_line(line + 1))
        await write(pilot, line + 2, column, 1, "")
        assert trained(pilot) == 22
        assert editor.border_subtitle.startswith(f"line {line + 3}")
        await pilot.press("ctrl+s")
        assert message_of(pilot).startswith("Not saved")
        await pilot.press("quotation_mark")
        assert editor.border_subtitle == ""
        # A marker that is no text at all is refused by name, not by a crash.
        await write(pilot, line + 2, column - 16, 16, "[1]")
        assert editor.border_subtitle
        assert trained(pilot) == 22


async def chosen(pilot: Any, *keys: str) -> ChoiceDialog:
    """Wait for a choice that is asked for, answer it, and give the dialog back."""
    await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
    dialog = pilot.app.screen
    assert isinstance(dialog, ChoiceDialog)
    await pilot.press(*keys)
    await until(pilot, lambda: not isinstance(pilot.app.screen, ChoiceDialog))
    return dialog


async def test_edits_that_were_never_saved_are_kept_or_set_aside(opened: Opened, recipe: Path) -> None:
    file = recipe.read_text("utf-8")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        await pilot.press("e")
        await write(pilot, 1, 1, 0, "# mine ")
    assert recipe.read_text("utf-8") == file
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        # Until the question is answered, nothing is touched; leaving leaves it open.
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        assert not screen_of(pilot).editing.document.dirty
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        dialog = await chosen(pilot, "tab", "k")
        assert "+# mine # A short" in dialog._views[0][1]
        editing = screen_of(pilot).editing
        assert editing.document.text == "# mine " + file
        await pilot.press("u")
        assert not editing.document.dirty
        await pilot.press("U")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        await chosen(pilot, "d")
        editing = screen_of(pilot).editing
        assert editing.document.text == file
        (aside,) = editing.working_copy.folder.glob("set-aside/*-mine.yaml")
        assert aside.read_text("utf-8") == "# mine " + file
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        assert not isinstance(pilot.app.screen, ChoiceDialog)
        assert not screen_of(pilot).editing.document.dirty


async def test_a_recipe_that_is_open_twice_is_told_and_kept_apart(opened: Opened, recipe: Path) -> None:
    with another(recipe_dir("", recipe), "# theirs\n") as (process, _):
        async with opened((120, 40), bench=prepare(recipe)) as pilot:
            # Their edits are not offered while they are at them.
            assert not isinstance(pilot.app.screen, ChoiceDialog)
            assert f"process {process}" in message_of(pilot)
            await pilot.press("e")
            await write(pilot, 1, 1, 0, "# mine ")
            kept = screen_of(pilot).editing.working_copy
            assert kept.file.read_text("utf-8").startswith("# mine ")
        assert (kept.folder / "working.yaml").read_text("utf-8") == "# theirs\n"


async def test_a_file_that_somebody_else_changed_is_a_choice(opened: Opened, recipe: Path) -> None:
    file = recipe.read_text("utf-8")
    mine, theirs = "# " + file, file + "# theirs\n"
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        editing = screen_of(pilot).editing
        await pilot.press("e")
        await write(pilot, 1, 1, 0, "# ")
        recipe.write_text(theirs, "utf-8")
        # While the app is open: escape leaves both, theirs can be taken and undone.
        await pilot.press("ctrl+s")
        dialog = await chosen(pilot, "escape")
        assert [name for name, _ in dialog._views] == ["against the file", "what they changed", "what you changed"]
        assert "+# theirs" in dialog._views[1][1]
        assert "theirs" not in dialog._views[2][1]
        assert (editing.document.text, recipe.read_text("utf-8")) == (mine, theirs)
        await pilot.press("ctrl+s")
        await chosen(pilot, "t")
        assert (editing.document.text, editing.document.dirty) == (theirs, False)
        await pilot.press("escape", "u")
        assert editing.document.text == mine
        assert editing.working_copy.file.exists()
        recipe.write_text(file + "# later\n", "utf-8")
    # After the app was left with edits: the same, and the file is not written before it is asked for again.
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        dialog = await chosen(pilot, "m")
        assert "meanwhile" in dialog._note
        editing = screen_of(pilot).editing
        assert editing.document.text == mine
        assert recipe.read_text("utf-8").endswith("# later\n")
        await pilot.press("ctrl+s")
        await chosen(pilot, "m")
        assert recipe.read_text("utf-8") == mine
        (aside,) = editing.working_copy.folder.glob("set-aside/*-theirs.yaml")
        assert str(aside) in pilot.app.telling.shown
        assert aside.read_text("utf-8").endswith("# later\n")
        assert not editing.working_copy.file.exists()


async def test_the_demo_is_saved_under_another_name(opened: Opened, tmp_path: Path) -> None:
    kept = (sample_dir() / "demo.yaml").read_bytes()
    async with opened((120, 40), bench=prepare()) as pilot:
        await pilot.press("e")
        await write(pilot, 1, 1, 0, "# ")
        await pilot.press("ctrl+s")
        assert isinstance(pilot.app.screen, InputDialog)
        target = tmp_path / "own.yaml"
        pilot.app.screen.dismiss(str(target))
        await until(pilot, target.exists)
        assert target.read_text("utf-8").startswith("# # A short")
    assert (sample_dir() / "demo.yaml").read_bytes() == kept


async def test_inferred_boundaries_are_offered_with_their_proof(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        await pilot.press("I")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog), 60)
        assert "recall" in pilot.app.screen._body or "100" in pilot.app.screen._body  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: trained(pilot) == 15)
        await pilot.press("u")
        assert trained(pilot) == 0
        await pilot.press("D")
        assert trained(pilot) == 15


async def test_two_recipes_are_compared_on_the_row_that_is_shown(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare()) as pilot:
        await pilot.press("C")
        assert isinstance(pilot.app.screen, InputDialog)
        pilot.app.screen.dismiss(str(recipe))
        panel = screen_of(pilot).query_one(BoundariesPanel)
        await until(pilot, lambda: "+22 −0" in str(panel.border_subtitle))
        await until(pilot, lambda: isinstance(pilot.app.screen, RecipeComparison))
        dialog = pilot.app.screen
        assert isinstance(dialog, RecipeComparison)
        differing = [(one.knob, one.theirs) for one in dialog._pairs if one.mask and not one.same]
        assert differing == [("assistant.start", "<|turn>modle\n")]
        assert "22 tokens are trained by this recipe alone, and 0 by the other alone." in dialog._summary
        # What differs stands first, and the sum is that over all rows, read or not.
        first, *_ = [str(cell) for cell in dialog._table().columns[0].cells][1:]
        assert first == "≠ assistant.start"
        rows = [row.mask.trained for row in screen_of(pilot).bench.head(None)]
        told = (
            f"In all {len(rows):,} rows {sum(rows):,} tokens are trained by this recipe and 0 by the other: 8 masks "
            f"differ, {sum(rows):,} tokens by this recipe alone and 0 by the other alone."
        )
        await until(pilot, lambda: told in str(dialog.query_one("#all-rows", Static).render()))
        await pilot.press("escape")
        assert str(panel.border_title) == "role_boundaries against mine.yaml"
        await pilot.press("C")
        pilot.app.screen.dismiss("")
        await until(pilot, lambda: "trained" not in str(panel.border_subtitle))
        assert str(panel.border_title) == "role_boundaries"


async def test_an_edit_is_compared_with_the_saved_recipe_over_all_rows(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        await pilot.press("C")
        pilot.app.screen.dismiss("")
        await until(pilot, lambda: "nothing to compare" in message_of(pilot))
        await pilot.press("f")
        await until(pilot, lambda: settled(pilot) and screen.editing.document.dirty)
        await pilot.press("C")
        pilot.app.screen.dismiss("")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecipeComparison))
        dialog = pilot.app.screen
        assert isinstance(dialog, RecipeComparison)
        assert "1 of the settings below differs." in dialog._summary
        await until(pilot, lambda: "In all " in str(dialog.query_one("#all-rows", Static).render()))
        told = str(dialog.query_one("#all-rows", Static).render())
        rows = [row.mask.trained for row in screen.bench.head(None)]
        assert f"{sum(rows):,} tokens are trained by this recipe and 0 by the other" in told


async def test_a_comparison_that_fails_says_so_with_what_it_knew(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two masks of as many tokens are no less two masks; and no line says "so far" of a sum that has ended."""
    found = [[MaskPair(5, 2, 2), None, MaskPair(4, 0, 0)], RuntimeError("a bug of ours")]

    def against(self: KnownRows, rows: list[Any], masking: object) -> list[MaskPair | None]:
        answer = found.pop(0)
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    monkeypatch.setattr(KnownRows, "against", against)
    monkeypatch.setattr("screens.inspect.comparison.STEP_SECONDS", 1e-9)
    async with opened((120, 40), bench=prepare(), faults=True) as pilot:
        await pilot.press("C")
        pilot.app.screen.dismiss(str(sample_dir() / "demo.yaml"))
        await until(pilot, lambda: isinstance(pilot.app.screen, RecipeComparison) and not found)
        line = pilot.app.screen.query_one("#all-rows", Static)
        await until(pilot, lambda: "could not all be compared" in str(line.render()))
        told = str(line.render())
        assert "In 3 of 8 rows 9 tokens are trained by this recipe and 9 by the other: 1 mask differs, 2 tokens" in told
        assert "1 row has no tokens." in told
        assert "so far" not in told


async def test_a_comparison_that_is_closed_while_it_adds_up_goes_quietly(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum so far comes when the dialog's panes are gone, or are about to go."""
    monkeypatch.setattr("screens.inspect.comparison.STEP_SECONDS", 1e-9)
    # No fault is expected: the fixture raises what the app kept.
    async with opened((120, 40), bench=prepare()) as pilot:
        for key in ("escape", "q", "enter", "escape"):
            await pilot.press("C")
            pilot.app.screen.dismiss(str(sample_dir() / "demo.yaml"))
            await until(pilot, lambda: isinstance(pilot.app.screen, RecipeComparison))
            dialog = pilot.app.screen
            assert isinstance(dialog, RecipeComparison)
            await pilot.press(key)
            dialog.show_rows(AllRows(rows=3, total=8))
            await pilot.pause()
            dialog.show_rows(AllRows(rows=5, total=8))
            assert not isinstance(pilot.app.screen, RecipeComparison)


async def test_edits_of_more_than_the_mask_settle_behind_it(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        whole = len(grid_of(pilot).view.rendering)  # type: ignore[union-attr]
        screen.editing.type(screen.editing.document.text.replace("shapes.jsonl", "text.jsonl"))
        screen.follow()
        assert screen.editing.stale
        await until(pilot, lambda: not screen.editing.stale and settled(pilot), 30)
        assert len(grid_of(pilot).view.rendering) != whole  # type: ignore[union-attr]
        screen.editing.type(screen.editing.document.text.replace("text.jsonl", "nowhere.jsonl"))
        screen.follow()
        await until(pilot, lambda: screen.editing.problem is not None, 30)
        assert grid_of(pilot).view is not None


async def test_the_disagreement_lens_shows_what_the_checks_say(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        view = grid_of(pilot).view
        assert view is not None
        found = verdicts(view)
        assert int((found == TokenVerdict.MISSED).sum()) == 13
        await pilot.press("l", "l")
        assert grid_of(pilot).lens is Lens.DISAGREEMENT
        await pilot.press("D")
        assert not (verdicts(grid_of(pilot).view) == TokenVerdict.MISSED).any()  # type: ignore[arg-type]
        assert int((verdicts(grid_of(pilot).view) == TokenVerdict.AGREED).sum()) == 15  # type: ignore[arg-type]


def test_a_kill_at_any_moment_loses_at_most_the_last_key(recipe: Path) -> None:
    state, moments = Path(os.environ["VLMBENCH_STATE"]), random.Random(0)
    typed = "zyxwvutsrqponmlkjihgfedcba"
    # The app draws on the terminal where stderr was sent elsewhere, too.
    with Terminal(recipe, quiet=True) as terminal:
        terminal.press("e")
        terminal.press("\x1b[A" * 60 + "\x1b[H")
        begun = len(terminal.written)
        for number, letter in enumerate(typed):
            terminal.send(letter)
            time.sleep(moments.choice((0.0, 0.005, 0.02, 0.05, 0.1)))
            # The copy is replaced in one step, so what lies there is what a kill at this moment would leave. Stopping
            # the process instead would have Textual start a second reader of the terminal when it goes on.
            terminal.read(seconds=0.002)
            seen = terminal.written[begun:].decode("utf-8", "ignore")
            painted = max((count for count in range(number + 2) if typed[:count] in seen), default=0)
            assert _kept(state, typed) >= painted - 1
        # On a busy machine the last letters take their time.
        end = time.monotonic() + 60
        while _kept(state, typed) < len(typed) and time.monotonic() < end:
            terminal.read(seconds=0.2)
        terminal.kill()
    assert painted > 5
    assert _kept(state, typed) == len(typed)


def test_whoever_leaves_with_unsaved_edits_is_told_that_they_are_kept(recipe: Path) -> None:
    told = b"the unsaved edits of mine.yaml are kept; the next start asks about them"
    with Terminal(recipe) as terminal:
        terminal.press("e")
        terminal.press("# mine")
        terminal.press("\x1b")
        assert terminal.leave() == 0
        terminal.read()
        assert told in terminal.written.split(b"\x1b[?1049l")[-1]


async def test_only_the_last_letter_waits_for_its_paint_to_be_on_disk(opened: Opened, recipe: Path) -> None:
    async with opened((120, 34), bench=prepare(recipe)) as pilot:
        editing = screen_of(pilot).editing
        file, text = editing.working_copy.file, editing.document.text
        editing.type(f"{text}# a", keep=False)
        assert not file.exists()
        # More letters than paints.
        editing.type(f"{text}# ab", keep=False)
        assert file.read_text("utf-8") == f"{text}# a"
        editing.keep()
        assert file.read_text("utf-8") == f"{text}# ab"
        editing.type(f"{text}# abc", keep=False)
        editing.undo()
        assert not file.exists()
        await pilot.press("e", "x")
        await until(pilot, file.exists)
        assert "\nxrole_boundaries" in editing.document.text
        assert file.read_text("utf-8") == editing.document.text
        editing.type(f"{text}xy", keep=False)
    assert file.read_text("utf-8") == f"{text}xy"


def _kept(state: Path, typed: str) -> int:
    """Number of the typed characters that are in the working copy."""
    copies = [file.read_text("utf-8") for file in state.rglob("working.yaml")]
    return max(
        (count for count in range(len(typed) + 1) for text in copies if text.startswith(typed[:count])), default=0
    )


@pytest.mark.parametrize("size", [(44, 40), (80, 24), (160, 48)])
async def test_what_can_be_chosen_is_in_sight(opened: Opened, recipe: Path, size: tuple[int, int]) -> None:
    """However long the diff and small the window."""
    async with opened(size, bench=prepare(recipe)) as pilot:
        editing = screen_of(pilot).editing
        editing.type("".join(f"# {number}\n" for number in range(99)) + editing.document.text)
    recipe.write_text(recipe.read_text("utf-8") + "# theirs\n", "utf-8")
    async with opened(size, bench=prepare(recipe)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.pause()
        box, ways = (pilot.app.screen.query_one(name) for name in ("#dialog", "#choices"))
        assert box.region.contains_region(ways.region)
        assert (ways.region.height == 2) == (size[0] >= 80)
        assert pilot.app.screen.query_one("#diff").parent.region.height >= 8  # type: ignore[union-attr]


async def test_the_editor_wraps_long_lines_and_marks_those_with_findings(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        await pilot.press("e")
        area = editor_of(pilot).area
        at = next(line for line in range(area.document.line_count) if "modle" in area.document.get_line(line))
        await until(pilot, lambda: area.marks.get(at) == "error")

        def drawn(line: int) -> str:
            top = area.wrapped_document.location_to_offset((line, 0)).y - area.scroll_offset.y
            return area.render_line(top).text

        assert drawn(at).lstrip().startswith(f"{at + 1}✗ ")
        assert "✗" not in drawn(at + 1)
        # What is typed beyond the edge goes on below it, in sight, and nothing moves sideways.
        height = area.wrapped_document.height
        area.move_cursor((at + 1, 0))
        await pilot.press("end", *"  # one two three four five six seven eight nine ten eleven twelve thirteen")
        await pilot.pause()
        assert area.wrapped_document.height > height
        assert area.scroll_offset.x == 0
        assert "thirteen" in "".join(area.render_line(y).text for y in range(area.size.height))
        shown = [area.render_line(y).text for y in range(area.size.height)]
        area._kept.clear()
        assert shown == [area.render_line(y).text for y in range(area.size.height)]
        # The line of an error in the text is marked, and the findings are those of a text that could be read.
        await write(pilot, at + 1, 1, 0, "[")
        await until(pilot, lambda: screen_of(pilot).editing.problem is not None)
        wrong = screen_of(pilot).editing.problem
        assert wrong is not None
        assert set(area.marks.values()) == {"error"}
        assert list(area.marks) == [(wrong.where.line or 0) - 1]
