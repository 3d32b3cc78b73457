"""The first line with the state of every screen, and the reason line: from finding to finding, through all rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from screens.checks import ChecksScreen
from screens.inspect.known_samples import KnownSamples
from screens.inspect.reason_line import ReasonLine, ReasonShown
from screens.inspect.row_filter import _FIELDS, FILTER_TERMS, parse_filter
from screens.inspect.row_list import SamplesList
from screens.keys.actions import ACTIONS
from screens.keys.screen_registry import SCREENS
from screens.shell.explanation import Explanation
from screens.shell.help import HelpScreen
from screens.shell.status_bar import StatusBar
from screens.shell.story import PASS, Mark, Story, counts
from screens.shell.themes import paints
from tests.screens.conftest import Opened, grid_of, message_of, screen_of, settled, until
from tests.screens.small_bench import ROWS, SmallBench, conversation
from workbench.bench import prepare
from workbench.findings import Finding, Fix
from workbench.views.row_view import Sample


def first_line(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(StatusBar).render().plain)


def reason(pilot: Pilot[None]) -> str:
    return str(screen_of(pilot).query_one(ReasonLine).render().plain)


def at(pilot: Pilot[None]) -> tuple[int, int]:
    grid = grid_of(pilot)
    assert grid.view is not None
    return grid.view.index, grid.at.cursor


async def test_a_newcomer_finds_why_a_row_is_wrong_and_mends_it(opened: Opened, recipe: Path) -> None:
    """At 80 columns, from the first look to a green tab, by keys and by clicks."""
    async with opened((80, 24), bench=prepare(recipe)) as pilot:
        await until(pilot, lambda: "M002" in reason(pilot))
        assert "✗ M002 assistant's start '<|turn>modle\\n' is not there: here stands “<|turn>m" in reason(pilot)
        assert "f fixes it: start: '<|turn>model\\n'" in reason(pilot)
        assert first_line(pilot).startswith(" 1 inspect  2 ✗2+  3  4  5  6 ")
        assert "mine.yaml" in first_line(pilot)
        # The row is wrong as a whole, and at the header of the first answer: its mark stands on that token.
        await pilot.press("n")
        header = at(pilot)[1]
        view = grid_of(pilot).view
        assert view is not None
        assert view.rendering.token_text(header) == "<|turn>"
        assert view.rendering.token_text(header + 1) == "model"
        # On to the next row, and back over the first to the last.
        await pilot.press("n")
        await until(pilot, lambda: at(pilot)[0] == 1 and at(pilot)[1] > 0)
        await pilot.press("N")
        await until(pilot, lambda: at(pilot) == (0, header))
        await pilot.press("N")
        await until(pilot, lambda: at(pilot)[0] == 23)
        assert at(pilot)[1] > 0
        await pilot.press("n")
        await until(pilot, lambda: at(pilot) == (0, header))
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Explanation)
        await pilot.press("escape")

        # A click on the second tab; after that it is known of all rows.
        await pilot.click(offset=(13, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, ChecksScreen) and pilot.app.screen.done)
        assert " 2 checks ✗" in first_line(pilot)
        assert "+" not in first_line(pilot)
        await pilot.click(offset=(1, 0))
        await until(pilot, lambda: settled(pilot))
        await pilot.press("n")
        assert "24 of 24 rows" in reason(pilot)
        # A click on the remedy; what was known of all rows is now of the recipe before.
        await pilot.click(ReasonLine, offset=(6, 1))
        await until(pilot, lambda: "modle" not in pilot.app.editing.document.text)  # type: ignore[attr-defined]
        await until(pilot, lambda: "M002" not in reason(pilot))
        assert " 2 (✗2) " in first_line(pilot)


async def test_the_story_of_another_recipe_is_in_brackets() -> None:
    story = Story()
    assert story.say("checks", "a", *counts(["error", "error", "warning", "note"]))
    assert [mark.text for mark in story.marks("checks", "a")] == ["✗2", "!1"]
    # What is known of one row does not take the place of what is known of all.
    story.say("checks", "a", *counts(["error"], partial=True), partial=True)
    assert [mark.text for mark in story.marks("checks", "a")] == ["✗2", "!1"]
    assert [(mark.text, mark.mood) for mark in story.marks("checks", "b")] == [("(✗2 !1)", "muted")]
    story.say("checks", "b", partial=True)
    assert [(mark.text, mark.mood) for mark in story.marks("checks", "b")] == [("(✗2 !1)", "muted")]
    assert story.say("checks", "b", *counts(["warning"], partial=True), partial=True)
    assert [mark.text for mark in story.marks("checks", "b")] == ["!1+"]
    assert story.marks("model", "a") == ()
    assert story.say("model", "a", PASS)
    assert not story.say("model", "a", PASS)
    assert story.say("export", "a", Mark("amber", "warning", "◐"))
    assert story.marks("export", "c") == (Mark("(amber)", "muted", "(◐)"),)


async def test_the_screens_keep_their_names_longer_than_their_states(opened: Opened) -> None:
    """At 120 columns with a state on every tab all seven have their names, and the recipe's name is there."""
    async with opened((120, 40), bench=SmallBench(ROWS[:1])) as pilot:
        story: Story = pilot.app.story  # type: ignore[attr-defined]
        text = screen_of(pilot).editing.document.text
        for name in SCREENS:
            story.say(name, text, *counts(["error", "error", "warning"]))
        story.say("export", text, Mark("unproven", "muted", "○"))
        line = first_line(pilot)
        assert all(f" {number} {name} " in line for number, name in enumerate(SCREENS, 1))
        assert " 2 checks ✗2 " in line
        assert " 5 export ○ " in line
        assert "small.yaml" in line
        assert len(line) <= 120


