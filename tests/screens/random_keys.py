"""The app under random keys, pastes, clicks and sizes: every screen, every field, and what lies between them.

`python -m tests.screens.random_keys SEED [SEED …] [--events N]` drives it longer than the suite does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import WorkbenchApp
from screens.inspect.boundary_form import CycleField, TextField
from screens.inspect.screen import InspectScreen
from screens.keys.actions import ACTIONS
from workbench.bench import prepare
from workbench.overfit.events import parse
from workbench.paths import sample_dir

WIDTHS, HEIGHTS = (20, 200), (5, 60)
SETTLED_EVERY = 6
"""So many events are sent before the app is let come to rest: what is typed ahead is tried too."""
PATIENCE_SECONDS = 60.0
TYPED = "[](){}\\*+?|^$.:'\"#&!%@,-_=<>~` aAbBzZ0129éß你👍🏽\u202e\u200b\t"
PASTED = ("[", "(\\w+", "\x1b[2J\x07", "role_boundaries:\n  - role: x\n    start: [\n", "a" * 500, "\n\n\n", "0")
MOVES = (
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "enter", "escape"),
    *("space", "backspace", "delete", "insert", "ctrl+home", "ctrl+end", "ctrl+left", "ctrl+right", "ctrl+a"),
    *("ctrl+k", "ctrl+u", "ctrl+w", "ctrl+x", "ctrl+v", "ctrl+d", "ctrl+p", "f1", "f2", "f6", "alt+m"),
)
KEYS = (*(key for action in ACTIONS if action.id != "app.quit" for key in action.keys), *MOVES)
FIELDS: dict[str, tuple[str, ...]] = {
    "editor": ("1", "e"),
    **{f"form {fields}": ("1", "F", *["shift+tab"] * 3, *["tab"] * fields) for fields in range(0, 9, 2)},
    "search": ("1", "slash"),
    "filter": ("1", "ctrl+f"),
    "row": ("1", "colon"),
    "targets": ("3", "e", "end"),
    "palette": ("ctrl+p",),
    "save": ("1", "ctrl+s"),
    "compare": ("1", "C"),
    "write": ("5", "w", "enter"),
    "infer": ("1", "I"),
    "help": ("question_mark",),
    "samples": ("1", "shift+tab"),
    "checks": ("2",),
    "model": ("3",),
    "overfit": ("4", "r"),
    "export": ("5",),
    "audit": ("6",),
    "trainers": ("7",),
}
"""Keys that lead to each place which has keys of its own; each is gone to in turn."""


class Driven(WorkbenchApp):
    """An app that does not leave. `places` are where the focus was; `quits` how often it was asked to leave."""

    CSS_PATH = Path(sys.modules[WorkbenchApp.__module__].__file__ or "").parent / "app.tcss"
    quits = 0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.places: set[str] = set()

    async def action_quit(self) -> None:
        self.quits += 1

    def look(self) -> None:
        """Remember what has the focus, and on which screen."""
        focused = self.focused
        on = type(self.screen).__name__
        self.places.add(f"{on}: {focused.id or type(focused).__name__}" if focused is not None else on)
        if isinstance(focused, (TextField, CycleField)):
            self.places.add(f"field: {focused.path[-1]}")
        if isinstance(focused, Input) and isinstance(self.base, InspectScreen) and focused.parent is not None:
            self.places.add(f"prompt: {getattr(focused.parent, 'kind', '')}")


class Recorded:
    """A run that was recorded, in the place of one that trains."""

    def __init__(self, plan: Any, folder: Path, **limits: Any) -> None:
        self.plan, self._cancelled = plan, False

    def events(self) -> Iterator[Any]:
        file = Path(__file__).parent / "recorded" / "run.jsonl"
        for event in parse(file.read_text("utf-8").splitlines()):
            if self._cancelled:
                return
            yield event

    def cancel(self) -> None:
        self._cancelled = True


def key_event(key: str) -> events.Key:
    """A key by its name, or a character."""
    if len(key) == 1:
        return events.Key(_character_to_key(key), key if key.isprintable() or key == "\t" else None)
    return events.Key(key, " " if key == "space" else None)


class Driver:
    """Draws events from a seed and sends them; `sent` are the last of them, for when something is wrong."""

    def __init__(self, pilot: Pilot[Any], seed: int) -> None:
        assert isinstance(pilot.app, Driven)
        self.pilot, self.app = pilot, pilot.app
        self.random = random.Random(seed)
        self.sent: list[str] = []

    def size(self) -> tuple[int, int]:
        return self.random.randint(*WIDTHS), self.random.randint(*HEIGHTS)

    async def resize(self) -> None:
        size = self.size()
        self.sent.append("resize {}×{}".format(*size))
        await self.pilot.resize_terminal(*size)

    def key(self, key: str) -> None:
        self.sent.append(key)
        self.app.post_message(key_event(key))

    def text(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.key(self.random.choice(TYPED))

    def paste(self) -> None:
        text = self.random.choice(PASTED)
        self.sent.append(f"paste {text!r}")
        self.app.post_message(events.Paste(text))

    def mouse(self) -> None:
        """A click, a drag or a turn of the wheel, anywhere."""
        width, height = self.app.size
        x, y = self.random.randrange(max(1, width)), self.random.randrange(max(1, height))
        kinds: list[type[events.MouseEvent]] = self.random.choice(
            [
                [events.MouseMove, events.MouseDown, events.MouseUp],
                [events.MouseDown, events.MouseMove, events.MouseUp],
                [events.MouseScrollDown],
                [events.MouseScrollUp],
            ]
        )
        for kind in kinds:
            if kind is events.MouseMove:
                x, y = self.random.randrange(max(1, width)), self.random.randrange(max(1, height))
            self.sent.append(f"{kind.__name__} {x},{y}")
            button = 1 if kind in (events.MouseDown, events.MouseUp) else 0
            self.app.post_message(kind(None, x, y, 0, 0, button, False, False, False, x, y))

    async def settle(self) -> None:
        """Let everything that was sent be done."""
        for _ in range(2):
            for pump in (self.app, self.app.screen, self.app.focused):
                done = asyncio.Event()
                if pump is not None and pump.call_later(done.set):
                    await asyncio.wait_for(done.wait(), PATIENCE_SECONDS)
        self.app.look()

    async def go(self, place: str) -> None:
        """Leave where the app is, and go to a place."""
        for _ in range(4):
            self.key("escape")
        await self.settle()
        for key in FIELDS[place]:
            self.key(key)
            await self.settle()
        # Timers and the background thread have their turn.
        await asyncio.sleep(0.05)

    async def step(self) -> None:
        """One event, of any kind."""
        kind = self.random.random()
        if kind < 0.40:
            self.key(self.random.choice(KEYS))
        elif kind < 0.75:
            self.text()
        elif kind < 0.80:
            self.paste()
        elif kind < 0.90:
            self.mouse()
        else:
            await self.resize()
        await asyncio.sleep(0)

    async def drive(self, count: int) -> None:
        """Send so many events, going round the places."""
        places = list(FIELDS)
        self.random.shuffle(places)
        each = max(1, count // len(places))
        for place in places:
            await self.resize()
            await self.go(place)
            for number in range(each):
                if not self.app.is_running or self.app.faults:
                    return
                await self.step()
                if number % SETTLED_EVERY == SETTLED_EVERY - 1:
                    await self.settle()
            await self.settle()


def recipe_in(folder: Path) -> Path:
    """The demo's recipe in a file of its own, with a marker misspelt, so that there is something to mend."""
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    text = text.replace("path: shapes-heldout.jsonl", f"path: {sample_dir() / 'shapes.jsonl'}")
    file = folder / "mine.yaml"
    file.write_text(text.replace('start: "<|turn>model\\n"', 'start: "<|turn>modle\\n"'), "utf-8")
    return file


