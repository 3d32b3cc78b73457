"""A limit of time for Python code of somebody else that runs in this process: a chat template may loop for ever.

One thread watches the deadlines of all others, and raises the error inside the thread that missed its own. It is raised
between two steps of Python: a call into C ends first.

The time is the thread's own on a processor, where the system tells it: what is found in a row must not depend on what
else the machine does. Beside it there is a limit by the clock, for code that waits.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

_STEP = 0.2
_PATIENCE = 60
"""So many times the limit may pass by the clock, where the thread's own time is known."""


@dataclass(slots=True)
class _Deadline:
    """`at`: by the clock. `own`: by the time of the thread on a processor, of the clock with this id."""

    at: float
    error: type[BaseException]
    own: tuple[int, float] | None = None
    missed: bool = False

    def passed(self) -> bool:
        """True where the time is over."""
        if time.monotonic() > self.at:
            return True
        if self.own is None:
            return False
        clock, at = self.own
        try:
            return time.clock_gettime(clock) > at
        except OSError:
            # The thread has ended.
            return False


_running: dict[int, _Deadline] = {}
_lock = threading.Lock()
_watcher: threading.Thread | None = None


@contextlib.contextmanager
def time_limit(seconds: float, error: type[BaseException]) -> Iterator[None]:
    """Raise `error`, made without arguments, where what is inside has not ended in time. Inside another: no effect."""
    thread = threading.get_ident()
    if thread in _running:
        yield
        return
    deadline = _deadline(seconds, thread, error)
    with _lock:
        _running[thread] = deadline
        _watch()
    try:
        try:
            yield
        finally:
            with _lock:
                _running.pop(thread, None)
    except error:
        raise
    except BaseException:
        if deadline.missed:
            _take(error)
        raise
    if deadline.missed:
        # What was inside ended in the very moment in which it was found late: the error comes at one of the next steps.
        _take(error)


def _deadline(seconds: float, thread: int, error: type[BaseException]) -> _Deadline:
    if not hasattr(time, "pthread_getcpuclockid"):
        return _Deadline(time.monotonic() + seconds, error)
    clock = time.pthread_getcpuclockid(thread)
    return _Deadline(time.monotonic() + _PATIENCE * seconds, error, (clock, time.clock_gettime(clock) + seconds))


def _take(error: type[BaseException]) -> None:
    """Let an error that was raised from outside arrive here, and not where it is no more expected."""
    with contextlib.suppress(error):
        for _ in range(1000):
            time.sleep(0.001)


def _begin_anew() -> None:
    """Forget the other threads in a copy of the process by `fork`: one of them may have held the lock for good."""
    global _lock, _watcher
    _lock, _watcher = threading.Lock(), None
    mine = threading.get_ident()
    for thread in [thread for thread in _running if thread != mine]:
        del _running[thread]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _watch() -> None:
    """Start the thread that watches, where none is alive: a copy of the process by `fork` has none."""
    global _watcher
    if _watcher is None or not _watcher.is_alive():
        _watcher = threading.Thread(target=_look, name="vlmbench-time-limit", daemon=True)
        _watcher.start()


def _look() -> None:
    while True:
        time.sleep(_STEP)
        with _lock:
            if not _running:
                global _watcher
                _watcher = None
                return
            for thread, deadline in _running.items():
                if not deadline.missed and deadline.passed():
                    deadline.missed = True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(deadline.error))
