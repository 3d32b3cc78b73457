"""The rows of another trainer's configuration file, and what that trainer is told of the file.

A row goes to the trainer as it stands in the data, for the trainer's own loader to read. It is read as messages too,
as `vlmbench convert` would write it, to say whose text each token is; a row that cannot be read so is asked about all
the same.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.convert.media_store import MediaStore
from workbench.convert.rows import Wanted, read_row, written_row
from workbench.convert.run import shape_of
from workbench.convert.shapes import Shape
from workbench.convert.talk import Changes, Refused
from workbench.data.rows import RawRow, RowSource
from workbench.data.sources import open_source
from workbench.errors import BenchError, InputError, Where
from workbench.files import read_limited
from workbench.recipe.trainer_file import TrainerFile

INFO = "dataset_info.json"
_MOST_INFO = 8 << 20
_OWN_CODE = ("trust_remote_code", "external_plugins", "custom_register_path")
"""Settings by which code that comes with a model or a file is run."""
_APART = ("packing", "neat_packing", "packing_strategy", "padding_free")
_HANDED_ON = {"trl": ("chat_template_path",), "llamafactory": ("media_dir", "image_dir"), "ms-swift": ()}
"""Settings that are paths, which the trainer gets as absolute ones."""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A row of the file's data. `messages` is empty where it cannot be read as such; `unread` says why."""

    index: int
    raw: Mapping[str, Any]
    messages: list[dict[str, Any]]
    where: Where
    unread: str = ""


@dataclass(frozen=True, slots=True)
class OwnRows:
    """The rows that are asked about. `entry`: what LLaMA-Factory's `dataset_info.json` says of them."""

    name: str
    rows: tuple[OwnRow, ...]
    entry: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """`values`: the file's settings as the trainer is told them; `lost`: what it is not told, and why."""

    values: dict[str, Any]
    lost: tuple[str, ...]


def settings_of(file: TrainerFile, *, trust: bool) -> OwnSettings:
    """The settings that the trainer gets. `trust`: code that comes with the model or the file may run."""
    values, lost = dict(file.values), []
    for key in _OWN_CODE:
        if values.get(key) and not trust:
            values.pop(key)
            lost.append(f"{key}: its code is not run; --trust-remote-code lets it")
    for key in _APART:
        if values.get(key) and not (file.trainer == "trl" and key == "packing_strategy"):
            values.pop(key)
            lost.append(f"{key}: rows are shown apart")
    for key in _HANDED_ON[file.trainer]:
        if isinstance(values.get(key), str):
            values[key] = file.beside(values[key])
    if file.trainer == "llamafactory" and not values.get("media_dir"):
        values["media_dir"] = str(_dataset_dir(file))
    return OwnSettings(values, tuple(lost))


def rows_of(
    file: TrainerFile, indices: Sequence[int] | int, scratch: Path, *, data: str | None = None, dataset: int = 0
) -> OwnRows:
    """Rows of the data that a file names, or of `data`. `indices`: their numbers, or how many of the first.

    Raises:
        InputError: there is no such data set, or its rows cannot be read. EnvironmentProblem: the hub cannot be asked.
    """
    source, entry = _source(file, data, dataset)
    if isinstance(indices, int):
        listed = list(itertools.islice(source, indices))
    else:
        listed = [_row(source, index) for index in indices]
    readable = [row for row in listed if row.data is not None]
    if not readable:
        problem = next((row.error for row in listed if row.error is not None), None)
        cause = problem.message if problem is not None else "It has no row."
        raise InputError(
            f"There is no row to ask {file.title} about", cause, "Give rows that can be read.", Where(source.name)
        )
    reader = _Reader(source, scratch)
    return OwnRows(source.name, tuple(reader.read(row) for row in readable), entry)


def _row(source: RowSource, index: int) -> RawRow:
    try:
        return source.row(index)
    except IndexError:
        raise InputError(f"There is no row {index}", "", "Give a smaller number.", Where(file=source.name)) from None


class _Reader:
    """Rows as messages, with media that are no files kept in a folder."""

    def __init__(self, source: RowSource, scratch: Path) -> None:
        self._source, self._scratch = source, scratch
        self._store = MediaStore(scratch / "rows.jsonl")
        self._wanted = Wanted(keeps_tools=True)
        self._problem = ""
        self._shape: Shape | None = None
        try:
            self._shape = shape_of(source, self._wanted)
        except BenchError as problem:
            self._problem = problem.line

    def read(self, row: RawRow) -> OwnRow:
        """A row, as it stands and as messages."""
        assert row.data is not None
        base = row.base_dir or self._source.base_dir
        messages, unread = [], self._problem
        if self._shape is not None:
            changes = Changes()
            try:
                talk = read_row(row.data, self._shape, self._wanted, changes)
                self._store.place(talk, base, changes)
                messages = written_row(talk, self._wanted)["messages"]
            except Refused as refused:
                unread = ": ".join(text for text in (str(refused), refused.detail) if text)
        where = Where(row.source or None, row.line, row=row.index)
        return OwnRow(row.index, self._plain(row.data, base, f"{row.index}"), messages, where, unread)

    def _plain(self, value: Any, base: Path | None, name: str) -> Any:
        """A value for JSON: pictures as files that are named by absolute paths."""
        if isinstance(value, Mapping):
            if {*value} <= {"bytes", "path"} and isinstance(value.get("bytes"), bytes):
                return self._file(value["bytes"], name)
            return {str(key): self._plain(item, base, f"{name}-{key}") for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain(item, base, f"{name}-{place}") for place, item in enumerate(value)]
        if isinstance(value, (bytes, bytearray)):
            return self._file(bytes(value), name)
        if isinstance(value, str):
            return _absolute(value, base)
        if isinstance(getattr(value, "bytes", None), bytes):
            return self._file(value.bytes, name)
        if hasattr(value, "save") and hasattr(value, "convert"):
            place = self._scratch / f"raw-{_safe(name)}.png"
            value.save(place)
            return {"bytes": None, "path": str(place)}
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return value.tolist() if hasattr(value, "tolist") else str(value)

    def _file(self, data: bytes, name: str) -> dict[str, Any]:
        place = self._scratch / f"raw-{_safe(name)}"
        place.write_bytes(data)
        return {"bytes": None, "path": str(place)}


