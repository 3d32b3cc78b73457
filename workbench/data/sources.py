"""Open the rows of a dataset entry: files, folders, globs and hub datasets, lazily, as axolotl would find them.

JSON and Parquet files are read here, with random access and an error for each bad row; `datasets` reads the rest.
"""

from __future__ import annotations

import bisect
import glob
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.data.columns import ParquetSource
from workbench.data.csv_rows import CsvSource
from workbench.data.hub import DataFiles, arrow_view, is_hub_id, open_saved, open_with_datasets
from workbench.data.jsonl import open_json
from workbench.data.remote import RemoteFile, is_remote
from workbench.data.row_notes import BAD_PART
from workbench.data.rows import Lines, RawRow, RowSource
from workbench.errors import InputError, Where
from workbench.files import refuse_special
from workbench.findings import Finding

__all__ = ["RawRow", "RowSource", "arrow_view", "open_source"]

_TYPES = {".parquet": "parquet", ".arrow": "arrow", ".csv": "csv", ".txt": "text"}
_FOLDER_TYPES = (
    ("json", (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst")),
    ("parquet", (".parquet",)),
)
_SPLIT = re.compile(r"(?P<name>[\w.-]+)(?:\[(?P<from>-?\d+%?)?:(?P<to>-?\d+%?)?\])?")


def open_source(
    path: str,
    *,
    split: str | None = None,
    name: str | None = None,
    ds_type: str | None = None,
    data_files: DataFiles = None,
    revision: str | None = None,
    base_dir: Path | None = None,
    streaming: bool = True,
    limit: int | None = None,
    as_written: bool = False,
) -> RowSource:
    """The rows of a dataset, by axolotl's rules for `path`, `split` (also `train[:100]`, `train[:10%]`), `name`,
    `ds_type`, `data_files` and `revision`.

    Local paths are looked up in the working directory, then in `base_dir` (the recipe's folder); a path with * is a
    glob. `limit` ends the source after that many rows. `as_written`: texts stay what the file says, where `datasets`
    would make numbers or nulls of some. Raises InputError for what is not there or not readable, and
    EnvironmentProblem for errors of the hub.
    """
    found = _existing(path, base_dir)
    shown = path if found is None else os.path.relpath(found) if not os.path.isabs(path) else path
    if found is not None and found.is_dir():
        whole = _open_folder(
            found, shown, split, name, ds_type, data_files, base_dir, streaming, limit, as_written=as_written
        )
        return _limited(whole, limit)
    if found is not None:
        return _limited(_open_files([(found, shown)], split, ds_type, streaming, as_written), limit)
    if data_files is not None and path in {"json", "parquet"}:
        files = _data_files(data_files, None, base_dir)
        return _limited(_open_files(files, split, ds_type or path, streaming, as_written), limit)
    if glob.has_magic(path):
        source = _limited(_open_files(_data_files(path, None, base_dir), split, ds_type, streaming, as_written), limit)
        text = f"axolotl does not expand `path: {path}`"
        source.findings.append(BAD_PART("note", text, "Put the glob into data_files.", Where(file=path)))
        return source
    if is_remote(path):
        return _limited(_open_remote(path, split, ds_type, as_written), limit)
    if path.startswith(("https://", "http://")):
        kind = _type_of(path, ds_type)
        return open_with_datasets(
            kind, shown=path, split=split or "train", data_files=path, streaming=streaming, limit=limit
        )
    if not is_hub_id(path) or path.endswith((".jsonl", ".json", ".parquet", ".csv", ".gz", ".arrow")):
        looked = " or ".join(dict.fromkeys(str(folder) for folder in (Path.cwd(), base_dir) if folder is not None))
        raise InputError("No such data file", f"{path} is not in {looked}", "Correct the path.", Where(file=path))
    return open_with_datasets(
        path,
        shown=path,
        split=split,
        name=name,
        data_files=data_files,
        revision=revision,
        streaming=streaming,
        limit=limit,
    )


class JoinedSource:
    """Several sources, one after the other."""

    def __init__(self, parts: Sequence[RowSource], name: str, base_dir: Path | None) -> None:
        self.name = name
        self.base_dir = base_dir
        self.parts = list(parts)
        self._firsts = [0]
        self.findings: list[Finding] = [finding for part in parts for finding in part.findings]
        for part in self.parts:
            part.findings = self.findings

    @property
    def known_length(self) -> int | None:
        lengths = [part.known_length for part in self.parts]
        return None if None in lengths else sum(length for length in lengths if length is not None)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __iter__(self) -> Iterator[RawRow]:
        index = 0
        for part in self.parts:
            for row in part:
                yield self._placed(row, index, part)
                index += 1

    def row(self, index: int) -> RawRow:
        """Row `index` over all parts; counts the parts before it. IndexError past the end."""
        while index >= self._firsts[-1] and len(self._firsts) < len(self.parts):
            done = self.parts[len(self._firsts) - 1]
            try:
                row = done.row(index - self._firsts[-1])
            except IndexError:
                self._firsts.append(self._firsts[-1] + len(done))
            else:
                return self._placed(row, index, done)
        part = bisect.bisect_right(self._firsts, index) - 1
        if part < 0 or index < 0:
            raise IndexError(f"{self.name} has no row {index}")
        chosen = self.parts[part]
        return self._placed(chosen.row(index - self._firsts[part]), index, chosen)

    def faults(self) -> Iterator[RawRow]:
        """The faults of every part that is text; counts the rows of the parts before it."""
        first = 0
        for number, part in enumerate(self.parts):
            if isinstance(part, Lines):
                yield from (self._placed(row, first + row.index, part) for row in part.faults())
            if number + 1 < len(self.parts):
                first += len(part)

    def _placed(self, row: RawRow, index: int, part: RowSource) -> RawRow:
        return replace(row.at(index), base_dir=part.base_dir)


class SliceSource:
    """Rows [start, stop) of a source, renumbered from 0."""

    def __init__(self, whole: RowSource, start: int, stop: int | None) -> None:
        self.name = whole.name
        self.base_dir = whole.base_dir
        self.findings = whole.findings
        self.whole = whole
        self._start = start
        self._stop = stop

    @property
    def known_length(self) -> int | None:
        whole = self.whole.known_length
        if whole is None:
            return None
        return max(0, min(whole, whole if self._stop is None else self._stop) - self._start)

    def __len__(self) -> int:
        if (known := self.known_length) is not None:
            return known
        if self._stop is not None:
            try:
                self.whole.row(self._stop - 1)
            except IndexError:
                pass
            else:
                return self._stop - self._start
        len(self.whole)
        return self.known_length or 0

    def __iter__(self) -> Iterator[RawRow]:
        # Not row by row: some sources read from their beginning for each.
        for row in itertools.islice(self.whole, self._start, self._stop):
            yield row if self._start == 0 else row.at(row.index - self._start)

    def row(self, index: int) -> RawRow:
        """Row `index` of the slice. IndexError past its end."""
        at = self._start + index
        if index < 0 or (self._stop is not None and at >= self._stop):
            raise IndexError(f"the slice of {self.name} has no row {index}")
        row = self.whole.row(at)
        return row if self._start == 0 else row.at(index)

    def faults(self) -> Iterator[RawRow]:
        """The faults of the whole: `datasets` gives up on the whole file. Rows outside of the slice keep their line."""
        if isinstance(self.whole, Lines):
            for row in self.whole.faults():
                inside = self._start <= row.index and (self._stop is None or row.index < self._stop)
                yield row.at(row.index - self._start) if inside else replace(row, index=-1, error=_placeless(row.error))


def names_of(source: RowSource) -> list[str]:
    """The names of the files that the rows of a source are from, in their order; each once."""
    if isinstance(source, SliceSource):
        return names_of(source.whole)
    if isinstance(source, JoinedSource):
        return list(dict.fromkeys(name for part in source.parts for name in names_of(part)))
    return [source.name]


def _placeless(error: Finding | None) -> Finding | None:
    """An error of a row that has no number here."""
    return error and replace(error, where=replace(error.where, row=None))


def _limited(source: RowSource, limit: int | None) -> RowSource:
    return source if limit is None else SliceSource(source, 0, limit)


def _existing(path: str, base_dir: Path | None) -> Path | None:
    folders = [Path()] if base_dir is None else [Path(), base_dir]
    try:
        return next((folder / path for folder in folders if (folder / path).exists()), None)
    except (OSError, ValueError):
        # A name that is too long, or holds a zero, is no file's.
        return None


def _type_of(path: str, ds_type: str | None) -> str:
    """axolotl's rule: the recipe's ds_type, else an extension anywhere in the path, else JSON."""
    return ds_type or next((kind for extension, kind in _TYPES.items() if extension in path), "json")


def _data_files(data_files: DataFiles, folder: Path | None, base_dir: Path | None) -> list[tuple[Path, str]]:
    """Local files of a data_files entry or a glob, from the working directory, else the given folders."""
    names = [data_files] if isinstance(data_files, str) else list(data_files or ())
    files: list[tuple[Path, str]] = []
    for pattern in names:
        for root in dict.fromkeys(root for root in (Path(), folder, base_dir) if root is not None):
            hits = sorted(glob.glob(str(root / pattern), recursive=True)) if glob.has_magic(pattern) else []
            if (root / pattern).is_file():
                hits = [str(root / pattern)]
            if hits := [hit for hit in hits if os.path.isfile(hit)]:
                files += [(Path(hit), hit) for hit in hits]
                break
        else:
            raise InputError(
                "No such data file", f"nothing matches {pattern}", "Correct the path.", Where(file=pattern)
            )
    return files


def _open_files(
    files: Sequence[tuple[Path, str]], split: str | None, ds_type: str | None, streaming: bool, as_written: bool
) -> RowSource:
    sources = [_open_file(path, shown, ds_type, streaming, as_written) for path, shown in files]
    whole = sources[0] if len(sources) == 1 else JoinedSource(sources, files[0][1] + " …", sources[0].base_dir)
    return _filled(whole, split)


def _open_remote(url: str, split: str | None, ds_type: str | None, as_written: bool) -> RowSource:
    """A file of an object store: JSON by its lines' positions, Parquet by its row groups."""
    kind, file = _type_of(url, ds_type), RemoteFile(url)
    if kind == "json":
        return _filled(open_json(file, url, as_written=as_written), split)
    if kind == "parquet":
        return _filled(ParquetSource(file, url), split)
    cause = f"`{kind}` files are read from disk alone."
    raise InputError("Not a file that is read from an object store", cause, "Download it.", Where(file=url))


def _filled(whole: RowSource, split: str | None) -> RowSource:
    """The rows of a split of files; an error where there is not one."""
    try:
        whole.row(0)
    except IndexError:
        cause = "The file is empty, or holds nothing but blank lines or an empty list."
        hint = "Check that this is the right file, and that what wrote it has ended."
        raise InputError("There is no row here", cause, hint, Where(file=whole.name)) from None
    return _sliced(whole, split)


def _open_file(path: Path, shown: str, ds_type: str | None, streaming: bool, as_written: bool) -> RowSource:
    refuse_special(path, "The data file cannot be read", shown)
    kind = _type_of(shown, ds_type)
    if kind == "json":
        return open_json(path.absolute(), shown, as_written=as_written)
    if kind == "parquet":
        return ParquetSource(path.absolute(), shown)
    folder = path.absolute().parent
    if kind == "csv" and as_written:
        return CsvSource(path.absolute(), shown)
    return open_with_datasets(
        kind, shown=shown, split="train", data_files=str(path), base_dir=folder, streaming=streaming
    )


def _sliced(source: RowSource, split: str | None) -> RowSource:
    """Files have the one split `train`; `train[a:b]` counts rows, or percent of them, as `datasets` does."""
    if split is None or split == "train":
        return source
    match = _SPLIT.fullmatch(split)
    if match is None or match["name"] != "train":
        cause = f"a file has the split `train` alone; axolotl raises ValueError at `{split}`"
        raise InputError("No such split", cause, "Write train, or train[:100].", Where(file=source.name))
    start = _bound(match["from"], source, 0)
    stop = _bound(match["to"], source, None)
    return SliceSource(source, start or 0, stop)


def _bound(text: str | None, source: RowSource, default: int | None) -> int | None:
    if text is None:
        return default
    number = int(text.rstrip("%"))
    if text.endswith("%"):
        return max(0, round(len(source) * (number if number >= 0 else 100 + number) / 100))
    return number if number >= 0 else max(0, len(source) + number)


def _open_folder(
    folder: Path,
    shown: str,
    split: str | None,
    name: str | None,
    ds_type: str | None,
    data_files: DataFiles,
    base_dir: Path | None,
    streaming: bool,
    limit: int | None,
    *,
    as_written: bool,
) -> RowSource:
    if data_files is not None:
        chosen = _data_files(data_files, folder, base_dir)
        return _open_files(chosen, split, _type_of(str(folder), ds_type), streaming, as_written)
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return open_saved(folder, shown=shown, split=split, limit=limit)
    files = _files_of_split(folder, split)
    readme = folder / "README.md"
    if (
        not files
        or name is not None
        or (readme.is_file() and "configs:" in readme.read_text("utf-8", "replace")[:4096])
    ):
        if not any(entry.is_file() for entry in folder.rglob("*")):
            raise InputError("The data folder is empty", "", "Put .jsonl or .parquet files there.", Where(file=shown))
        return open_with_datasets(
            str(folder), shown=shown, split=split, name=name, base_dir=folder, streaming=streaming, limit=limit
        )
    match = _SPLIT.fullmatch(split or "train")
    part = "train" + (split or "train")[len(match["name"]) :] if match else split
    listed = [(path, os.path.join(shown, path.relative_to(folder))) for path in files]
    source = _open_files(listed, part, None, streaming, as_written)
    source.base_dir = source.base_dir or folder
    return source


def _files_of_split(folder: Path, split: str | None) -> list[Path]:
    """Files of the type that is most frequent in the folder, of one split by their names, as `datasets` sorts them."""
    everything = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith((".", "_"))]
    by_type = [[path for path in everything if path.name.endswith(endings)] for _, endings in _FOLDER_TYPES]
    files = max(by_type, key=len)
    match = _SPLIT.fullmatch(split or "train")
    wanted = match["name"] if match else "train"
    words = {
        "train": "train|training",
        "test": "test|testing|eval|evaluation",
        "validation": "validation|valid|val|dev",
    }

    def belongs(path: Path, pattern: str) -> bool:
        text = path.relative_to(folder).as_posix()
        return re.search(rf"(?:^|[\W_\d])(?:{pattern})(?:[\W_\d]|$)", text) is not None

    named = [path for path in files if any(belongs(path, pattern) for pattern in words.values())]
    if not named:
        if wanted != "train" and files:
            cause = f"no file name says `{wanted}`, so all belong to train"
            raise InputError("No such split", cause, "Name the files after their split.", Where(file=str(folder)))
        return files
    chosen = [path for path in named if belongs(path, words.get(wanted, re.escape(wanted)))]
    if not chosen:
        raise InputError(
            "No such split", f"no file name says `{wanted}`", "Name one with `split`.", Where(file=str(folder))
        )
    return chosen
