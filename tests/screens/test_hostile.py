"""Text that attacks a terminal is drawn as glyphs."""

from __future__ import annotations

from tests.screens.conftest import Opened, grid_of
from tests.screens.small_bench import SmallBench, conversation

HOSTILE = (
    "start \x1b[2J\x1b[6n\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1bPq#0\x1b\\ \x9b31m \x85 \x00\x08\x7f "
    "\u202eevil\u202c \u2066iso\u2069 zero\u200bwidth\u200c\ufeff e\u0301\u0327 [bold red]markup[/] [@click=quit]x[/] "
    "\ud800 lone \udfff " + b"bytes \xff\xfe\xc3".decode("utf-8", "surrogateescape")
)
ROW = conversation(HOSTILE, HOSTILE + "x" * 100_000)


async def test_hostile_text_is_there_to_be_seen(opened: Opened) -> None:
    async with opened((160, 60), bench=SmallBench([ROW])) as pilot:
        grid = grid_of(pilot)
        lines = grid.layout_lines
        shown = "".join(
            grid.render_line(y).crop(lines.gutter, lines.gutter + lines.width).text.rstrip() for y in range(12)
        )
        for part in (
            "␛[2J",
            "␛]0;owned␇",
            "⟨U+202E⟩evil",
            "⟨U+200B⟩",
            "[bold",
            "red]markup[/]",
            "⟨U+D800⟩",
            "⟨U+DFFF⟩",
        ):
            assert part.replace(" ", "") in shown.replace(" ", ""), part
        await pilot.press("v", "y")
        assert "owned" in pilot.app.clipboard or grid.selected == (0, 1)
        await pilot.press("G", "g", "l", "l", "l", ".")
        assert grid.layout_lines.height > 500
