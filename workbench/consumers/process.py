"""A trainer's script in its own process: started once, asked many times, stopped and started again where it hangs.

A line of stdin is a question, a line of stdout an answer, both JSON. What else appears on stdout is passed over.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from workbench import child_process
from workbench.consumers.protocol import PROCESS

START_SECONDS = 120.0
_STDERR_CHARS = 4000


class ProcessEnded(Exception):
    """The process ended or hangs: `kind` is Timeout or the way in which it ended, `last` the end of its stderr."""

    def __init__(self, kind: str, message: str, last: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.last = kind, message, last


class ScriptProcess:
    """One process of a script. It is started with the first question, and again after it has ended."""

    def __init__(self, command: Sequence[str], *, schema_prefix: str = "vlmbench.consumer/") -> None:
        self._command = list(command)
        self._prefix = schema_prefix
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stderr: Any = None
        self.starts = 0
        """The number of processes that were started."""
        self.greeting: dict[str, Any] | None = None
        """The first line that the last process said; None where it has said nothing yet."""
        atexit.register(self.close)

    @property
    def running(self) -> bool:
        """True where the process waits for a question."""
        return self._process is not None and self._process.poll() is None

    def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a question, as it came.

        Raises:
            ProcessEnded: there is no answer within so many seconds, or the process ends before. OSError: it cannot be
                started.
        """
        if not self.running:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError as problem:
            raise self._ended() from problem
        return self._read(seconds)

    def close(self) -> None:
        """End the process, if there is one, and every process that it has started."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def _start(self) -> None:
        self.close()
        self.greeting = None
        # A file and not a pipe: what nobody reads would fill a pipe, and the process would wait.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self.starts += 1
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=Path(self._command[0]).anchor or None,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=child_process.environment(),
            start_new_session=os.name == "posix",
        )
        self._lines = queue.Queue()
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines), daemon=True).start()
        self.greeting = self._read(START_SECONDS)

    def _read(self, seconds: float) -> dict[str, Any]:
        end = monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - monotonic()))
            except queue.Empty:
                last = self._last_words()
                self.close()
                raise ProcessEnded("Timeout", f"no answer within {seconds:.0f} seconds", last) from None
            if line is None:
                raise self._ended()
            try:
                payload = json.loads(line)
            except ValueError:
                continue
            # A line of the trainer's own can be JSON too.
            if isinstance(payload, dict) and str(payload.get("schema", "")).startswith(self._prefix):
                return payload

    def _ended(self) -> ProcessEnded:
        process = self._process
        code = process.wait() if process is not None else None
        last = self._last_words()
        self.close()
        if code is not None and code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = str(-code)
            return ProcessEnded("Killed", f"the process was ended by signal {name}", last)
        return ProcessEnded("Exit", f"the process ended with exit code {code}", last)

    def _last_words(self) -> str:
        if self._stderr is None:
            return ""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - _STDERR_CHARS))
        return str(self._stderr.read().decode("utf-8", "replace"))


def refusal(ended: ProcessEnded) -> dict[str, str]:
    """The refusal in the answer to a question that ended the process."""
    last = next((line.strip() for line in reversed(ended.last.splitlines()) if line.strip()), "")
    message = f"{ended.message}; its last line: {last[:200]}" if last else ended.message
    return {"stage": PROCESS, "type": ended.kind, "message": message}


def _pass_on(stdout: Any, lines: queue.Queue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stdout:
            lines.put(line)
    lines.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if os.name == "posix":
            # The group: a loader's own processes would live on.
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
