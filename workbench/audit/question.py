"""The question of the app to the process that audits for it: the recipe as it is now, in the audit's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.recipe.yaml.document import Document, write_atomically

if TYPE_CHECKING:
    from workbench.bench import Bench

NAME = "question.json"
MODULE = "workbench.commands.audit_child"
"""The module of the process; see `workbench.child_process`."""


def write_question(folder: Path, bench: Bench) -> None:
    """Write what is to be audited: the recipe, saved or not, and how its model is loaded.

    Raises:
        BenchError: no right, no room.
    """
    write_atomically(folder / NAME, json.dumps(asked(bench)).encode())


def is_of(folder: Path, bench: Bench) -> bool:
    """True where the question in a folder is of this bench and of its recipe as it is now."""
    try:
        return bool(json.loads((folder / NAME).read_text("utf-8")) == asked(bench))
    except (OSError, ValueError):
        return False


def asked(bench: Bench) -> dict[str, Any]:
    """The recipe of a bench and how its model is loaded, in values that travel."""
    document = bench.document
    return {
        "text": document.text,
        "name": document.name,
        "path": str(document.path) if document.path is not None else None,
        "options": bench.options,
    }


def read_question(folder: Path) -> Bench:
    """The bench of a question, not loaded yet."""
    return bench_of(json.loads((folder / NAME).read_text("utf-8")))


def bench_of(question: dict[str, Any]) -> Bench:
    """The bench of what was asked, not loaded yet."""
    from workbench.bench import Bench

    path = Path(question["path"]) if question["path"] else None
    return Bench(Document(question["text"], question["name"], path=path), **question["options"])
