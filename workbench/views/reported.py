"""Reports of several recipes, and places for other programs: a file that is there, with its line and column."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from workbench.checks.report import Group, Report
from workbench.errors import BenchError, Where
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.views.checks import Subject


@dataclass(frozen=True, slots=True)
class Reported:
    """A recipe's report, or the error for which there is none. `name`: the recipe, as it was given."""

    name: str
    subject: Subject | None = None
    report: Report | None = None
    problem: BenchError | None = None


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A place for other programs: `path` from the working directory, with slashes; `line` and `column` from 1."""

    path: str
    line: int
    column: int | None

    @property
    def uri(self) -> str:
        """The path as the reference that SARIF takes: relative, or of a file elsewhere."""
        return Path(self.path).as_uri() if os.path.isabs(self.path) else quote(os.fsencode(self.path))


def file_place(where: Where, recipe: str) -> FilePlace:
    """The file of a finding: its own where there is one, else the recipe's first line.

    Rows of the hub and of files that are no lines have no place that another program could show.
    """
    if where.file is not None and where.line is not None and (where.file == recipe or os.path.isfile(where.file)):
        return FilePlace(_from_here(where.file), where.line, where.column)
    if where.file is not None and where.file != recipe and os.path.isfile(where.file):
        return FilePlace(_from_here(where.file), 1, None)
    return FilePlace(_from_here(recipe), 1, None)


def place_words(finding: Finding) -> str:
    """The part of a place that a line cannot say: the row, the message, the tokens."""
    where = finding.where
    return str(Where(row=where.row, message=where.message, tokens=where.tokens)) if where.row is not None else ""


def sentences(*parts: str) -> str:
    """Texts as sentences one after the other; empty ones are left out."""
    return " ".join(part if part.endswith((".", "?", "!", "…")) else f"{part}." for part in parts if part)


def groups_of(results: Sequence[Reported]) -> Iterator[tuple[Reported, Group]]:
    """Every group of every report, with the report's recipe."""
    for result in results:
        for group in result.report.groups if result.report is not None else ():
            yield result, group


def _from_here(path: str) -> str:
    """A path from the working directory where it lies under it, else the whole path; with slashes."""
    whole = os.path.abspath(path)
    try:
        inside = os.path.relpath(whole)
    except ValueError:
        return Path(whole).as_posix()
    return Path(whole if inside.startswith("..") else inside).as_posix()
