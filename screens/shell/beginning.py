"""The row that the app begins with, read before anything large is imported. Imports no Textual."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.shell.screen_state import recall
from workbench.data.first_row import FirstRow, first_row

if TYPE_CHECKING:
    from workbench.bench import Bench

_PATIENCE_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class First:
    """A row read before the bench is loaded, with the state of the screen that was kept."""

    row: FirstRow
    panes: object = None
    token: int = 0
    theme: object = None
    recipe: str = ""


async def read_first(bench: Bench, row: int) -> First | None:
    """The row to begin with: the one that was asked for, or that of the last time. None where it is not there at once.

    Read on a thread of its own, because a file may lie on a disk that does not answer.
    """
    # Not for the process that encodes the row, which has no event loop.
    import asyncio
    import threading

    loop, read = asyncio.get_running_loop(), asyncio.Event()
    found: list[First | None] = []

    def reading() -> None:
        with suppress(Exception):
            found.append(first_of(bench, row))
        # The app may be gone by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(read.set)

    threading.Thread(target=reading, name="vlmbench first row", daemon=True).start()
    with suppress(TimeoutError):
        await asyncio.wait_for(read.wait(), _PATIENCE_SECONDS)
    return found[0] if found else None


def first_of(bench: Bench, row: int) -> First | None:
    """The row to begin with; None where it cannot be read as its file says it, or another screen is in front then."""
    options, known = bench.options, {}
    if bench.has_document:
        known = recall(bench)
        if not row and known.get("screen", "inspect") != "inspect":
            return None
    recalled, token = known.get("row"), known.get("token")
    if row or not isinstance(recalled, int) or recalled < 0:
        recalled, token = row, 0
    recipe = bench.document.data if bench.has_document else {}
    found = first_row(recipe, bench.recipe_dir, data=options["data"], dataset=options["dataset"], index=recalled)
    if found is None:
        return None
    token = token if isinstance(token, int) and token > 0 else 0
    return First(
        found, known.get("panes"), token, known.get("theme"), bench.document.name if bench.has_document else ""
    )
