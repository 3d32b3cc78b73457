"""The interface of a source of rows: rows by position, each with its place or its error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from workbench.findings import Finding


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as axolotl would get it, or the error that keeps it from being one. `line` is 1-based, where there are
    lines; `base_dir` is the row's own folder where the source spans several."""

    index: int
    data: dict[str, Any] | None
    error: Finding | None
    source: str
    line: int | None = None
    base_dir: Path | None = None

    def at(self, index: int) -> RawRow:
        """The same row under another number: its place in several files or in a slice."""
        return replace(self, index=index, error=self.error and self.error.at(row=index))


class RowSource(Protocol):
    """Rows by position. `findings` is what is wrong with the source as a whole, as far as it was read."""

    name: str
    base_dir: Path | None
    findings: list[Finding]

    @property
    def known_length(self) -> int | None:
        """The number of rows where it is known without more reading."""

    def __len__(self) -> int:
        """The number of rows; may read to the end. TypeError where only streaming would tell."""

    def __iter__(self) -> Iterator[RawRow]: ...

    def row(self, index: int) -> RawRow:
        """Row `index`, 0-based. IndexError past the end."""


@runtime_checkable
class Lines(Protocol):
    """A source of text that can be read to its end without making conversations of it."""

    def faults(self) -> Iterator[RawRow]:
        """Every row that is no row: its place and its error, in order."""


def in_order(source: RowSource) -> Iterator[RawRow]:
    """The rows of a source one after the other, to its end."""
    index = 0
    while True:
        try:
            row = source.row(index)
        except IndexError:
            return
        yield row
        index += 1
