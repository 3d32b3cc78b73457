"""An exception that nobody expected: the app lives, the pane or a message over the panes says so, the work is kept."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

import screens
from screens.app import WorkbenchApp, run
from screens.guard import faults
from screens.guard.faults import Fault, Guarded, log_file
from screens.inspect.panes import Transparent
from screens.keys.actions import ACTIONS
from screens.keys.screen_registry import SCREENS
from screens.overfit import OverfitScreen
from screens.shell import reporting
from screens.shell.reporting import FaultsScreen, Palette
from screens.shell.watchdog import Watchdog
from screens.shell.worker import Kind
from tests.screens.conftest import Opened, grid_of, screen_of, until
from tests.screens.small_bench import ROWS, SmallBench
from workbench.bench import prepare
from workbench.editing.session import Editing

BASES = list(SCREENS)


@pytest.fixture(autouse=True)
def _nothing_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault is written once a process, and the log is another one in every test."""
    monkeypatch.setattr(faults, "_counts", faults.Counter())


class Unforeseen(Exception):
    """The exception that these tests raise."""


def boom(*arguments: Any, **more: Any) -> Any:
    raise Unforeseen("oh [bold]no[/] \x1b[2J")


def breaking() -> Iterator[None]:
    yield
    boom()


def app_of(pilot: Pilot[Any]) -> WorkbenchApp:
    assert isinstance(pilot.app, WorkbenchApp)
    return pilot.app


async def at_rest(pilot: Pilot[Any], name: str) -> None:
    """Show a screen and let its jobs be done."""
    app = app_of(pilot)
    await app.show(name)
    await until(pilot, lambda: not app.background._waiting, 60)


def edit(app: WorkbenchApp) -> str:
    """Edit the recipe, and give its text."""
    assert app.editing is not None
    app.editing.set(("micro_batch_size",), 7)
    return app.editing.document.text


def kept(app: WorkbenchApp) -> str:
    """The text of the unsaved edits as another bench would find it, were this one killed now."""
    assert app.editing is not None
    assert app.editing.file is not None
    left = Editing(prepare(app.editing.file)).unsaved()
    return left.text if left is not None else ""


# -- drawing


@pytest.mark.parametrize("name", BASES)
async def test_every_pane_may_fail_to_draw(opened: Opened, recipe: Path, name: str) -> None:
    async with opened((150, 44), bench=prepare(recipe), faults=True) as pilot:
        app = app_of(pilot)
        await at_rest(pilot, name)
        text = edit(app)
        panes = [one for one in app.screen.walk_children(Widget) if isinstance(one, Guarded) and one.region.area]
        told = set()
        for pane in panes:
            app.faults.clear()
            # A message hides the key hints.
            app.clear_notifications()
            await pilot.pause()
            vars(pane).update(render=boom, render_line=boom)
            if hasattr(pane, "finish_lines"):
                vars(pane).update(finish_lines=boom)
            pane.refresh(layout=True)
            await pilot.pause(0.05)
            assert app.is_running
            told |= {pane} if app.faults else set()
            for broken in ("render", "render_line", "finish_lines"):
                vars(pane).pop(broken, None)
            pane.refresh(layout=True)
            await pilot.pause()
        # What holds others may be covered by them, and is not drawn then.
        quiet = [one for one in panes if one not in told and not one.children and not isinstance(one, Transparent)]
        assert len(told) >= 5
        assert quiet == []
        assert "cannot be drawn" not in shown(app)
        await pilot.press("1", "2", "1")
        assert app.editing is not None
        assert app.editing.document.text == text == kept(app)


