"""What the background thread and the panes tell the screens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from screens.background import Kind
    from screens.row_view import RowView, Sample
    from workbench.checks.run import Report
    from workbench.errors import BenchError
    from workbench.export.export import Export
    from workbench.findings import Finding, Fix
    from workbench.models.anatomy import Anatomy
    from workbench.models.hub import Progress
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained
    from workbench.overfit.events import Event
    from workbench.overfit.runs import Run
    from workbench.tokens.infer import Inference


class LoadProgressed(Message):
    """Loading has come this far."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        super().__init__()


class Loaded(Message):
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


class RowReady(Message):
    """A row can be shown, or a finding says why not. `request` counts the rows asked for."""

    def __init__(self, request: int, index: int, view: RowView | Finding) -> None:
        self.request = request
        self.index = index
        self.view = view
        super().__init__()


class SampleReady(Message):
    """What the list of samples says about one row."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        super().__init__()


class RowsEnd(Message):
    """There are only this many rows: the source did not know before."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__()


class RowChosen(Message):
    """The list of samples asks for a row."""

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__()


class SamplesWanted(Message):
    """The list of samples shows these rows and knows nothing of them."""

    def __init__(self, indices: list[int]) -> None:
        self.indices = indices
        super().__init__()


class FilterWanted(Message):
    """The list of samples has room for more rows of its filter, or with `again` for all of them anew."""

    def __init__(self, again: bool = False) -> None:
        self.again = again
        super().__init__()


class FilterFound(Message):
    """Rows that a filter lists. `request` counts the filters; `searched` the rows looked at so far."""

    def __init__(self, request: int, indices: list[int], searched: int, complete: bool) -> None:
        self.request = request
        self.indices = indices
        self.searched = searched
        self.complete = complete
        super().__init__()


class EditsSettled(Message):
    """The bench has read again what an edit asked for, or could not."""

    def __init__(self, problem: BenchError | None) -> None:
        self.problem = problem
        super().__init__()


class FixTried(Message):
    """Fixes that may be made of the recipe that has this text, or none; and what to say of that."""

    def __init__(self, text: str, fixes: Sequence[Fix], said: str) -> None:
        self.text = text
        self.fixes = fixes
        self.said = said
        super().__init__()


class InferenceReady(Message):
    """Boundaries were inferred."""

    def __init__(self, found: Inference) -> None:
        self.found = found
        super().__init__()


class Checked(Message):
    """What a check found so far, over `rows` rows. `number` counts the checks begun; `done` when there is no more."""

    def __init__(
        self, number: int, report: Report | None, rows: int, done: bool, problem: BenchError | None = None
    ) -> None:
        self.number = number
        self.report = report
        self.rows = rows
        self.done = done
        self.problem = problem
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
    """What the recipe does with the model's parts, and what is wrong with it. `number` counts the looks."""

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
    """The memory of a step; or why it cannot be said. `number` is that of the look it belongs to."""

    def __init__(self, number: int, estimate: MemoryEstimate | None, problem: BenchError | None = None) -> None:
        self.number = number
        self.estimate = estimate
        self.problem = problem
        super().__init__()


class ExportReady(Message):
    """What would be exported and what of it is proven; or why that cannot be said. `number` counts the looks."""

    def __init__(self, number: int, made: Export | None, problem: BenchError | None = None) -> None:
        self.number = number
        self.made = made
        self.problem = problem
        super().__init__()


class CursorMoved(Message):
    """The token cursor is on another token, or the media run under it was folded."""
