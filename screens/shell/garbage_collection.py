"""Python's cyclic garbage collection while the user is idle, instead of in the middle of a keystroke or of the start.

A keystroke makes some thousand objects and drops nearly all of them without a cycle; the collector counts them all the
same, and a full collection with torch loaded stops the window for longer than a keystroke may take.
"""

from __future__ import annotations

import gc
from time import monotonic

_QUIET_SECONDS = 0.3
_FEW_OBJECTS, _MANY_OBJECTS = 5_000, 300_000
"""Numbers of new objects: fewer than the first are not collected; more than the second are, even during keystrokes."""
_FULL_EVERY = 20


_SELDOM = 100_000
"""New objects between two automatic collections while modules are imported: they stay, and a full collection, which
there would be many of, goes through all of them."""


def collect_seldom() -> None:
    """Let Python collect by itself, but seldom: a twelfth of the time until the first paint is garbage collection."""
    gc.set_threshold(max(_SELDOM, gc.get_threshold()[0]), *gc.get_threshold()[1:])


class Collector:
    """Collects garbage from `start` to `stop` in place of Python's automatic collection. Call `tick` from a timer."""

    def __init__(self) -> None:
        self._threshold: tuple[int, int, int] | None = None
        self._was_on = False
        self._started = False
        self._touched = 0.0
        self._ticks = 0

    def begin(self) -> None:
        """Let Python collect by itself, but seldom, until `start`."""
        if self._threshold is None:
            self._threshold = gc.get_threshold()
            collect_seldom()

    def start(self) -> None:
        """Collect by `tick` alone from now on. What is loaded by now lives as long as the process."""
        gc.freeze()
        if not self._started:
            self._started, self._was_on = True, gc.isenabled()
            gc.disable()

    def stop(self) -> None:
        """Turn Python's automatic collection on again."""
        gc.unfreeze()
        if self._started and self._was_on:
            gc.enable()
        self._started = False
        if self._threshold is not None:
            gc.set_threshold(*self._threshold)
            self._threshold = None

    def touched(self) -> None:
        """Note that the user pressed a key or moved the mouse."""
        self._touched = monotonic()

    def tick(self) -> None:
        """Collect the young objects if the user is idle or if there are many; at every 20th time all objects."""
        young = gc.get_count()[0]
        quiet = monotonic() - self._touched > _QUIET_SECONDS
        if not self._started or young < (_FEW_OBJECTS if quiet else _MANY_OBJECTS):
            return
        self._ticks += 1
        gc.collect(2 if quiet and self._ticks % _FULL_EVERY == 0 else 1)
