"""Messages from the background thread to the app and its screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from screens.shell.status_bar import AskedStatus
    from screens.shell.worker import Kind
    from workbench.audit.progress_file import Followed
    from workbench.audit.report import AuditReport
    from workbench.checks.report import Report
    from workbench.errors import BenchError
    from workbench.export.prepare import Export
    from workbench.findings import Finding
    from workbench.lanes.asking import Lanes
    from workbench.models.anatomy import Anatomy
    from workbench.models.hub import Progress
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained
    from workbench.overfit.events import Event
    from workbench.overfit.runs import Run


class LoadProgressed(Message):
    """Loading has come this far."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        super().__init__()


class BenchLoaded(Message):
    """The bench is ready."""


class LoadFailed(Message):
    """The bench could not be loaded."""

    def __init__(self, error: BenchError) -> None:
        self.error = error
        super().__init__()


class JobFailed(Message):
    """A background job let out an exception that nobody expected."""

    def __init__(self, kind: Kind, problem: BenchError) -> None:
        self.kind = kind
        self.problem = problem
        super().__init__()


class CheckProgressed(Message):
    """The findings of a check so far, over `rows` rows. `number` counts the checks begun; `done` when it has ended.

    `trial`: on how many rows its fixes were tried, and of how many, once all rows are checked.
    """

    def __init__(
        self,
        number: int,
        report: Report | None,
        rows: int,
        done: bool,
        problem: BenchError | None = None,
        trial: tuple[int, int] | None = None,
    ) -> None:
        self.number = number
        self.report = report
        self.rows = rows
        self.done = done
        self.problem = problem
        self.trial = trial
        super().__init__()


class TrainerAnswered(Message):
    """The trainer's answer about the rows of a check; `again`: the check is to be made again with it."""

    def __init__(self, status: AskedStatus, again: bool) -> None:
        self.status = status
        self.again = again
        super().__init__()


class RunProgressed(Message):
    """An event of an overfit run; or it ended; or it could not begin."""

    def __init__(self, event: Event | None, *, ended: bool = False, problem: BenchError | None = None) -> None:
        self.event = event
        self.ended = ended
        self.problem = problem
        super().__init__()


class RunsFound(Message):
    """The runs that are kept of this recipe, the newest first."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        super().__init__()


class ModelRead(Message):
    """The effect of the recipe on the model's parts, with the findings. `number` is that of the request."""

    def __init__(
        self,
        number: int,
        anatomy: Anatomy | None,
        facts: Trained | None,
        findings: list[Finding],
        problem: BenchError | None = None,
    ) -> None:
        self.number = number
        self.anatomy = anatomy
        self.facts = facts
        self.findings = findings
        self.problem = problem
        super().__init__()


class MemoryRead(Message):
    """The memory of a training step, or the reason why it cannot be estimated. `number` is that of the `ModelRead`."""

    def __init__(self, number: int, estimate: MemoryEstimate | None, problem: BenchError | None = None) -> None:
        self.number = number
        self.estimate = estimate
        self.problem = problem
        super().__init__()


class ExportReady(Message):
    """The export as it would be written with its proofs, or the problem. `number` is that of the request."""

    def __init__(self, number: int, made: Export | None, problem: BenchError | None = None) -> None:
        self.number = number
        self.made = made
        self.problem = problem
        super().__init__()


class FileComposed(Message):
    """An export for a file at `path`, to be written; or why it cannot be composed."""

    def __init__(
        self, path: Path, made: Export | None, *, unvalidated: bool = False, problem: BenchError | None = None
    ) -> None:
        self.path = path
        self.made = made
        self.unvalidated = unvalidated
        self.problem = problem
        super().__init__()


class AuditRead(Message):
    """The state of an audit by its files: a report, where there are rows, and how far it is.

    `running`: there will be more. `problem`: it could not be started.
    """

    def __init__(
        self,
        number: int,
        report: AuditReport | None,
        progress: Followed | None,
        running: bool,
        problem: BenchError | None = None,
    ) -> None:
        self.number = number
        self.report = report
        self.progress = progress
        self.running = running
        self.problem = problem
        super().__init__()


class LanesRead(Message):
    """The comparison of trainers as far as it is: `asking` names the one that is asked now, "" at its end.

    `problems`: label -> why a trainer could not be asked. `missing`: trainers of which no Python is named. `problem`:
    nothing could be asked.
    """

    def __init__(
        self,
        number: int,
        lanes: Lanes | None,
        asking: str = "",
        problems: Mapping[str, BenchError] | None = None,
        missing: Sequence[str] = (),
        problem: BenchError | None = None,
    ) -> None:
        self.number = number
        self.lanes = lanes
        self.asking = asking
        self.problems = dict(problems or {})
        self.missing = tuple(missing)
        self.problem = problem
        super().__init__()
