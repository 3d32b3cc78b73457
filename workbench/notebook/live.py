"""An overfit run while it goes on: a display that changes in a notebook, lines or a bar elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any

from workbench.overfit.events import Event, last
from workbench.overfit.supervisor import Supervisor, run
from workbench.overfit.verdict import judge
from workbench.views.html import fragment
from workbench.views.html_reports import progress_html
from workbench.views.overfit import Live

_SECONDS = 0.25
"""A display changes at most four times a second."""


def follow(supervisor: Supervisor) -> list[Event]:
    """Run to the end and show it. An interrupt ends the run, which is on record, and is raised again."""
    plan = supervisor.plan
    if not _in_a_notebook():
        with Live(sys.stderr, plan.steps, plan.not_honoured) as live:
            return run(supervisor, live.tell)
    display = _Display(plan.steps)
    try:
        return run(supervisor, display.tell)
    finally:
        display.end()


def _in_a_notebook() -> bool:
    """True where an IPython kernel runs this; nothing is imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class _Display:
    """One output of a cell, changed as events come."""

    def __init__(self, steps: int) -> None:
        from IPython.display import display

        self._steps, self._events, self._shown = steps, list[Event](), 0.0
        self._handle: Any = display(  # type: ignore[no-untyped-call]
            self._bundle(), raw=True, display_id=True
        )

    def tell(self, event: Event) -> None:
        self._events.append(event)
        now = monotonic()
        if now - self._shown >= _SECONDS:
            self._shown = now
            self._handle.update(self._bundle(), raw=True)

    def end(self) -> None:
        """Replace the progress by the outcome; the report is the call's result."""
        if self._events:
            verdict = judge(self._events)
            # A run that was interrupted has no last event here.
            outcome = "cancelled" if verdict.outcome == "running" else verdict.outcome
            line = f"overfit: {outcome}, {verdict.steps} of {self._steps} steps"
            self._handle.update(_both(line, f'<p class="facts">{line}</p>'), raw=True)

    def _bundle(self) -> dict[str, str]:
        step = last(self._events, "step")
        line = f"step {step['step']} of {self._steps}" if step is not None else "loading the model"
        return _both(line, progress_html(self._events, self._steps))


def _both(text: str, body: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": fragment(body)}
