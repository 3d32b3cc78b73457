"""The overfit screen: a run from start to verdict, cancelled, kept, shown again; its losses in the token grid."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from screens.inspect.recipe_editor import RecipeEditor
from screens.loss_plot import LossPlot
from screens.overfit import OverfitScreen
from screens.overfit_text import stage
from screens.shell.explanation import Explanation
from screens.shell.footer import KeyHints
from screens.shell.worker import Kind
from screens.token_grid.lenses import Lens
from tests.screens.conftest import Opened, grid_of, message_of, screen_of, settled, until
from workbench.bench import prepare
from workbench.errors import Where
from workbench.findings import Finding
from workbench.overfit.events import Event, every
from workbench.overfit.runs import runs_of
from workbench.overfit.verdict import Verdict, judge
from workbench.paths import sample_dir
from workbench.views.written_turns import written_turns

HELD_OUT = str(sample_dir() / "shapes-heldout.jsonl")


def _exact(screen: OverfitScreen) -> int:
    return sum(turn.exact and turn.stopped for turn in written_turns(screen._events))


def test_the_stage_is_that_of_the_last_event() -> None:
    at = [stage([{"event": name} for name in names], True) for names in ((), ("start",), ("start", "loaded"))]
    assert [stage([], False), *at, stage([{"event": "baseline"}], True)] == [0, 1, 2, 3, 4]
    assert stage([{"event": "start"}, {"event": "note"}], True) == 2


async def _goes_to_its_line(
    pilot: Any, screen: OverfitScreen, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cause that stands in the recipe has a way to its line."""
    slow = Finding("R012", "error", "the loss did not move", "Raise it.", Where(field="learning_rate"))
    failed = replace(verdict, outcome="fail", findings=(slow,))
    monkeypatch.setattr("screens.overfit._verdict_of", lambda events: failed)
    await pilot.press("4", "enter")
    line = screen.bench.document.where(("learning_rate",)).line
    assert f"demo.yaml:{line}:" in str(pilot.app.screen.query("#dialog Static").first().render())
    await pilot.press("o")
    await until(pilot, lambda: pilot.app.screen is screen_of(pilot))
    area = pilot.app.screen.query_one(RecipeEditor).area
    await until(pilot, lambda: area.cursor_location[0] + 1 == line)


async def test_a_run_from_start_to_verdict(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened((160, 48), bench=prepare(data=HELD_OUT)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, OverfitScreen))
        screen = pilot.app.screen
        assert isinstance(screen, OverfitScreen)
        assert "No run yet" in str(screen.query_one("#verdict-text", Static).render())
        # Axes without a curve tell nothing.
        assert not screen.query_one(LossPlot).display
        screen.rows = 2
        await pilot.press("minus", "r")
        # A sign of life from the first second: the stage, and how long it has gone on.
        await until(pilot, lambda: " 1 s  " in str(screen.query_one("#run-line", Static).render()), 30)
        told = str(screen.query_one("#verdict-text", Static).render())
        assert told.count("▸") == 1
        assert "loading the model" in told
        await until(pilot, lambda: len(every(screen._events, "step")) >= 3, 120)
        assert screen.running
        assert "step" in str(screen.query_one("#run-line", Static).render())
        # Another screen, and back: the run goes on.
        await pilot.press("1", "4")
        await until(pilot, lambda: not screen.running, 120)
        verdict = judge(screen._events)
        told = str(screen.query_one("#verdict-text", Static).render())
        assert verdict.outcome in told
        assert "reproduced exactly" in told
        assert screen.query_one(LossPlot).display
        assert "enter " in told
        assert f"what the model writes now: {_exact(screen)} of " in told
        await pilot.press("enter")
        if verdict.outcome != "pass":
            assert isinstance(pilot.app.screen, Explanation)
            await pilot.press("escape")
        else:
            await pilot.press("4")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert "7.3 random" in str(screen.query_one(LossPlot).border_subtitle)
        await until(pilot, lambda: len(screen._runs) == 1)
        # The same run, read again from its file.
        assert runs_of(screen.bench)[0].verdict == verdict
        # Beside a run of before, whose recipe was another.
        (run,) = screen._runs
        before = shutil.copytree(run.folder, run.folder.with_name("20200101-000000-000"))
        (before / "recipe.yaml").write_text(run.recipe.replace("lora_r: 16", "lora_r: 4"), "utf-8")
        screen.background.submit(Kind.RUNS, screen._find())
        await until(pilot, lambda: len(screen._runs) == 2)
        await pilot.press("C")
        told = str(screen.query_one("#verdict-text", Static).render())
        assert "this run" in told
        assert "-lora_r: 4\n+lora_r: 16" in told
        await pilot.press("C")
        assert "reproduced exactly" in str(screen.query_one("#verdict-text", Static).render())
        # The losses are a lens of the grid.
        bench = screen.bench
        measured = bench.losses[0]
        assert np.count_nonzero(~np.isnan(measured.nll)) > 5
        await pilot.press("1")
        await until(pilot, lambda: settled(pilot))
        await until(pilot, lambda: grid_of(pilot).view is not None and grid_of(pilot).view.nll is not None)
        for _ in range(len(Lens)):
            if grid_of(pilot).lens is Lens.LOSS:
                break
            await pilot.press("l")
        assert grid_of(pilot).lens is Lens.LOSS
        assert screen_of(pilot).bench is bench
        await _goes_to_its_line(pilot, screen, verdict, monkeypatch)


