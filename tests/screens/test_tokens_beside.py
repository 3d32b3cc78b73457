"""The process that encodes the first row: its tokens are the app's own, stand where the grid's will, and may fail."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult

from screens.app import WorkbenchApp
from screens.inspect.first_row import TOKENS, FirstRowScreen
from screens.inspect.raw_turns import RawTurns
from screens.shell import tokens_beside
from screens.token_grid.grid import TokenGrid
from tests.screens.conftest import grid_of, settled, until
from tests.screens.test_first_row import Held, lines
from workbench.bench import Bench, prepare
from workbench.data.first_row import first_row
from workbench.views.early_row import EarlyRow, early_row
from workbench.views.first_tokens import first_tokens
from workbench.views.shown_row import RowView
from workbench.views.traced_row import TracedRow

_ASK = """
import os, signal, sys, threading
from screens import start
from screens.shell.tokens_beside import NoAnswer
from workbench.bench import prepare
bench = prepare(sys.argv[1], **({"model": sys.argv[3]} if len(sys.argv) > 3 else {}))
what = sys.argv[2]
if what == "threads":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
os.sched_getaffinity = lambda process: {0} if what == "one core" else {0, 1}
process = start.begin(bench, 0)
if what in ("threads", "one core"):
    print(process)
    raise SystemExit
told = threading.Event()
early = process.early(told.set)
if what == "killed":
    os.kill(process._child, signal.SIGKILL)
try:
    row = process.answer(7 if what == "another row" else 0)
except NoAnswer:
    print("no answer", "textual" in sys.modules)
    raise SystemExit
if row is None:
    print("none")
    raise SystemExit
from workbench.data.first_row import first_row
from workbench.views.early_row import early_row
from workbench.views.first_tokens import first_tokens
own = first_tokens(bench, first_row(bench.document.data, bench.recipe_dir, index=row.index))
assert early is not None or told.wait(10)
assert process.early() == early_row(row.view()) == early_row(own.view())
assert process.close() == 0
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("same", row.index, len(row.rendering))
"""


def told(recipe: Path, what: str, *arguments: str) -> str:
    """The words of a fresh interpreter that has a process beside it."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(recipe), what, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_has_the_tokens_that_the_app_would_have(recipe: Path) -> None:
    assert told(recipe, "").startswith("same 0 ")


@pytest.mark.parametrize("what", ["killed", "another row"])
def test_without_an_answer_the_app_is_told_so(recipe: Path, what: str) -> None:
    assert told(recipe, what) == "no answer False"


def test_a_model_that_needs_more_has_none(recipe: Path, tmp_path: Path) -> None:
    assert told(recipe, "", str(tmp_path)) == "none"


@pytest.mark.parametrize("what", ["threads", "one core"])
def test_it_is_not_started_where_it_would_not_help(recipe: Path, what: str) -> None:
    assert told(recipe, what) == "None"


def early_of(bench: Bench) -> tuple[TracedRow, RowView, EarlyRow]:
    """The first row of a bench, and how it is drawn."""
    first = first_row(bench.document.data, bench.recipe_dir)
    assert first is not None
    traced = first_tokens(bench, first)
    assert traced is not None
    view = traced.view()
    return traced, view, early_row(view)


