"""The list of samples on 100,000 rows: a page of it, a jump to its end, a filter, an order; and the memory of it all.

A page is timed against the same keys in a list of as many plain lines, the first filter against judging the same rows
in the same blocks without a screen. `python -m tests.benchmarks.bench_samples [ROWS]`
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.pilot import Pilot
from textual.strip import Strip

from screens.app import WorkbenchApp
from screens.inspect.row_list import SamplesList
from screens.inspect.screen import InspectScreen
from screens.line_cache.line_view import LineView
from tests.benchmarks.page import record
from tests.benchmarks.text_rows import recipe_with_rows
from workbench.bench import prepare

ROWS = 100_000
_SIZE = (160, 48)
_PAGES = 100
_PAUSE = (0.03, 0.08)
_LOOKED_AT = 0.05
"""Seconds between two frames that are asked for while rows are searched: keys come no quicker."""
_WORDS = [f"{size} {name}" for size in ("red", "small") for name in ("square", "circle", "table", "book", "lamp")]


class Lines(LineView, can_focus=True):
    """As many lines, of a few words each."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.virtual_size = Size(20, count)

    def draw_line(self, y: int) -> Strip:
        """A line with its number."""
        return Strip([Segment(f" {y + self.scroll_offset.y:>6}  41%")]).adjust_cell_length(self.size.width)


class Plain(App[None]):
    """A list of plain lines alone."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        yield Lines(self._count)


def recipe(folder: Path, count: int) -> Path:
    """A recipe of the demo with so many rows of text, of two to six turns."""
    texts = (f"{' '.join(_WORDS[: 3 + number % 8])} {number}" for number in range(count))
    return recipe_with_rows(folder, ([text] * (2 + 2 * (number % 3)) for number, text in enumerate(texts)))


async def _drawn(app: App[None]) -> None:
    done = asyncio.Event()
    app.call_after_refresh(done.set)
    await done.wait()


async def _until(pilot: Pilot[None], true: Callable[[], bool]) -> float:
    began = perf_counter()
    while not true():
        await pilot.pause(0.02)
    return perf_counter() - began


async def _pages(app: App[None], pane: LineView) -> tuple[float, float]:
    """Seconds from the key to the end of its paint, and of the window's work for it: the medians over some pages."""
    times, pauses = [], random.Random(0)
    for _ in range(_PAGES):
        # Textual paints at every sixtieth of a second: a key comes anywhere between two of them.
        await asyncio.sleep(pauses.uniform(*_PAUSE))
        began = perf_counter(), thread_time()
        pane.scroll_to(y=pane.scroll_offset.y + pane.size.height, animate=False)
        await _drawn(app)
        times.append((perf_counter() - began[0], thread_time() - began[1]))
    took, worked = zip(*times, strict=True)
    return median(took), median(worked)


def memory() -> float:
    """The most memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(file: Path, count: int) -> float:
    """Seconds of judging all rows in blocks, without a screen."""
    from workbench.blocks.known import MOST, KnownRows, read_rows
    from workbench.blocks.path import Forms

    bench = prepare(file).load()
    known, forms = KnownRows(bench), Forms()
    began = perf_counter()
    for start in range(0, count, MOST):
        known.judged(read_rows(bench, range(start, min(count, start + MOST))), forms)
    return perf_counter() - began


async def samples(file: Path, count: int) -> None:
    """Print every figure."""
    before_it = bare(file, count)
    app = WorkbenchApp(prepare(file))
    async with app.run_test(size=_SIZE) as pilot:
        await _until(pilot, lambda: isinstance(app.base, InspectScreen) and app.base.settled)
        screen = app.base
        assert isinstance(screen, InspectScreen)
        pane, before = screen.query_one(SamplesList), memory()
        # A source of unknown length is searched further only when its list is scrolled.
        assert len(app.bench.rows) == count

        async def filtered(text: str) -> tuple[float, float]:
            """Seconds until all is known, and the longest that the window took for a frame meanwhile."""
            screen.filtering.set(text)
            began, slowest = perf_counter(), 0.0
            while screen.filtering.under_way:
                frame = perf_counter()
                await _drawn(app)
                slowest = max(slowest, perf_counter() - frame)
                await asyncio.sleep(_LOOKED_AT)
            return perf_counter() - began, slowest

        figures: dict[str, tuple[float, float]] = {}
        for name, text in (
            ("words", "lamp"),
            ("tokens>60, first time", "tokens>60"),
            ("tokens>60, again", "tokens>60"),
            ("sort:-tokens", "sort:-tokens"),
            ("share<40 sort:tokens", "share<40 sort:tokens"),
        ):
            figures[name] = await filtered(text)
            print(
                f"{name}: {figures[name][0]:.1f} s, slowest frame {figures[name][1] * 1e3:.0f} ms, {pane.rows:,} rows"
            )
        await filtered("sort:-tokens")
        page = await _pages(app, pane)
        began = perf_counter()
        screen.rows.show(count - 1)
        await _until(pilot, lambda: screen.settled)
        jump = perf_counter() - began
        after = memory()
    # Right after the pages of the list, and after the search as well as before it: minutes earlier the machine may have
    # been another one.
    plain = Plain(count)
    async with plain.run_test(size=_SIZE):
        line = await _pages(plain, plain.query_one(Lines))
    for what, mine, peer in zip(("until it is painted", "of it, work of the window's thread"), page, line, strict=True):
        print(f"page of the sorted list, {what}: {mine * 1e3:.1f} ms, plain lines {peer * 1e3:.1f} ms", end=" ")
        print(f"({mine / peer:.2f}×)")
    print(f"jump to row {count - 1:,}: {jump * 1e3:.0f} ms until the row and its neighbours are there")
    after_it = bare(file, count)
    alone = (before_it + after_it) / 2
    print(f"judging alone, before and after: {before_it:.1f} s, {after_it:.1f} s")
    first, again = figures["tokens>60, first time"][0], figures["tokens>60, again"][0]
    print(f"first filter {first:.1f} s, judging alone {alone:.1f} s ({first / alone:.2f}×); again {again:.1f} s")
    print(f"memory {before:,.0f} MiB before, {after:,.0f} MiB after")
    record("samples page", page[0] / line[0], f"{page[0] * 1e3:.1f} ms, plain lines {line[0] * 1e3:.1f} ms")
    record("samples filter", first / alone, f"{first:.1f} s, judging alone {alone:.1f} s; again {again:.1f} s")


def main(count: int) -> None:
    """Measure so many rows."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["VLMBENCH_STATE"] = f"{name}/state"
        asyncio.run(samples(recipe(Path(name), count), count))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
