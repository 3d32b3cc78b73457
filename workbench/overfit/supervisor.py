"""The parent of an overfit run: starts the child, follows its events, and turns whatever ends it into one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any

from workbench import child_process
from workbench.errors import InputError
from workbench.overfit.devices import first_devices, gpus, one_device
from workbench.overfit.events import Event, Writer, last, parse
from workbench.overfit.failures import killed, line_on, out_of_memory_kills, says_memory
from workbench.overfit.plan import Plan
from workbench.overfit.runs import EVENTS, LOG, PLAN, RECIPE
from workbench.overfit.sharding import launch_arguments
from workbench.overfit.step_memory import step_memory

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_TAIL_LINES = 20
# Enough to hold what each process of a launcher said last.
_LOG_LINES = 400


class Supervisor:
    """One run. `events` starts it and yields until it has ended; `cancel` may be called from any thread."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        max_seconds: float | None = None,
        max_bytes: int | None = None,
        launcher: str = "",
        processes: int = 1,
    ) -> None:
        """`folder` must exist. `max_bytes` limits the memory of the child. `launcher`: none ("") or "accelerate"."""
        if launcher not in ("", "accelerate"):
            raise InputError(f"There is no launcher {launcher!r}", hint="Leave it out, or give accelerate.")
        self.plan, self.folder = plan, folder
        self._max_seconds, self._max_bytes = max_seconds, max_bytes
        self._launcher, self._processes = launcher, processes
        self._child: subprocess.Popen[bytes] | None = None
        self._ended_by = ""
        self._variables: dict[str, str] = {}
        self._kills: int | None = None

    @property
    def command(self) -> list[str]:
        """The command line of the child process."""
        runner = "workbench.overfit.runner", str(self.folder)
        if not self._launcher:
            return child_process.command(*runner)
        launch = [sys.executable, "-P", "-m", "accelerate.commands.launch", "--num_processes", str(self._processes)]
        launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
        if self._processes > 1 and self.plan.sharding:
            launch += launch_arguments(self.plan.sharding)
        elif self._processes > 1:
            # This starts one process each whatever the device; `--cpu` would ask for MPI.
            launch.append("--multi_gpu")
        elif not gpus(self.plan.device):
            launch.append("--cpu")
        return [*launch, *child_process.script(*runner)]

    def events(self) -> Iterator[Event]:
        """Start the run, and give its events as they come; the last is `done` or `error`.

        However it ends, the child has ended when this has: leaving the loop early stops it.
        """
        # In the child's eyes the device that was asked for is the only one.
        device, self._variables = self._devices()
        replace(self.plan, device=device).write(self.folder / PLAN)
        self._kills = out_of_memory_kills()
        (self.folder / RECIPE).write_text(self.plan.recipe, "utf-8")
        file = self.folder / EVENTS
        file.touch()
        began = monotonic()
        with (self.folder / LOG).open("wb") as log:
            self._child = child = self._start(log)
            try:
                with file.open(encoding="utf-8", errors="replace") as stream:
                    lines = _Lines(stream)
                    seen: list[Event] = []
                    while True:
                        running = child.poll() is None
                        for event in lines.new():
                            seen.append(event)
                            yield event
                        if not running:
                            break
                        self._watch(began)
                        sleep(_POLL_SECONDS)
                    if last(seen, "done") is None and last(seen, "error") is None:
                        self._write_end(child.returncode)
                        yield from lines.new()
            except KeyboardInterrupt:
                self.cancel()
                self._stop()
                self._write_end(child.returncode)
                raise
            finally:
                self._stop()

    def cancel(self) -> None:
        """End the run; its events then end with an error of kind `cancelled`."""
        self._end("cancelled")

    def _start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = child_process.environment(
            **self._variables, VLMBENCH_SUPERVISED="1", TOKENIZERS_PARALLELISM="false"
        )
        # The child reads this pipe: when it closes, because this process is gone, the child goes as well.
        return subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )

    def _devices(self) -> tuple[str, dict[str, str]]:
        """The device as the child is to name it, and the variables that decide what it sees."""
        if not self._launcher:
            return one_device(self.plan.device, os.environ)
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // self._processes))}
        if gpus(self.plan.device) < self._processes:
            return self.plan.device, threads | {"ACCELERATE_USE_CPU": "true"}
        return "cuda", threads | first_devices(self._processes, os.environ)

    def _watch(self, began: float) -> None:
        if self._max_seconds is not None and monotonic() - began > self._max_seconds:
            self._end("time")
        if self._max_bytes is not None and (used := self.memory()) > self._max_bytes:
            self._end("limit")
            self._used = used

    _used = 0

    def memory(self) -> int:
        """The resident bytes of the child and its own children; 0 when it is gone."""
        import psutil

        if self._child is None:
            return 0
        try:
            process = psutil.Process(self._child.pid)
            return sum(member.memory_info().rss for member in [process, *process.children(recursive=True)])
        except psutil.Error:
            return 0

    def _end(self, why: str) -> None:
        if self._child is not None and self._child.poll() is None and not self._ended_by:
            self._ended_by = why
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        assert self._child is not None
        try:
            os.killpg(self._child.pid, number)
        except (ProcessLookupError, PermissionError):
            self._child.send_signal(number)

    def _stop(self) -> None:
        """End the child and every process it started."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                child.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                child.wait()
        if child.stdin is not None:
            child.stdin.close()

    def _write_end(self, code: int) -> None:
        """Write the last event in place of the child, which wrote none."""
        writer = Writer(self.folder / EVENTS)
        log = self._tail(_LOG_LINES)
        kind, tail = self._ended_by or self._kind(code, log), self._tail()
        message = {
            "cancelled": "cancelled",
            "time": f"the limit of {self._max_seconds or 0:g} seconds was reached",
            "limit": f"{self._used / 2**30:.1f} GiB are more than the limit of {(self._max_bytes or 0) / 2**30:.1f}",
        }.get(kind) or (f"signal {_name(-code)}" if code < 0 else f"exit code {code}")
        if kind in ("memory", "killed") and code > 0:
            message = line_on("killed" if killed(code, log) else kind, log) or message
        if kind == "memory" and killed(code, log):
            message = f"the system killed the process for want of memory ({message})"
        more: dict[str, Any] = {"estimate": step_memory(self.plan)} if kind in ("limit", "memory", "killed") else {}
        if kind == "killed":
            more["memory_kills"] = self._memory_kills()
        writer.write("error", kind=kind, message=message, tail=tail, **more)
        writer.close()

    def _memory_kills(self) -> bool | None:
        """True where the system killed a process for want of memory since the run began; None: it counts none."""
        kills = out_of_memory_kills()
        return None if kills is None or self._kills is None else kills > self._kills

    def _kind(self, code: int, log: str) -> str:
        """The kind of an end that the child could not write itself."""
        if killed(code, log):
            return "memory" if self._memory_kills() else "killed"
        if code < 0:
            return "killed"
        return "memory" if says_memory(log) else "crash"

    def _tail(self, lines: int = _TAIL_LINES) -> str:
        text = (self.folder / LOG).read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])


class _Lines:
    """The events of a file that another process is still writing; a line counts when it has ended."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._rest, self._started = stream, "", False

    def new(self) -> Iterator[Event]:
        """The events that came since the last time."""
        text = self._rest + self._stream.read()
        *whole, self._rest = text.split("\n")
        if whole and any(line.strip() for line in whole):
            yield from parse(whole, begun=self._started)
            self._started = True


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def run(supervisor: Supervisor, report: Callable[[Event], None]) -> list[Event]:
    """Run to the end, telling `report` of every event. Ctrl+c ends the run, which is on record, and is raised again."""
    events: list[Event] = []
    for event in supervisor.events():
        events.append(event)
        report(event)
    return events
