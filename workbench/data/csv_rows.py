"""Rows of a CSV file as it is written: every cell a text, an empty one null.

`datasets` guesses types: the answer "007" becomes the number 7, and "NA" nothing at all.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.data.reader import DAMAGED, unreadable
from workbench.data.row_notes import BAD_ROW
from workbench.data.rows import RawRow
from workbench.errors import Where
from workbench.findings import Finding

# A cell may hold a picture as base64; the limit of the `csv` module is 128 KiB.
_CELL = 1 << 28
_SNIFFED = 1 << 16


class CsvSource:
    """The rows of a CSV file, one after the other; the file is read again for a row by its number."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.base_dir: Path | None = path.parent
        self.findings: list[Finding] = []
        self._path = path
        self._length: int | None = None
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                head = stream.read(_SNIFFED).partition("\n")[0]
        except (*DAMAGED, UnicodeDecodeError) as error:
            raise unreadable(error, name) from error
        # The header names columns; it holds no quoted sentences that a guess could trip over.
        self._delimiter = max(",;\t", key=head.count)

    @property
    def known_length(self) -> int | None:
        """The number of rows, once all were read."""
        return self._length

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self)
        return self._length

    def __iter__(self) -> Iterator[RawRow]:
        csv.field_size_limit(_CELL)
        count = 0
        with self._path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter=self._delimiter, strict=True)
            with contextlib.suppress(csv.Error):
                # The header, so that the first row begins at the line after it.
                _ = reader.fieldnames
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except (csv.Error, UnicodeDecodeError, *DAMAGED) as error:
                    yield self._bad(count, line, f"not readable CSV: {error}")
                    count += 1
                    break
                yield self._row(count, line, cells)
                count += 1
        self._length = count

    def row(self, index: int) -> RawRow:
        """Row `index`, 0-based. IndexError past the end."""
        for row in self:
            if row.index == index:
                return row
        raise IndexError(f"{self.name} has no row {index}")

    def _row(self, index: int, line: int, cells: dict[Any, Any]) -> RawRow:
        if None in cells:
            return self._bad(index, line, f"the row has more cells than the header ({len(cells[None])} more)")
        return RawRow(index, {key: value or None for key, value in cells.items()}, None, self.name, line)

    def _bad(self, index: int, line: int, problem: str) -> RawRow:
        where = Where(file=self.name, line=line, row=index)
        return RawRow(index, None, BAD_ROW("error", problem, "Correct the line.", where), self.name, line)
