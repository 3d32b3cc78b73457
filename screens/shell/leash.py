"""A session in a browser ends with the server that started it, whatever becomes of the server, and when it hangs."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from time import sleep

SERVER = "VLMBENCH_SERVER"
"""The environment variable in which a server tells its sessions its process id."""
GRACE_SECONDS = 5.0
_LOOKS_SECONDS = 1.0
EXIT = 1


def hold(leave: Callable[[], object]) -> threading.Thread | None:
    """From now on, see that the server is still there; once it is not, `leave`, and end the process if that hangs.

    None where no server started this process.
    """
    told = os.environ.get(SERVER, "")
    if not told.isdecimal():
        return None
    thread = threading.Thread(target=_watch, args=(int(told), leave), name="vlmbench-leash", daemon=True)
    thread.start()
    return thread


def _watch(server: int, leave: Callable[[], object]) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        # The process, not its number, which may be another's one day.
        process = psutil.Process(server)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
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
    for one in below:
        with contextlib.suppress(psutil.Error):
            one.terminate()
    for one in psutil.wait_procs(below, GRACE_SECONDS)[1]:
        with contextlib.suppress(psutil.Error):
            one.kill()


def end() -> None:
    """End this process and those that it started, now. Edits are kept at every keystroke."""
    import psutil

    below = psutil.Process().children(recursive=True)
    for one in below:
        with contextlib.suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(below, 1.0)
    os._exit(EXIT)
