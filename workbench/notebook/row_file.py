"""Rows that are already in Python: kept as a file, so that the run's own process and the export find the same ones."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import InputError, Where
from workbench.paths import state_dir


class Table(Protocol):
    """A `datasets.Dataset`, as far as it is needed here."""

    def to_parquet(self, path: str) -> int: ...


Given = str | Path | Table | Iterable[Mapping[str, Any]]


def as_source(data: Given) -> str:
    """The source that `open` takes for data: a path or hub id as it is, else the file that these rows are written to.

    The file's name is the hash of what it holds, so the same rows are the same file.

    Raises:
        InputError: a row has no form as JSON; pictures need a `datasets.Dataset`, or files.
    """
    if isinstance(data, str | Path):
        return str(data)
    folder = state_dir() / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(data, "to_parquet"):
        handle, name = tempfile.mkstemp(prefix=".rows.", suffix=".parquet", dir=folder)
        os.close(handle)
        data.to_parquet(name)
        target = folder / f"{hashlib.sha256(Path(name).read_bytes()).hexdigest()[:16]}.parquet"
        os.replace(name, target)
        return str(target)
    text = "".join(_line(row, index) for index, row in enumerate(data))
    target = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
    target.write_text(text, "utf-8")
    return str(target)


def _line(row: Any, index: int) -> str:
    if not isinstance(row, Mapping):
        raise InputError("This is no row", f"It is of type {type(row).__name__}.", "Give dicts.", Where(row=index))
    try:
        return json.dumps(row) + "\n"
    except (TypeError, ValueError) as problem:
        hint = "Give a datasets.Dataset, or write pictures as paths of files."
        raise InputError("This row has no form as JSON", f"{problem}.", hint, Where(row=index)) from None
