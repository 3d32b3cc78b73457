"""The time from the start of an interpreter until something can be read on its screen, and the empty app beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from time import perf_counter

_WORD = b"painted"
PRELUDE = f"""
import os
def painted(app):
    # Textual has taken `sys.stdout`.
    os.write(1, {_WORD!r} + b"\\n")
    app.exit()
"""
"""Defines `painted(app)`, which says that it is there, and ends the app."""
EMPTY_APP = f"""{PRELUDE}
from textual.app import App
class Empty(App):
    def on_mount(self):
        self.call_after_refresh(painted, self)
Empty().run(headless=True, size=(160, 48))
"""


def until_painted(code: str, *arguments: object) -> float:
    """Seconds from the start of a fresh interpreter until its code calls `painted`; its end does not count."""
    # An installed package has its bytecode; that of a checkout is written by the warm-up.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = perf_counter()
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        seconds = next((perf_counter() - begin for line in child.stdout if line.strip() == _WORD), None)
    assert seconds is not None, code
    assert child.returncode == 0, code
    return seconds
