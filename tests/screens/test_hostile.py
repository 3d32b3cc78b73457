"""Text that attacks a terminal is drawn as glyphs, and nothing of it reaches the terminal as what it is."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from textual import events

from screens.inspect.prompt import Prompt
from screens.token_grid.grid import TokenGrid
from tests.screens.conftest import Opened, grid_of, screen_of, until
from tests.screens.small_bench import SmallBench, conversation
from tests.screens.terminal import Terminal
from workbench.paths import sample_dir

HOSTILE = (
    "start \x1b[2J\x1b[6n\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1bPq#0\x1b\\ \x9b31m \x85 \x00\x08\x7f "
    "\u202eevil\u202c \u2066iso\u2069 zero\u200bwidth\u200c\ufeff e\u0301\u0327 [bold red]markup[/] [@click=quit]x[/] "
    "\ud800 lone \udfff " + b"bytes \xff\xfe\xc3".decode("utf-8", "surrogateescape")
)
ROW = conversation(HOSTILE, HOSTILE + "x" * 100_000)


async def test_hostile_text_is_there_to_be_seen(opened: Opened) -> None:
    async with opened((160, 60), bench=SmallBench([ROW])) as pilot:
        grid = grid_of(pilot)
        lines = grid.drawing.lines
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
        assert "owned" in pilot.app.clipboard or grid.at.selected == (0, 1)
        await pilot.press("G", "g", "l", "l", "l", ".")
        assert grid.drawing.lines.height > 500


OWN = re.compile(r"\x1b(?:\[[0-9;]*[mH]|\[\?[0-9]+(?:[hl]|\$p)|\[>[0-9]+u|\[<u|\]22;[a-z]+\x07)")
"""The sequences that Textual itself writes: colours, places, modes, the keyboard protocol, the mouse pointer."""


def recipe_of(folder: Path) -> Path:
    """A recipe on the demo model with three hostile rows: text, lone surrogates, bytes that are no UTF-8."""
    whole = "".join(char for char in HOSTILE if not "\ud800" <= char <= "\udfff")
    rows = [json.dumps(conversation(whole, whole + "x" * 100_000)), json.dumps(conversation(HOSTILE, HOSTILE))]
    (folder / "rows.jsonl").write_bytes("\n".join(rows).encode() + b'\n{"messages": "\x1b[2J\xff\xfe\x9b31m"}\n')
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    file = folder / "hostile.yaml"
    file.write_text(text.replace("path: shapes-heldout.jsonl", f"path: {folder / 'rows.jsonl'}"), "utf-8")
    return file


def test_nothing_of_it_reaches_the_terminal_which_is_left_as_it_was(tmp_path: Path) -> None:
    with Terminal(recipe_of(tmp_path)) as terminal:
        for keys in ("l", ".", "G", "/", "owned", "\r", "J", "J"):
            terminal.press(keys)
        assert terminal.leave() == 0
        written = terminal.written.decode("utf-8")
    text = OWN.sub("", written)
    strange = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}
    assert strange <= {"\r", "\n"}, sorted(map(ascii, strange))
    for shown in ("␛", "⟨U+202E⟩", "⟨U+200B⟩", "⟨U+009B⟩"):
        assert shown in text, shown
    # The other screen is left, the cursor is back, and mouse, focus and paste are no longer told of.
    last = dict(re.findall(r"\x1b\[\?(\d+)([hl])", written))
    assert last.pop("25") == last.pop("7") == "h"
    assert {"1049", "1000", "1003", "1004", "1006", "2004"} <= set(last)
    assert set(last.values()) == {"l"}, last


async def test_what_is_typed_ahead_goes_where_the_focus_went(opened: Opened) -> None:
    async with opened((120, 40), bench=SmallBench([ROW])) as pilot:
        screen = screen_of(pilot)
        # All at once, as a terminal that lags sends it: the pane in focus is handed every key before it sees the first.
        for key in ("slash", *"owned", "enter"):
            pilot.app.post_message(events.Key(key, "/" if key == "slash" else key if len(key) == 1 else None))
        await until(pilot, lambda: screen.search.query == "owned" and not screen.query_one(Prompt).display)
        assert isinstance(screen.focused, TokenGrid)
        await pilot.press("q")
        await pilot.pause()
        assert not pilot.app.is_running
