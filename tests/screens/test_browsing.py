"""Finding and taking: search, selection, copying, minimap, filter, jump, loss lens."""

from __future__ import annotations

import re
from contextlib import suppress
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screens.inspect.filtering import Hit, Sorting, _measures
from screens.inspect.prompt import Prompt
from screens.inspect.reason_line import ReasonLine
from screens.inspect.row_filter import ORDERS, Order, parse_filter, sorted_by
from screens.inspect.row_list import SamplesList
from screens.token_grid.find import find
from screens.token_grid.lenses import Lens
from tests.screens.conftest import Opened, grid_of, screen_of, settled, until
from tests.screens.small_bench import ROWS, SOFT, SmallBench, conversation
from workbench.bench import Losses
from workbench.errors import InputError
from workbench.judged import JudgedRow
from workbench.views.row_view import read_sample


def texts(pilot: Any, start: int, stop: int) -> str:
    return "".join(grid_of(pilot).view.rendering.token_texts(start, stop))


def samples_of(pilot: Any) -> SamplesList:
    return screen_of(pilot).query_one(SamplesList)


async def test_a_search_finds_text_across_tokens_and_steps_through_it(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        await pilot.press("/", *"red sq")
        await pilot.pause()
        assert texts(pilot, int(grid.drawing.matches.start[0]), int(grid.drawing.matches.stop[0])) == " red square"
        assert grid.at.covered[0] == int(grid.drawing.matches.start[0])
        await pilot.press("escape")
        await pilot.pause()
        assert len(grid.drawing.matches) == 0
        assert grid.at.cursor == 0
        await pilot.press("/", *"are", "enter")
        await pilot.pause()
        assert grid.has_focus
        first = grid.at.cursor
        await pilot.press(">")
        second = grid.at.cursor
        assert first < second
        await pilot.press("<")
        assert grid.at.cursor == first
        await pilot.press("<")
        assert grid.at.cursor == int(grid.drawing.matches.start[-1])
        await pilot.press("escape", ">")
        assert len(grid.drawing.matches) > 0
        shown = "".join(grid.render_line(y).text for y in range(grid.size.height))
        assert "•" in shown


async def test_a_search_says_what_it_found_or_what_is_wrong(opened: Opened) -> None:
    async with opened() as pilot:
        prompt = screen_of(pilot).query_one(Prompt)

        def note() -> str:
            return str(prompt.query_one("#prompt-note").render()).strip()

        await pilot.press("/", *"xyzzy")
        await pilot.pause()
        assert note() == "no match"
        await pilot.press(*["backspace"] * 5, *"#1a")
        await pilot.pause()
        assert note() == "ids are numbers: #107 2604"
        await pilot.press(*["backspace"] * 3, *"role:assi")
        await pilot.pause()
        assert note() == "1 of 2"
        await pilot.press("down")
        await pilot.pause()
        assert note() == "2 of 2"


def test_ids_and_roles_are_found_where_they_are() -> None:
    from workbench.views.row_view import RowView, read_row

    view = read_row(SmallBench(ROWS).load(), 0)
    assert isinstance(view, RowView)
    ids = view.rendering.input_ids
    found = find(view, f"#{ids[10]} {ids[11]}")
    assert all((ids[at : at + 2] == ids[10:12]).all() for at in found.start.tolist())
    assert 10 in found.start
    user = find(view, "role:user")
    assert user.start.tolist() == [turn.start for turn in view.turns if turn.role == "user"]
    assert user.tokens(len(ids)).sum() == (user.stop - user.start).sum()
    assert len(find(view, "Red")) == 0
    assert len(find(view, "red")) == 1
    assert len(find(view, r"user\n")) == 2


async def test_tokens_are_selected_with_keys_and_copied(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        await pilot.press("]", "shift+right", "shift+right")
        start, stop = grid.at.selected
        assert texts(pilot, start, stop) == "A red square"
        await pilot.press("y")
        assert pilot.app.clipboard == "A red square"
        await pilot.press("Y")
        assert pilot.app.clipboard == str(grid.view.rendering.input_ids[start:stop].tolist())
        await pilot.press("shift+left", "y")
        assert pilot.app.clipboard == "A red"
        await pilot.press("shift+end", "shift+home", "shift+down", "shift+up", "escape")
        assert grid.at.anchor is None
        await pilot.press("v")
        turn = grid.view.turns[1]
        assert grid.at.selected == (turn.start, grid.view.turns[2].start)
        await pilot.press("v")
        assert grid.at.selected == (0, len(grid.view.rendering))
        await pilot.press("right")
        assert grid.at.anchor is None


async def test_a_drag_selects_and_a_click_does_not(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)
        y = next(y for y in range(grid.size.height) if "A red" in grid.render_line(y).text)
        x = grid.render_line(y).text.index("A red") + 2
        await pilot.mouse_down(grid, offset=(x, y + 1))
        await pilot.hover(grid, offset=(x + 3, y + 1))
        await pilot.mouse_up(grid, offset=(x + 3, y + 1))
        assert texts(pilot, *grid.at.selected) == "A red"
        await pilot.click(grid, offset=(x + 10, y + 1))
        assert grid.at.anchor is None


async def test_a_copied_program_gives_the_same_labels(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("]", "P")
        program = pilot.app.clipboard
        names: dict[str, Any] = {}
        exec(program, names)
        view = grid_of(pilot).view
        first, last = view.turns[1].start, view.turns[2].start
        assert names["ids"] == view.rendering.input_ids[first:last].tolist()
        assert names["labels"] == view.mask.labels[first:last].tolist()
        await pilot.press("G", "}", "g", "v", "v", "P")
        exec(pilot.app.clipboard, names)
        assert names["labels"] == view.mask.labels.tolist()
        assert f"*[6] * {SOFT}" in pilot.app.clipboard


async def test_the_minimap_shows_what_is_trained_and_takes_a_click(opened: Opened) -> None:
    rows = [conversation(*("words " * 60 for _ in range(40)))]
    async with opened(bench=SmallBench(rows)) as pilot:
        grid = grid_of(pilot)
        lines = grid.drawing.lines
        column = [grid.render_line(y).text[-2] for y in range(grid.size.height)]
        assert set(column) & set("▏▎▍▌▋▊▉█")
        rail = [grid.render_line(y).text[-3] for y in range(grid.size.height)]
        assert rail[0] == "┃"
        assert rail[-1] == "│"
        await pilot.click(grid, offset=(grid.size.width, grid.size.height))
        assert lines.line_of(grid.at.item) > lines.height * 0.8
        assert grid.render_line(grid.size.height - 1).text[-3] == "┃"


async def test_rows_are_filtered_by_words_share_and_findings(opened: Opened) -> None:
    async with opened() as pilot:
        samples = samples_of(pilot)
        await pilot.press("ctrl+f", *"question", "enter")
        await until(pilot, lambda: settled(pilot) and samples.rows == 35)
        assert samples.border_subtitle == "35 of 40 rows"
        # The first of them is shown, and the next one by the usual key.
        await until(pilot, lambda: settled(pilot) and grid_of(pilot).view.index == 5)
        await pilot.press("J")
        await until(pilot, lambda: settled(pilot) and grid_of(pilot).view.index == 6)
        await pilot.press("ctrl+f", *["backspace"] * 8, *"D001", "enter")
        await until(pilot, lambda: settled(pilot) and samples.rows == 1 and samples.chosen == 2)
        assert samples.render_line(0).text.split() == ["▸", "2", "–", "✗", "D001"]
        await pilot.press("ctrl+f", *["backspace"] * 4, *"trained>60", "enter")
        await until(pilot, lambda: settled(pilot) and 0 < samples.rows < 20)
        shares = re.findall(r"(\d+)%", "\n".join(samples.render_line(y).text for y in range(samples.rows)))
        assert len(shares) == samples.rows
        assert min(map(int, shares)) >= 60
        # Who only looks at the question leaves the filter as it is; the next escape takes it away.
        await pilot.press("ctrl+f", "escape")
        await pilot.pause()
        assert 0 < samples.rows < 20
        await pilot.press("escape")
        await until(pilot, lambda: samples.rows == len(ROWS))


async def test_a_row_that_a_new_filter_lists_stays_in_view(opened: Opened) -> None:
    async with opened(row=9) as pilot:
        samples = samples_of(pilot)
        await pilot.press("ctrl+f", *"question", "enter")
        await until(pilot, lambda: settled(pilot) and samples.rows == 35)
        assert (samples.chosen, grid_of(pilot).view.index) == (9, 9)
        # Nobody finds the rows of a filter without any: the row stays too.
        await pilot.press("ctrl+f", *["backspace"] * 8, *"nowhere", "enter")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete and not samples.rows)
        assert (samples.chosen, grid_of(pilot).view.index) == (9, 9)
        # An order alone leaves nothing out; with a filter the first by that order is shown.
        await pilot.press("ctrl+f", *["backspace"] * 7, *"sort:-tokens", "enter")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete and samples.rows == len(ROWS))
        assert samples.chosen == 9
        await pilot.press("ctrl+f", *["backspace"] * 12, *"D001 sort:-tokens", "enter")
        await until(pilot, lambda: settled(pilot) and samples.rows == 1 and samples.chosen == 2)


async def test_who_goes_on_while_a_filter_searches_is_not_called_back(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.blocks.known.MOST", 4)
    async with opened() as pilot:
        source, samples, go = pilot.app.bench.rows.row, samples_of(pilot), Event()

        def waiting(index: int) -> Any:
            assert index < 20 or go.wait(20)
            return source(index)

        monkeypatch.setattr(pilot.app.bench.rows, "row", waiting)
        await pilot.press("ctrl+f", *"D001", "enter")
        await until(pilot, lambda: samples.filtered)
        screen_of(pilot).rows.show(1)
        go.set()
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert (samples.rows, samples.chosen) == (1, 1)


async def test_a_page_of_rows_that_were_judged_is_painted_with_all_that_is_known(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [conversation(f"Question {number}?", "Yes." * (1 + number % 7)) for number in range(400)]
    async with opened((120, 30), bench=SmallBench(rows)) as pilot:
        samples = samples_of(pilot)
        await pilot.press("ctrl+f", *"sort:-tokens", "enter")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        wanted: list[list[int]] = []
        monkeypatch.setattr(screen_of(pilot).rows, "want_samples", wanted.append)
        drawn: list[str] = []
        draw = samples.render_line
        monkeypatch.setattr(samples, "render_line", lambda y: drawn.append(draw(y).text) or draw(y))
        for place in (100, 300, 0, 200):
            drawn.clear()
            samples.scroll_to(y=place, animate=False)
            await pilot.pause()
            lines = [samples.render_line(y).text for y in range(samples.size.height)]
            assert not any("…" in line for line in [*drawn, *lines])
            for y, line in enumerate(lines):
                sample = read_sample(pilot.app.bench, samples.listing.row_at(place + y))
                assert line.split()[:2] == [
                    str(sample.index), f"{100 * sample.trained / sample.total:.0f}%"
                ], line  # fmt: skip
        # T002 and T004 are asked for, after the paint, and only of the rows in sight.
        assert all(len(set(one)) <= samples.size.height + 64 for one in wanted)


async def test_a_filter_over_a_long_source_stops_when_it_has_enough(opened: Opened) -> None:
    rows = [conversation(f"Question {number}?", "Yes.") for number in range(3000)]
    bench = SmallBench(rows, known=False)
    read: list[int] = []
    async with opened(bench=bench) as pilot:
        source = bench.rows.row

        def counted(index: int) -> Any:
            read.append(index)
            return source(index)

        bench.rows.row = counted
        samples = samples_of(pilot)
        await pilot.press("ctrl+f", *"yes", "enter")
        await until(pilot, lambda: samples.rows >= 500)
        assert max(read) < 1100
        await pilot.press("shift+tab", "end")
        await until(pilot, lambda: samples.rows >= 1000)


async def test_escape_ends_a_filter_and_what_it_found_stays(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [conversation(f"Question {number}?", "Yes.") for number in range(80)]
    bench, go = SmallBench(rows), Event()
    monkeypatch.setattr("workbench.blocks.known.MOST", 10)
    monkeypatch.setattr("screens.inspect.filtering.SHOWN_AFTER_SECONDS", 0)
    async with opened(bench=bench) as pilot:
        source, samples = bench.rows.row, samples_of(pilot)
        reason = screen_of(pilot).query_one(ReasonLine)

        def waiting(index: int) -> Any:
            if index == 60:
                go.wait(20)
            return source(index)

        bench.rows.row = waiting
        await pilot.press("ctrl+f", *"trained>1", "enter")
        await until(pilot, lambda: samples.rows >= 20)
        assert "%…" in str(samples.border_subtitle)
        # Below the tokens it says how far it is, and how it is stopped.
        line = reason.render().plain.split("\n")[1]
        assert re.search(r"filter  ▓+░+  \d\d of 80 rows · .*\d\d found · esc stops", line), line
        await pilot.press("escape")
        assert "filter" not in reason.render().plain
        go.set()
        found = samples.rows
        assert samples.border_subtitle == f"{found} of {found}, stopped"
        await until(pilot, lambda: settled(pilot))
        assert samples.rows == found
        # Once more: what was judged is known, and the search goes to the end.
        await pilot.press("ctrl+f", "enter")
        await until(pilot, lambda: samples.border_subtitle == "80 of 80 rows")
        bench.rows.row = source


def test_a_row_that_cannot_be_rendered_is_found_by_the_pictures_that_it_names() -> None:
    data = {"messages": [{"role": "user", "content": [{"type": "image"}] * 2}], "images": ["a.png", "b.png"]}
    row: Any = SimpleNamespace(index=0, bench=SimpleNamespace(losses={}), raw=SimpleNamespace(data=data))
    measures = _measures(row, JudgedRow(0, -1, -1, -1, -1, (), None, alone=True))
    assert parse_filter("pictures=2").holds(measures, ())
    assert not parse_filter("pictures=1").holds(measures, ())
    # It has no tokens, and is not among those with few.
    assert not parse_filter("tokens<10").holds(measures, ())


async def test_rows_are_sorted_by_key_and_by_word(opened: Opened) -> None:
    async with opened() as pilot:
        samples = samples_of(pilot)

        def column(place: int) -> list[str]:
            return [samples.render_line(y).text.split()[place].lstrip("▸") for y in range(12)]

        def numbers() -> list[int]:
            known = [samples.listing.row_at(place) for place in range(samples.rows)]
            return [samples.known[row].total for row in known if row in samples.known and samples.known[row].total]

        # From the tokens, with the list hidden; the worst finding comes first.
        await pilot.press("s")
        assert not samples.display
        await pilot.press("o")
        assert samples.display
        assert samples.has_focus
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert "worst first" in str(samples.border_subtitle)
        assert "✗" in samples.render_line(0).text
        await pilot.press("o")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert "share ↑" in str(samples.border_subtitle)
        shares = [float(text.rstrip("%")) for text in column(-1) if text.endswith("%")]
        assert shares == sorted(shares)
        assert samples.rows == len(ROWS)
        await pilot.press("o", "o")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete and numbers()[0] >= numbers()[-1])
        assert "tokens ↓" in str(samples.border_subtitle)
        assert numbers() == sorted(numbers(), reverse=True)
        assert f"{numbers()[0]}t" in samples.render_line(0).text
        # The row that was shown is marked where it is now, and the keys follow the order.
        marked = [samples.render_line(y).text.startswith("▸") for y in range(samples.size.height)]
        assert marked.count(True) <= 1
        await pilot.press("home")
        await until(pilot, lambda: settled(pilot))
        assert grid_of(pilot).view.index == samples.listing.row_at(0)
        await pilot.press("J")
        await until(pilot, lambda: settled(pilot))
        assert grid_of(pilot).view.index == samples.listing.row_at(1)
        # Both at once: the filter stays when the order goes.
        await pilot.press("ctrl+f", *"pictures=1 sort:-pictures", "enter")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        few = samples.rows
        assert 0 < few < len(ROWS)
        await pilot.press("ctrl+f")
        assert screen_of(pilot).query_one(Prompt).query_one("Input").value == "pictures=1 sort:-pictures"
        await pilot.press("enter", "shift+tab", "o")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete and samples.rows == few)
        assert screen_of(pilot).filtering.text == "pictures=1"
        await pilot.press("ctrl+f", *"loss>1")
        assert "no run has measured" in str(screen_of(pilot).query_one("#prompt-note").render())
        # The first leaves the question, the second takes the filter away.
        await pilot.press("escape", "escape")
        await until(pilot, lambda: samples.rows == len(ROWS) and not samples.listing.sorted_by)


async def test_escape_ends_sorting_and_the_rows_known_stay_in_order(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [conversation("Question? " * (1 + number % 7), "Yes.") for number in range(80)]
    bench, go = SmallBench(rows, known=False), Event()
    monkeypatch.setattr("workbench.blocks.known.MOST", 10)
    monkeypatch.setattr("screens.inspect.filtering._SHOW_SECONDS", 0)
    async with opened(bench=bench) as pilot:
        source, samples = bench.rows.row, samples_of(pilot)

        def waiting(index: int) -> Any:
            if index == 60:
                go.wait(20)
            return source(index)

        bench.rows.row = waiting
        await pilot.press("ctrl+f", *"sort:-tokens", "enter")
        await until(pilot, lambda: samples.rows >= 20)
        await pilot.press("escape")
        go.set()
        found = samples.rows
        assert str(samples.border_subtitle).endswith("stopped")
        await until(pilot, lambda: settled(pilot))
        assert samples.rows == found
        order = [samples.listing.row_at(place) for place in range(found)]
        assert order == sorted(range(found), key=lambda row: (-(row % 7), row))
        bench.rows.row = source
        await pilot.press("ctrl+f", "enter")
        await until(pilot, lambda: samples.rows == 80 and samples.listing.complete)


async def test_a_bad_filter_is_told_and_changes_nothing(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("ctrl+f", *"is:bad", "enter")
        await pilot.pause()
        prompt = screen_of(pilot).query_one(Prompt)
        assert prompt.display
        assert "is: takes" in str(prompt.query_one("#prompt-note").render())
        assert samples_of(pilot).rows == len(ROWS)


def test_filters_are_read_as_they_are_typed() -> None:
    found = parse_filter('trained<=10% M001 is:error "Red Square"')
    assert (found.compared, found.codes, found.states) == ((("share", "<=", 10.0),), ("M001",), ("error",))
    assert found.words == ("red square",)
    assert parse_filter("don't").words == ("don't",)
    assert parse_filter('"is:odd" http://x').words == ("is:odd", "http://x")
    many = parse_filter("tokens>2,000 pictures=2 loss>=3.5 sort:-tokens")
    assert many.compared == (("tokens", ">", 2000.0), ("pictures", "=", 2.0), ("loss", ">=", 3.5))
    assert many.order == Order("tokens", descending=True)
    more = parse_filter("media>64 pictures:2 code:M002 role:Tool source:b.jsonl sort:media")
    assert more.compared == (("media", ">", 64.0), ("pictures", ":", 2.0))
    assert (more.codes, more.roles, more.sources) == (("M002",), ("tool",), ("b.jsonl",))
    assert more.has_roles({"user", "tool"})
    assert not more.has_roles({"user"})
    assert more.is_from("data/B.jsonl")
    assert not more.is_from("data/a.jsonl")
    assert not parse_filter("sort:tokens").chooses
    for wrong, meant in (
        ("token>5", "did you mean tokens?"),
        ("Pictures:2", "did you mean pictures?"),
        ("pictures:many", "pictures is compared with a number"),
        ("role:", "role: takes a message's role"),
        ("source=a", "source: takes a part of a file's name"),
        ("code:odd", "code: takes a code"),
        ("rule:user", "did you mean role?"),
        ("is:odd", "is: takes"),
        ("trained<many", "percentage"),
        ("loss>1.2.3", "loss is compared"),
        ("sort:tokns", "did you mean tokens?"),
        ("sort:", "sort: takes"),
        ("srot:tokens", "did you mean sort?"),
    ):
        with pytest.raises(InputError) as raised:
            parse_filter(wrong)
        assert meant in raised.value.title, wrong
    assert not parse_filter("  ")


@given(st.text(max_size=40), st.sampled_from(ORDERS))
@settings(max_examples=60, deadline=None)
def test_an_order_is_put_into_any_filter_and_taken_out_again(text: str, order: Order | None) -> None:
    with_order = sorted_by(text, order)
    assert sorted_by(with_order, None) == sorted_by(text, None)
    with suppress(InputError):
        if "'" not in text and '"' not in text:
            parse_filter(text)
            assert parse_filter(with_order).order == order


def test_a_list_is_sorted_with_equal_rows_as_they_stand_and_those_without_a_value_last() -> None:
    rows = [3.0, None, 1.0, 3.0, 2.0, None, 1.0]
    for descending, wanted in ((False, [2, 6, 4, 0, 3, 1, 5]), (True, [0, 3, 4, 2, 6, 1, 5])):
        sorting = Sorting(Order("loss", descending))
        for number, value in enumerate(rows):
            sorting.add([Hit(number, value)])
            order, labels = sorting.rows()
        assert order == wanted
        assert labels == {row: f"{value:.2f}" for row, value in enumerate(rows) if value is not None}


async def test_a_row_is_gone_to_by_its_number(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press(":", *"99", "enter")
        await pilot.pause()
        prompt = screen_of(pilot).query_one(Prompt)
        assert "0 to 39" in str(prompt.query_one("#prompt-note").render())
        await pilot.press("backspace", "backspace", *"17", "enter")
        await until(pilot, lambda: settled(pilot))
        assert grid_of(pilot).view.index == 17
        assert grid_of(pilot).has_focus


async def test_the_loss_lens_is_there_once_a_run_has_measured(opened: Opened) -> None:
    bench = SmallBench(ROWS)
    async with opened(bench=bench) as pilot:
        grid = grid_of(pilot)
        await pilot.press("l", "l", "l")
        assert grid.lens is Lens.MASK
        row = bench.row(0)
        nll = np.full(len(row.rendering), np.nan, dtype=np.float32)
        nll[row.mask.keep] = 0.05
        at = int(row.mask.keep.argmax())
        nll[at] = 5.5
        bench.losses[0] = Losses(nll, row.rendering.input_ids.copy())
        screen_of(pilot).rows.show_losses()
        await until(pilot, lambda: settled(pilot))
        await pilot.press("l", "l", "l", "]")
        assert grid.lens is Lens.LOSS
        assert "nats" in str(grid.border_subtitle)
        assert grid.drawing.shades[grid.at.item] == 6
        assert grid.drawing.shades[0] == 0
        from screens.token_grid.inspector import TokenInspector

        assert "loss 5.50" in screen_of(pilot).query_one(TokenInspector).render().plain
