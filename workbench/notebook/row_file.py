"""Rows that are already in Python: kept as a file, so that the run's own process and the export find the same ones.

They are cleared some weeks after their last use; see `kept_rows`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from workbench.errors import BenchError, InputError, Where
from workbench.notebook.arguments import wrong
from workbench.notebook.kept_rows import PICTURES, clear_old, rows_dir, used

if TYPE_CHECKING:
    from PIL.Image import Image


class Table(Protocol):
    """A `datasets.Dataset` or a pandas `DataFrame`, as far as it is needed here."""

    def to_parquet(self, path: str) -> Any: ...


class ArrowTable(Protocol):
    """A `pyarrow.Table`, as far as it is needed here."""

    @property
    def num_rows(self) -> int: ...
    def to_pylist(self) -> list[dict[str, Any]]: ...


Data: TypeAlias = (
    str | os.PathLike[str] | Table | ArrowTable | Mapping[str, Any] | Mapping[str, Table] | Iterable[Mapping[str, Any]]
)
"""The data that `open` takes: a path or hub id; rows; one row; one conversation as messages; a table of a library."""

WANTED = "a file, a folder, a hub id, rows as dicts, one conversation, or a table of datasets, pyarrow or pandas"
_MESSAGE = ({"role", "content"}, {"from", "value"})
_KEPT_MODES = ("L", "RGB", "RGBA")
"""The modes that every reader of PNG agrees on."""


def as_source(data: Data, *, split: str | None = None) -> str:
    """The source that a bench takes for data: a path or hub id as it is, else the file that these rows are written to.

    The file's name is the hash of what it holds, so the same rows are the same file. PIL pictures in rows are written
    beside it, each content once. `split` chooses one of a `datasets.DatasetDict`.

    Raises:
        InputError: it is no data, or a row has no form as JSON.
    """
    if isinstance(data, str | os.PathLike):
        return os.fsdecode(data)
    table = _split_of(data, split)
    folder = rows_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = _written(table, folder)
        used(kept)
        clear_old(folder, kept)
        return str(kept)
    except OSError as problem:
        cause = f"{problem.strerror or problem} ({folder})."
        raise InputError("The rows cannot be kept", cause, "VLMBENCH_STATE names another folder.") from None


def _written(table: Any, folder: Path) -> Path:
    """The file of these rows."""
    if hasattr(table, "reset_index"):
        # A frame whose rows were chosen has an index that would be a column.
        table = table.reset_index(drop=True)
    if hasattr(table, "to_parquet"):
        return _parquet(folder, lambda name: table.to_parquet(name))
    if hasattr(table, "to_pylist") and hasattr(table, "num_rows"):
        from pyarrow import parquet

        return _parquet(folder, lambda name: parquet.write_table(table, name))
    return _json(folder, _rows_of(table))


def _split_of(data: Any, split: str | None) -> Any:
    """The table of a DatasetDict: the split that is asked for, else `train`, else the only one."""
    splits = isinstance(data, Mapping) and bool(data) and all(hasattr(one, "to_parquet") for one in data.values())
    if not splits:
        if split is not None:
            raise wrong("split", split, "nothing: these data have no splits")
        return data
    name = split or ("train" if "train" in data else next(iter(data)) if len(data) == 1 else None)
    if name is None or name not in data:
        title = "Which split is meant is not known" if name is None else f"There is no split {name!r}"
        raise InputError(title, f"There are {', '.join(map(str, data))}.", 'Choose with split="…".')
    return data[name]


def _parquet(folder: Path, write: Any) -> Path:
    handle, name = tempfile.mkstemp(prefix=".rows.", suffix=".parquet", dir=folder)
    os.close(handle)
    try:
        with _without_bars():
            write(name)
    except (BenchError, OSError):
        os.unlink(name)
        raise
    except Exception as problem:
        os.unlink(name)
        cause = " ".join(str(problem).split())[:300]
        raise InputError("This table cannot be written as Parquet", cause, "Give the rows as dicts.") from None
    target = folder / f"{hashlib.sha256(Path(name).read_bytes()).hexdigest()[:16]}.parquet"
    os.replace(name, target)
    return target


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """No progress bars of `datasets`, where it is loaded; they are as they were afterwards."""
    bars = sys.modules.get("datasets.utils.tqdm")
    if bars is None or bars.are_progress_bars_disabled():
        yield
        return
    bars.disable_progress_bars()
    try:
        yield
    finally:
        bars.enable_progress_bars()


def _json(folder: Path, rows: Iterable[Any]) -> Path:
    text = "".join(_line(row, index, folder) for index, row in enumerate(rows))
    target = folder / f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.jsonl"
    target.write_text(text, "utf-8")
    return target


def _rows_of(data: Any) -> Iterable[Any]:
    """The rows of what is neither a path nor a table: one conversation is one row."""
    if isinstance(data, Mapping):
        return [{"messages": [data]}] if is_message(data) else [data]
    if isinstance(data, bytes | bytearray | memoryview) or not isinstance(data, Iterable):
        raise wrong("data", data, WANTED)
    listed = data if isinstance(data, list | tuple) else iter(data)
    if isinstance(listed, list | tuple) and listed and all(map(is_message, listed)):
        return [conversation(listed)]
    return listed


def is_message(value: Any) -> bool:
    """True for a mapping that is a message of a conversation, and no row."""
    return isinstance(value, Mapping) and "messages" not in value and any(keys <= set(value) for keys in _MESSAGE)


def conversation(messages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The row of one conversation, under the column that its messages are of."""
    listed = list(messages)
    return {"messages" if all("role" in one for one in listed) else "conversations": listed}


def _line(row: Any, index: int, folder: Path) -> str:
    if not isinstance(row, Mapping):
        raise InputError("This is no row", f"It is of type {type(row).__name__}.", "Give dicts.", Where(row=index))
    try:
        # A picture's file is named after what it holds; everything else is written as it is.
        return json.dumps(dict(row), default=lambda value: _stored(value, folder)) + "\n"
    except (TypeError, ValueError, RecursionError, OSError) as problem:
        hint = "Give texts, numbers, lists, dicts and PIL pictures; other media as paths of files."
        raise InputError("This row has no form as JSON", f"{problem}.", hint, Where(row=index)) from None


def _stored(value: Any, folder: Path) -> Any:
    from PIL.Image import Image

    if isinstance(value, Image):
        return str(_picture(value, folder / PICTURES))
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        # A number of numpy's.
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a {type(value).__name__} is none of JSON's values")


def _picture(picture: Image, folder: Path) -> Path:
    """The file of a picture: PNG, without loss; other modes than these become RGB first, as axolotl makes them too."""
    stream = io.BytesIO()
    exif = picture.getexif()
    drawn = picture if picture.mode in _KEPT_MODES else picture.convert("RGB")
    # What turns a photograph upright is kept too: axolotl goes by it.
    drawn.save(stream, "PNG", **({"exif": exif} if len(exif) else {}))
    content = stream.getvalue()
    target = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".picture.", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, target)
    return target