class _Held:
    """A run that writes nothing, and goes on until it is cancelled."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def events(self) -> Iterator[Event]:
        self.ended.wait(30)
        yield from ()

    def cancel(self) -> None:
        self.ended.set()


def _held_back(monkeypatch: pytest.MonkeyPatch) -> tuple[_Held, threading.Event]:
    """A run that is prepared until the event is set."""
    held, go = _Held(), threading.Event()

    def start(*arguments: Any, **options: Any) -> _Held:
        go.wait(30)
        return held

    monkeypatch.setattr("workbench.overfit.start.start", start)
    return held, go


def _footer(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one(KeyHints).render().plain


async def test_the_footer_names_the_keys_that_do_something_now(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    held, go = _held_back(monkeypatch)
    async with opened((120, 34), bench=prepare(data=HELD_OUT)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, OverfitScreen))
        screen = pilot.app.screen
        assert isinstance(screen, OverfitScreen)
        assert " r run " in _footer(pilot)
        for nothing in ("cancel", "older", "compare"):
            assert nothing not in _footer(pilot)
        await pilot.press("r")
        # The process is being prepared: a run is in progress for whoever waits for it, and can be cancelled.
        for _ in range(2):
            for columns in (120, 60, 40):
                await pilot.resize_terminal(columns, 24)
                await pilot.pause()
                assert "c cancel" in _footer(pilot), columns
                assert "r run" not in _footer(pilot)
                assert "next step" not in _footer(pilot)
            go.set()
            await until(pilot, lambda: screen.running)
        await pilot.press("c")
        await until(pilot, lambda: not screen.running and held.ended.is_set())
        await until(pilot, lambda: " r run " in _footer(pilot))
        assert "cancel" not in _footer(pilot)


async def test_a_run_is_cancelled_before_its_process_began(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    held, go = _held_back(monkeypatch)
    async with opened((80, 24), bench=prepare(data=HELD_OUT)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, OverfitScreen))
        screen = pilot.app.screen
        assert isinstance(screen, OverfitScreen)
        await pilot.press("r", "c")
        assert "as soon as its process has begun" in message_of(pilot)
        go.set()
        await until(pilot, held.ended.is_set)
        await until(pilot, lambda: not screen.running and screen._began is None)


async def test_a_run_is_cancelled_and_kept(opened: Opened) -> None:
    async with opened((80, 24), bench=prepare(data=HELD_OUT)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, OverfitScreen))
        screen = pilot.app.screen
        assert isinstance(screen, OverfitScreen)
        await pilot.press("c")
        assert not screen.running
        await pilot.press("plus", "plus", "r")
        assert screen.steps == 240
        await until(pilot, lambda: screen.running, 60)
        await pilot.press("c")
        await until(pilot, lambda: not screen.running, 60)
        assert [one.code for one in judge(screen._events).findings] == ["R014"]
        assert "cancelled" in str(screen.query_one("#verdict-text", Static).render())
        await until(pilot, lambda: len(screen._runs) == 1)
        await pilot.press("]", "[")
        assert judge(screen._events).outcome == "doubtful"
