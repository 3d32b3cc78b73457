"""A keystroke in the boundary editor until the mask is painted anew, on rows of 8k and 131k tokens of the demo.

Targets: p95 of at most 16 ms at 8,192 tokens and 50 ms at 131,072. Timed from the key's event until the last escape
code of the paint that shows both letter and mask was written (to a driver that throws it away). Every other key breaks
the assistant's marker, the next one mends it. Most keys come as fast as a person types; some after a pause, when the
other thread is in the middle of checking the row. Beside it the same keys in the same text area alone: what Textual
takes. After every key a fixed piece of work tells how fast the machine was just then, which others may share.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np
import numpy.typing as npt
from textual import events
from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.widgets import TextArea

from screens.app import WorkbenchApp
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.screen import InspectScreen
from screens.token_grid.grid import TokenGrid
from tests.benchmarks.page import record
from tests.benchmarks.text_rows import recipe_with_rows
from workbench.bench import prepare

_SIZE = (160, 48)
_KEYS = 160
_FAST, _PAUSE = (0.04, 0.12), (0.2, 0.5)
_PAUSE_EVERY = 5
_ANSWER = "the picture shows a red square on a table and beside it a small blue book with a ribbon " * 8
_PAIR_TOKENS = 230


class Sink(HeadlessDriver):
    """A terminal that throws everything away; for the app it is a real one, so that the escape codes are made."""

    written = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        Sink.written += len(data)


def recipe_with_row(folder: Path, tokens: int) -> Path:
    """A recipe on the demo model with one text row of about that many tokens, in turns of some 200."""
    return recipe_with_rows(folder, [["What is there?", _ANSWER] * max(1, tokens // _PAIR_TOKENS)])


class Paints:
    """The state that each of some panes had when it was last drawn."""

    def __init__(self, app: App[None], panes: dict[Any, Callable[[], Any]]) -> None:
        self._panes = panes
        self._drawn: dict[Any, Any] = {}
        self._done = asyncio.Event()
        self._at = (0.0, 0.0)
        self._waiting: Callable[[], bool] = lambda: False
        for pane, state in panes.items():
            vars(pane)["render_lines"] = self._noting(pane, pane.render_lines, state)
        vars(app)["post_display_hook"] = self._displayed

    def _noting(self, pane: Any, draw: Callable[..., Any], state: Callable[[], Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            self._drawn[pane] = state()
            return draw(*arguments)

        return noted

    def _displayed(self) -> None:
        if self._waiting() and all(self._drawn.get(pane) == state() for pane, state in self._panes.items()):
            self._at = (perf_counter(), thread_time())
            self._waiting = lambda: False
            self._done.set()

    async def until(self, true: Callable[[], bool]) -> tuple[float, float]:
        """The end of the first paint after which `true` holds and every pane shows its present state.

        In seconds: by the clock, and by this thread's processor time.
        """
        self._done.clear()
        self._waiting = true
        await self._done.wait()
        return self._at


class TextAlone(App[None]):
    """The text area and nothing else, wrapping long lines as the editor does."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield TextArea.code_editor(self._text, language="yaml", soft_wrap=True, show_line_numbers=True)


def _yardstick() -> float:
    """Seconds of a piece of work that is always the same."""
    begin, made = perf_counter(), {}
    for number in range(6_000):
        made[number % 997] = str(number)
    return perf_counter() - begin


