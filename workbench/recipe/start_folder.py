"""The folder that axolotl must be started in for a recipe: it takes relative paths from its working directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.recipe.yaml.document import Document


def starting_folder(recipe: Document, folder: Path) -> Path | None:
    """The recipe's `folder`, where a path in it, of its model or its data, holds from there and from nowhere else."""
    relative = [name for name in _paths(recipe) if name and not os.path.isabs(name)]
    return folder if any(os.path.exists(folder / name) and not os.path.exists(name) for name in relative) else None


def _paths(recipe: Document) -> Iterator[str]:
    entries = recipe.get(("datasets",))
    paths = [entry.get("path") for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    for path in (recipe.get(("base_model",)), *paths):
        if isinstance(path, str):
            yield path
