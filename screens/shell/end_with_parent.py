"""The end of a session together with what shows it: the server of a browser session, or the terminal.

A terminal that is closed sends a hang-up signal, which some parent processes do not pass on; Textual's input loop would
then use a whole core.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from time import sleep

SERVER = "VLMBENCH_SERVER"
"""The environment variable in which a server tells its sessions its process id."""
GRACE_SECONDS = 5.0
_LOOKS_SECONDS = 1.0
EXIT = 1


def hold(leave: Callable[[], object]) -> threading.Thread | None:
    """From now on, see that server or terminal is still there; once it is not, `leave`; end the process if that hangs.

    None where this process has neither.
    """
    server = os.environ.get(SERVER, "")
    there = server_there(int(server)) if server.isdecimal() else terminal_there()
    if there is None:
        return None
    thread = threading.Thread(target=_watch, args=(there, leave), name="vlmbench-leash", daemon=True)
    thread.start()
    return thread


def server_there(server: int) -> Callable[[], bool]:
    """A function that is True while the process that has this id now is still running."""
    import psutil

    try:
        # The process, not its number, which may be another's one day.
        process = psutil.Process(server)
    except psutil.NoSuchProcess:
        return lambda: False

    def there() -> bool:
        try:
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    return there


def terminal_there() -> Callable[[], bool] | None:
    """A function that is True while this process's terminal is open; None where it has no terminal."""
    if sys.platform == "win32" or sys.__stdin__ is None or not sys.__stdin__.isatty():
        return None
    import termios

    terminal = sys.__stdin__.fileno()

    def there() -> bool:
        try:
            termios.tcgetattr(terminal)
        except termios.error:
            return False
        return True

    return there


def _watch(there: Callable[[], bool], leave: Callable[[], object]) -> None:
    while there():
        sleep(_LOOKS_SECONDS)
    with contextlib.suppress(RuntimeError):
        # Raised where the app is closed by now.
        leave()
    sleep(GRACE_SECONDS)
    end()


def end_sessions() -> None:
    """End what this server started: asked first, and killed where that is not heard."""
    import psutil

    below = psutil.Process().children(recursive=True)
    for process in below:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(below, GRACE_SECONDS)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()


def end() -> None:
    """End this process and those that it started, now. Edits are kept at every keystroke."""
    import psutil

    below = psutil.Process().children(recursive=True)
    for process in below:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(below, 1.0)
    os._exit(EXIT)