async def drive(seed: int, count: int, folder: Path) -> Driven:
    """Open the app on a recipe in a folder and send it so many events; it is left at the end.

    Raises whatever the app let out or kept in; the seed and the last events are printed then.
    """
    rng = random.Random(seed)
    app = Driven(prepare(recipe_in(folder)))
    driver = None
    try:
        async with app.run_test(size=(rng.randint(*WIDTHS), rng.randint(*HEIGHTS))) as pilot:
            app.animation_level = "none"
            driver = Driver(pilot, seed)
            clock = asyncio.get_running_loop().time
            end = clock() + 120
            while not (isinstance(app.base, InspectScreen) and app.base.settled):
                assert clock() < end, "it never opened"
                await pilot.pause(0.02)
            await driver.drive(count)
            assert not app.faults, app.faults[0].trace
            assert app.is_running
    except BaseException:
        last = driver.sent[-40:] if driver is not None else []
        print(f"\nseed {seed}: the last of {len(driver.sent) if driver else 0} events: {last}", file=sys.stderr)
        raise
    return app


@contextlib.contextmanager
def apart(folder: Path) -> Iterator[None]:
    """The working folder, the state and the runs of nobody else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLMBENCH_STATE", str(folder / "state"))
        patch.setattr("workbench.overfit.start.Supervisor", Recorded)
        patch.chdir(folder)
        yield


def main() -> int:
    """Drive it with the seeds of the command line; the exit code is how many of them found something."""
    asked = argparse.ArgumentParser()
    asked.add_argument("seeds", nargs="+", type=int)
    asked.add_argument("--events", type=int, default=400)
    given = asked.parse_args()
    found = 0
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as name, apart(Path(name)):
            faulthandler.dump_traceback_later(240, exit=True)
            print(f"seed {seed}", flush=True)
            try:
                app = asyncio.run(drive(seed, given.events, Path(name)))
            except Exception as problem:
                found += 1
                traceback.print_exception(problem, file=sys.stdout)
            else:
                print(f"  {len(app.places)} places: {sorted(app.places)}", flush=True)
            faulthandler.cancel_dump_traceback_later()
    return found


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "80")
    sys.exit(main())