async def test_a_reason_fits_every_width(opened: Opened) -> None:
    finding = Finding("M002", "error", "x" * 90, "y" * 90, fix=Fix("start: '<|turn>model\\n'", ()))
    async with opened((200, 24), bench=SmallBench(ROWS[:1])) as pilot:
        line, paint = screen_of(pilot).query_one(ReasonLine), paints(pilot.app.current_theme)
        for shown in (
            ReasonShown(finding, "2 of 40 rows", "1 of 2 here"),
            ReasonShown(Finding("D001", "warning", "short", "do this"), "2 of 40 rows"),
            ReasonShown(None, note="✓ nothing found"),
        ):
            line.show(shown)
            for width in range(20, 201, 3):
                first, second = line._reason(paint, width).plain, line._keys(paint, width).plain
                assert len(first) <= width
                assert len(second) <= width
                assert shown.finding is None or shown.finding.code in first
                if shown.finding is not None and shown.finding.fix is not None and width >= 60:
                    assert "fixes it" in second
                    assert "2 of 40 rows" in first + second


async def test_the_row_goes_on_at_the_next_one_that_has_a_finding(opened: Opened) -> None:
    """Rows that are clean are passed over, round the end."""
    async with opened() as pilot:
        await pilot.press("n")
        await until(pilot, lambda: settled(pilot) and screen_of(pilot).context.row == 2)
        assert "D001" in reason(pilot)
        await pilot.press("n")
        await until(pilot, lambda: bool(message_of(pilot)))
        assert message_of(pilot) == "No other row has a finding"
        assert screen_of(pilot).context.row == 2


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("quit", "app.quit"), ("exit", "app.quit"), ("train", "overfit.start"), ("run", "overfit.start"),
        ("image", "grid.picture"), ("screenshot", "app.screenshot"), ("lora", "screen.model"),
        ("next message", "grid.next-turn"), ("turn", "grid.next-turn"),
    ],
)  # fmt: skip
def test_an_action_is_found_by_other_words(query: str, wanted: str) -> None:
    scores = {action.id: action.matches(query) for action in ACTIONS}
    assert scores[wanted] == max(scores.values()) > 0
    assert not any(action.matches("zzz") for action in ACTIONS)


