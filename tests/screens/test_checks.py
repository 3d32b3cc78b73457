"""The checks screen: all rows and the recipe, by cause; the way to the place; fixes and their undoing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from screens.checks import ChecksScreen
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.screen import InspectScreen
from screens.shell.worker import Kind
from tests.screens.conftest import BROKEN, Opened, grid_of, settled, until
from workbench.bench import prepare
from workbench.blocks.checking import BlockChecking
from workbench.checks.run import check_rows


async def checks_of(pilot: Any) -> ChecksScreen:
    """Go to the checks screen and wait for the end of the check."""
    await pilot.press("2")
    screen = pilot.app.base
    assert isinstance(screen, ChecksScreen)
    await until(pilot, lambda: screen.done, 60)
    return screen


def shown(screen: ChecksScreen, name: str) -> str:
    return str(screen.query_one(name, Static).content)


async def choose(pilot: Any, screen: ChecksScreen, code: str) -> None:
    causes = screen.query_one(OptionList)
    causes.highlighted = next(i for i, group in enumerate(screen.groups) if group.code == code)
    await pilot.pause()


async def test_it_finds_what_the_command_line_finds(opened: Opened, recipe: Path) -> None:
    bench = prepare(recipe)
    async with opened((120, 40), bench=bench) as pilot:
        screen = await checks_of(pilot)
        assert screen.report is not None
        wanted = check_rows(bench, bench.head(None))
        assert screen.report.rows == wanted.rows == bench.rows.known_length
        assert sorted(map(repr, screen.report.findings)) == sorted(map(repr, wanted.findings))
        causes = screen.query_one(OptionList)
        assert causes.option_count == len(wanted.groups)
        assert "M002" in str(causes.get_option_at_index(0).prompt) + str(causes.get_option_at_index(1).prompt)
        assert f"{wanted.rows} rows" in shown(screen, "#progress")
        await choose(pilot, screen, "M002")
        said = shown(screen, "#page")
        assert "here stands “<|turn>model\\n”" in said
        assert '+ role_boundaries[0].start: "<|turn>model\\n"' in said
        assert "cause\n" in said
        assert "what to do\n" in said


async def test_what_a_comment_of_the_recipe_leaves_out_is_counted_and_not_listed(opened: Opened, recipe: Path) -> None:
    recipe.write_text(f"# vlmbench: ignore-file[M002]\n{recipe.read_text('utf-8')}", "utf-8")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = await checks_of(pilot)
        assert screen.groups
        assert "M002" not in {group.code for group in screen.groups}
        assert "left out by the recipe's comments" in shown(screen, "#progress")


async def test_enter_goes_to_the_token_and_to_the_line(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = await checks_of(pilot)
        await choose(pilot, screen, "M002")
        await pilot.press("n", "n")
        finding = screen.finding
        assert finding is not None
        assert finding.where.row == 2
        assert finding.where.tokens is not None
        await pilot.press("enter")
        await until(pilot, lambda: settled(pilot) and grid_of(pilot).at.cursor == finding.where.tokens[0])
        assert grid_of(pilot).view.index == 2  # type: ignore[union-attr]
        await pilot.press("2")
        lines = [i for i, group in enumerate(screen.groups) if group.finding.where.row is None]
        screen.query_one(OptionList).highlighted = lines[0]
        await pilot.pause()
        assert screen.finding is not None
        line = screen.finding.where.line
        await pilot.press("enter")
        inspect = pilot.app.base
        assert isinstance(inspect, InspectScreen)
        assert inspect.query_one(RecipeEditor).area.cursor_location[0] + 1 == line


@pytest.mark.parametrize("broken", [False, True])
async def test_a_check_that_was_stopped_is_no_pass_and_is_not_of_all_rows(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    if not broken:
        recipe.write_text(recipe.read_text("utf-8").replace(*reversed(BROKEN)), "utf-8")
    steps = BlockChecking.steps

    def stopped(self: BlockChecking, seconds: float = 0.0) -> Any:
        for done in steps(self, seconds):
            screen.action_stop()
            yield done

    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        app: Any = pilot.app
        await app.show("checks")
        screen = app.base
        await until(pilot, lambda: screen.done, 60)
        text = screen.editing.document.text
        assert app.story.report_of(text) is not None
        monkeypatch.setattr(BlockChecking, "steps", stopped)
        app.story.report = None
        screen.follow()
        await until(pilot, lambda: screen.done, 60)
        assert app.story.report_of(text) is None
        marks = app.story.marks("checks", text)
        assert all(mark.mood != "good" for mark in marks)
        assert "+" in marks[0].text if broken else "of a sample" in marks[0].text


async def test_a_fix_is_applied_checked_and_undone(opened: Opened, recipe: Path) -> None:
    text = recipe.read_text("utf-8").replace(*reversed(BROKEN)).replace('turn|>"', 'turn>"', 1)
    recipe.write_text(text, "utf-8")
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = await checks_of(pilot)
        fixable = next(group for group in screen.groups if group.fix is not None)
        before = {group.code for group in screen.groups}
        await choose(pilot, screen, fixable.code)
        assert "f applies" in shown(screen, "#page")
        await pilot.press("f")
        await until(pilot, lambda: screen.done, 60)
        assert screen.editing.document.text != text
        assert fixable.code not in {group.code for group in screen.groups}
        await pilot.press("u")
        await until(pilot, lambda: screen.done, 60)
        assert {group.code for group in screen.groups} == before
        assert screen.editing.document.text == text
        await pilot.press("F")
        await until(pilot, lambda: screen.done and screen.editing.document.text != text, 60)
        assert screen.report is not None
        assert not screen.report.count("error")


async def test_clean_is_said_in_a_line_and_nothing_else(opened: Opened) -> None:
    async with opened((80, 24), bench=prepare()) as pilot:
        screen = await checks_of(pilot)
        assert screen.report is not None
        assert not screen.report.count("error")
        assert ("✓ clean" in shown(screen, "#progress")) == (not screen.groups)
        assert screen.query_one(OptionList).option_count == len(screen.groups)


async def test_an_edit_on_the_inspect_screen_is_checked_when_one_comes_back(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        screen = await checks_of(pilot)
        assert any(group.code == "M002" for group in screen.groups)
        await pilot.press("1", "D", "2")
        await until(pilot, lambda: screen.done and screen._round == 2, 60)
        assert all(group.code != "M002" for group in screen.groups)
        number = screen._round
        assert screen.background.front == (Kind.CHECK,)
        await pilot.press("1")
        assert Kind.FILTER in screen.background.front
        await pilot.press("2")
        assert screen._round == number


async def test_a_row_source_of_unknown_length_ends_where_it_ends(opened: Opened) -> None:
    prepared = prepare().load()
    rows = [prepared.rows.row(index) for index in range(5)]

    class Unknown:
        name, findings, base_dir, known_length = "unknown", (), prepared.rows.base_dir, None

        def row(self, index: int) -> Any:
            return rows[index]

    bench = prepare()
    async with opened((120, 40), bench=bench) as pilot:
        bench.rows = Unknown()  # type: ignore[assignment]
        bench._kept.clear()
        screen = await checks_of(pilot)
        assert screen.report is not None
        assert screen.report.rows == 5


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_list_and_the_page_fit(opened: Opened, recipe: Path, size: tuple[int, int]) -> None:
    async with opened(size, bench=prepare(recipe)) as pilot:
        screen = await checks_of(pilot)
        causes, page = screen.query_one("#causes").region, screen.query_one("#detail").region
        # Where there is little room, a short list leaves it to the page.
        assert causes.height >= (3 if size[0] < 110 else 8)
        assert page.height >= 8
        assert (causes.x == page.x) == (size[0] < 110)


async def test_escape_ends_a_check_that_goes_on(opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = itertools.count()
    with_steps = BlockChecking.steps
    monkeypatch.setattr(BlockChecking, "steps", lambda self, seconds: endless)
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        await pilot.press("2")
        screen = pilot.app.base
        assert isinstance(screen, ChecksScreen)
        await until(pilot, lambda: screen.report is not None, 60)
        assert not screen.done, screen.problem
        await pilot.press("escape")
        await until(pilot, lambda: screen.done, 60)
        assert "esc stops" not in shown(screen, "#progress")
        # Trying the fixes on every row takes long too: it says how far it is, and ends likewise.
        monkeypatch.setattr(BlockChecking, "steps", with_steps)
        monkeypatch.setattr(BlockChecking, "trial_steps", lambda self, seconds: ((30, 100) for _ in endless))
        await pilot.press("r")
        await until(pilot, lambda: "trying the fixes  ▓▓▓░░░░░░░░░  30 of 100 rows" in shown(screen, "#progress"), 60)
        assert screen.groups
        await pilot.press("escape")
        await until(pilot, lambda: screen.done, 60)
        assert "trying" not in shown(screen, "#progress")
