"""Columnar rows: Parquet files and `datasets` objects, with Image and Json columns read as `datasets` reads them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.data.media import StoredPicture
from workbench.data.remote import DataFile
from workbench.data.row_notes import BAD_ROW, CORRECT_ROW
from workbench.data.rows import RawRow, in_order
from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.findings import Finding

_BATCH = 32


class ParquetSource:
    """Rows of a Parquet file. Reads one row group at a time, in batches, and only forward inside it."""

    def __init__(self, path: DataFile, name: str) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise EnvironmentProblem("pyarrow is needed", f"to read {name}", "Install pyarrow.") from error
        self.name = name
        self.base_dir: Path | None = path.parent
        self.findings: list[Finding] = []
        self._arrow_error = pa.ArrowException
        try:
            self._file = pq.ParquetFile(path if isinstance(path, Path) else path.open())
        except (pa.ArrowException, OSError) as error:
            hint = "Write the file anew, or name its type with `ds_type`."
            raise InputError("Not a readable Parquet file", _first_line(error), hint, Where(file=name)) from error
        info = json.loads((self._file.schema_arrow.metadata or {}).get(b"huggingface", b"{}")).get("info", {})
        self._features: dict[str, Any] = info.get("features") or {}
        groups: list[int] = [self._file.metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)]
        self._firsts: list[int] = [sum(groups[:g]) for g in range(len(groups) + 1)]
        self._group = -1
        self._batches: Iterator[Any] = iter(())
        self._held: list[dict[str, Any]] = []
        self._held_from = 0
        self._lock = threading.RLock()

    @property
    def known_length(self) -> int | None:
        return len(self)

    def __len__(self) -> int:
        return self._firsts[-1]

    def __iter__(self) -> Iterator[RawRow]:
        return (self.row(index) for index in range(len(self)))

    def row(self, index: int) -> RawRow:
        """Row `index`, 0-based. IndexError past the end."""
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} rows, there is no row {index}")
        with self._lock:
            try:
                data = self._fetch(index)
            except (self._arrow_error, OSError, ValueError) as error:
                self._group = -1
                where = Where(file=self.name, row=index)
                return RawRow(index, None, BAD_ROW("error", _first_line(error), CORRECT_ROW, where), self.name)
        return RawRow(index, decode(data, self._features), None, self.name)

    def _fetch(self, index: int) -> dict[str, Any]:
        group = next(g for g, first in enumerate(self._firsts[1:]) if index < first)
        if group != self._group or index < self._held_from:
            self._batches = self._file.iter_batches(batch_size=_BATCH, row_groups=[group])
            self._group, self._held, self._held_from = group, [], self._firsts[group]
        while index >= self._held_from + len(self._held):
            self._held_from += len(self._held)
            batch = next(self._batches, None)
            if batch is None:
                raise ValueError(f"the row group ends before row {index}")
            self._held = batch.to_pylist()
        return self._held[index - self._held_from]


class DatasetSource:
    """Rows of a `datasets` object: a stored or loaded Dataset, or a stream of which the rows asked for are kept."""

    def __init__(self, dataset: Any, name: str, *, base_dir: Path | None = None, limit: int | None = None) -> None:
        self.name = name
        self.base_dir = base_dir
        self.findings: list[Finding] = []
        self._features: dict[str, Any] = dataset.features.to_dict() if dataset.features else {}
        self._streaming = not hasattr(dataset, "__len__")
        self._limit = limit
        self._rows: list[dict[str, Any]] = []
        self._done = False
        self._counted: int | None = None
        self._stream: Iterator[dict[str, Any]] = iter(())
        self._lock = threading.RLock()
        self._undecoded = dataset.decode(False) if self._streaming and self._features else dataset
        if self._streaming:
            self._stream = iter(self._undecoded)
        else:
            self._table = dataset.with_format("arrow")

    @property
    def known_length(self) -> int | None:
        if not self._streaming:
            count = len(self._table)
            return count if self._limit is None else min(count, self._limit)
        return len(self._rows) if self._done else self._counted

    def __len__(self) -> int:
        if self.known_length is None:
            raise TypeError(f"{self.name} is streamed: its length is not known")
        return self.known_length

    def __iter__(self) -> Iterator[RawRow]:
        return self._stream_anew() if self._streaming else in_order(self)

    def _stream_anew(self) -> Iterator[RawRow]:
        """The rows of a stream from its beginning; none is kept, so that a long one needs no more memory."""
        stream, index = iter(self._undecoded), 0
        while self._limit is None or index < self._limit:
            try:
                data = next(stream)
            except StopIteration:
                break
            except Exception as error:  # the hub, the network and every file format have their own
                raise self._broke(error, index) from error
            yield RawRow(index, decode(data, self._features), None, self.name)
            index += 1
        self._counted = index

    def row(self, index: int) -> RawRow:
        """Row `index`, 0-based; a stream is read up to it. IndexError past the end, EnvironmentProblem if it breaks."""
        with self._lock:
            known = self.known_length
            if (
                index < 0
                or (known is not None and index >= known)
                or (self._limit is not None and index >= self._limit)
            ):
                raise IndexError(f"{self.name} has no row {index}")
            if not self._streaming:
                data = self._table[index : index + 1].to_pylist()[0]
            else:
                while len(self._rows) <= index:
                    self._read_on()
                data = self._rows[index]
        return RawRow(index, decode(data, self._features), None, self.name)

    def _read_on(self) -> None:
        try:
            self._rows.append(next(self._stream))
        except StopIteration:
            self._done = True
            raise IndexError(f"{self.name} has {len(self._rows)} rows") from None
        except Exception as error:  # the hub, the network and every file format have their own
            raise self._broke(error, len(self._rows)) from error
        if self._limit is not None and len(self._rows) >= self._limit:
            self._done = True

    def _broke(self, error: Exception, rows: int) -> EnvironmentProblem:
        return EnvironmentProblem(
            "The dataset stream broke",
            f"after {rows} rows: {type(error).__name__}: {_first_line(error)}",
            "Try again, or download the dataset first.",
            Where(file=self.name, row=rows),
        )


def decode(value: Any, feature: Any) -> Any:
    """A cell as `datasets` hands it out, by the feature it is stored under; pictures stay undecoded (StoredPicture)."""
    if value is None or feature is None:
        return value
    if isinstance(feature, list):
        return [decode(item, feature[0]) for item in value] if isinstance(value, list) and feature else value
    if not isinstance(feature, dict):
        return value
    kind = feature.get("_type")
    if kind == "Image":
        return StoredPicture(value.get("bytes"), value.get("path")) if isinstance(value, dict) else value
    if kind == "Json":
        return json.loads(value) if isinstance(value, str) and feature.get("decode", True) else value
    if kind in {"List", "LargeList", "Sequence"}:
        inner = feature.get("feature")
        if isinstance(value, dict):  # an old Sequence of objects is stored as an object of lists
            return {key: [decode(item, (inner or {}).get(key)) for item in cell or ()] for key, cell in value.items()}
        return [decode(item, inner) for item in value] if isinstance(value, list) else value
    if isinstance(value, dict) and not isinstance(kind, str):
        return {key: decode(item, feature.get(key)) for key, item in value.items()}
    return value


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