async def _type(app: App[None], area: TextArea, screen: InspectScreen | None) -> npt.NDArray[np.float64]:
    """Seconds for each key, from its event to the end of the paint that shows what it did; beside them, in seconds of
    its own, how much the window's thread had to do for it; and what the yardstick took afterwards: `[K, 3]`."""
    panes: dict[Any, Callable[[], Any]] = {area: lambda: area.text}
    if screen is not None:
        grid = screen.query_one(TokenGrid)
        panes[grid] = lambda: id(grid.view)
    paints = Paints(app, panes)
    times, pauses = [], random.Random(0)
    for number in range(_KEYS):
        await asyncio.sleep(pauses.uniform(*(_PAUSE if number % _PAUSE_EVERY == 0 else _FAST)))
        key = events.Key("x", "x") if number % 2 == 0 else events.Key("backspace", None)
        text, begin = area.text, (perf_counter(), thread_time())
        app.post_message(key)

        def shown(text: str = text) -> bool:
            return area.text != text and (screen is None or screen.edits.followed == area.text)

        times.append((*np.subtract(await paints.until(shown), begin), _yardstick()))
    return np.array(times)


async def _run(app: App[None], work: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    app.driver_class = Sink

    async def pilot(pilot: Pilot[None]) -> None:
        await work(pilot)
        app.exit()

    await app.run_async(size=_SIZE, auto_pilot=pilot)


async def keystroke(folder: Path, tokens: int) -> None:
    """Print the times of one row length."""
    file = recipe_with_row(folder, tokens)
    app, alone = WorkbenchApp(prepare(file)), TextAlone(file.read_text())
    times: dict[str, npt.NDArray[np.float64]] = {}
    length = 0

    async def type_recipe(pilot: Pilot[None]) -> None:
        nonlocal length
        while not (isinstance(app.base, InspectScreen) and app.base.settled):
            await pilot.pause(0.05)
        screen = app.base
        await pilot.press("e")
        editor, grid = screen.query_one(RecipeEditor), screen.query_one(TokenGrid)
        assert grid.view is not None
        length, trained = len(grid.view.rendering), grid.view.mask.trained
        line = editor.area.cursor_location[0] + 2
        column = editor.area.document.get_line(line).index("model") + 1
        editor.go(line + 1, column + 3)
        await pilot.pause(0.5)
        times["app"] = await _type(app, editor.area, screen)
        assert grid.view.mask.trained == trained > 0

    async def type_alone(pilot: Pilot[None]) -> None:
        area = alone.query_one(TextArea)
        area.focus()
        await pilot.pause(0.2)
        times["alone"] = await _type(alone, area, None)

    await _run(app, type_recipe)
    await _run(alone, type_alone)
    print(f"{length:,} tokens, {_KEYS} keys")
    took, bare = (float(np.percentile(times[whose][:, 0], 95)) for whose in ("app", "alone"))
    short = "keystroke 8k" if tokens < 10_000 else "keystroke 131k"
    record(short, took / bare, f"{took * 1e3:.1f} ms, the text area {bare * 1e3:.1f} ms")
    for column, what in enumerate(("key to paint", "of it, work of the window's thread")):
        said = []
        for name, part in (("least", 0), ("p50", 50), ("p95", 95)):
            took, bare = (float(np.percentile(times[whose][:, column], part)) for whose in ("app", "alone"))
            said.append(f"{name} {took * 1e3:.1f} ms ({took / bare:.1f}× {bare * 1e3:.1f} ms)")
        print(f"  {what}: {', '.join(said)} × the text area alone")
    paces = np.concatenate([one[:, 2] for one in times.values()])
    quickest = paces.min()
    slow = ", ".join(f"p{part} {np.percentile(paces, part) / quickest:.1f}×" for part in (5, 50, 95))
    paced = times["app"][:, 0] * quickest / times["app"][:, 2]
    p50, p95 = (float(np.percentile(paced, part)) * 1e3 for part in (50, 95))
    print(f"  the machine's own pace, in times of its quickest: {slow}; at the quickest, keys take about", end=" ")
    print(f"p50 {p50:.1f} ms, p95 {p95:.1f} ms", flush=True)


def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["VLMBENCH_STATE"] = f"{name}/state"
        for tokens in (8_192, 131_072):
            folder = Path(name) / str(tokens)
            folder.mkdir()
            asyncio.run(keystroke(folder, tokens))


if __name__ == "__main__":
    main()
