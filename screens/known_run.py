"""The verdict of the newest run that is kept, for the tab of a screen that is not made yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from screens.overfit_text import verdict_mark
from workbench.overfit.runs import latest

if TYPE_CHECKING:
    from screens.shell.story import Mark
    from workbench.bench import Bench


def known_run(bench: Bench, tell: Callable[[str, Mark], object]) -> Iterator[None]:
    """A job that looks for the run, and tells of it: the recipe as it was, and the verdict as a mark."""
    run = latest(bench)
    if run is not None:
        # After the app is gone nobody is told.
        with suppress(RuntimeError):
            tell(run.recipe, verdict_mark(run.verdict))
    yield
