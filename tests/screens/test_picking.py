"""The picker of rows: what it shows of a filter, what it writes, and that nothing typed is lost in it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input, Static

from screens.inspect.filter_dialog import FilterDialog
from screens.inspect.picked_filter import NUMBERS, ROLE, SORT, SOURCE, STATE, PickedFilter
from screens.inspect.row_filter import Order, parse_filter, terms_of
from screens.inspect.row_line import USUAL_COLUMNS, columns_of
from screens.inspect.row_list import SamplesList
from screens.shell.pick_field import KeyLine, PickField
from tests.screens.conftest import Opened, screen_of, settled, until
from tests.screens.small_bench import ROWS, SmallBench, conversation
from workbench.bench import prepare
from workbench.errors import InputError

PLACES = (*NUMBERS, STATE, ROLE, SOURCE, SORT)
TERMS = [
    *("tokens>2,000", "trained<5%", "share<=3", "share<5%", "pictures:2", "media>=64", "loss>1.2.3", "code:M002"),
    *("M001", "m001", "is:error", "is:odd", "role:tool", "role:", "sort:-tokens", "sort:", "sort:code"),
    *("source:a.jsonl", '"red', "don't", '"open', "http://x", "word", "\t", "\xa0"),
]
FILTERS = st.one_of(
    st.text(max_size=24),
    st.lists(st.sampled_from([*TERMS, '"red square"']), max_size=7).map(" ".join),
    st.lists(st.sampled_from([*TERMS, '"red square"']), max_size=5).map("".join),
)


@given(FILTERS)
@settings(max_examples=400, deadline=None)
def test_any_filter_comes_out_of_the_picker_as_it_went_in(text: str) -> None:
    picked = PickedFilter(text)
    assert picked.text == text
    for place in PLACES:
        picked.set(place, picked.term(place))
    for code in picked.codes:
        picked.set_code(code, True)
    picked.set_rest(picked.rest)
    assert picked.text == text


@given(FILTERS, st.sampled_from(NUMBERS))
@settings(max_examples=400, deadline=None)
def test_what_no_place_holds_stays_whatever_is_picked(text: str, field: str) -> None:
    picked = PickedFilter(text)
    rest = picked.rest
    for place in PLACES:
        picked.set(place, "")
    for code in picked.codes:
        picked.set_code(code, False)
    assert picked.rest == rest
    assert picked.text.split() == rest.split()
    picked.set(field, f"{field}<7")
    assert picked.rest == rest
    try:
        before = parse_filter(rest)
    except InputError:
        return
    after = parse_filter(picked.text)
    assert set(before.compared) < {*after.compared, None} or (field, "<", 7.0) in before.compared
    assert after.words == before.words


@given(st.text(alphabet="ab\"' \t\n:<\xa0é\\#", max_size=14))
@settings(max_examples=300, deadline=None)
def test_a_filter_is_split_as_a_shell_without_escapes_does(text: str) -> None:
    try:
        wanted = shlex.split(text, posix=False)
    except ValueError:
        wanted = text.replace('"', " ").replace("'", " ").split()
    assert [match[0] for match in terms_of(text)] == wanted


def test_terms_beside_each_other_stay_two() -> None:
    picked = PickedFilter('M001 "x"tokens>5')
    picked.set_rest("")
    assert picked.text == "M001 tokens>5"
    picked.set("tokens", "tokens=6")
    picked.set_rest("word")
    assert picked.text == "M001 tokens=6 word"
    assert PickedFilter("sort:tokens sort:-share").order == Order("share", True)


def dialog(pilot: Pilot[None]) -> FilterDialog:
    found = pilot.app.screen
    assert isinstance(found, FilterDialog)
    return found


def typed(pilot: Pilot[None]) -> str:
    return str(dialog(pilot).query_one("#typed", Static).render()).removeprefix("filter ")


async def test_a_filter_is_picked_with_keys_and_learned_on_the_way(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        await pilot.press("O")
        await pilot.pause()
        assert typed(pilot) == "none: every row"
        # The number alone says enough; then another sign.
        await pilot.press("tab", *"60", "up", "left", "left")
        await pilot.pause()
        assert typed(pilot) == "trained>=60" or typed(pilot) == "trained>60"
        dialog(pilot).query_one("#order").focus()
        await pilot.press("right", "right", "down", "space")
        await pilot.pause()
        assert typed(pilot).endswith("sort:-share")
        dialog(pilot).query_one("#column-trained").focus()
        await pilot.press("space")
        text = typed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete and 0 < samples.rows < 20)
        assert screen_of(pilot).filtering.text == text
        assert "share ↓" in str(samples.border_subtitle)
        assert samples.columns == ("share", "trained", "tokens", "pictures", "finding")
        # It is read back, and esc leaves all as it was.
        await pilot.press("O")
        await pilot.pause()
        assert dialog(pilot).query_one("#value-trained", Input).value == "60"
        await pilot.press("f8")
        assert typed(pilot) == "none: every row"
        assert dialog(pilot).query_one("#value-trained", Input).value == ""
        await pilot.press("escape")
        await pilot.pause()
        assert screen_of(pilot).filtering.text == text
        await pilot.press("O", "f8", "enter")
        await until(pilot, lambda: samples.rows == len(ROWS))


async def test_what_was_typed_is_read_back_and_what_is_wrong_is_said(opened: Opened) -> None:
    async with opened((120, 40)) as pilot:
        await pilot.press("ctrl+f", *'is:clean share<=40% "red sq" role:user tokens>2 tokens<500', "enter")
        await until(pilot, lambda: settled(pilot))
        screen_of(pilot).query_one(SamplesList).focus()
        await pilot.press("O")
        await pilot.pause()
        shown = dialog(pilot)
        assert typed(pilot) == 'is:clean share<=40% "red sq" role:user tokens>2 tokens<500'
        assert shown.query_one("#sign-trained", PickField).value == "<="
        assert shown.query_one("#value-is", PickField).value == "clean"
        assert shown.query_one("#value-role", PickField).value == "user"
        assert shown.query_one("#rest", Input).value == '"red sq" tokens<500'
        shown.query_one("#rest").focus()
        await pilot.press("end", *" is:odd")
        await pilot.pause()
        assert "is: takes error" in str(shown.query_one("#typed", Static).render())
        await pilot.press("enter")
        assert pilot.app.screen is shown
        await pilot.press("escape")


async def test_codes_are_ticked_with_the_mouse(opened: Opened, recipe: Path) -> None:
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        known = samples.known.codes
        assert known["M002"] > 0
        await pilot.press("O")
        await pilot.pause()
        tick = dialog(pilot).query_one("#code-M002")
        assert f"M002  {known['M002']} rows" in str(tick.render())
        await pilot.click("#code-M002")
        await pilot.pause()
        assert typed(pilot) == "M002"
        await pilot.click(dialog(pilot).query_one(KeyLine), offset=(2, 0))
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert samples.rows == known["M002"]


@pytest.mark.parametrize(("size", "words"), [((40, 20), " marker …"), ((80, 24), " does not match the turns…")])
async def test_a_code_is_listed_with_as_much_of_its_title_as_there_is_room_for(
    opened: Opened, recipe: Path, size: tuple[int, int], words: str
) -> None:
    async with opened(size, bench=prepare(recipe)) as pilot:
        screen_of(pilot).filtering.set("M002 M999")
        await until(pilot, lambda: settled(pilot))
        await pilot.press("O")
        await pilot.pause()
        shown = dialog(pilot)
        tick, unknown = shown.query_one("#code-M002"), shown.query_one("#code-M999")
        tick.scroll_visible(animate=False)
        await pilot.pause()
        line = tick.render_line(0).text
        assert line.startswith("☑ M002  0 rows  a start ")
        assert line.rstrip().endswith(words), line
        # One that no page tells of stands by itself.
        assert unknown.render_line(0).text.strip() == "☑ M999  0 rows"
        await pilot.press("escape")


@pytest.mark.parametrize("size", [(43, 20), (80, 24), (200, 60)])
async def test_every_field_the_filter_and_the_keys_are_seen(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as pilot:
        await pilot.press("O")
        await pilot.pause()
        shown = dialog(pilot)
        fields = [*shown.query("PickField, TickField, Input")]
        for one in fields:
            one.focus()
            await pilot.pause()
            assert one.disabled or shown.query_one("#fields").region.contains_region(one.region), one.id
            for below in ("#typed", "KeyLine"):
                region = shown.query_one(below).region
                assert region.height
                assert region.bottom < size[1], (below, one.id)
        assert shown.query_one("#picker").region.width <= size[0]
        await pilot.press("escape")


async def test_rows_are_listed_by_role_source_and_media(opened: Opened) -> None:
    rows: list[Any] = [conversation("Question?", "Yes."), "a row that cannot be read", *ROWS[:4]]
    async with opened(bench=SmallBench(rows)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        filtering = screen_of(pilot).filtering
        for text, none in (("role:user", False), ("role:tool", True), ("source:rows", False), ("source:b", True)):
            filtering.set(text)
            await until(pilot, lambda: settled(pilot) and samples.listing.complete)
            assert (samples.rows == 0) is none, text
        filtering.set("media>0 sort:-media")
        await until(pilot, lambda: settled(pilot) and samples.listing.complete)
        assert 0 < samples.rows < len(rows)


async def test_columns_are_shown_and_kept(opened: Opened) -> None:
    async with opened((200, 40), bench=SmallBench(ROWS)) as pilot:
        samples = screen_of(pilot).query_one(SamplesList)
        assert samples.columns == USUAL_COLUMNS
        with_share = samples.render_line(0).text
        samples.columns = columns_of(["trained", "finding", "nothing"])
        assert samples.columns == ("trained", "finding")
        line = samples.render_line(0).text
        assert "%" in with_share
        assert "%" not in line
        assert f"{samples.known[0].trained}✓" in line
        await pilot.press("q")
    async with opened((200, 40), bench=SmallBench(ROWS)) as pilot:
        assert screen_of(pilot).query_one(SamplesList).columns == ("trained", "finding")
        screen_of(pilot).query_one(SamplesList).columns = USUAL_COLUMNS


async def test_down_goes_from_field_to_field_over_numbers_that_are_not_compared(opened: Opened) -> None:
    async with opened((100, 40), bench=SmallBench(ROWS)) as pilot:
        await pilot.press("O")
        await until(pilot, lambda: isinstance(pilot.app.screen, FilterDialog))
        dialog = pilot.app.screen
        seen = [str(dialog.focused.id)]  # type: ignore[union-attr]
        for _ in range(4):
            await pilot.press("down")
            seen.append(str(dialog.focused.id))  # type: ignore[union-attr]
        assert seen == ["sign-trained", "sign-tokens", "sign-pictures", "sign-media", "value-is"]
        await pilot.press("up", "up", "right", "down")
        # One that is compared has a number to be typed.
        assert str(dialog.focused.id) == "value-pictures"  # type: ignore[union-attr]
        await pilot.press("up", "up", "up", "up")
        assert str(dialog.focused.id) not in ("value-trained", "value-tokens")  # type: ignore[union-attr]
