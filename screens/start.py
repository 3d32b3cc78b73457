"""The app's beginning: the process that encodes the first row is started, then Textual is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.shell.garbage_collection import collect_seldom
from screens.shell.tokens_beside import TokensBeside, beside

if TYPE_CHECKING:
    from workbench.bench import Bench


def begin(bench: Bench, row: int) -> TokensBeside | None:
    """Start what has to be started before Textual is imported; the process, if there is one, is to be closed."""
    collect_seldom()
    return beside(bench, row)


def run(bench: Bench, *, row: int = 0) -> int:
    """Open the app, as `screens.app.run` does."""
    process = begin(bench, row)
    try:
        from screens import app

        return app.run(bench, row=row, beside=process)
    finally:
        if process is not None:
            process.close()
