"""Rows of JSON Lines and JSON files, by position, without parsing what is not asked for.

The rows are what axolotl gets from the JSON builder of `datasets` (tried with 4.8 and 5.2): the columns are those of
the first 10 MiB, and a column that a row lacks arrives as null; inside a column all stays as it is written, but for
texts in a field of mixed kinds (`mixed_types.py`). One line that cannot be parsed keeps `datasets` from loading the
file at all; here it is one row with an error.
"""

from __future__ import annotations

import codecs
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from workbench.data.mixed_types import Mixed
from workbench.data.reader import DAMAGED, Reader, unreadable
from workbench.data.remote import DataFile
from workbench.data.row_notes import BAD_PART, BAD_ROW, type_name
from workbench.data.rows import RawRow
from workbench.errors import InputError, Where
from workbench.findings import Finding

COLUMNS_FROM_BYTES = 10 << 20  # the chunk from which `datasets` takes the columns of a JSON file
_BLOCK = 4 << 20
_BLANK = frozenset(b" \t\r\n\xef")  # with the first byte of a BOM
_WHOLE_FILE = "axolotl cannot load the file while this row is in it: `datasets` gives up on the whole file."
# A text that is never closed is taken to the end: else each of its quotes would be tried as the beginning of a key.
_string = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?|\\?\Z)', re.DOTALL)


def open_json(path: DataFile, name: str, *, as_written: bool = False) -> JsonlSource | JsonListSource:
    """The rows of a JSON file: one value a line, or one list of rows; the first character decides.

    `as_written`: texts in fields of mixed kinds stay what the file says, where `datasets` would read them otherwise.
    """
    try:
        start = Reader(path).read_at(0, 4096).removeprefix(codecs.BOM_UTF8).lstrip()
    except DAMAGED as error:
        raise unreadable(error, name) from error
    if start.startswith(b"["):
        whole = JsonListSource(path, name, as_written=as_written)
        if whole.is_list:
            return whole
    lines = JsonlSource(path, name, as_written=as_written)
    if start.startswith(b"{") and lines.is_one_object():
        raise InputError(
            "The file is one JSON object over several lines",
            "`datasets` makes a row of each entry of its columns, so axolotl finds no conversations in it",
            "Write a list of rows, or one row a line.",
            Where(file=name),
        )
    return lines


