"""State of a recipe's screens that is kept from one time to the next: row, token, lens, panes and theme."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screens.shell.preferences import preferences

if TYPE_CHECKING:
    from workbench.bench import Bench

_NAME = "screen.json"


def _file(bench: Bench) -> Path:
    from workbench.paths import recipe_dir

    return recipe_dir(bench.title, bench.document.path) / _NAME


def recall(bench: Bench) -> dict[str, Any]:
    """The state that was kept, nothing where none can be read; the app's settings go before it."""
    try:
        found = json.loads(_file(bench).read_text("utf-8"))
    except (OSError, ValueError):
        found = {}
    return preferences().over(found if isinstance(found, dict) else {})


def keep(bench: Bench, state: dict[str, Any]) -> None:
    """Keep it; a disk that is full or read-only is no reason to trouble anybody."""
    from workbench.recipe.yaml.document import write_atomically

    file = _file(bench)
    with contextlib.suppress(Exception):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(state).encode())
