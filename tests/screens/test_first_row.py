"""The first row before the bench is loaded: its text, its tokens, then the mask; nothing jumps."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from screens.app import WorkbenchApp
from screens.inspect.first_row import RAW, TOKENS, FirstRowScreen
from screens.inspect.raw_turns import RawTurns
from screens.inspect.screen import InspectScreen
from screens.shell.loading import LoadingScreen
from screens.shell.problem import ProblemPane
from tests.screens.conftest import grid_of, settled, until
from workbench.bench import Bench, prepare
from workbench.data.first_row import FirstRow, RawPiece, RawTurn
from workbench.errors import EnvironmentProblem
from workbench.models.hub import Progress
from workbench.views.first_tokens import first_tokens


def lines(pilot: Pilot[None]) -> list[str]:
    """The screen as text."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def shown(app: WorkbenchApp, *, tokens: bool) -> bool:
    """True where the first row is on the screen, by its text or its tokens."""
    base = app.base
    return isinstance(base, FirstRowScreen) and (base.grid is not None) == tokens


class Held:
    """A bench whose loading waits until it is let go, after the tokens and before."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, problem: Exception | None = None) -> None:
        self.bench = bench
        self.tokens, self.loading = threading.Event(), threading.Event()
        load, early = bench.load, first_tokens

        def waiting(*arguments: Any) -> Any:
            assert self.tokens.wait(60)
            return early(*arguments)

        def loaded(progress: Any = None) -> Bench:
            progress(Progress("downloading", 25_000_000, 100_000_000, "B"))
            assert self.loading.wait(60)
            if problem is not None:
                raise problem
            return load(progress)

        monkeypatch.setattr("workbench.views.first_tokens.first_tokens", waiting)
        monkeypatch.setattr(bench, "load", loaded)


async def test_text_then_tokens_then_the_mask_in_the_same_place(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(prepare(recipe), monkeypatch)
    app = WorkbenchApp(held.bench)
    # Wide enough for the chip of a picture, which is longer than its placeholder.
    async with app.run_test(size=(160, 30)) as pilot:
        await until(pilot, lambda: shown(app, tokens=False))
        text = lines(pilot)
        assert any(RAW in line for line in text)
        for part in ("1 inspect", "7 trainers", "0 user", "1 assistant", "▣ image", "samples", "role_boundaries"):
            assert any(part in line for line in text), part
        # Other screens have nothing to show yet, and nothing is to be tried again.
        await pilot.press("2", "r")
        assert shown(app, tokens=False)
        held.tokens.set()
        await until(pilot, lambda: shown(app, tokens=True))
        await until(pilot, lambda: any("25.0 of 100.0 MB" in line for line in lines(pilot)))
        early = lines(pilot)
        assert TOKENS in early[0]
        assert not any("trained" in line for line in early)
        assert any("⟨|turn⟩" in line for line in early)
        frames = [[(line.index("╭"), line.index("╮")) for line in page if "samples" in line] for page in (text, early)]
        assert frames[0] == frames[1]
        base = app.base
        assert isinstance(base, FirstRowScreen)
        assert base.grid is not None
        assert base.grid.has_focus
        view = base.grid.view
        assert view is not None
        third = next(turn.start for turn in view.turns if turn.message == 2)
        base.grid.go(third + 3)
        headers = [line.index(f" {n} user ") for line in early for n in (0, 2) if f" {n} user " in line]
        places = [y for y, line in enumerate(early) if " 0 user " in line or " 1 assistant" in line]
        held.loading.set()
        await until(pilot, lambda: settled(pilot), 120)
        late = lines(pilot)
        assert places == [y for y, line in enumerate(late) if " 0 user " in line or " 1 assistant" in line]
        assert headers == [line.index(f" {n} user ") for line in late for n in (0, 2) if f" {n} user " in line]
        assert TOKENS not in "".join(late)
        assert any("trained" in line for line in late)
        grid = grid_of(pilot)
        assert grid.view is not None
        assert not grid.view.preliminary
        begun = next(turn.start for turn in grid.view.turns if turn.message == 2)
        assert grid.at.cursor == begun + 3
        assert grid.has_focus
    assert not app.faults


async def test_a_load_that_fails_is_explained_as_ever(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = EnvironmentProblem("The model is gated", "You have no access.", "Ask for access.")
    held = Held(prepare(recipe), monkeypatch, gone)
    app = WorkbenchApp(held.bench)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: shown(app, tokens=False))
        held.tokens.set()
        held.loading.set()
        await until(pilot, lambda: app.problem is not None and isinstance(app.base, LoadingScreen))
        assert "The model is gated" in str(app.base.query_one(ProblemPane).query_one("Static").render())
        await pilot.press("q")
    assert app.return_code == 3


async def test_a_row_that_cannot_be_read_at_once_leaves_the_loading_screen(tmp_path: Path, recipe: Path) -> None:
    text = recipe.read_text("utf-8")
    for number, rows in enumerate(("", "not json\n", '[{"messages": []}]\n')):
        data = tmp_path / f"{number}.jsonl"
        data.write_text(rows)
        one = tmp_path / f"{number}.yaml"
        begin = text.index("path: ")
        one.write_text(text[:begin] + f"path: {data}" + text[text.index("\n", begin) :])
        bench = prepare(one)
        bench.load = lambda progress=None: (_ for _ in ()).throw(EnvironmentProblem("no", hint="no"))  # type: ignore
        app = WorkbenchApp(bench)
        async with app.run_test() as pilot:
            assert isinstance(app.base, LoadingScreen), rows
            await until(pilot, lambda app=app: app.problem is not None)  # type: ignore[misc]


async def test_no_text_of_a_row_reaches_the_terminal_unescaped() -> None:
    words = "a\x1b[31mb \u202ec\x00 " + "wide漢字" * 40 + "\nnext\n" + "x" * 500
    turns = (RawTurn(0, "us\x1ber", (RawPiece("", "image"), RawPiece(words))), RawTurn(1, "assistant", (RawPiece(""),)))
    row = FirstRow(0, turns, {}, Path("rows.jsonl"), 1)

    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield RawTurns(row)

    app = Alone()
    for width in (10, 40, 90):
        async with app.run_test(size=(width, 40)) as pilot:
            await pilot.pause()
            pane = app.query_one(RawTurns)
            drawn = lines(pilot)
            assert not any(char in line for line in drawn for char in "\x1b\x00\u202e")
            assert pane.plain.replace("\n", "").count("x") == 501
            assert pane.plain.count("字") == 40
        app = Alone()


async def test_the_row_of_the_last_time_is_the_first_one(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(prepare(recipe), monkeypatch)
    kept = {"row": 2, "token": 4, "screen": "inspect", "theme": "nord"}
    monkeypatch.setattr("screens.shell.beginning.recall", lambda bench: kept)
    app = WorkbenchApp(held.bench)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown(app, tokens=False))
        base = app.base
        assert isinstance(base, FirstRowScreen)
        assert base.row.index == 2
        file = Path(str(base.row.file)).read_text("utf-8").splitlines()
        assert base.row.data == json.loads(file[2])
        assert app.theme == "nord"
        await pilot.press("q")
        held.tokens.set()
        held.loading.set()
    kept["screen"] = "checks"
    app = WorkbenchApp(held.bench)
    held.tokens.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        # The screen of the last time comes first: the row would only flash.
        assert not isinstance(app.base, FirstRowScreen | InspectScreen)
        await pilot.press("q")
        held.tokens.set()
