"""The real app in a terminal of its own: what it writes is read byte for byte, and signals can be sent to it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

_QUIET_SECONDS = 0.3
_PATIENCE_SECONDS = 90.0


class Terminal:
    """`vlmbench inspect RECIPE` in a pty of 120×40; killed at the end of the block, if it is still there.

    `quiet`: with `2>/dev/null`.
    """

    def __init__(self, recipe: Path, *, quiet: bool = False) -> None:
        self.written = b""
        self.child, self._terminal = pty.fork()
        if self.child == 0:
            os.environ |= {"TERM": "xterm-256color"}
            os.environ.pop("NO_COLOR", None)
            if quiet:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.execv(sys.executable, [sys.executable, "-m", "workbench.cli", "inspect", str(recipe)])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.status: int | None = None

    def __enter__(self) -> Terminal:
        self.read(lambda seen: b" trained" in seen)
        self.read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            self.kill()
        os.close(self._terminal)

    def read(self, true: Callable[[bytes], bool] | None = None, seconds: float = _PATIENCE_SECONDS) -> bytes:
        """Read until what came since the call fulfils something, or without that until nothing more comes."""
        seen, end = b"", time.monotonic() + seconds
        while time.monotonic() < end and not (true is not None and true(seen)):
            ready, _, _ = select.select([self._terminal], [], [], min(_QUIET_SECONDS, seconds))
            if not ready and true is None:
                break
            try:
                got = os.read(self._terminal, 65536) if ready else b""
            except OSError:
                # The other side is closed.
                break
            seen += got
        self.written += seen
        return seen

    def send(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def press(self, keys: str) -> bytes:
        """Press keys, and give what was written until nothing more came."""
        self.send(keys)
        return self.read()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.child, number)

    def kill(self) -> None:
        """End it as no program can resist."""
        self.signal(signal.SIGKILL)
        _, self.status = os.waitpid(self.child, 0)

    def leave(self) -> int:
        """Press q; gives the exit code, and fails where it does not leave."""
        self.send("q")
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            self.read(seconds=_QUIET_SECONDS)
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                self.status = status
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError("it did not leave")