def _safe(name: str) -> str:
    return "".join(char if char.isalnum() or char == "-" else "_" for char in name)[:100]


def _absolute(text: str, base: Path | None) -> str:
    """The absolute path of a text that is the relative path of a file; else the text."""
    if base is None or not 0 < len(text) < 1024 or "\n" in text or os.path.isabs(text) or "." not in text:
        return text
    try:
        return str((base / text).absolute()) if (base / text).is_file() else text
    except (OSError, ValueError):
        return text


def _source(file: TrainerFile, data: str | None, dataset: int) -> tuple[RowSource, dict[str, Any]]:
    if data is not None:
        return open_source(data), _known_entry(file, dataset)
    if file.trainer == "llamafactory":
        return _of_llamafactory(file, dataset)
    named = _of_trl(file) if file.trainer == "trl" else _of_swift(file)
    if dataset >= len(named):
        field_name = "dataset_name" if file.trainer == "trl" else "dataset"
        raise InputError(
            f"There is no dataset {dataset}" if named else f"This {file.title} file names no dataset",
            f"The file has {len(named)}, counted from 0." if named else "",
            f"Write {field_name}, or give --data.",
            file.where(field_name),
        )
    found = named[dataset]
    return open_source(file.beside(found.pop("path")), **found, base_dir=file.path.absolute().parent), {}


def _of_trl(file: TrainerFile) -> list[dict[str, Any]]:
    """The data sets of a TRL file, in the words of `open_source`."""
    listed = file.values.get("datasets")
    if isinstance(listed, list) and listed:
        return [
            {
                "path": str(one.get("path", "")),
                "name": one.get("name"),
                "split": one.get("split") or "train",
                "data_files": one.get("data_files"),
            }
            for one in listed
            if isinstance(one, Mapping)
        ]
    name = file.values.get("dataset_name")
    if not isinstance(name, str) or not name:
        return []
    split = str(file.values.get("dataset_train_split") or "train")
    return [{"path": name, "name": file.values.get("dataset_config"), "split": split}]


def _of_swift(file: TrainerFile) -> list[dict[str, Any]]:
    """The data sets of ms-swift's arguments: `PATH`, `ID:SUBSET`, each with `#NUMBER` of rows that it samples."""
    listed = file.values.get("dataset") or []
    found: list[dict[str, Any]] = []
    for one in [listed] if isinstance(listed, str) else listed:
        path = str(one).partition("#")[0].removeprefix("HF::").removeprefix("MS::")
        if Path(file.beside(path)).exists():
            found.append({"path": path})
        else:
            path, _, subset = path.partition(":")
            found.append({"path": path, "name": subset or None, "split": "train"})
    return found


def _dataset_dir(file: TrainerFile) -> Path:
    return Path(file.beside(str(file.values.get("dataset_dir") or "data")))


def _names(file: TrainerFile) -> list[str]:
    value = file.values.get("dataset")
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(one).strip() for one in listed if str(one).strip()]


def _info(file: TrainerFile) -> dict[str, Any]:
    """The entries of the data sets in `dataset_info.json`."""
    place = _dataset_dir(file) / INFO
    hint = "Start where LLaMA-Factory starts, so that dataset_dir is found, or write its path; or give --data."
    raw = read_limited(place, _MOST_INFO, f"{INFO} cannot be opened", hint=hint)
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{place} is not JSON", str(problem), "Correct it.", Where(str(place))) from None
    if not isinstance(found, dict):
        raise InputError(f"{place} is no table of data sets", "", "Correct it.", Where(str(place)))
    return found


def _known_entry(file: TrainerFile, dataset: int) -> dict[str, Any]:
    """The entry that tells how rows of `--data` are read: the one that the file names, where it can be read."""
    if file.trainer != "llamafactory":
        return {}
    names = _names(file)
    entry = _info(file).get(names[dataset]) if dataset < len(names) else None
    return dict(entry) if isinstance(entry, dict) else {}


def _of_llamafactory(file: TrainerFile, dataset: int) -> tuple[RowSource, dict[str, Any]]:
    names = _names(file)
    if dataset >= len(names):
        raise InputError(
            f"There is no dataset {dataset}" if names else "This LLaMA-Factory file names no dataset",
            f"The file has {len(names)}, counted from 0." if names else "",
            "Write dataset, or give --data.",
            file.where("dataset"),
        )
    entry = _info(file).get(names[dataset])
    place = _dataset_dir(file)
    if not isinstance(entry, dict):
        raise InputError(
            f"{INFO} has no data set {names[dataset]!r}",
            "",
            f"Add it to {place / INFO}, or correct `dataset`.",
            file.where("dataset"),
        )
    if isinstance(entry.get("file_name"), str):
        return open_source(str(place / entry["file_name"])), dict(entry)
    if isinstance(entry.get("hf_hub_url"), str):
        split, subset = entry.get("split") or "train", entry.get("subset")
        return open_source(entry["hf_hub_url"], split=split, name=subset), dict(entry)
    raise InputError(
        f"The data set {names[dataset]!r} is read by a script or from another hub",
        "",
        "Give its rows as a file: --data FILE.",
        Where(str(place / INFO), field=names[dataset]),
    )
