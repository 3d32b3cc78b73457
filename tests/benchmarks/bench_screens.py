"""The terminal app: its first paint against an empty Textual app, and the token grid on very long rows.

Targets: first paint at most twice the empty app's; grid first paint under 100 ms and a page under 33 ms at 131,072
tokens. Every figure is a median; `work` is what the window's thread computes of it, the rest waits for the next frame
or for other processes. The app and the empty app take turns, in processes of their own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import partial
from statistics import median
from time import perf_counter, thread_time

import numpy as np
from textual.app import App, ComposeResult

from screens.token_grid.grid import TokenGrid
from tests.benchmarks.page import record
from tests.benchmarks.painted import EMPTY_APP, PRELUDE, until_painted
from tests.benchmarks.timing import medians
from tests.screens.small_bench import SmallRenderer
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import scan
from workbench.tokens.render import MediaRuns, Rendering
from workbench.tokens.trace import Owner, Trace
from workbench.views.items import glyphs, turns
from workbench.views.row_view import RowView

_WORKBENCH = f"""{PRELUDE}
from screens import start
start.collect_seldom()
from screens.app import WorkbenchApp
from workbench.bench import Bench
WorkbenchApp.action_load = painted
WorkbenchApp(Bench(model="google/gemma-4-E2B-it")).run(headless=True, size=(160, 48))
"""
_IMPORTS = "import textual.app"
_TURN_TOKENS = 400
_PAGES = 40
_SIZE = (160, 48)


def python(code: str) -> None:
    """Run some code in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def long_row(length: int) -> RowView:
    """A row of `length` tokens: some ten thousand distinct words, turns of 400 tokens."""
    renderer = SmallRenderer()
    start, end = renderer.tokenizer.encode("<|turn>model\n"), renderer.tokenizer.encode("<turn|>")
    user = renderer.tokenizer.encode("<|turn>user\n")
    first = renderer.tokenizer.encode(" ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}x" for n in range(676)))[0]
    ids = np.random.default_rng(0).integers(first, first + 676, length)
    begin = np.arange(0, length - len(start), _TURN_TOKENS)
    for offset in range(3):
        ids[begin[0::2] + offset] = user[offset]
        ids[begin[1::2] + offset] = start[offset]
    ids[begin[1:] - 1] = end[0]
    none = np.zeros(0, dtype=np.int64)
    rendering = Rendering("", "", ids.astype(np.int64), None, MediaRuns((), none, none, none), renderer.vocabulary)
    boundaries = (RoleBoundary("assistant", start, end), RoleBoundary("user", user, end))
    mask = scan(ids, boundaries)
    message = (np.arange(length) // _TURN_TOKENS).astype(np.int32)
    zero = np.zeros(length, dtype=np.int32)
    kind = np.full(length, Owner.CONTENT, dtype=np.uint8)
    trace = Trace(kind, message, zero, zero, zero, np.ones(length, dtype=bool))
    roles = tuple("user" if n % 2 == 0 else "assistant" for n in range(int(message[-1]) + 1))
    drawn = glyphs(rendering)
    begun = turns(rendering, mask, trace, roles)
    return RowView(0, rendering, mask, trace, drawn, roles, begun, [], boundaries, ("assistant",), "turn", built_in="")


class GridAlone(App[None]):
    """Nothing but the grid."""

    CSS = "TokenGrid { overflow-x: hidden; overflow-y: scroll; }"

    def compose(self) -> ComposeResult:
        yield TokenGrid()


async def _drawn(app: App[None]) -> None:
    done = asyncio.Event()
    app.call_after_refresh(done.set)
    await done.wait()


async def grid(length: int) -> None:
    """Print the times of one row length."""
    begin = perf_counter()
    view = long_row(length)
    made = perf_counter() - begin
    app = GridAlone()
    async with app.run_test(size=_SIZE):
        pane = app.query_one(TokenGrid)
        await _drawn(app)
        times: dict[str, list[float]] = {"first paint": [], "page": [], "arrow": []}
        for _ in range(5):
            pane.view = None
            begin = perf_counter()
            pane.show(view)
            await _drawn(app)
            times["first paint"].append(perf_counter() - begin)
        works: dict[str, list[float]] = {name: [] for name in times}
        for name, act in (
            ("page", partial(pane.action_move, "page_down")),
            ("arrow", partial(pane.action_move, "right")),
        ):
            for _ in range(_PAGES):
                begin, work = perf_counter(), thread_time()
                act()
                await _drawn(app)
                times[name].append(perf_counter() - begin)
                works[name].append(thread_time() - work)
        still = []
        for _ in range(_PAGES):
            begin = perf_counter()
            await _drawn(app)
            still.append(perf_counter() - begin)
    said = ", ".join(f"{name} {median(values) * 1e3:.1f} ms" for name, values in times.items())
    said += "".join(f", {name} work {median(values) * 1e3:.1f} ms" for name, values in works.items() if values)
    print(f"{length:,} tokens, {_SIZE[0]}×{_SIZE[1]}: {said} (nothing at all {median(still) * 1e3:.1f} ms; "
          f"rendered, masked and drawn in the background {made * 1e3:.0f} ms)")  # fmt: skip


def main() -> None:
    """Print everything."""
    seconds = medians(
        {
            "import textual": lambda: python(_IMPORTS),
            "empty": lambda: until_painted(EMPTY_APP),
            "app": lambda: until_painted(_WORKBENCH),
        },
        rounds=15,
    )
    app, empty = seconds["app"], seconds["empty"]
    record("first paint", app / empty, f"{app * 1e3:.0f} ms, an empty app {empty * 1e3:.0f} ms")
    print(
        f"first paint: vlmbench {seconds['app'] * 1e3:.0f} ms, empty Textual app {seconds['empty'] * 1e3:.0f} ms "
        f"({seconds['app'] / seconds['empty']:.2f}×); importing it is {seconds['import textual'] * 1e3:.0f} ms"
    )
    for length in (131_072, 1_048_576):
        asyncio.run(grid(length))


if __name__ == "__main__":
    main()
