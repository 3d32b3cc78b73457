"""The stream that the app draws on: the terminal itself, where stderr was sent elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def drawn_on_the_terminal() -> Iterator[None]:
    """Draw on the terminal that stdout is, where `2>/dev/null` or `2>log` sent stderr elsewhere.

    Textual draws on the interpreter's own stderr, and a window that nobody sees would wait for keys for ever.
    """
    if (sys.__stderr__ is not None and sys.__stderr__.isatty()) or sys.__stdout__ is None:
        yield
        return
    before = sys.__stderr__
    # Of its own: what is written to it must not wait in stdout's buffer.
    with open(os.dup(sys.__stdout__.fileno()), "w", encoding="utf-8", errors="replace") as terminal:
        sys.__stderr__ = terminal  # type: ignore[misc]
        try:
            yield
        finally:
            sys.__stderr__ = before  # type: ignore[misc]
