"""Opening, failing, leaving; help, palette and colours."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from threading import Event
from time import monotonic

import pytest

from screens.app import WorkbenchApp, run
from screens.inspect.boundary_form import BoundaryForm
from screens.keys.actions import ACTIONS
from screens.shell.footer import KeyHints
from screens.shell.help import HelpScreen
from screens.shell.loading import LoadingScreen, Stages
from screens.shell.problem import ProblemPane
from screens.shell.status_bar import StatusBar
from screens.shell.theme_names import CYCLE
from screens.shell.worker import Background, Kind
from tests.screens.conftest import Opened, grid_of, screen_of, settled, until
from tests.screens.small_bench import ROWS, SmallBench
from workbench.errors import EnvironmentProblem, InputError
from workbench.models.hub import Progress


def test_the_first_paint_imports_nothing_heavy() -> None:
    code = (
        "import sys, screens.app; from workbench.findings import Finding; "
        "heavy = {'numpy', 'torch', 'transformers', 'PIL', 'datasets', 'pydantic', 'screens.inspect.screen'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_window_stands_before_the_bench_does() -> None:
    go = threading.Event()

    def slowly(progress: object) -> None:
        assert callable(progress)
        progress(Progress("looking up", 0, None, "step"))
        progress(Progress("downloading", 25_000_000, 100_000_000, "B"))
        assert go.wait(20)

    app = WorkbenchApp(SmallBench(ROWS, loading=slowly))
    async with app.run_test(size=(80, 24)) as pilot:
        assert isinstance(app.base, LoadingScreen)
        stages = app.base.query_one(Stages)
        await until(pilot, lambda: "25.0 of 100.0 MB" in stages.render().plain)
        assert "✓ looking up" in stages.render().plain
        assert "━" * 28 in stages.render().plain
        go.set()
        await until(pilot, lambda: settled(pilot))
        assert grid_of(pilot).has_focus


async def test_a_failed_load_is_explained_and_gives_its_exit_code() -> None:
    def fail(progress: object) -> None:
        raise EnvironmentProblem("The model is gated", "You have no access.", "Ask for access, then run: hf auth login")

    app = WorkbenchApp(SmallBench(ROWS, loading=fail))
    async with app.run_test(size=(80, 24)) as pilot:
        problem = app.base.query_one(ProblemPane)
        await until(pilot, lambda: problem.display)
        shown = str(problem.query_one("Static").render())
        for part in ("The model is gated", "You have no access.", "hf auth login", "q quits"):
            assert part in shown
        await pilot.press("q")
    assert app.return_code == 3


async def test_a_failed_load_can_be_tried_again() -> None:
    tries = []

    def fail_once(progress: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise InputError("The recipe names no model")

    app = WorkbenchApp(SmallBench(ROWS, loading=fail_once))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.problem is not None)
        await pilot.press("r")
        await until(pilot, lambda: settled(pilot))
        await pilot.press("q")
    assert app.return_code == 0


async def test_an_unforeseen_failure_is_a_problem_too() -> None:
    def break_down(progress: object) -> None:
        raise ZeroDivisionError("oh")

    app = WorkbenchApp(SmallBench(ROWS, loading=break_down))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.problem is not None)
        assert app.problem is not None
        assert app.problem.title == "ZeroDivisionError: oh"


async def test_leaving_while_the_model_loads_waits_for_nothing() -> None:
    begun, go, stopped = threading.Event(), threading.Event(), threading.Event()

    def slowly(progress: object) -> None:
        assert callable(progress)
        begun.set()
        go.wait(20)
        try:
            progress(Progress("looking up", 0, None, "step"))
        finally:
            stopped.set()

    app = WorkbenchApp(SmallBench(ROWS, loading=slowly))
    async with app.run_test() as pilot:
        await until(pilot, begun.is_set)
        await pilot.press("q")
    assert app.return_code == 0
    assert not stopped.is_set()
    go.set()
    assert stopped.wait(20)
    assert app.background.close(20)


async def test_help_names_every_action(opened: Opened) -> None:
    async with opened((160, 200)) as pilot:
        await pilot.press("?")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)
        svg = pilot.app.export_screenshot().replace("&#160;", " ")
        missing = [a.description for a in ACTIONS if a.scope in pilot.app.scopes and a.description not in svg]
        assert missing == []
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, HelpScreen)


async def test_the_palette_runs_an_action_where_it_belongs(opened: Opened) -> None:
    async with opened() as pilot:
        await pilot.press("shift+tab", "ctrl+p")
        await pilot.pause()
        await pilot.press(*"last token")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(pilot, lambda: grid_of(pilot).at.cursor > 0)
        assert grid_of(pilot).at.cursor == len(grid_of(pilot).view.rendering) - 1


async def test_the_colours_change_and_the_grid_with_them(opened: Opened) -> None:
    async with opened() as pilot:
        seen = []
        for _ in CYCLE:
            seen.append(str([segment.style for segment in grid_of(pilot).render_line(5)]))
            await pilot.press("T")
            await pilot.pause()
        assert len(set(seen)) == len(CYCLE)
        assert str([segment.style for segment in grid_of(pilot).render_line(5)]) == seen[0]


@pytest.mark.parametrize("theme", CYCLE)
async def test_trained_tokens_are_underlined_in_every_theme(opened: Opened, theme: str) -> None:
    async with opened(theme=theme) as pilot:
        drawn = [segment for y in range(12) for segment in grid_of(pilot).render_line(y)]
        (trained,) = (segment.style for segment in drawn if segment.text.startswith("A red"))
        assert trained.underline


async def test_a_click_on_a_hint_runs_its_action(opened: Opened) -> None:
    async with opened() as pilot:
        hints = screen_of(pilot).query_one(KeyHints)
        await pilot.click(KeyHints, offset=(hints.render().plain.index("edge"), 0))
        assert grid_of(pilot).at.cursor > 0
        # Where text is typed, only keys that write none are named; the click works there too.
        await pilot.press("e")
        await pilot.pause()
        said = hints.render().plain
        assert said.split() == [
            *("esc", "tokens", "ctrl+space", "complete", "F4", "form", "ctrl+s", "save"),
            *("ctrl+f", "filter", "F1", "help", "ctrl+p", "actions", "ctrl+q", "quit"),
        ]
        await pilot.click(KeyHints, offset=(said.index("form"), 0))
        await pilot.pause()
        assert screen_of(pilot).query_one(BoundaryForm).display
        await pilot.click(KeyHints, offset=(hints.render().plain.index("tokens"), 0))
        assert not screen_of(pilot).query_one(BoundaryForm).display


async def test_the_screens_are_named_however_narrow_the_window(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        bar = screen_of(pilot).query_one(StatusBar)
        assert bar.render().plain.split()[:8] == ["1", "inspect", *"234567"]
        await pilot.resize_terminal(260, 40)
        await until(pilot, lambda: "2 checks" in bar.render().plain and "7 trainers" in bar.render().plain)


def test_actions_have_one_id_each_and_no_key_twice_in_a_scope() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    for scope in {action.scope for action in ACTIONS}:
        above = {"grid": ("inspect", "app"), "samples": ("inspect", "app"), "inspect": ("app",)}.get(scope, ())
        mine = [action for action in ACTIONS if action.scope in (scope, *above)]
        keys = {(key, action.deed) for action in mine for key in action.keys}
        # One deed may have one key in a pane and on its screen; two deeds never do.
        assert len(keys) == len({key for key, _ in keys}), scope


def test_run_asks_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdin__", None)
    with pytest.raises(EnvironmentProblem):
        run(SmallBench(ROWS))


async def test_panes_are_as_they_were_left(opened: Opened) -> None:
    async with opened((160, 48)) as pilot:
        await pilot.press("s", "b")
    async with opened((160, 48)) as pilot:
        assert not screen_of(pilot).query_one("#samples").display
        assert not screen_of(pilot).query_one("#side").display
        await pilot.press("s")
    async with opened((160, 48)) as pilot:
        assert screen_of(pilot).query_one("#samples").display
        assert not screen_of(pilot).query_one("#side").display


async def test_a_dialog_that_has_gone_takes_nothing_with_it(opened: Opened) -> None:
    async with opened() as pilot:
        app = pilot.app
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        dialog = app.screen
        # A key that was typed ahead reaches the dialog once it has been closed.
        dialog.dismiss()
        dialog.dismiss()
        await pilot.pause()
        assert app.screen is screen_of(pilot)
        await pilot.press("1")
        assert app.screen is screen_of(pilot)


@pytest.mark.parametrize("asked", [Kind.RUN, Kind.EXPORT, Kind.MEMORY])
def test_what_somebody_waits_for_goes_before_work_over_all_rows(asked: Kind) -> None:
    background, done = Background(lambda kind, problem: None), Event()

    def endless() -> Iterator[None]:
        while not done.wait(0.001):
            yield

    def short() -> Iterator[None]:
        done.set()
        yield

    for kind in (Kind.COMPARE, Kind.FILTER, Kind.CHECK):
        background.submit(kind, endless())
    background.submit(asked, short())
    assert done.wait(10)
    assert background.close(10)


def test_work_that_is_held_waits_and_what_is_more_urgent_does_not() -> None:
    background, done = Background(lambda kind, problem: None), Event()
    begun: dict[Kind, float] = {}

    def job(kind: Kind) -> Iterator[None]:
        begun[kind] = monotonic()
        if len(begun) == 3:
            done.set()
        yield

    began = monotonic()
    background.hold(0.3)
    # A shorter one of the less urgent does not end it.
    background.hold(0.05, Kind.ROW)
    for kind in (Kind.SAMPLES, Kind.ROW, Kind.APPLY):
        background.submit(kind, job(kind))
    assert done.wait(10)
    assert list(begun) == [Kind.APPLY, Kind.ROW, Kind.SAMPLES]
    assert begun[Kind.ROW] - began >= 0.3
    begun.clear()
    done.clear()
    began = monotonic()
    background.hold(0.3, Kind.ROW)
    for kind in (Kind.SAMPLES, Kind.ROW, Kind.APPLY):
        background.submit(kind, job(kind))
    assert done.wait(10)
    assert begun[Kind.SAMPLES] - began >= 0.3
    assert begun[Kind.ROW] < begun[Kind.SAMPLES]
    assert background.close(10)


@pytest.mark.parametrize(
    ("front", "then"),
    [
        ((), [Kind.RUN, Kind.FILTER, Kind.CHECK, Kind.AUDIT]),
        ((Kind.CHECK,), [Kind.RUN, Kind.CHECK, Kind.FILTER, Kind.AUDIT]),
        ((Kind.AUDIT, Kind.FILTER), [Kind.RUN, Kind.FILTER, Kind.AUDIT, Kind.CHECK]),
    ],
)
def test_of_work_over_all_rows_that_of_the_screen_in_view_goes_first(front: tuple[Kind, ...], then: list[Kind]) -> None:
    background, all_asked, all_done = Background(lambda kind, problem: None), Event(), Event()
    order: list[Kind] = []

    def hold() -> Iterator[None]:
        assert all_asked.wait(10)
        yield

    def job(kind: Kind) -> Iterator[None]:
        order.append(kind)
        yield from ()
        if len(order) == len(then):
            all_done.set()

    background.submit(Kind.LOAD, hold())
    for kind in (Kind.AUDIT, Kind.FILTER, Kind.CHECK, Kind.RUN):
        background.submit(kind, job(kind))
    background.front = front
    all_asked.set()
    assert all_done.wait(10)
    assert background.close(10)
    assert order == then
