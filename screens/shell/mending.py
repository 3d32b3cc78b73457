"""What every screen that applies fixes does with them: a fix is tried on a copy of the bench before it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from screens.guard.faults import on
from screens.shell.messages import FixTried
from screens.shell.recipe_screen import Saving
from screens.shell.worker import Background, Kind
from workbench.errors import BenchError
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.checks.trial import Trials
    from workbench.findings import Finding, Fix


class Mending(Saving):
    """A screen with fixes. Where a trial needs no more than the masks of the rows that are kept it is made at once."""

    def mend_first(self, findings: Sequence[Finding], background: Background) -> None:
        """Make the first fix that may be offered, or say why there is none."""
        from workbench.checks.trial import Trials

        trials = Trials.seen(self.editing.bench)
        text = self.editing.document.text
        if all(trials.quick(one) for one in findings):
            self._tried(self._first(trials, findings, text))
            return
        self.notify("Trying the fix…", timeout=3)
        background.submit(Kind.FIX, self._trying(trials, findings, text))

    def _trying(self, trials: Trials, findings: Sequence[Finding], text: str) -> Iterator[None]:
        message = self._first(trials, findings, text)
        self.post_message(message)
        yield

    @staticmethod
    def _first(trials: Trials, findings: Sequence[Finding], text: str) -> FixTried:
        refused = ""
        for one in findings:
            assert one.fix is not None
            tried = trials.of(one)
            if tried.fix is not None:
                return FixTried(text, [tried.fix], f"{one.code} mended: {tried.fix.described}")
            refused = refused or f"{one.code}: “{one.fix.title}” {tried.why}"
        return FixTried(text, [], refused)

    @on(FixTried)
    def _tried(self, message: FixTried) -> None:
        if message.text != self.editing.document.text:
            self.notify("The recipe was edited meanwhile: no fix was made", timeout=4)
        elif not message.fixes:
            self.notify(visible(f"No fix is made. {message.said}"), severity="warning", timeout=8, markup=False)
        else:
            self.make_fixes(message.fixes, message.said)

    def make_fixes(self, fixes: Sequence[Fix], said: str) -> None:
        """Make fixes that were tried, and say so."""
        try:
            for fix in fixes:
                self.editing.make(fix)
        except BenchError as problem:
            self.refused(problem)
            return
        self.notify(visible(f"{said} (u undoes it, ctrl+s saves)"), timeout=6, markup=False)
        self.follow()
