"""Python's cyclic garbage collection at moments when nobody waits, instead of in the middle of a keystroke.

A keystroke makes some thousand objects and drops nearly all of them without a cycle; the collector counts them all the
same, and a full collection with torch loaded stops the window for longer than a keystroke may take.
"""

from __future__ import annotations

import gc
from time import monotonic

_QUIET_SECONDS = 0.3
_FEW_OBJECTS, _MANY_OBJECTS = 5_000, 300_000
"""So many new ones are left alone; so many are looked through however busy the window is."""
_FULL_EVERY = 20


class Collector:
    """Takes the collector's work over from `start` to `stop`. `tick` is to be called now and then, from a timer."""

    def __init__(self) -> None:
        self._was_on = False
        self._started = False
        self._touched = 0.0
        self._ticks = 0

    def start(self) -> None:
        """Collect by `tick` alone from now on. What is loaded by now lives as long as the process."""
        gc.freeze()
        if not self._started:
            self._started, self._was_on = True, gc.isenabled()
            gc.disable()

    def stop(self) -> None:
        """Give it back."""
        gc.unfreeze()
        if self._started and self._was_on:
            gc.enable()
        self._started = False

    def touched(self) -> None:
        """Somebody pressed a key or moved the mouse, and now looks at the window."""
        self._touched = monotonic()

    def tick(self) -> None:
        """Collect what is young if nobody waits, or if there is much of it; once in a while everything."""
        young = gc.get_count()[0]
        quiet = monotonic() - self._touched > _QUIET_SECONDS
        if not self._started or young < (_FEW_OBJECTS if quiet else _MANY_OBJECTS):
            return
        self._ticks += 1
        gc.collect(2 if quiet and self._ticks % _FULL_EVERY == 0 else 1)
