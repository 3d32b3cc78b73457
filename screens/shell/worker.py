"""The one thread that works with the bench, so that the window never waits and no two threads use it at once.

Work comes as generators and is done one step at a time. The most urgent kind goes first, and of those that go over all
rows the ones of the screen in view; a newer request takes the place of an older one of its kind. The thread is a
daemon: leaving does not wait for a model that is still loading.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterator
from enum import IntEnum
from time import monotonic

Steps = Iterator[None]
_SWITCH_SECONDS = 0.0005
"""While this thread computes, the window's gets the interpreter back after so long; Python's own 5 ms, several times at
every key, can be felt."""


class Kind(IntEnum):
    """The kinds of background work, the most urgent first."""

    LOAD = 0
    APPLY = 1
    FIX = 2
    ROW = 3
    PICTURE = 4
    INFER = 5
    WRITE = 6
    MODEL = 7
    SEEK = 8
    SAMPLES = 9
    ASK = 10
    ANSWER = 11
    # Somebody waits for these, and they end soon. What goes over all rows comes after them.
    RUNS = 12
    RUN = 13
    EXPORT = 14
    MEMORY = 15
    COMPARE = 16
    FILTER = 17
    CHECK = 18
    CONVERT = 19
    AUDIT = 20
    LANES = 21


class AppClosing(BaseException):
    """Raised inside the thread's work once the app is closing. Not an `Exception`, so that nothing retries it."""


class Background:
    """A daemon thread with at most one waiting request of each kind."""

    def __init__(self, crashed: Callable[[Kind, Exception], None]) -> None:
        """`crashed` is called, on the thread, with an exception that a job let out; the thread goes on."""
        self._crashed = crashed
        self._waiting: dict[Kind, Steps] = {}
        self._condition = threading.Condition()
        self._closed = False
        self._held_until: dict[Kind, float] = {}
        self.front: Collection[Kind] = ()
        """The kinds of the screen in view that go over all rows."""
        self._thread = threading.Thread(target=self._run, name="vlmbench", daemon=True)

    def submit(self, kind: Kind, steps: Steps) -> None:
        """Do this next, instead of what waits under the same kind."""
        with self._condition:
            self._waiting[kind] = steps
            if not self._thread.is_alive() and not self._closed:
                sys.setswitchinterval(_SWITCH_SECONDS)
                self._thread.start()
            self._condition.notify()

    def hold(self, seconds: float, beyond: Kind = Kind.APPLY) -> None:
        """Begin no step of a less urgent kind for so long: a person types or scrolls, and the window comes first."""
        self._held_until[beyond] = monotonic() + seconds

    def check(self) -> None:
        """Called from the work itself, where it can stop: raises `AppClosing` once the app closes."""
        if self._closed:
            raise AppClosing

    def close(self, timeout: float = 0.0) -> bool:
        """Take no more work; true when the thread ended within `timeout` seconds."""
        with self._condition:
            self._closed = True
            self._waiting.clear()
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                kind = min(self._waiting, key=self._rank)
                if (left := self._held(kind)) > 0:
                    self._condition.wait(left)
                    continue
                steps = self._waiting[kind]
            try:
                next(steps)
            except StopIteration:
                self._done(kind, steps)
            except AppClosing:
                return
            except Exception as problem:
                self._done(kind, steps)
                if not self._closed:
                    self._crashed(kind, problem)

    def _held(self, kind: Kind) -> float:
        """Seconds before a step of this kind may begin."""
        return max((until for beyond, until in [*self._held_until.items()] if kind > beyond), default=0.0) - monotonic()

    def _rank(self, kind: Kind) -> tuple[bool, Kind]:
        return kind >= Kind.FILTER and kind not in self.front, kind

    def _done(self, kind: Kind, steps: Steps) -> None:
        with self._condition:
            if self._waiting.get(kind) is steps:
                del self._waiting[kind]
