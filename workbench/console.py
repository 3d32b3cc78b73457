"""Output of the command line beside its data: errors, progress, exit codes, and the JSON envelope.

stdout carries data, stderr messages. Exit codes: 0 clean, 1 findings or a failed verdict, 2 bad usage or input, 3
environment (missing package, no such model, gated, out of memory), 70 a bug of vlmbench, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO, cast

from workbench.errors import BenchError
from workbench.escaping import visible, visible_lines

if TYPE_CHECKING:
    from rich.console import Console

    from workbench.answers import ErrorAnswer
    from workbench.models.hub import Progress

ERROR_SCHEMA: Final = "vlmbench.error/1"


def write_json(payload: Mapping[str, Any], stream: TextIO | None = None) -> None:
    """One JSON document on stdout, in UTF-8 whatever the locale."""
    stream = stream or sys.stdout
    json.dump(payload, stream, ensure_ascii=True, indent=None, separators=(",", ":"))
    stream.write("\n")


def report(problem: BenchError, *, as_json: bool = False) -> int:
    """Say what went wrong on stderr, as JSON on stdout too where JSON was asked for; gives the exit code."""
    lines = [text for text in (problem.cause, problem.hint and f"→ {problem.hint}") if text]
    # Where stderr is closed or full as well, the exit code is all that is left.
    tell("\n".join([f"vlmbench: {problem.line}", *(textwrap.indent(text, "  ") for text in lines)]))
    if as_json:
        answer: ErrorAnswer = {"schema": ERROR_SCHEMA, "error": problem.to_dict(), "exit_code": problem.exit_code}
        write_json(answer)
    return problem.exit_code


def tell(text: str) -> None:
    """A message on stderr, made safe to draw: it may name files, keys and values of any kind."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(visible_lines(text) + "\n")
        sys.stderr.flush()


def forget_odd_size() -> None:
    """Take COLUMNS and LINES out of the environment where no terminal has so many: libraries take them as they are."""
    for name in ("COLUMNS", "LINES"):
        if len(os.environ.get(name, "")) > 4:
            del os.environ[name]


def quiet_libraries() -> None:
    """Keep the libraries' own bars, advice and start-up lines off the screen; the bench says what matters.

    Where somebody has set a variable or a level, that stays.
    """
    import logging

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    for name in _TALKING_AT_START:
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.ERROR)


_TALKING_AT_START = ("bitsandbytes", "torchao", "torch.utils._pytree")
"""Loggers that warn where their packages are imported, which PEFT does wherever they are installed."""


@contextmanager
def ignoring_closed_pipe() -> Iterator[None]:
    """Write to stdout; a reader that leaves early, as `head` does, is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()


def drop_stdout() -> None:
    """Let what is left in stdout's buffer go: it cannot be written, and must not fail again at the interpreter's exit.

    What was written before stays.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console() -> Console:
    """A rich console on stdout that leaves a closed pipe to `ignoring_closed_pipe`.

    Into a pipe or a file nothing is wrapped or padded, so that a line stays one for grep; COLUMNS asks for a width.
    """
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return Quiet(highlight=False)
    return Quiet(file=cast(TextIO, _Unpadded(sys.stdout)), width=_NO_WIDTH, highlight=False)


_NO_WIDTH = 100_000
_PADDED = re.compile(r"[ ]+$", re.MULTILINE)


class _Unpadded:
    """A stream that leaves out the blanks at the ends of lines, with which tables and paragraphs are filled."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_PADDED.sub("", text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def say(line: str, outcome: Literal["pass", "doubtful", "fail"]) -> None:
    """One line on stderr, in the colour of an outcome where that is a terminal that shows colours."""
    from rich.console import Console
    from rich.text import Text

    style = {"pass": "bold green", "doubtful": "bold yellow", "fail": "bold red"}[outcome]
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(visible(line), style))


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A line on stderr that says what goes on, where that is a terminal and it takes more than a second."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True, highlight=False).status(visible(what))
    timer = threading.Timer(_PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


_PATIENCE_SECONDS = 1.0


@contextmanager
def counted_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A count on stderr where that is a terminal, there are several, and it takes more than a second."""
    began = monotonic()

    def show(done: int) -> None:
        if monotonic() - began > _PATIENCE_SECONDS:
            sys.stderr.write(f"\r{done} of {total} {what}\x1b[K")
            sys.stderr.flush()

    if total < 2 or not sys.stderr.isatty():
        yield lambda done: None
        return
    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


@contextmanager
def rows_bar(what: str = "rows") -> Iterator[Callable[[int, int | None], None]]:
    """One line on stderr where that is a terminal: rows done, of how many, the rate and the time left."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    pace = TextColumn("{task.fields[pace]}")
    columns = (TextColumn(what), BarColumn(bar_width=30), MofNCompleteColumn(), pace, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, pace="")

        def show(done: int, total: int | None) -> None:
            speed = bar.tasks[task].finished_speed or bar.tasks[task].speed
            bar.update(task, completed=done, total=total, pace=f"{speed:,.0f} rows/s" if speed else "")

        yield show


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar on stderr where that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Loading", total=None)

        def show(step: Any) -> None:
            bar.update(task, description=step.stage, completed=step.done, total=step.total)

        yield show


@contextmanager
def row_progress(total: int | None) -> Iterator[Callable[[int, str], None]]:
    """A count of rows on stderr, with a few words beside it, where that is a terminal, else nothing.

    The function that it gives may be called for every row: it draws a few times a second.
    """
    if not sys.stderr.isatty():
        yield lambda done, words: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=total)
        yield lambda done, words: bar.update(task, completed=done, description=words)