class JsonlSource:
    """One JSON object a line; blank lines do not count. Random access; the index grows as rows are asked for."""

    def __init__(self, path: DataFile, name: str, *, as_written: bool = False) -> None:
        self.name = name
        self.base_dir: Path | None = path.parent
        self._as_written = as_written
        self.findings: list[Finding] = []
        self._path = path
        self._reader = Reader(path)
        self._scanner = Reader(path)
        self._starts: list[npt.NDArray[np.int64]] = []
        self._stops: list[npt.NDArray[np.int64]] = []
        self._lines: list[npt.NDArray[np.int64]] = []
        self._firsts: list[int] = []
        self._count = 0
        self._scanned = 0
        self._line = 0
        self._carry = 0
        self._complete = False
        self._broken = ""
        self._columns: dict[str, None] | None = None
        self._mixed = Mixed()
        self._column_rows = 0
        self._late_columns = False
        self._faults: list[RawRow] | None = None
        self._lock = threading.RLock()

    @property
    def known_length(self) -> int | None:
        """The number of rows, once the whole file is indexed."""
        return self._count if self._complete else None

    def __len__(self) -> int:
        with self._lock:
            while not self._complete:
                self._index_more()
        return self._count

    def __iter__(self) -> Iterator[RawRow]:
        index = 0
        while self._has(index):
            yield self.row(index)
            index += 1

    def row(self, index: int) -> RawRow:
        """Row `index`, 0-based. IndexError past the end."""
        with self._lock:
            if index < 0 or not self._has(index):
                raise IndexError(f"{self.name} has {self._count} rows, there is no row {index}")
            columns = self._read_columns()
            text, line = self._text(index)
            if text is None:
                return self._bad(index, line, self._broken)
            data, problem = _parse(text)
            if data is None:
                last = self._complete and index == self._count - 1
                cut = last and problem[0].startswith("not valid JSON") and not text.endswith(b"}")
                return self._bad(index, line, *problem, cut=cut)
            if index >= self._column_rows and not data.keys() <= columns.keys():
                self._note_late_columns(index, line, [key for key in data if key not in columns])
            data = self._mixed.as_read(data, self.findings, Where(file=self.name, line=line, row=index))
        return RawRow(index, {**data, **{key: None for key in columns if key not in data}}, None, self.name, line)

    def faults(self) -> Iterator[RawRow]:
        """Every row that is no row; reads the whole file, once."""
        if self._faults is None:
            found, index = [], 0
            while self._has(index):
                text, _ = self._text(index)
                if text is None or _parse(text)[0] is None:
                    found.append(self.row(index))
                index += 1
            self._faults = found
        return iter(self._faults)

    def is_one_object(self) -> bool:
        """True where the first line alone is no JSON, but the first few lines together start one object."""
        with self._lock:
            if not self._has(1):
                return False
            text, _ = self._text(0)
            second, _ = self._text(1)
            if text is None or second is None or _parse(second)[0] is not None:
                return False
            return text.endswith((b",", b"{", b"["))

    def _has(self, index: int) -> bool:
        with self._lock:
            while index >= self._count and not self._complete:
                self._index_more()
            return index < self._count

    def _index_more(self) -> None:
        """Index the next block of the file; a line that is longer than a block takes as many as it needs."""
        try:
            block = self._scanner.read_at(self._scanned, _BLOCK)
        except DAMAGED as error:
            self._broken = f"the compressed file is damaged or cut here: {error}"
            block = b""
        begin = self._scanned
        self._scanned += len(block)
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10).astype(np.int64) + begin
        if not block:
            self._complete = True
            self._scanner.close()
            ends = np.array([self._scanned] if self._carry < self._scanned else [], np.int64)
        if ends.size == 0 and not self._broken:
            return
        starts = np.concatenate(([self._carry], ends[:-1] + 1)).astype(np.int64)[: ends.size]
        lines = np.arange(self._line + 1, self._line + 1 + ends.size, dtype=np.int64)
        if ends.size:
            self._carry = int(ends[-1]) + 1
        self._line += ends.size
        filled = self._not_blank(starts, ends, block, begin)
        starts, ends, lines = starts[filled], ends[filled], lines[filled]
        if self._broken:
            starts, ends = np.append(starts, -1), np.append(ends, -1)
            lines = np.append(lines, self._line + 1)
        if starts.size:
            self._starts.append(starts)
            self._stops.append(ends)
            self._lines.append(lines)
            self._firsts.append(self._count)
            self._count += starts.size

    def _not_blank(
        self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], block: bytes, begin: int
    ) -> npt.NDArray[np.bool_]:
        filled = ends > starts
        for position in np.flatnonzero(filled):
            start = int(starts[position])
            if start < begin:
                text = self._reader.read_at(start, int(ends[position]) - start)
            elif block[start - begin] in _BLANK:
                text = block[start - begin : int(ends[position]) - begin]
            else:
                continue
            filled[position] = bool(text.removeprefix(codecs.BOM_UTF8).strip())
        return filled

    def _text(self, index: int) -> tuple[bytes | None, int]:
        block = int(np.searchsorted(self._firsts, index, side="right")) - 1
        place = index - self._firsts[block]
        start, stop = int(self._starts[block][place]), int(self._stops[block][place])
        line = int(self._lines[block][place])
        if start < 0:
            return None, line
        text = self._reader.read_at(start, stop - start)
        return (text.removeprefix(codecs.BOM_UTF8) if start == 0 else text).strip(), line

    def _read_columns(self) -> dict[str, None]:
        """Column names from the first 10 MiB, in order of appearance."""
        if self._columns is None:
            while self._scanned < COLUMNS_FROM_BYTES and not self._complete:
                self._index_more()
            starts, stops = np.concatenate([*self._starts, []]), np.concatenate([*self._stops, []])
            early = (starts >= 0) & (starts < COLUMNS_FROM_BYTES)
            head = self._reader.read_at(0, int(stops[early].max(initial=0)))
            places = zip(starts[early].astype(int).tolist(), stops[early].astype(int).tolist(), strict=True)
            rows = [_object(head[start:stop]) for start, stop in places]
            self._columns = dict.fromkeys(key for row in rows for key in row)
            self._mixed = Mixed(() if self._as_written else rows)
            self._column_rows = int(early.sum())
        return self._columns

    def _note_late_columns(self, index: int, line: int, names: list[str]) -> None:
        if not self._late_columns:
            self._late_columns = True
            text = f"the column {names[0]!r} first appears here; `datasets` takes those of the first 10 MiB and fails"
            hint = "Give the first row every column, null where it has no value."
            self.findings.append(BAD_PART("error", text, hint, Where(file=self.name, line=line, row=index)))

    def _bad(
        self,
        index: int,
        line: int,
        problem: str,
        field: str | None = None,
        column: int | None = None,
        cut: bool = False,
    ) -> RawRow:
        text = f"{problem}; the file ends in the middle of this row" if cut else problem
        where = Where(file=self.name, line=line, column=column, row=index, field=field)
        return RawRow(index, None, BAD_ROW("error", text, _WHOLE_FILE, where), self.name, line)


