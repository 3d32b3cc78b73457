"""The data sets that an audit reads: those that are trained, and those of the evaluation, for what both hold.

Rows are numbered within their data set, as `--row` numbers them; `RowPlace` names one over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from workbench.audit.plan import RowPlan, drawn
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.data.sources import RowSource


class RowPlace(NamedTuple):
    """A row: its data set's number in `datasets`, and the row's in it. Entry k of `test_datasets` is number -1 - k."""

    dataset: int
    row: int

    def to_dict(self) -> dict[str, object]:
        if self.dataset < 0:
            return {"test_dataset": -1 - self.dataset, "row": self.row}
        return {"dataset": self.dataset, "row": self.row}


@dataclass
class AuditSource:
    """A data set and the rows of it that are read. `evaluation`: it is entry `dataset` of `test_datasets`, whose rows
    are compared with the others and not judged."""

    bench: Bench
    dataset: int
    name: str
    rows: RowPlan
    evaluation: bool = False
    length: int = 0
    """Rows of the data set, whether they are read or not."""

    @property
    def key(self) -> int:
        """The number that stands for it in a `RowPlace`."""
        return -1 - self.dataset if self.evaluation else self.dataset

    @cached_property
    def evaluated(self) -> RowSource:
        """The rows of the evaluation; opened where they are read, for files that are open share their place."""
        return self.bench.open_entry((self.bench.recipe.test_datasets or [])[self.dataset])


@dataclass
class AuditPlan:
    """The rows that an audit reads, of one data set after the other, in blocks of one data set each."""

    sources: list[AuditSource] = field(default_factory=list)

    def __len__(self) -> int:
        """The rows that are judged."""
        return sum(len(source.rows) for source in self.sources if not source.evaluation)

    @property
    def trained(self) -> list[AuditSource]:
        """The data sets whose rows are judged."""
        return [source for source in self.sources if not source.evaluation]

    def blocks(self) -> list[tuple[int, Sequence[int]]]:
        """(number of the source, row numbers) of each block."""
        return [(number, rows) for number, source in enumerate(self.sources) for rows in source.rows.blocks()]

    def described(self) -> list[list[object]]:
        """The plan in values that tell two plans apart."""
        return [[source.dataset, source.evaluation, source.rows.described()] for source in self.sources]


def row_plan(bench: Bench, first: int = 0, stop: int | None = None, sample: int | None = None) -> AuditPlan:
    """The rows of the data set that a bench shows, and of its recipe's evaluation; counts them.

    Raises:
        InputError: their number is not known without reading them all from afar, or a data set cannot be opened.
    """
    return _plan([bench], first, stop, sample)


def recipe_plan(bench: Bench, first: int = 0, stop: int | None = None, sample: int | None = None) -> AuditPlan:
    """The rows of all data sets of a recipe, [first, stop) of each, or a sample drawn from all of them together.

    Where other rows than the recipe's are shown, they are the one data set. Raises as `row_plan` does.
    """
    count = len(bench.recipe.datasets or ()) if not bench.shown_data else 0
    shown = bench.options["dataset"]
    benches = [bench if number == shown else bench.of_dataset(number) for number in range(count)] or [bench]
    return _plan(benches, first, stop, sample)


def _plan(benches: list[Bench], first: int, stop: int | None, sample: int | None) -> AuditPlan:
    sources = []
    for bench in benches:
        length = _length(bench.rows)
        rows = RowPlan(min(first, length), length if stop is None else min(stop, length))
        sources.append(AuditSource(bench, bench.options["dataset"], bench.rows.name, rows, length=length))
    if sample is not None:
        _draw(sources, sample)
    bench = benches[0]
    for number, entry in enumerate(bench.recipe.test_datasets or ()):
        opened = bench.open_entry(entry)
        length = _length(opened)
        sources.append(AuditSource(bench, number, opened.name, RowPlan(0, length), evaluation=True, length=length))
    return AuditPlan(sources)


def _draw(sources: list[AuditSource], sample: int) -> None:
    """Leave so many rows of all sources together, drawn evenly."""
    whole = sum(len(source.rows) for source in sources)
    if sample >= whole:
        return
    chosen, before = drawn(whole, sample), 0
    for source in sources:
        rows = source.rows
        mine = tuple(rows.first + at - before for at in chosen if before <= at < before + len(rows))
        before += len(rows)
        source.rows = RowPlan(rows.first, rows.stop, mine)


def _length(rows: RowSource) -> int:
    try:
        return len(rows)
    except TypeError:
        hint = "Download the data set and give its folder with --data."
        raise InputError("The number of rows is not known", f"{rows.name} is streamed.", hint) from None
