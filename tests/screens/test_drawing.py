"""Shortcuts that make a keystroke quick change nothing: blocks of lines, kept lines, the collector that waits."""

from __future__ import annotations

import gc
import itertools
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip
from textual.widgets import TextArea

from screens.inspect.recipe_text import RecipeTextArea
from screens.line_cache.text_pane import TextPane, strip_of
from screens.shell.garbage_collection import Collector
from screens.shell.themes import THEMES, paints
from screens.token_grid import drawing
from screens.token_grid.lenses import LOOKS, Lens, shades, styles
from screens.token_grid.lines import draw_items, lay_out
from screens.token_grid.minimap import Marks
from screens.token_grid.paint import Inks, Page, draw_lines
from tests.screens.conftest import Opened, grid_of, to_row
from workbench.editing.session import Change
from workbench.errors import Where
from workbench.findings import SEVERITIES, Finding


@pytest.mark.parametrize("width", [24, 48, 90])
async def test_a_block_of_lines_is_drawn_as_each_of_them_alone(opened: Opened, width: int) -> None:
    async with opened() as pilot:
        for _ in range(4):
            view = grid_of(pilot).view
            assert view is not None
            drawn = draw_items(view, set())
            lines = lay_out(view, drawn, width)
            base, paint = Style(color="#ffffff", bgcolor="#000000"), paints(pilot.app.current_theme)
            keep = view.mask.keep
            flipped = Change(~keep, keep.copy())
            flipped.removed[: len(keep) // 2] = False
            inks = Inks(base, styles(Lens.MASK, base, paint), paint)
            marks = Marks(*(flag.nonzero()[0][:1] for flag in (keep, keep)))
            marks = replace(marks, severity=marks.severity * 0 + SEVERITIES.index("warning"))
            page = Page(view, lines, shades(Lens.MASK, view, drawn, flipped), flipped, marks, True, inks)
            assert page.shades.max() >= LOOKS
            whole = draw_lines(page, 0, lines.height)
            assert len(whole) == lines.height > 1
            assert [strip.cell_length for strip in whole] == [lines.gutter + lines.width] * lines.height
            assert whole == [one for line in range(lines.height) for one in draw_lines(page, line, line + 1)]
            assert {"+", "−"} <= {character for strip in whole for character in strip.text}
            await to_row(pilot, "j")


async def test_a_kept_line_never_outlives_what_it_shows(opened: Opened) -> None:
    async with opened() as pilot:
        grid = grid_of(pilot)

        def drawn() -> list[object]:
            kept = [grid.render_line(y) for y in range(grid.size.height)]
            grid.drawing._windows.clear()
            grid.drawing._strips.clear()
            assert kept == [grid.render_line(y) for y in range(grid.size.height)]
            return kept

        seen = [drawn()]
        for keys in ("right", "shift+right", "escape", "s", "l", "l", "e", "escape", "t", "ctrl+end", "["):
            await pilot.press(keys)
            seen.append(drawn())
        different = sum(one != other for one, other in itertools.pairwise(seen))
        assert different >= 8
        grid.search("red")
        assert drawn() != seen[-1]


async def test_a_mask_that_comes_back_is_not_drawn_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened((120, 34)) as pilot:
        grid, drawn = grid_of(pilot), [0]
        draw = drawing.draw_lines

        def counted(page: Page, first: int, last: int) -> list[Strip]:
            drawn[0] += last - first
            return draw(page, first, last)

        monkeypatch.setattr(drawing, "draw_lines", counted)
        view = grid.view
        assert view is not None
        found = [Finding("M002", "error", "Found", where=Where(tokens=(9, 10)))]
        none = replace(view.mask, keep=np.zeros_like(view.mask.keep))
        bare = replace(view.mask, spans=view.mask.spans.take(slice(0, 0)))
        more = Change(view.mask.keep, none.keep)
        # In a lens that does not colour what changed: the gutter alone tells.
        grid.set_lens(Lens.OWNER)
        shown = [(view, None), (replace(view, mask=none), None), (replace(view, mask=bare), None), (view, more)]
        shown += [(replace(view, findings=found), None), (replace(view, roles_to_train=("user",)), None)]
        known: list[list[Strip]] = []
        for other, changed in shown:
            drawn[0] = 0
            grid.remask(other, changed)
            known.append(grid.render_lines(grid.outer_size.region))
            assert drawn[0] > 0
        assert all(one != other for one, other in itertools.combinations(known, 2))
        drawn[0] = 0
        for (other, changed), lines in zip(shown, known, strict=True):
            grid.remask(other, changed)
            again = grid.render_lines(grid.outer_size.region)
            # The very strips: Textual keeps in them what it made of them.
            assert all(one is other for one, other in zip(lines, again, strict=True))
        assert drawn[0] == 0
        grid.blur()
        await pilot.pause()
        assert grid.render_lines(grid.outer_size.region) != known[-1]


async def test_the_legend_has_the_colours_of_a_new_theme(opened: Opened) -> None:
    async with opened((120, 40)) as pilot:
        grid, seen = grid_of(pilot), []
        for theme in THEMES:
            pilot.app.theme = theme.name
            await pilot.pause()
            shown = pilot.app.screen._compositor.render_strips()
            grid.notify_style_update()
            grid.show_legend()
            grid.refresh()
            await pilot.pause()
            assert shown == pilot.app.screen._compositor.render_strips(), theme.name
            seen.append(shown)
        assert all(one != other for one, other in itertools.pairwise(seen))


class Writing(App[None]):
    """The recipe's text and nothing else."""

    CSS = "RecipeTextArea { height: 9; border: none; }"

    def compose(self) -> ComposeResult:
        text = "".join(f"key{number}: [one, 'two']  # more\n" for number in range(20))
        yield RecipeTextArea.code_editor(text, language="yaml", soft_wrap=False, show_line_numbers=True)


async def test_what_an_edit_paints_of_the_text_is_all_that_differs() -> None:
    async with Writing().run_test(size=(40, 12)) as pilot:
        area, compositor = pilot.app.query_one(RecipeTextArea), pilot.app.screen._compositor
        area.focus()
        await pilot.press("down", "down", "right", "right")
        told: list[list[int]] = []
        paint = area.paint_lines
        area.paint_lines = lambda lines: told.append(lines) or paint(lines)  # type: ignore[func-returns-value, method-assign]
        keys = ("x", "backspace", "'", "enter", "[", "]", "left", "delete", "ctrl+k", "tab", "shift+down", "shift+down")
        for key in (*keys, "y", "shift+right", "delete", "ctrl+end", "z", "enter", "ctrl+home", "enter", "w"):
            await pilot.press(key)
            await pilot.pause()
            shown = compositor.render_strips()
            area.refresh()
            await pilot.pause()
            assert shown == compositor.render_strips(), key
        assert told[:2] == [[2], [2]]
        assert len(told) > 10


async def test_colours_of_the_text_are_those_of_the_whole_of_it() -> None:
    async with Writing().run_test(size=(40, 12)) as pilot:
        area = pilot.app.query_one(RecipeTextArea)
        area.load_text("".join(f"key{n}:\n  - 'in quotes' # {n}\n  - |\n" + "    more\n" * 7 for n in range(30)))
        area.focus()
        whole = TextArea.code_editor(area.text, language="yaml", soft_wrap=False, show_line_numbers=True)
        await pilot.app.mount(whole)
        coloured = 0
        for key in ("pagedown", "x", "pagedown", "down", "backspace", "ctrl+end", "y", "pageup", "ctrl+home", "z"):
            await pilot.press(key)
            await pilot.pause()
            if whole.text != area.text:
                whole.load_text(area.text)
            for line in range(area.scroll_offset.y, area.scroll_offset.y + area.size.height):
                assert set(area._highlights[line]) == set(whole._highlights[line]), (key, line)
                coloured += len(area._highlights[line])
        assert coloured > 60


@pytest.mark.parametrize("spans", [[], [(0, 3)], [(2, 5), (5, 7)], [(1, 6), (3, 9)], [(4, 9), (0, 4)], [(0, 99)]])
def test_a_line_of_text_becomes_what_rich_makes_of_it(spans: list[tuple[int, int]]) -> None:
    base, looks = Style(color="white", bgcolor="black"), (Style(bold=True), Style(color="red", italic=True))
    text = Text("one two three", end="")
    for (start, stop), look in zip(spans, looks, strict=False):
        text.stylize(look, start, stop)
    whole = text.copy()
    whole.stylize_before(base)
    console = Console()
    for width in (6, 13, 20):
        strip = strip_of(text, base, width, console)
        assert strip.cell_length == width
        if width > 6:
            assert strip.crop(0, 13).simplify() == Strip(whole.render(console)).simplify()


class Saying(App[None]):
    """A text pane and nothing else."""

    CSS = "TextPane { height: 4; width: 12; scrollbar-size-vertical: 0; }"

    def compose(self) -> ComposeResult:
        yield TextPane(id="pane")


async def test_a_text_pane_paints_only_the_lines_that_differ() -> None:
    async with Saying().run_test() as pilot:
        pane = pilot.app.query_one(TextPane)
        pane.say(list(Text("one\ntwo\nthree\nfour\nfive is a long line").split("\n")))
        await pilot.pause()
        assert [pane.render_line(y).text.rstrip() for y in range(4)] == ["one", "two", "three", "four"]
        asked: list[int] = []
        draw = pane.render_line
        pane.render_line = lambda y: asked.append(y) or draw(y)  # type: ignore[func-returns-value, method-assign]
        pane.say(list(Text("one\nTWO\nthree\nfour\nfive is a long line").split("\n")))
        await pilot.pause()
        assert asked == [1]
        pane.scroll_end(animate=False)
        await pilot.pause()
        assert pane.render_line(3).text == "five is a l…"
        assert pane.plain.startswith("one\nTWO\n")
        pane.say(list(Text("").split("\n")))
        await pilot.pause()
        assert pane.render_line(0).text.strip() == ""
        assert pane.scroll_offset.y == 0


async def test_the_text_of_a_pane_can_be_selected() -> None:
    async with Saying().run_test() as pilot:
        pane = pilot.app.query_one(TextPane)
        pane.say(list(Text("one\ntwo\nthree").split("\n")))
        await pilot.pause()
        chosen = Selection(Offset(1, 0), Offset(2, 1))
        assert pane.get_selection(chosen) == ("ne\ntw", "\n")
        plain = [segment.style for segment in pane.render_line(1)]
        pilot.app.screen.selections = {pane: chosen}
        await pilot.pause()
        assert [segment.style for segment in pane.render_line(1)] != plain


async def test_the_collector_waits_for_a_quiet_moment(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    assert gc.isenabled()
    async with opened():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 1000
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    collector = Collector()
    monkeypatch.setattr(gc, "collect", collected.append)
    monkeypatch.setattr(gc, "get_count", lambda: (many, 0, 0))
    many = 10_000
    collector.tick()
    assert not collected, "before its start it leaves Python's own alone"
    collector.start()
    try:
        collector.tick()
        assert collected == [1]
        collector.touched()
        collector.tick()
        assert collected == [1], "somebody waits"
        many = 1_000_000
        collector.tick()
        assert collected == [1, 1], "so much is not left lying about"
        collector._touched, many = 0.0, 10
        collector.tick()
        assert collected == [1, 1], "there is nothing to look through"
        many = 10_000
        for _ in range(20):
            collector.tick()
        assert collected.count(2) == 1
    finally:
        collector.stop()
    before = gc.get_threshold()
    collector.begin()
    assert gc.isenabled()
    assert gc.get_threshold()[0] > before[0]
    collector.stop()
    assert gc.get_threshold() == before