async def test_the_list_its_order_and_the_reason_line_name_one_finding(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        await pilot.press("o")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        findings = screen_of(pilot).context.findings
        # Two errors, of which the second alone can be mended.
        assert [finding.code for finding in findings[:2]] == ["M001", "M002"]
        assert samples.known[0].code == "M002"
        assert "✗ M002" in samples.render_line(samples.listing.place_of(0)).text
        assert reason(pilot).strip().startswith("✗ M002")
        assert parse_filter("sort:code").key(0, {}, findings) == (0, "M002")


def test_every_field_of_the_filter_has_an_example_that_can_be_read() -> None:
    assert [field for term in FILTER_TERMS for field in term.fields] == [*_FIELDS]
    for term in FILTER_TERMS:
        found = parse_filter(term.example)
        assert found.chooses or found.order is not None
        assert not term.fields or term.example.startswith(term.fields[0])
    assert [parse_filter(term.example).words for term in FILTER_TERMS if not term.fields] == [("red square",)]


@pytest.mark.parametrize("size", [(43, 24), (80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("keys", "there"), [("shift+tab", True), ("ctrl+f", True), ("O", True), ("slash", False), ("right", False)]
)
async def test_help_tells_of_the_filter_where_rows_are_listed_or_asked_for(
    opened: Opened, size: tuple[int, int], keys: str, there: bool
) -> None:
    async with opened(size) as pilot:
        if keys == "shift+tab":
            screen_of(pilot).query_one(SamplesList).focus()
        else:
            await pilot.press(keys)
        await pilot.pause()
        if keys == "ctrl+f":
            assert "F1 lists the terms" in str(screen_of(pilot).query_one("#prompt-note").render())
        await pilot.press("f1")
        screen = pilot.app.screen
        assert isinstance(screen, HelpScreen)
        await pilot.press(*"M002")
        drawn = screen.query_one("#help-keys")
        lines = [drawn.render_line(y).text for y in range(drawn.size.height)]
        assert any(line.startswith("code:M002") for line in lines) is there
        assert any("The filter of the rows (ctrl+f)" in line for line in lines) is there
        await pilot.press(*["backspace"] * 4)
        lines = [drawn.render_line(y).text for y in range(drawn.size.height)]
        shown = [term.example for term in FILTER_TERMS if any(line.startswith(f"{term.example} ") for line in lines)]
        assert len(shown) == (len(FILTER_TERMS) if there else 0)
        # A dialog takes none of the keys of the screen below it.
        assert bool(screen.found) is (keys != "O")
        await pilot.press("escape")
        assert pilot.app.screen.is_modal is (keys == "O")


async def test_help_begins_with_the_pane_in_focus_and_is_searched(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("shift+tab", "f1")
        screen = pilot.app.screen
        assert isinstance(screen, HelpScreen)
        assert screen.found.index("samples.up") < screen.found.index("grid.next-edge")
        await pilot.press(*"train")
        await until(pilot, lambda: "samples.up" not in screen.found)
        assert "screen.overfit" in screen.found
        await pilot.press(*"xyz")
        await until(pilot, lambda: not screen.found)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, HelpScreen)


async def test_the_checks_known_so_far_do_not_go_by_the_row_in_view(opened: Opened) -> None:
    rows = [{"messages": "none"}, conversation("Question?", "Yes."), {"messages": 3}, conversation("And?", "No.")]
    async with opened((120, 40), bench=SmallBench(rows)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        await until(pilot, lambda: settled(pilot) and not any(samples.known.lacks(row) for row in range(4)))
        seen = []
        for row in (1, 0, 3, 2):
            screen_of(pilot).rows.show(row)
            await until(pilot, lambda row=row: settled(pilot) and screen_of(pilot).context.row == row)
            line = screen_of(pilot).query_one(StatusBar).render().plain
            seen.append(line.partition("2 checks")[2].partition("3 model")[0].strip())
        assert "✗" in seen[0]
        assert len(set(seen)) == 1


def test_rows_share_a_cause_and_not_a_code() -> None:
    known = KnownSamples()
    empty, other = ("M001", "error", "no content", "None"), ("M001", "error", "no marker", "None")
    for index, causes in enumerate(((empty,), (other,), (other,), ())):
        known.put(Sample(index, 0, 1, "M001", "error", causes=frozenset(causes)))
    assert known.sharing(empty) == (1, 4)
    assert known.sharing(other) == (2, 4)
    assert known.codes["M001"] == 3
    known.put(Sample(0, 0, 1))
    assert empty not in known.causes
    assert known.sharing(empty) == (0, 4)
