"""A watchdog that notices when the window no longer responds, and logs what its thread is doing.

A thread checks that the event loop still calls `beat`. While some code holds the interpreter itself, this thread cannot
run either; then a timer of `faulthandler`, which does not need the interpreter, writes the stacks.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import IO

from screens.guard.faults import log_file, write_text
from workbench.escaping import visible_lines

SECONDS = 10.0
_LOOKS = 4
"""Number of looks within the time that the window may be silent."""
_ASLEEP = 2.0
"""A look that comes so many times too late, in a process that did nothing meanwhile: it was stopped, not busy."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A time without a response of the window: its thread's stack, and the moment it was noticed."""

    stack: str
    when: datetime

    def tell_the_terminal(self) -> None:
        """Write a warning into the terminal's last line directly, because the app cannot draw it."""
        line = f" vlmbench does not respond; {log_file()} says why. `kill {os.getpid()}` ends it, edits are kept. "
        terminal = sys.__stderr__
        with contextlib.suppress(OSError, ValueError):
            if terminal is not None and terminal.isatty():
                terminal.write(f"\x1b7\x1b[999;1H\x1b[7m{visible_lines(line)}\x1b[0m\x1b8")
                terminal.flush()


class Watchdog:
    """Calls `silent`, on a thread of its own, once for every time that no `beat` came for `limit` seconds."""

    def __init__(self, silent: Callable[[Silence], None], limit: float = SECONDS) -> None:
        self.limit = limit
        self._deep = False
        self._silent = silent
        self._beaten = 0.0
        self._reported = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0

    def start(self, *, deep: bool = False) -> bool:
        """Watch the thread that calls this; false where it is watched already.

        `deep`: with `faulthandler`'s timer too, of which a process has one.
        """
        if self._thread is not None:
            return False
        self._deep, self._watched = deep, threading.get_ident()
        self.beat()
        self._thread = threading.Thread(target=self._run, name="vlmbench-watchdog", daemon=True)
        self._thread.start()
        return True

    def beat(self) -> None:
        """Note that the event loop is running."""
        self._beaten, self._reported = monotonic(), False

    @property
    def silent(self) -> bool:
        """True while a silence that was reported goes on."""
        return self._reported

    def stop(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def _run(self) -> None:
        every = self.limit / _LOOKS
        log = _open_log() if self._deep else None
        looked, worked = monotonic(), time.process_time()
        while not self._ended.wait(every):
            now, busy = monotonic(), time.process_time()
            if now - looked > _ASLEEP * every and busy - worked < (now - looked) / 2:
                self.beat()
            looked, worked = now, busy
            if log is not None:
                faulthandler.dump_traceback_later(self.limit + every, file=log)
            if not self._reported and now - self._beaten > self.limit:
                self._reported = True
                self._silent(self._look())
        if log is not None:
            faulthandler.cancel_dump_traceback_later()
            log.close()

    def _look(self) -> Silence:
        frame = sys._current_frames().get(self._watched)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else "its thread is gone"
        silence = Silence(visible_lines(stack), datetime.now(UTC))
        write_text(f"The window did not respond for {self.limit:g} seconds. Its thread was here:\n{silence.stack}")
        return silence


def _open_log() -> IO[str] | None:
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        return log_file().open("a", encoding="utf-8")
    except OSError:
        return None