@pytest.mark.parametrize("width", [12, 24, 29, 30, 33, 34, 47, 80, 131])
async def test_the_tokens_stand_where_the_grid_will_have_them(recipe: Path, width: int) -> None:
    bench = prepare(recipe)
    _, view, early = early_of(bench)
    first = first_row(bench.document.data, bench.recipe_dir)
    assert first is not None

    class Alone(App[None]):
        CSS = (
            "RawTurns, TokenGrid { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; height: 100%; }"
        )

        def __init__(self, pane: RawTurns | TokenGrid) -> None:
            super().__init__()
            self.pane = pane

        def compose(self) -> ComposeResult:
            yield self.pane

    raw, grid = RawTurns(first), TokenGrid()
    raw.show_tokens(early)
    drawn: list[list[Any]] = []
    for pane in (raw, grid):
        async with Alone(pane).run_test(size=(width, 60)) as pilot:
            if isinstance(pane, TokenGrid):
                pane.show(view)
            await until(pilot, lambda pane=pane: pane.virtual_size.height > 0)  # type: ignore[misc]
            text = min(width - 1, width - 4 if width > 30 else width)
            drawn.append([pane.draw_line(y).crop(0, text) for y in range(pane.virtual_size.height)])
    texts = [[strip.text.rstrip() for strip in page] for page in drawn]
    assert texts[0] == texts[1]
    styles = [
        [[(char, segment.style) for segment in strip for char in segment.text if char.strip()] for strip in page]
        for page in drawn
    ]
    # But for the cursor, which only the grid has.
    different = [pair for ours, theirs in zip(*styles, strict=True) for pair in zip(ours, theirs, strict=True)]
    assert sum(ours != theirs for ours, theirs in different) <= len(view.drawn.texts[int(view.drawn.text[0])])


class Beside:
    """A process that has said what is given, and says the rest when it is let go."""

    def __init__(self, traced: TracedRow, early: EarlyRow, *, at_once: bool) -> None:
        self._traced, self._early = traced, early
        self.there = threading.Event()
        if at_once:
            self.there.set()
        self.call: Callable[[], None] | None = None
        self.drawn = threading.Event()
        self.rest = threading.Event()

    def early(self, told: Callable[[], None] | None = None) -> EarlyRow | None:
        self.call = told or self.call
        return self._early if self.there.is_set() else None

    def let_draw(self) -> None:
        assert self.drawn.wait(30)

    def answer(self, index: int) -> TracedRow:
        assert self.rest.wait(30)
        if index != self._traced.index:
            raise tokens_beside.NoAnswer
        return self._traced


@pytest.mark.parametrize("at_once", [True, False])
async def test_they_are_drawn_before_there_is_a_grid(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    held = Held(prepare(recipe), monkeypatch)
    traced, view, early = early_of(held.bench)
    process = Beside(traced, early, at_once=at_once)
    app = WorkbenchApp(held.bench, beside=process)  # type: ignore[arg-type]
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.base, FirstRowScreen))
        base = app.base
        assert isinstance(base, FirstRowScreen)
        if not at_once:
            assert TOKENS not in lines(pilot)[0]
            assert base.raw.early is None
            process.there.set()
            assert process.call is not None
            threading.Thread(target=process.call).start()
        await until(pilot, lambda: TOKENS in lines(pilot)[0])
        assert base.grid is None
        page = lines(pilot)
        assert any(f"{len(view.rendering):,} tokens" in line for line in page)
        assert any("⟨|turn⟩" in line for line in page)
        process.rest.set()
        await until(pilot, lambda: base.grid is not None and base.grid.drawing.lines is not None)
        later = lines(pilot)
        # The edge of the focused pane has the minimap beside it; the tokens have not moved.
        rows = [y for y, line in enumerate(page) if "⟨" in line]
        assert rows == [y for y, line in enumerate(later) if "⟨" in line]
        assert [page[y][20:70] for y in rows] == [later[y][20:70] for y in rows]
        held.loading.set()
        await until(pilot, lambda: settled(pilot), 120)
        assert grid_of(pilot).view is not None
    assert not app.faults


def test_nothing_of_textual_is_imported_before_the_process_is_started() -> None:
    code = "import sys, screens.start\nprint(sorted({'textual', 'rich', 'numpy', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"


def test_the_process_imports_nothing_of_the_window(recipe: Path) -> None:
    code = (
        "import sys\nfrom screens.shell.beginning import first_of\nfrom workbench.bench import prepare\n"
        "from workbench.views.early_row import early_row\nfrom workbench.views.first_tokens import first_tokens\n"
        "from workbench.views.traced_row import to_bytes\nimport screens.shell.tokens_beside\n"
        "bench = prepare(sys.argv[1])\nfound = first_tokens(bench, first_of(bench, 0).row)\n"
        "assert early_row(found.view()).tokens and to_bytes(found)\n"
        "print(sorted({'textual', 'asyncio', 'pydantic', 'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(recipe)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
