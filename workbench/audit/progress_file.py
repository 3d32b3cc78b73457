"""The progress of an audit, in a small file beside its results, for who follows it from another process."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.recipe.yaml.document import write_atomically

NAME = "progress.json"
SCHEMA = "vlmbench.audit-progress/1"
_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """The progress of an audit: rows done, of how many, of them from an earlier run, and seconds since it began."""

    done: int
    total: int
    resumed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second of this run."""
        return (self.done - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take; None until a row is done."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


@dataclass(frozen=True, slots=True)
class Followed:
    """An audit as its file tells of it. `question` is that of its blocks, `ended` "", whole, interrupted or failed.

    `problem` says in words why it failed; `process` is the id of the one that writes.
    """

    question: str
    step: AuditProgress
    ended: str = ""
    problem: str = ""
    process: int = 0


class ProgressFile:
    """Writes the file, a few times a second at most; a disk that is full does not end the audit here."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._written = 0.0
        self._last = Followed("", AuditProgress(0, 0, 0, 0.0))

    def step(self, question: str, step: AuditProgress) -> None:
        """The audit came this far."""
        self._last = Followed(question, step)
        if time.monotonic() - self._written >= _EVERY_SECONDS:
            self._write()

    def end(self, how: str, problem: str = "") -> None:
        """The audit ended."""
        self._last = Followed(self._last.question, self._last.step, how, problem)
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        payload: dict[str, Any] = {"schema": SCHEMA, **asdict(self._last), "process": os.getpid()}
        with contextlib.suppress(Exception):
            write_atomically(self._path, json.dumps(payload).encode())


def followed(folder: Path) -> Followed | None:
    """The audit in a folder; None where there is none, or its file is damaged."""
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))
        step = AuditProgress(**{name: found["step"][name] for name in ("done", "total", "resumed", "seconds")})
        question, ended, problem = (str(found[name]) for name in ("question", "ended", "problem"))
        return Followed(question, step, ended, problem, int(found["process"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
