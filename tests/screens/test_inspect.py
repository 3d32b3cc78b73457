"""Keys and mouse on the inspect screen."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
from textual.pilot import Pilot

from screens.inspect.boundaries_panel import BoundariesPanel, matches_of
from screens.inspect.findings_list import FindingsList
from screens.inspect.reason_line import ReasonLine
from screens.inspect.row_list import SamplesList
from screens.shell.explanation import Explanation
from screens.shell.problem import ProblemPane
from screens.shell.status_bar import StatusBar
from screens.token_grid.inspector import TokenInspector
from tests.screens.conftest import Opened, grid_of, message_of, screen_of, settled, to_row, until
from tests.screens.small_bench import ROWS, SOFT, SmallBench, conversation
from workbench.bench import prepare


def said(pilot: Pilot[None]) -> str:
    return screen_of(pilot).query_one(TokenInspector).render().plain


def line(pilot: Pilot[None], y: int) -> str:
    """A line of the window without the minimap."""
    grid = grid_of(pilot)
    assert grid.drawing.lines is not None
    return grid.render_line(y).crop(0, grid.drawing.lines.gutter + grid.drawing.lines.width).text


def find(pilot: Pilot[None], text: str) -> int:
    """The first line of the window that holds a text."""
    return next(y for y in range(grid_of(pilot).size.height) if text in line(pilot, y))


def token(pilot: Pilot[None]) -> str:
    grid = grid_of(pilot)
    assert grid.view is not None
    return grid.view.rendering.token_text(grid.at.cursor)


async def test_the_first_row_opens_with_its_mask_in_its_title(opened: Opened) -> None:
    async with opened() as pilot:
        view = grid_of(pilot).view
        bar = screen_of(pilot).query_one(StatusBar).render().plain
        assert view is not None
        title = str(grid_of(pilot).border_title)
        assert title.startswith(f"row 0 · {view.mask.trained} of {len(view.rendering)} trained · ")
        assert bar.startswith(" 1 inspect  2 checks  3 model  4 overfit ")
        assert "small.yaml   multimodal path · " in bar


async def test_the_gutter_names_turns_and_marks_trained_lines(opened: Opened) -> None:
    async with opened() as pilot:
        lines = [line(pilot, y).rstrip() for y in range(12)]
        assert lines[1].startswith("0 user")
        assert lines[1].endswith("⟨|turn⟩user⏎")
        header = next(y for y, text in enumerate(lines) if text.startswith("1 assistant"))
        assert "▎" not in lines[header]
        assert lines[header + 1].lstrip().startswith("▎ A red square")


async def test_left_and_right_move_by_token_and_stop_at_the_ends(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("left")
        assert grid_of(pilot).at.cursor == 0
        await pilot.press("right", "right")
        assert token(pilot) == "user"
        await pilot.press("G")
        view = grid_of(pilot).view
        assert view is not None
        assert grid_of(pilot).at.cursor == len(view.rendering) - 1
        await pilot.press("right", "g")
        assert grid_of(pilot).at.cursor == 0


async def test_up_and_down_keep_the_column_over_short_lines(opened: Opened) -> None:
    async with opened(row=1) as pilot:
        grid = grid_of(pilot)
        await pilot.press("down", "down", "end")
        start = grid.at.cursor
        for _ in range(3):
            await pilot.press("down")
        assert grid.at.cursor > start
        for _ in range(3):
            await pilot.press("up")
        assert grid.at.cursor == start


async def test_home_and_end_stay_on_the_line(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("down", "right", "home")
        assert token(pilot) == "<|turn>"
        await pilot.press("end")
        assert token(pilot) == "\n"


async def test_edges_are_where_training_begins_and_ends(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        view = grid.view
        assert view is not None
        wanted = (np.flatnonzero(np.diff(view.mask.keep.astype(int))) + 1).tolist()
        seen = []
        for _ in wanted:
            await pilot.press("]")
            seen.append(grid.at.cursor)
        assert seen == wanted
        await pilot.press("]")
        assert grid.at.cursor == wanted[-1]
        await pilot.press("[")
        assert grid.at.cursor == wanted[-2]


async def test_turns_are_jumped_to(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        assert grid.view is not None
        await pilot.press("}", "}")
        assert grid.at.cursor == grid.view.turns[1].start
        await pilot.press("right", "{")
        assert grid.at.cursor == grid.view.turns[1].start


async def test_a_picture_is_one_chip_that_unfolds_and_folds(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        await pilot.press("down", "down", "home")
        assert f"▣ image × {SOFT}" in line(pilot, 2)
        assert f"soft tokens {SOFT}   tokens in all {SOFT + 2}" in said(pilot)
        start, stop = grid.at.covered
        assert stop - start == SOFT + 2
        await pilot.press("space", "right")
        assert grid.at.covered == (start + 1, start + 2)
        assert "⟨|image|⟩" in line(pilot, 2)
        assert "media id" in said(pilot)
        await pilot.press("space")
        assert grid.at.covered == (start, stop)


async def test_a_click_places_the_cursor_and_opens_a_chip(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        assert grid.drawing.lines is not None
        left = grid.drawing.lines.gutter + 2
        await pilot.click(grid, offset=(left, find(pilot, "A red") + 1))
        assert token(pilot) == "A"
        await pilot.click(grid, offset=(left + 5, 3))
        assert grid.at.covered[1] - grid.at.covered[0] == 1
        assert grid.at.run == 0


async def test_a_click_beyond_the_text_takes_the_nearest_token_and_opens_nothing(opened: Opened) -> None:
    rows = [conversation([{"type": "image", "image": ROWS[0]["messages"][0]["content"][0]["image"]}], "Yes.")]
    async with opened(bench=SmallBench(rows)) as pilot:
        grid = grid_of(pilot)
        await pilot.click(grid, offset=(grid.size.width - 2, 3))
        assert token(pilot) == "\n"
        await pilot.click(grid, offset=(10, grid.size.height - 1))
        assert token(pilot) == "\n"


async def test_the_inspector_gives_owner_span_and_reason(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("]", "right")
        assert said(pilot).splitlines() == [
            'id 19   " red"   bytes 20 72 65 64',
            "message 1 · assistant · part 0 · chars 1–5",
            "▎trained  content · assistant span 1 · role_boundaries[0]",
        ]
        await pilot.press("left", "left")
        assert said(pilot).splitlines()[1:] == [
            "written by the template · message 1 assistant",
            "not trained  start marker · assistant span 1 · role_boundaries[0]",
        ]


async def test_a_piece_of_an_emoji_names_the_whole(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("}", "}", "}", "}", "left", "left", "left")
        assert 'a piece of "🏽"' in said(pilot)


async def test_hostile_text_is_shown_and_never_emitted(opened: Opened) -> None:
    async with opened(row=1) as pilot:
        grid = grid_of(pilot)
        shown = "".join(line(pilot, y)[grid.drawing.lines.gutter :].rstrip() for y in range(grid.size.height))
        assert "⟨U+202E⟩evil⟨U+202C⟩␛[31m [bold]not markup[/bold]⟨U+200B⟩" in shown
        everything = shown
        for _ in range(20):
            await pilot.press("right")
            everything += said(pilot)
        assert not {"\u202e", "\u202c", "\u200b", "\x1b"} & set(everything)
        assert '"\\u202e"' in everything


async def test_spaces_can_be_shown(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press(".")
        assert find(pilot, "A·red·square")
        assert "▣ image ×" in line(pilot, 2)
        await pilot.press(".")
        assert find(pilot, "A red square")


async def test_rows_are_switched_from_the_grid_and_from_the_list(opened: Opened) -> None:
    async with opened() as pilot:
        await to_row(pilot, "J")
        assert grid_of(pilot).view.index == 1
        await to_row(pilot, "K")
        assert grid_of(pilot).view.index == 0
        await pilot.press("shift+tab")
        assert isinstance(pilot.app.focused, SamplesList)
        await to_row(pilot, "down", "down", "down")
        assert grid_of(pilot).view.index == 3
        await pilot.press("enter")
        assert grid_of(pilot).has_focus


async def test_the_list_shows_share_and_worst_finding(opened: Opened) -> None:
    async with opened() as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        view = grid_of(pilot).view
        share = f"{100 * view.mask.trained / len(view.rendering):.0f}%"
        assert samples.render_line(0).text.split() == ["▸", "0", share]
        assert samples.render_line(2).text.split() == ["2", "–", "✗", "D001"]


async def test_a_row_that_fails_shows_its_finding_and_the_next_one_shows_again(opened: Opened) -> None:
    async with opened(row=2) as pilot:
        screen = screen_of(pilot)
        assert screen.query_one(ProblemPane).display
        assert not grid_of(pilot).display
        assert screen.query_one(ProblemPane).has_focus
        # Enter explains it from here as it does from a token, and from the list.
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Explanation))
        await pilot.press("escape")
        screen.query_one(SamplesList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Explanation))
        await pilot.press("escape")
        screen.query_one(ProblemPane).focus()
        assert "2 checks ✗1+" in screen.query_one(StatusBar).render().plain
        await to_row(pilot, "J")
        assert grid_of(pilot).display
        assert grid_of(pilot).has_focus


async def test_the_page_of_a_finding_mends_it_with_the_key_that_it_names(opened: Opened, recipe: Path) -> None:
    async with opened(bench=prepare(recipe)) as pilot:
        await pilot.press("n", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Explanation))
        page = pilot.app.screen
        assert "f fixes it" in str(page.query_one("#dialog").border_subtitle)
        await pilot.press("f")
        await until(pilot, lambda: settled(pilot) and screen_of(pilot).editing.document.dirty)
        assert not isinstance(pilot.app.screen, Explanation)
        view = grid_of(pilot).view
        assert view is not None
        assert view.mask.keep.any()


async def test_the_last_row_asked_for_wins(opened: Opened) -> None:
    bench = SmallBench(ROWS)
    go, entered = threading.Event(), threading.Event()

    def wait(messages: object) -> None:
        entered.set()
        assert go.wait(20)

    async with opened(bench=bench) as pilot:
        bench.renderer.before = wait
        bench._kept.clear()
        await pilot.press("J")
        await until(pilot, entered.is_set)
        await pilot.press("J", "J", "J")
        assert grid_of(pilot).view.index == 0
        await pilot.pause(0.4)
        assert "row 4" in str(grid_of(pilot).border_subtitle)
        go.set()
        await until(pilot, lambda: settled(pilot))
        assert grid_of(pilot).view.index == 4
        assert "row 4" not in str(grid_of(pilot).border_subtitle)


async def test_a_source_of_unknown_length_ends_where_it_ends(opened: Opened) -> None:
    async with opened(bench=SmallBench(ROWS[:5], known=False)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        await until(pilot, lambda: samples.rows == 5)
        await pilot.press("shift+tab")
        await to_row(pilot, "end")
        assert grid_of(pilot).view.index == 4


async def test_a_row_beyond_the_end_says_so(opened: Opened) -> None:
    async with opened(row=99) as pilot:
        problem = screen_of(pilot).query_one(ProblemPane)
        assert problem.display
        assert "There is no row 99" in str(problem.query_one("Static").render())


async def test_panes_are_hidden_and_shown(opened: Opened) -> None:
    async with opened() as pilot:
        screen = screen_of(pilot)
        width = grid_of(pilot).size.width
        await pilot.press("s")
        assert not screen.query_one("#samples").display
        await pilot.pause()
        assert grid_of(pilot).size.width > width
        await pilot.press("s", "b")
        assert screen.query_one("#samples").display
        assert not screen.query_one("#side").display


async def test_hiding_the_pane_in_focus_moves_the_focus(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("shift+tab", "s")
        assert grid_of(pilot).has_focus


async def test_a_narrow_window_has_no_right_side_until_it_is_asked_for(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        screen = screen_of(pilot)
        assert not screen.query_one("#side").display
        await pilot.press("b")
        assert screen.query_one("#side").display
        # The rows are one key away; what is hidden here is there again where there is room.
        assert not screen.query_one("#samples").display
        await pilot.press("s")
        assert screen.query_one("#samples").display
        await pilot.press("s", "b")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: screen.query_one("#samples").display and screen.query_one("#side").display)


async def test_a_resize_keeps_the_token_and_breaks_the_lines_anew(opened: Opened) -> None:
    async with opened((160, 40)) as pilot:
        await pilot.press("]", "right", "right")
        grid, before = grid_of(pilot), grid_of(pilot).at.cursor
        lines = grid.drawing.lines.height
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert grid.at.cursor == before
        assert grid.drawing.lines.height > lines
        y = grid.drawing.lines.line_of(grid.at.item) - grid.scroll_offset.y
        assert 0 <= y < grid.size.height


async def test_no_line_is_wider_than_the_pane(opened: Opened) -> None:
    for width in (60, 80, 111, 200):
        async with opened((width, 24)) as pilot:
            grid = grid_of(pilot)
            text = "".join(line(pilot, y)[grid.drawing.lines.gutter :] for y in range(grid.drawing.lines.height))
            plain = text.replace("⏎", "").replace(" ", "")
            assert "Besideitliesasmallbluebook,closed,withayellowribbon.⟨turn|⟩" in plain


async def test_the_boundaries_give_ids_and_matches(opened: Opened) -> None:
    async with opened() as pilot:
        shown = screen_of(pilot).query_one(BoundariesPanel).plain
        assert 'start: "<|turn>model\\n"' in shown
        assert "matches 2/2 · 3 8 9 … 4" in shown
        assert "matches 0/0" in shown
        # A boundary whose turns its longer twin took is no fault.
        view = grid_of(pilot).view
        first = view.boundaries[0]
        short = replace(first, start=first.start[:2], start_text=first.start_text[:8])
        assert matches_of(replace(view, boundaries=(*view.boundaries, short)))[-1].covered == "the longer one"
        assert matches_of(view)[0].covered == ""
        screen_of(pilot).query_one(BoundariesPanel).show(replace(view, boundaries=(*view.boundaries, short)))
        assert "0, covered by the longer one" in screen_of(pilot).query_one(BoundariesPanel).plain
        assert "no findings" in str(screen_of(pilot).query_one(FindingsList).query_one("Static").render())


async def test_a_message_is_named_while_its_lines_go_by(opened: Opened) -> None:
    async with opened((40, 17)) as pilot:
        grid = grid_of(pilot)
        lines, named = grid.drawing.lines, 0
        for top in range(lines.height):
            grid.scroll_to(y=top, animate=False, force=True)
            await pilot.pause()
            top = grid.scroll_offset.y
            header = grid.render_line(0).text
            begins = top in lines.turn_lines.tolist()
            at = [number for number, begun in enumerate(lines.turn_lines.tolist()) if begun < top]
            if begins or not at:
                assert "─ message" not in header
            else:
                turn = lines.turns[at[-1]]
                assert header.startswith(f"─ message {turn.message} · {turn.role} · ")
                named += 1
        assert named


async def test_without_findings_n_says_that_there_is_nothing(opened: Opened) -> None:
    async with opened(bench=SmallBench(ROWS[:1])) as pilot:
        reason = screen_of(pilot).query_one(ReasonLine)
        assert "nothing found in this row" in reason.render().plain
        await pilot.press("n")
        await until(pilot, lambda: bool(message_of(pilot)))
        assert grid_of(pilot).at.cursor == 0
        assert message_of(pilot) == "No row has an error or a warning"
