"""The tokens of the first row from a process beside the app's, which imports and encodes while the app paints.

One interpreter does one thing at a time, and until the first paint Textual has it. Where there is a second core, a
child is forked off before Textual is imported, when there is one thread and little is loaded; what it says is there by
the time that the window can draw it. Elsewhere, or where it has no answer, the app encodes the row by itself.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench.views.early_row import EarlyRow, early_row, from_json, to_json

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.data.first_row import FirstRow
    from workbench.views.traced_row import TracedRow

_SECONDS = 5.0
"""As long as an answer is waited for. It is a matter of a third of one; a disk may take longer."""
_DRAWN_SECONDS = 0.3
_FEWEST_CORES = 2
_LENGTH = 8
"""Bytes of the length of what is said first, little-endian."""
_NO_ROW = 3
"""The child's exit status where it chose no row."""


class NoAnswer(Exception):
    """The process failed, took too long, or chose another row."""


class TokensBeside:
    """A process that encodes the first row of a bench, and a thread that reads what it says."""

    def __init__(self, child: int, pipe: int) -> None:
        """`child` is the number of the process, `pipe` the end that it is read from."""
        self._child, self._pipe = child, pipe
        self._status: int | None = None
        self._lock = threading.Lock()
        self._early: EarlyRow | None = None
        self._told: Callable[[], None] | None = None
        self._row = b""
        self._begun, self._ended = threading.Event(), threading.Event()
        self.drawn = threading.Event()
        """Set by the window once it has drawn the beginning of the row."""
        threading.Thread(target=self._read, name="vlmbench tokens beside", daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, ValueError, TypeError), open(self._pipe, "rb") as said:
            length = int.from_bytes(said.read(_LENGTH), "little")
            sent = said.read(length)
            if length and len(sent) == length:
                early = from_json(sent)
                with self._lock:
                    self._early, told = early, self._told
                self._begun.set()
                if told is not None:
                    told()
            self._row = said.read()
        self._ended.set()
        self._begun.set()

    def early(self, told: Callable[[], None] | None = None) -> EarlyRow | None:
        """The beginning of the row where it is there; else `told` is called, on another thread, when it is."""
        with self._lock:
            self._told = told
            return self._early

    def let_draw(self) -> None:
        """Wait, but not for long, until the window has drawn what there is: imports would hold it up."""
        self._begun.wait(_SECONDS)
        with self._lock:
            there = self._early is not None
        if there:
            self.drawn.wait(_DRAWN_SECONDS)

    def answer(self, index: int) -> TracedRow | None:
        """Row `index` as the process has it; None where it says that there are no early tokens.

        Raises:
            NoAnswer: it has none for this row.
        """
        from workbench.views.traced_row import from_bytes

        in_time = self._ended.wait(_SECONDS)
        if not in_time or self.close():
            raise NoAnswer
        if not self._row:
            return None
        try:
            row = from_bytes(self._row)
        except (ValueError, LookupError, TypeError) as problem:
            raise NoAnswer from problem
        if row.index != index:
            raise NoAnswer
        return row

    def close(self) -> int:
        """End the process, whatever it is at; its status as `os.waitpid` has it."""
        with self._lock:
            if self._status is None:
                if not self._ended.is_set():
                    with suppress(ProcessLookupError):
                        os.kill(self._child, signal.SIGKILL)
                self._status = -1
                with suppress(ChildProcessError):
                    self._status = os.waitpid(self._child, 0)[1]
            return self._status


def tokens_of(bench: Bench, first: FirstRow, process: TokensBeside | None) -> TracedRow | None:
    """The tokens of the first row: the process's, or our own where it has no answer for this row."""
    if process is not None:
        with suppress(NoAnswer):
            return process.answer(first.index)
    from workbench.views.first_tokens import first_tokens

    return first_tokens(bench, first)


def beside(bench: Bench, row: int) -> TokensBeside | None:
    """Start it for a bench that is not loaded, and the row that was asked for, or 0.

    None where this process is not as it was begun, on a machine of one core, or on one that cannot fork.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not hasattr(os, "fork") or cores < _FEWEST_CORES or threading.active_count() > 1:
        return None
    try:
        read, write = os.pipe()
        child = os.fork()
    except OSError:
        return None
    if child:
        os.close(write)
        return TokensBeside(child, read)
    status = 1
    # Whatever happens, this process must not come back into its parent's code.
    try:
        os.close(read)
        _say_nothing_else()
        status = _answer(bench, row, write)
    finally:
        os._exit(status)


def _say_nothing_else() -> None:
    """Leave the terminal to the parent."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)


def _answer(bench: Bench, row: int, pipe: int) -> int:
    """Write the beginning of the row, then all of it; nothing where it has no early tokens. The exit status."""
    from screens.shell.beginning import first_of

    first = first_of(bench, row)
    if first is None:
        return _NO_ROW
    from workbench.views.first_tokens import first_tokens
    from workbench.views.traced_row import to_bytes

    found = first_tokens(bench, first.row)
    with open(pipe, "wb") as said:
        if found is not None:
            early = to_json(early_row(found.view())).encode()
            said.write(len(early).to_bytes(_LENGTH, "little"))
            said.write(early)
            said.flush()
            said.write(to_bytes(found))
    return 0
