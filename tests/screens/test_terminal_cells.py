"""Paints of a part of the screen: the terminal shows after them what a whole paint would show."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.geometry import Region
from textual.widgets import Static

from screens.inspect.findings_list import FindingsList
from screens.inspect.recipe_editor import RecipeEditor
from tests.screens.conftest import Opened, forget_drawn, screen_of, settled, until
from workbench.bench import prepare

_WRITTEN = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|(\n)|([^\x1b\n])")


class Glass:
    """A terminal's cells, each with the codes of its style."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}

    def write(self, text: str) -> None:
        y = x = end = 0
        style = ""
        for found in _WRITTEN.finditer(text):
            assert found.start() == end, f"not understood: {text[end : end + 20]!r}"
            end = found.end()
            line, column, codes, feed, char = found.groups()
            if line:
                y, x = int(line) - 1, int(column) - 1
            elif codes is not None:
                style = "" if codes in ("", "0") else style + codes + ";"
            elif not feed:
                self.cells[y, x] = char, style
                x += cell_len(char)
        assert end == len(text)


async def test_the_terminal_shows_what_a_whole_paint_would(opened: Opened, recipe: Path) -> None:
    async with opened((120, 34), bench=prepare(recipe)) as pilot:
        app, screen, glass = pilot.app, screen_of(pilot), Glass()
        parts = others = 0
        display = app._display

        def displayed(where: Any, update: Any) -> None:
            nonlocal parts, others
            if isinstance(update, CompositorUpdate):
                parts += isinstance(update, ChopsUpdate)
                others += not isinstance(update, ChopsUpdate)
                glass.write(update.render_segments(app.console))
            display(where, update)

        app._display = displayed  # type: ignore[method-assign]
        screen.refresh()
        editor = screen.query_one(RecipeEditor)
        editor.area.cursor_blink = False
        seen = []

        async def compare(what: str) -> None:
            await until(pilot, lambda: app.screen is not screen or settled(pilot))
            whole = Glass()
            forget_drawn(app.screen)
            whole.write(app.screen._compositor.render_full_update().render_segments(app.console))
            assert {at: cell for at, cell in glass.cells.items() if cell != whole.cells.get(at)} == {}, what
            seen.append(glass.cells.copy())

        await compare("at the start")
        for key in ("right", "down", "shift+down", "shift+right", "escape", "l", "l", "s", "j", "k", "ctrl+end"):
            await pilot.press(key)
            await compare(key)
        await pilot.press("e")
        line = next(at for at, text in enumerate(editor.area.text.splitlines()) if "start:" in text)
        editor.go(line + 1, editor.area.document.get_line(line).index("<") + 3)
        parts = others = 0
        for key in ("x", "backspace", "y", "delete", "[", "backspace", "shift+left", "left", "down", "up", "ctrl+z"):
            await pilot.press(key)
            await compare(key)
        assert parts >= 11 > others
        findings = screen.query_one(FindingsList)
        said = findings.query_one(Static)
        said.update("\n".join(f"finding {number}" for number in range(60)))
        findings.scroll_to(y=7, animate=False)
        await compare("scrolled")
        said.update("\n".join(f"FINDING {number}" for number in range(60)))
        await pilot.pause()
        said.refresh(Region(0, 8, 9, 2))
        await compare("a part of what is scrolled")
        await pilot.press("escape", "p")
        await compare("a picture")
        await pilot.press("right", "right", "question_mark")
        await pilot.press("down", "down", "escape", "slash", "a", "enter", "n")
        await compare("searched")
        assert sum(one != other for one, other in itertools.pairwise(seen)) >= 20
