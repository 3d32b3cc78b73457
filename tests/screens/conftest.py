"""An app on the small bench, and pictures of it that are kept and compared."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from screens.app import WorkbenchApp
from screens.inspect.screen import InspectScreen
from screens.line_cache.framed_lines import Framed
from screens.line_cache.line_view import LineView
from screens.shell.notice_line import NoticeLine
from screens.token_grid.canvas import TokenCanvas
from screens.token_grid.grid import TokenGrid
from tests.screens.small_bench import ROWS, SmallBench
from workbench.paths import sample_dir

Opened = Callable[..., Any]
BROKEN = ('start: "<|turn>model\\n"', 'start: "<|turn>modle\\n"')


async def until(pilot: Pilot[None], true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Let the app run until something holds."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while not true():
        assert clock() < end, "it never came true"
        await pilot.pause(0.01)
    await pilot.pause()


def screen_of(pilot: Pilot[None]) -> InspectScreen:
    """The inspect screen, which lies under any dialog."""
    screen = pilot.app.base  # type: ignore[attr-defined]
    assert isinstance(screen, InspectScreen)
    return screen


def grid_of(pilot: Pilot[None]) -> TokenGrid:
    """The token grid."""
    return screen_of(pilot).query_one(TokenGrid)


def settled(pilot: Pilot[None]) -> bool:
    """True where the requested row is shown and every visible sample is known."""
    screen = pilot.app.base  # type: ignore[attr-defined]
    return isinstance(screen, InspectScreen) and screen.settled


async def to_row(pilot: Pilot[None], *keys: str) -> None:
    """Press keys that ask for another row, and wait for it."""
    await pilot.press(*keys)
    await until(pilot, lambda: settled(pilot))


def message_of(pilot: Pilot[None]) -> str:
    """The message at the bottom of the screen in front, as one line without its mark; "" where there is none."""
    shown = [line for line in pilot.app.screen.query_children(NoticeLine) if line.display and line.region.height]
    return " ".join(str(shown[0].render()).split())[2:] if shown else ""


def forget_drawn(screen: Screen[Any]) -> None:
    """Have every pane draw itself anew at the next paint, with nothing taken from an earlier one."""
    for pane in screen.walk_children(with_self=True):
        if isinstance(pane, LineView):
            pane._framed = Framed()
        if isinstance(pane, TokenCanvas):
            pane.drawing.forget()
        assert isinstance(pane, Widget)
        pane.refresh()


@pytest.fixture
def opened() -> Opened:
    """Gives an app on the small bench, loaded and with its first row shown; `front`: or the screen of the last time.

    What the app kept from ending it is raised here at last, unless `faults` are expected.
    """

    @asynccontextmanager
    async def open_app(
        size: tuple[int, int] = (120, 34),
        *,
        row: int = 0,
        theme: str = "",
        bench: Any = None,
        front: bool = False,
        faults: bool = False,
    ) -> AsyncIterator[Pilot[None]]:
        app = WorkbenchApp(bench or SmallBench(ROWS), row)
        async with app.run_test(size=size) as pilot:
            app.animation_level = "none"
            if theme:
                app.theme = theme
            # The first bench of a process imports transformers.
            await until(pilot, lambda: settled(pilot) or (front and app.front != "inspect"), 120)
            yield pilot
        assert faults or not app.faults, app.faults[0].trace

    return open_app


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of the demo, in a file of its own, whose assistant marker is misspelt."""
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    text = text.replace("path: shapes-heldout.jsonl", f"path: {sample_dir() / 'shapes.jsonl'}")
    assert BROKEN[0] in text
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace(*BROKEN), "utf-8")
    return file


@pytest.fixture
def looks_as_kept(request: pytest.FixtureRequest) -> Callable[[Pilot[None], str], None]:
    """Compares the screen with a kept picture; with VLMBENCH_KEEP_LOOKS=1 it keeps this one."""

    def compare(pilot: Pilot[None], name: str) -> None:
        kept = Path(request.path).parent / "looks" / f"{name}.svg"
        drawn = _stable(pilot.app.export_screenshot(simplify=True))
        if os.environ.get("VLMBENCH_KEEP_LOOKS"):
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(drawn)
        assert kept.exists(), f"no picture is kept at {kept.name}: look at one and set VLMBENCH_KEEP_LOOKS=1"
        assert drawn == kept.read_text(), (
            f"the screen differs from {kept.name}; VLMBENCH_KEEP_LOOKS=1 keeps the new one"
        )

    return compare


def _stable(svg: str) -> str:
    """The picture without its web fonts, and with names that do not depend on its content."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("<style>", "<style>\n    text { font-variant-ligatures: none; }", 1)
    # The clips of lines are most of the text and nothing of the picture.
    svg = re.sub(r'<clipPath id="[^"]*-line-.*?</clipPath>\s*', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#[^"]*-line-\d+\)"', "", svg)
    return re.sub(r"terminal-\d+", "terminal", svg)
