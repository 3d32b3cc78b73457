"""What the background thread and the panes tell the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from screens.token_grid.row_view import RowView, Sample
    from workbench.errors import BenchError
    from workbench.findings import Finding
    from workbench.infer.search import Inference


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


class InferenceReady(Message):
    """Boundaries were inferred."""

    def __init__(self, found: Inference) -> None:
        self.found = found
        super().__init__()
