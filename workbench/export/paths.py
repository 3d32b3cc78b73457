"""Paths of model, data and pictures that hold from the folder an exported file is written to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.checks.asking import picture_folder
from workbench.recipe.knobs import repeating_model

if TYPE_CHECKING:
    from workbench.export.draft import ExportDraft


def sources(work: ExportDraft, out: Path | None) -> None:
    """The model and the data that were looked at, under paths that hold where the file will lie."""
    bench, document = work.bench, work.document
    options = bench.options
    if options["model"] and ("base_model",) not in work.overrides:
        for key in repeating_model(document.data):
            work.put((key,), options["model"], "the model on the bench")
        work.put(("base_model",), options["model"], "the model on the bench")
    if options["revision"]:
        work.put(("revision_of_model",), options["revision"], "the revision on the bench")
    # Its rows stand in for those of the entry that is shown.
    number = options["dataset"] if document.get(("datasets", options["dataset"])) is not None else 0
    if options["data"] and ("datasets", number, "path") not in work.overrides:
        for key in ("name", "split", "data_files", "revision"):
            document.delete(("datasets", number, key))
        work.put(("datasets", number, "path"), options["data"], "the data on the bench")
    home, pictures = bench.recipe_dir, picture_folder(bench, (bench.row(index).raw for index in work.rows))
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