class JsonListSource:
    """A file that is one list of rows. The text is held, each row is parsed when it is asked for."""

    def __init__(self, path: DataFile, name: str, *, as_written: bool = False) -> None:
        self.name = name
        self.base_dir: Path | None = path.parent
        self._as_written = as_written
        self.findings: list[Finding] = []
        raw = Reader(path).read_at(0, None)
        self._text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        self._decoder = json.JSONDecoder()
        self._spans: list[tuple[int, int]] = []
        self._error: tuple[str, int] | None = None
        self._columns: dict[str, None] = {}
        self._mixed = Mixed()
        self.is_list = self._find_rows()

    @property
    def known_length(self) -> int | None:
        return len(self)

    def __len__(self) -> int:
        return len(self._spans) + (self._error is not None)

    def __iter__(self) -> Iterator[RawRow]:
        return (self.row(index) for index in range(len(self)))

    def row(self, index: int) -> RawRow:
        """Row `index`, 0-based. IndexError past the end."""
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} rows, there is no row {index}")
        if index == len(self._spans):
            assert self._error is not None
            problem, at = self._error
            return self._bad(index, f"{problem}; the rows after it cannot be read", at)
        start, stop = self._spans[index]
        data, problem_at = _parse(self._text[start:stop].encode("utf-8", "surrogateescape"))
        if data is None:
            return self._bad(index, problem_at[0], start, problem_at[1])
        line = self._text.count("\n", 0, start) + 1
        data = self._mixed.as_read(data, self.findings, Where(file=self.name, line=line, row=index))
        return RawRow(index, {**data, **{k: None for k in self._columns if k not in data}}, None, self.name, line)

    def faults(self) -> Iterator[RawRow]:
        """Every row that is no row; the list ends at the first that is no JSON."""
        rows = (self.row(index) for index in range(len(self)))
        return (row for row in rows if row.error is not None)

    def _find_rows(self) -> bool:
        """Note where each row is. False where this is not a list of rows but lines that begin with a bracket."""
        space = re.compile(r"[ \t\r\n]*")

        def skip(at: int) -> int:
            return cast("re.Match[str]", space.match(self._text, at)).end()

        at = skip(skip(0) + 1)
        rows: list[dict[str, Any]] = []
        while at < len(self._text) and self._text[at] != "]":
            try:
                value, stop = self._decoder.raw_decode(self._text, at)
            except (ValueError, RecursionError) as error:
                self._error = (f"not valid JSON: {getattr(error, 'msg', error)}", getattr(error, "pos", at))
                return True
            self._spans.append((at, stop))
            if isinstance(value, dict):
                rows.append(value)
                self._columns.update(dict.fromkeys(value))
            at = skip(stop)
            if self._text[at : at + 1] == ",":
                at = skip(at + 1)
            elif self._text[at : at + 1] != "]":
                self._error = ("a comma or a closing bracket is missing", at)
                return True
        if at >= len(self._text):
            self._error = ("the list is never closed: the file ends early", len(self._text))
            return True
        self._mixed = Mixed(() if self._as_written else rows)
        return skip(at + 1) == len(self._text)

    def _bad(self, index: int, problem: str, at: int, field: str | None = None) -> RawRow:
        line = self._text.count("\n", 0, at) + 1
        where = Where(file=self.name, line=line, row=index, field=field)
        return RawRow(index, None, BAD_ROW("error", problem, _WHOLE_FILE, where), self.name, line)


def _parse(text: bytes) -> tuple[dict[str, Any] | None, tuple[str, str | None, int | None]]:
    """The object of a line, or (what is wrong, the field it is in, the column)."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        field = _field_before(text[: error.start].decode(errors="replace"))
        return None, (f"not valid UTF-8: byte 0x{text[error.start]:02x}", field, error.start + 1)
    try:
        data = json.loads(decoded)
    except json.JSONDecodeError as error:
        problem = f"not valid JSON: {error.msg}"
        if error.msg == "Extra data" and decoded[error.pos] == "{":
            problem = "more than one row on the line; `datasets` reads each as a row of its own"
        return None, (problem, _field_before(decoded[: error.pos]), error.colno)
    except (RecursionError, ValueError) as error:
        return None, (f"not readable JSON: {error}", None, None)
    if not isinstance(data, dict):
        return None, (f"the row is {type_name(data)}, not an object", None, None)
    if b"\\ud" in text or b"\\uD" in text:
        lone = re.search("[\ud800-\udfff]", json.dumps(data, ensure_ascii=False))
        if lone is not None:
            return None, (f"half a surrogate pair (\\u{ord(lone[0]):04x}) is no character", None, None)
    return data, ("", None, None)


def _object(text: bytes) -> dict[str, Any]:
    """The object of a line, empty where there is none."""
    try:
        data = json.loads(text.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _field_before(text: str) -> str | None:
    """The last key before a position: the field that a parser had reached."""
    last = None
    for found in _string.finditer(text):
        if found[2]:
            last = found[1]
    return last
