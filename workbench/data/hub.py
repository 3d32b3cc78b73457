"""Rows read through `datasets`: hub datasets, its own on-disk format, and file types without a reader here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.data.columns import DatasetSource
from workbench.data.row_notes import BAD_PART
from workbench.data.rows import RowSource
from workbench.errors import BenchError, EnvironmentProblem, InputError, Where
from workbench.findings import Finding
from workbench.hub_timeout import within

DataFiles = str | Sequence[str] | None
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def is_hub_id(path: str) -> bool:
    """True where a text has the form of a dataset's name on the hub: `name` or `owner/name`."""
    return _HUB_ID.fullmatch(path) is not None and "--" not in path and ".." not in path


def open_with_datasets(
    path: str,
    *,
    shown: str,
    split: str | None = None,
    name: str | None = None,
    data_files: DataFiles = None,
    revision: str | None = None,
    base_dir: Path | None = None,
    streaming: bool = True,
    limit: int | None = None,
) -> RowSource:
    """Rows of `datasets.load_dataset(path, …)`. `split` None means train, as in axolotl.

    Raises EnvironmentProblem where the hub, the network or a right is missing, InputError for a wrong split or name.
    """
    datasets = _datasets()

    def load(_: object = None) -> Any:
        return datasets.load_dataset(
            path,
            name=name,
            split=split,
            data_files=list(data_files) if data_files is not None and not isinstance(data_files, str) else data_files,
            revision=revision,
            streaming=streaming,
        )

    asks_hub = streaming and path == shown and base_dir is None and is_hub_id(path)
    try:
        loaded = within(load) if asks_hub else load()
    except BenchError:
        raise
    except Exception as error:  # huggingface_hub, requests, pyarrow and datasets each have their own
        raise _explain(error, shown) from error
    return DatasetSource(_pick_split(loaded, split, shown), shown, base_dir=base_dir, limit=limit)


def open_saved(folder: Path, *, shown: str, split: str | None = None, limit: int | None = None) -> RowSource:
    """Rows of a folder written by `Dataset.save_to_disk`."""
    datasets = _datasets()
    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:
        raise InputError(
            "Not a readable saved dataset",
            f"{type(error).__name__}: {error}",
            "Save it again with `save_to_disk`, or give its files.",
            Where(file=shown),
        ) from error
    return DatasetSource(_pick_split(loaded, split, shown), shown, base_dir=folder, limit=limit)


def arrow_view(path: str | Path, limit: int = 100) -> tuple[list[dict[str, Any]], Finding | None]:
    """The first rows of a local JSON file as `datasets` delivers them, and the finding that it cannot load the file.

    A slower check of what `JsonlSource` gives: it streams, so it sees a bad line only where it comes to it.
    """
    datasets = _datasets()
    rows: list[dict[str, Any]] = []
    try:
        stream = datasets.load_dataset("json", data_files=str(path), split="train", streaming=True)
        rows.extend(dict(data) for data in stream.take(limit))
    except Exception as error:
        text = f"`datasets` cannot load the file, nor can axolotl: {str(error).strip().splitlines()[0]}"
        return rows, BAD_PART("error", text, "Correct the row it names.", Where(file=str(path)))
    return rows, None


def _datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise EnvironmentProblem("The package `datasets` is missing", str(error), "pip install datasets") from error
    return datasets


def _pick_split(loaded: Any, split: str | None, shown: str) -> Any:
    if not isinstance(loaded, dict):
        return loaded
    wanted = split or "train"
    if wanted not in loaded:
        names = ", ".join(loaded)
        raise InputError(f"No split `{wanted}`", f"the splits are {names}", "Name one with `split`.", Where(file=shown))
    return loaded[wanted]


def _explain(error: Exception, shown: str) -> BenchError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    cause = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}".rstrip(": ")
    where = Where(file=shown)
    if kinds & {"GatedRepoError"} or "gated" in str(error):
        return EnvironmentProblem("The dataset is gated", cause, "Ask for access on its page, then log in.", where)
    if kinds & {"OfflineModeIsEnabled"}:
        return EnvironmentProblem("The hub is switched off", cause, "Unset HF_HUB_OFFLINE, or use a local copy.", where)
    if kinds & {"DatasetNotFoundError", "RepositoryNotFoundError"}:
        return EnvironmentProblem(
            "No such dataset on the hub", cause, "Correct the name, or log in if it is private.", where
        )
    if "scripts are no longer supported" in str(error):
        return InputError("The dataset is a program", cause, "Convert it to Parquet; remote code is never run.", where)
    if kinds & {
        "ConnectionError",
        "HTTPError",
        "HfHubHTTPError",
        "TimeoutError",
        "TransportError",
        "LocalEntryNotFoundError",
    }:
        return EnvironmentProblem("The hub cannot be reached", cause, "Check the network, or use a local copy.", where)
    if kinds & {"FileNotFoundError", "ValueError"}:
        return InputError(
            "The dataset cannot be opened as asked", cause, "Check `name`, `split` and `data_files`.", where
        )
    return EnvironmentProblem(
        "The dataset cannot be loaded",
        cause,
        "Check that the file is whole, and of the type that it is read as.",
        where,
    )
