"""Fixes of a screen's findings: each is tried on a copy of the bench before it is applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.guard.faults import guarded
from screens.keys.spoken import keyed
from screens.shell.notices import UNTIL_DONE_SECONDS
from screens.shell.recipe_screen import RecipeScreen
from screens.shell.worker import Background, Kind
from workbench.errors import BenchError
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.checks.trial import Trials
    from workbench.findings import Finding, Fix


@dataclass(frozen=True, slots=True)
class TriedFixes:
    """Fixes that may be applied to a recipe with this `text`.

    `description` names them, or gives the reason where there is none.
    """

    text: str
    fixes: Sequence[Fix]
    description: str


class FixTrials:
    """The part of a screen that applies fixes. A trial that needs only the masks of kept rows is made at once."""

    def __init__(self, screen: RecipeScreen, background: Background) -> None:
        self._screen, self._background = screen, background

    def apply_first(self, findings: Sequence[Finding]) -> None:
        """Apply the first fix that passes its trial, or say why there is none."""
        from workbench.checks.trial import Trials

        editing = self._screen.editing
        trials, text = Trials.seen(editing.bench), editing.document.text
        if all(trials.quick(finding) for finding in findings):
            self.apply(self._first(trials, findings, text))
            return
        self._screen.notify("Trying the fix…", timeout=UNTIL_DONE_SECONDS)
        self._background.submit(Kind.FIX, self._trying(trials, findings, text))

    def _trying(self, trials: Trials, findings: Sequence[Finding], text: str) -> Iterator[None]:
        self.apply_from_thread(self._first(trials, findings, text))
        yield

    def apply_from_thread(self, tried: TriedFixes) -> None:
        """Apply fixes in the window's thread; called from the background thread that tried them."""
        try:
            self._screen.call_later(guarded(self._screen, self.apply), tried)
        except RuntimeError:
            self._background.check()

    @staticmethod
    def _first(trials: Trials, findings: Sequence[Finding], text: str) -> TriedFixes:
        refused = ""
        for finding in findings:
            assert finding.fix is not None
            tried = trials.of(finding)
            if tried.fix is not None:
                return TriedFixes(text, [tried.fix], f"{finding.code} fixed: {tried.fix.described}")
            refused = refused or f"{finding.code}: “{finding.fix.title}” {tried.why}"
        return TriedFixes(text, [], refused)

    def apply(self, tried: TriedFixes) -> None:
        """Apply fixes that were tried, and notify."""
        screen = self._screen
        if tried.text != screen.editing.document.text:
            screen.notify("The recipe was edited meanwhile: no fix was applied", timeout=4)
            return
        if not tried.fixes:
            screen.notify(
                visible(f"No fix was applied. {tried.description}"), severity="warning", timeout=8, markup=False
            )
            return
        try:
            for fix in tried.fixes:
                screen.editing.apply(fix)
        except BenchError as problem:
            screen.notify_problem(problem)
        else:
            keys = keyed(screen, "{undo} undoes it, {save} saves")
            screen.notify(visible(f"{tried.description} ({keys})"), timeout=6, markup=False)
        # Those before the one that was refused are made.
        screen.follow()
