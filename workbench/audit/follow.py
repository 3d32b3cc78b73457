"""An audit in a process of its own, followed by its files: started, read while they are written, and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import child_process
from workbench.audit.block_file import read_block
from workbench.audit.progress_file import NAME, AuditProgress, Followed, followed
from workbench.audit.question import MODULE, is_of, write_question
from workbench.audit.report import AuditReport
from workbench.audit.sources import recipe_plan
from workbench.audit.tally import Tally
from workbench.errors import EnvironmentProblem
from workbench.findings import Finding
from workbench.paths import recipe_dir

if TYPE_CHECKING:
    from workbench.bench import Bench

REPORT = "report.json"
"""The file of the report, which is written when an audit has ended."""
_LOG = "log.txt"


def kept_folder(bench: Bench) -> Path:
    """The folder of the audit of a bench's recipe, in the bench's state."""
    return recipe_dir(bench.title, bench.document.path) / "audit"


class FollowedAudit:
    """The audit of a bench's recipe in its folder of the bench's state. One thread uses it, but for `stop` and `end`.

    `progress` is None before there is an audit of the recipe as it is.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.folder = kept_folder(bench)
        self.progress: Followed | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._tally: Tally | None = None
        self._question = ""

    @property
    def running(self) -> bool:
        """True while the process that this started goes on."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start an audit of the recipe as it is now, or go on with it where it was left.

        Raises:
            BenchError: the folder cannot be written to, or no process can be started.
        """
        self.end()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / NAME).unlink(missing_ok=True)
            (self.folder / REPORT).unlink(missing_ok=True)
            write_question(self.folder, self._bench)
            with (self.folder / _LOG).open("wb") as log:
                self._child = subprocess.Popen(
                    child_process.command(MODULE, str(self.folder)),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=child_process.environment(TOKENIZERS_PARALLELISM="false"),
                    start_new_session=True,
                )
        except OSError as problem:
            hint = "Make room, or set VLMBENCH_STATE to another folder."
            raise EnvironmentProblem("The audit cannot be started", str(problem), hint) from None
        self._forget()

    def stop(self) -> None:
        """Ask the process to end with what it knows."""
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(OSError):
                self._child.send_signal(signal.SIGINT)

    def end(self) -> None:
        """End the process and those that judge for it, now."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdin is not None:
            child.stdin.close()

    def read(self) -> Iterator[None]:
        """Read what is new, a block a step. Afterwards `progress` and `report` are of it."""
        if not is_of(self.folder, self._bench):
            self._forget()
            return
        running = self.running
        found = followed(self.folder)
        if found is None or not found.question:
            self.progress = self._without(found, running=running)
            return
        if self._tally is None or found.question != self._question:
            self._tally, self._question = Tally(recipe_plan(self._bench)), found.question
            yield
        for number in range(len(self._tally.plan.blocks())):
            path = self.folder / "blocks" / f"{number:07d}.parquet"
            if self._tally.has(number) or not path.exists():
                continue
            block = read_block(path, self._question)
            if block is not None:
                self._tally.add(number, block)
            yield
        if not found.ended and not running and not _alive(found.process):
            problem = "the process ended unexpectedly; its log is in the folder of the audit"
            found = Followed(found.question, found.step, "failed", problem, found.process)
        self.progress = found

    def report(self) -> AuditReport | None:
        """The report of what was read so far; None before there is a row."""
        if self._tally is None or not self._tally.rows:
            return None
        written = self._written()
        recipe = [Finding.from_dict(one) for one in written.get("findings", ())]
        step = self.progress.step if self.progress is not None else None
        made = self._tally.report(
            recipe,
            interrupted=self.progress is not None and self.progress.ended == "interrupted",
            lost=int(written.get("lost_processes", 0)),
            seconds=step.seconds if step is not None else 0.0,
            resumed=step.resumed if step is not None else 0,
            estimate=False,
        )
        return made.with_estimate((written.get("largest") or {}).get("step_memory"))

    def _written(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / REPORT).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _without(self, found: Followed | None, *, running: bool) -> Followed | None:
        """The progress of an audit that has not begun with its rows."""
        if found is not None or self._child is None or running:
            return found
        problem = f"the process ended with exit code {self._child.returncode} before it read a row"
        return Followed("", AuditProgress(0, 0, 0, 0.0), "failed", problem)

    def _forget(self) -> None:
        self.progress, self._tally, self._question = None, None, ""


def _alive(process: int) -> bool:
    import psutil

    return process > 0 and bool(psutil.pid_exists(process))
