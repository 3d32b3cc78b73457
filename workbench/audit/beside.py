"""The findings of the recipe, found in a process of its own while others judge the rows: it builds the model."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from workbench.audit.workers import can_fork
from workbench.checks.run import check_recipe
from workbench.findings import Finding

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from workbench.bench import Bench


class RecipeFindings:
    """A context manager: leaving it ends the process. Where the system cannot fork, they are found when asked for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._process: Any = None
        self._pipe: Connection | None = None

    def __enter__(self) -> RecipeFindings:
        if can_fork():
            context: Any = multiprocessing.get_context("fork")
            self._pipe, theirs = context.Pipe(duplex=False)
            self._process = context.Process(target=_find, args=(self._bench, theirs), daemon=True)
            self._process.start()
            theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def found(self) -> list[Finding]:
        """The findings; waits for them. Where the process could not tell, they are found in this one."""
        if self._pipe is not None:
            try:
                findings: list[Finding] = self._pipe.recv()
                return findings
            except (EOFError, OSError):
                pass
        return check_recipe(self._bench)


def _find(bench: Bench, pipe: Connection) -> None:
    import signal

    # The parent is told of an interruption, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe.send(check_recipe(bench))
