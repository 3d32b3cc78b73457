"""Paths of model, data and pictures that hold from the folder an exported file is written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.recipe.knobs import repeating_model

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.export.draft import ExportDraft

_PICTURE_KEYS = frozenset(("image", "images", "path", "url", "image_url"))


def picture_folder(bench: Bench, rows: Sequence[int]) -> Path | None:
    """The folder from which these rows name pictures by relative path, where any does: axolotl must start there."""
    folder = bench.rows.base_dir
    if folder is None:
        return None
    for index in rows:
        raw = bench.row(index).raw
        base = raw.base_dir or folder
        if any((base / name).is_file() for name in _relative_names(raw.data)):
            return base.resolve()
    return None


def _relative_names(value: Any, key: str = "") -> Iterator[str]:
    """Texts under the keys that name pictures, which could be relative paths."""
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _relative_names(item, str(inner))
    elif isinstance(value, list):
        for item in value:
            yield from _relative_names(item, key)
    elif isinstance(value, str) and key in _PICTURE_KEYS and 0 < len(value) < 1024 and ":" not in value[:8]:
        # An absolute one is found from anywhere.
        yield from () if Path(value).is_absolute() else (value,)


def sources(work: ExportDraft, out: Path | None) -> None:
    """The model and the data that were looked at, under paths that hold where the file will lie."""
    bench, document = work.bench, work.document
    options = bench.options
    if options["model"] and ("base_model",) not in work.asked:
        for key in repeating_model(document.data):
            work.put((key,), options["model"], "the model on the bench")
        work.put(("base_model",), options["model"], "the model on the bench")
    if options["revision"]:
        work.put(("revision_of_model",), options["revision"], "the revision on the bench")
    if options["data"] and ("datasets", 0, "path") not in work.asked:
        for key in ("name", "split", "data_files", "revision"):
            document.delete(("datasets", 0, key))
        work.put(("datasets", 0, "path"), options["data"], "the data on the bench")
    home, pictures = bench.recipe_dir, picture_folder(bench, work.rows)
    moved = out is not None and out.resolve().parent != home.resolve()
    if pictures is not None:
        moved = moved or pictures != home.resolve()
        work.requirements.append(f"to be started in {pictures}: the rows name their pictures from there")
    paths: list[tuple[str | int, ...]] = [("base_model",), ("chat_template_jinja",)]
    for section in ("datasets", "test_datasets"):
        entries = document.get((section,), [])
        paths += [(section, at, "path") for at in range(len(entries) if isinstance(entries, list) else 0)]
    for path in paths:
        value = document.get(path)
        if not isinstance(value, str) or not value or "\n" in value or len(value) > 1024 or Path(value).is_absolute():
            continue
        here, beside = Path(value), home / value
        found = here if options["model"] == value or options["data"] == value else beside
        if found.exists() and (moved or found == here != beside):
            work.put(path, str(found.resolve()), "the file lies in another folder than the recipe")