async def test_a_message_that_cannot_be_drawn_ends_nothing(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened((120, 34), faults=True) as pilot:
        app = app_of(pilot)
        monkeypatch.setattr("screens.shell.notice_line.NoticeLine._lines", boom)
        app.notify("Something was done", timeout=60)
        await until(pilot, lambda: bool(app.faults))
        await pilot.press("right", "escape", "2", "1")
        assert told(app)[0] == "Something was done"
        monkeypatch.undo()
        app.clear_notifications()
        app.notify("Something else", timeout=60)
        await until(pilot, lambda: "Something else" in shown(app))


def shown(app: WorkbenchApp) -> str:
    """The text of the screen, line by line."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_a_pane_that_cannot_be_drawn_says_so(opened: Opened) -> None:
    async with opened((120, 34), faults=True) as pilot:
        grid = grid_of(pilot)
        grid.draw_line = boom  # type: ignore[method-assign]
        grid.drawing.forget()
        grid.refresh()
        await until(pilot, lambda: bool(app_of(pilot).faults))
        said = shown(app_of(pilot))
        assert "✗ grid cannot be drawn" in said
        assert "Unforeseen: oh [bold]no[/]" in said
        assert "\x1b[2J" not in said
        assert "samples" in said
        # It is not drawn again, and told again, at every paint of another pane.
        count = len(app_of(pilot).faults)
        await pilot.press("s", "s")
        grid.screen.query_one("#status").refresh()
        await pilot.pause()
        for _ in range(5):
            grid.screen.query_one("#status").refresh()
            await pilot.pause()
        assert len(app_of(pilot).faults) <= count + 4


def told(app: WorkbenchApp) -> list[str]:
    """The texts of the messages."""
    return [one.text for one in app.telling.notices.kept]


# -- actions, messages, callbacks


@pytest.mark.parametrize("name", BASES)
async def test_every_action_may_fail(opened: Opened, recipe: Path, name: str) -> None:
    async with opened((120, 40), bench=prepare(recipe), faults=True) as pilot:
        app = app_of(pilot)
        await at_rest(pilot, name)
        text = edit(app)
        base: Any = app.base
        for action in ACTIONS:
            node: Any = app if action.scope == "app" else base
            method = f"action_{action.action}"
            if part := re.fullmatch(r"(?:screen\.)?part\('(\w+)\.(\w+)'\)", action.action):
                node, method = getattr(base, "parts", {}).get(part[1]), part[2]
            elif not action.action.isidentifier():
                continue
            if action.scope not in (name, "app"):
                continue
            app.faults.clear()
            setattr(node, method, boom)
            await app.perform(action)
            delattr(node, method)
            assert [one.summary for one in app.faults] == ["Unforeseen: oh [bold]no[/] ␛[2J"], action.id
        assert app.is_running
        assert app.editing is not None
        assert app.editing.document.text == text == kept(app)


async def test_callbacks_and_timers_may_fail(opened: Opened) -> None:
    async with opened(faults=True) as pilot:
        app = app_of(pilot)
        for node in (app, screen_of(pilot), grid_of(pilot), screen_of(pilot).query_one("#findings")):
            for way in (
                node.call_later,
                node.call_next,
                node.call_after_refresh,
                partial(node.set_timer, 0.001),
                partial(node.set_interval, 0.001, repeat=1),
            ):
                app.faults.clear()
                way(boom)
                await until(pilot, lambda: bool(app.faults))
        assert app.is_running


async def test_a_handler_of_a_message_may_fail(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(faults=True) as pilot:
        app, screen = app_of(pilot), screen_of(pilot)
        monkeypatch.setattr(screen.tokens, "show", boom)
        await pilot.press("right")
        await until(pilot, lambda: bool(app.faults))
        monkeypatch.undo()
        await pilot.press("right", "J")
        await until(pilot, lambda: screen.settled)
        assert "boom" in app.faults[0].trace


async def test_an_edit_is_kept_though_its_mask_cannot_be_made(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened((140, 40), bench=prepare(recipe), faults=True) as pilot:
        app, screen = app_of(pilot), screen_of(pilot)
        monkeypatch.setattr("screens.inspect.edits.remasked", boom)
        await pilot.press("e", "ctrl+end", "enter", "#", "x")
        await until(pilot, lambda: bool(app.faults))
        assert "#x" in screen.panes.editor.area.text
        assert "#x" in kept(app)
        monkeypatch.undo()
        await pilot.press("y")
        await until(pilot, lambda: "#xy" in kept(app))


async def test_a_screen_that_cannot_be_composed_or_mounted_is_one_screen_less(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OverfitScreen, "body", lambda self: boom())
    async with opened(faults=True) as pilot:
        app = app_of(pilot)
        await pilot.press("4")
        await until(pilot, lambda: bool(app.faults))
        await until(pilot, lambda: "overfit" in str(app.screen).lower() and "cannot be drawn" in shown(app))
        await pilot.press("1")
        await until(pilot, lambda: grid_of(pilot).region.area > 0)
    monkeypatch.undo()
    monkeypatch.setattr(OverfitScreen, "on_mount", boom)
    async with opened(faults=True) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: bool(app_of(pilot).faults))
        await pilot.press("1", "right")
        assert grid_of(pilot).at.cursor == 1


async def test_a_list_of_actions_that_is_closed_while_it_searches_ends_nothing(opened: Opened) -> None:
    async with opened(faults=True) as pilot:
        await pilot.press("ctrl+p")
        palette = pilot.app.screen
        assert isinstance(palette, Palette)
        palette.run_worker(boom, thread=True)
        await until(pilot, lambda: bool(app_of(pilot).faults))
        assert app_of(pilot).faults[0].summary.startswith("Unforeseen")
        await pilot.press("a", "escape", "right")
        await until(pilot, lambda: grid_of(pilot).at.cursor == 1)


def test_everything_that_the_screens_draw_is_guarded() -> None:
    for module in pkgutil.walk_packages(screens.__path__, "screens."):
        importlib.import_module(module.name)
    found, seen = [Widget], set()
    while found:
        one = found.pop()
        found += [sub for sub in one.__subclasses__() if sub not in seen]
        seen.update(one.__subclasses__())
    mine = [one for one in seen if one.__module__.startswith("screens.")]
    assert len(mine) > 30
    assert [one.__name__ for one in mine if not issubclass(one, Guarded)] == []
    # Handlers of messages come by our own decorator.
    for file in Path(screens.__path__[0]).rglob("*.py"):
        assert "from textual import on" not in file.read_text("utf-8"), file
        assert "from textual import events, on" not in file.read_text("utf-8"), file


async def test_in_an_app_that_takes_no_reports_it_is_raised() -> None:
    class Pane(Guarded, Widget):
        def compose(self) -> ComposeResult:
            yield Static("x")

    class Plain(App[None]):
        def compose(self) -> ComposeResult:
            yield Pane()

    async def open_it() -> None:
        async with Plain().run_test() as pilot:
            pilot.app.query_one(Pane).call_later(boom)
            await pilot.pause()

    with pytest.raises(Unforeseen):
        await open_it()


# -- background jobs


@pytest.mark.parametrize("kind", [one for one in Kind if one is not Kind.LOAD])
async def test_every_kind_of_job_may_fail(opened: Opened, recipe: Path, kind: Kind) -> None:
    home = {Kind.MODEL: "model", Kind.MEMORY: "model", Kind.CHECK: "checks", Kind.RUN: "overfit", Kind.EXPORT: "export"}
    home |= {Kind.AUDIT: "audit", Kind.LANES: "trainers"}
    name = home.get(kind, "overfit" if kind is Kind.RUNS else "inspect")
    async with opened((140, 40), bench=prepare(recipe), faults=True) as pilot:
        app = app_of(pilot)
        await at_rest(pilot, name)
        text = edit(app)
        app.background.submit(kind, breaking())
        await until(pilot, lambda: bool(app.faults))
        await pilot.pause()
        assert app.is_running
        assert app.faults[0].summary.startswith("Unforeseen")
        assert any("Unforeseen" in one for one in told(app))
        # The pane that waits for it says so too.
        if name != "inspect" or kind is Kind.ROW:
            app.clear_notifications()
            await until(pilot, lambda: "Unforeseen" in shown(app))
        assert app.editing is not None
        assert app.editing.document.text == text == kept(app)
        # The thread goes on.
        done: list[int] = []
        app.background.submit(Kind.SAMPLES, (done.append(1) for _ in range(1)))
        await until(pilot, lambda: bool(done))


def test_every_kind_of_job_has_a_name() -> None:
    assert set(reporting._JOBS) == set(Kind)


async def test_a_check_that_failed_is_not_called_clean(opened: Opened, recipe: Path) -> None:
    async with opened((140, 40), bench=prepare(recipe), faults=True) as pilot:
        await at_rest(pilot, "checks")
        app_of(pilot).background.submit(Kind.CHECK, breaking())
        await until(pilot, lambda: "the check ended early" in str(pilot.app.screen.query_one("#progress").render()))


async def test_a_row_that_fails_unforeseen_is_a_row(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.inspect.rows.read_row", boom)
    async with opened((140, 40)) as pilot:
        assert "Unforeseen" in shown(app_of(pilot))
        assert "boom" in log_file().read_text("utf-8")


# -- what is told


async def test_what_to_report_is_one_key_away(opened: Opened) -> None:
    async with opened((120, 40), faults=True) as pilot:
        await pilot.press("f12")
        assert "No unexpected error" in shown(app_of(pilot))
        await pilot.press("escape")
        pilot.app.call_later(boom)
        await until(pilot, lambda: bool(app_of(pilot).faults))
        await pilot.press("f12")
        await until(pilot, lambda: isinstance(pilot.app.screen, FaultsScreen))
        await pilot.pause()
        said = "".join(str(one.render()) for one in pilot.app.screen.query(Static))
        assert "vlmbench.log" in said
        assert "test_faults.py" in said
        assert "Unforeseen" in said
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, FaultsScreen)
    log = log_file().read_text("utf-8")
    for part in ("Traceback", "test_faults.py", "vlmbench 0", "textual", "Python 3", "␛[2J"):
        assert part in log, part
    assert "\x1b" not in log


def test_a_fault_that_comes_again_and_again_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(1234):
        try:
            boom()
        except Unforeseen as error:
            faults.write(Fault.of("somewhere", error))
    assert log_file().read_text("utf-8").count("Traceback") == 4
    monkeypatch.setattr(faults, "_MOST_BYTES", 10)
    faults.write_text("x" * 100)
    faults.write_text("y" * 100)
    assert "y" * 100 in log_file().read_text("utf-8")
    assert "x" * 100 not in log_file().read_text("utf-8")


def test_a_log_that_cannot_be_written_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "file" / "below"))
    faults.write_text("x")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "")]


def test_the_command_says_so_when_it_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tty = SimpleNamespace(isatty=lambda: True, fileno=lambda: 0)
    monkeypatch.setattr("screens.shell.end_with_parent.hold", lambda leave: None)
    monkeypatch.setattr(sys, "__stdin__", tty)
    monkeypatch.setattr(sys, "__stdout__", tty)

    def quit_after_a_fault(app: WorkbenchApp) -> None:
        app.faults.append(Fault.of("grid", Unforeseen("oh")))

    monkeypatch.setattr(WorkbenchApp, "run", quit_after_a_fault)
    assert run(SmallBench(ROWS)) == 0
    assert str(log_file()) in capsys.readouterr().err
    monkeypatch.setattr(WorkbenchApp, "run", lambda app: None)
    run(SmallBench(ROWS))
    assert capsys.readouterr().err == ""


# -- the watchdog


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_window_that_stands_still_is_noticed(opened: Opened) -> None:
    async with opened((120, 40)) as pilot:
        app = app_of(pilot)
        app.watchdog.stop()
        app.watchdog = Watchdog(app._silent, limit=0.3)
        app.watchdog.start()
        app.watchdog.beat()
        stand_still(1.0)
        await until(pilot, lambda: bool(app.silences))
        assert "stand_still" in app.silences[0].stack
        await until(pilot, lambda: any("did not respond" in one for one in told(app)))
        log = log_file().read_text("utf-8")
        assert "did not respond for 0.3 seconds" in log
        assert "stand_still" in log
        await pilot.press("f12")
        await until(pilot, lambda: isinstance(app.screen, FaultsScreen))
        assert "stand_still" in "".join(str(one.render()) for one in app.screen.query(Static))
        app.watchdog.stop()


def test_a_window_that_answers_is_left_alone() -> None:
    told: list[Any] = []
    dog = Watchdog(told.append, limit=0.4)
    assert dog.start()
    assert not dog.start()
    for _ in range(12):
        time.sleep(0.08)
        dog.beat()
    dog.stop()
    assert told == []


async def test_nobody_watches_before_there_is_something_to_lose() -> None:
    app = WorkbenchApp(SmallBench(ROWS))
    assert app.watchdog._thread is None
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.editing is not None, 60)
        assert app.watchdog._thread is not None
    assert app.watchdog._ended.is_set()
