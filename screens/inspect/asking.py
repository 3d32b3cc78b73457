"""Asking the trainer at hand about the shown row. Its answer comes later than the row, and stands in the status bar."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screens.inspect.context import InspectContext
from screens.shell.status_bar import AskedStatus
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.consumers.protocol import Asked, Question


@dataclass(frozen=True, slots=True)
class _Request:
    number: int
    row: int
    text: str


class Asking:
    """The part of the inspect screen that asks the trainer. What is not asked any more is not shown, whoever answers.

    The question is made on the background thread, which works with the bench; a thread of its own waits for the answer,
    so that rows are read meanwhile.
    """

    def __init__(self, context: InspectContext, read_again: Callable[[int], None]) -> None:
        """`read_again` reads a row anew and shows it."""
        self._context = context
        self._read_again = read_again
        self._request = _Request(0, -1, "")
        self._told = ""

    def ask(self) -> None:
        """Ask about the shown row of the recipe as it is now, where that was not done."""
        context = self._context
        if not context.bench.asks or context.bench.document.error is not None:
            return
        self._request = _Request(self._request.number + 1, context.row, context.bench.document.text)
        context.background.submit(Kind.ASK, self._asking(self._request))

    def _asking(self, request: _Request) -> Iterator[None]:
        from workbench.checks.asking import python_at_hand, question_of
        from workbench.consumers.axolotl.client import consumer

        bench = self._context.bench
        python = python_at_hand(bench)
        if request != self._request or python is None or bench.document.text != request.text:
            return
        known = bench.asked
        if known is not None and known.text == request.text and known.about(request.row):
            self._say(request, known)
            return
        try:
            name = consumer(python).name
            question = question_of(bench, [request.row])
        except BenchError as problem:
            question = problem
        if question is None:
            return
        if isinstance(question, BenchError):
            self._context.tell(self._not_asked, request, question)
            return
        self._context.tell(self._show, request, AskedStatus(f"asking {name}…", pending=True), False)
        threading.Thread(target=self._wait, args=(request, python, question), name="vlmbench-ask", daemon=True).start()
        yield

    def _wait(self, request: _Request, python: str, question: Question) -> None:
        from workbench.checks.asking import answered

        asked = answered(python, question, lambda: request != self._request)
        if request == self._request:
            self._context.background.submit(Kind.ANSWER, self._taking(request, asked))

    def _taking(self, request: _Request, asked: Asked) -> Iterator[None]:
        bench = self._context.bench
        if request != self._request or bench.document.text != request.text:
            return
        if asked.problem is not None:
            self._context.tell(self._not_asked, request, asked.problem)
            return
        bench.take_answer(asked)
        self._say(request, asked)
        yield

    def _say(self, request: _Request, asked: Asked) -> None:
        """On the background thread: what the answer means for the shown row."""
        from workbench.checks.agreement import is_trained_here, row_disagreement

        answer = asked.answer
        if answer is None:
            return
        row = self._context.bench.row(request.row)
        if answer.died:
            status = AskedStatus.of(answer.name, "gave no answer")
        elif answer.refused is not None and not answer.unwrapped:
            status = AskedStatus.of(answer.name, "does not take the recipe", False)
        elif request.row in answer.dropped and is_trained_here(row):
            status = AskedStatus.of(answer.name, "does not train on this row", False)
        elif (found := row_disagreement(row, answer)) is None:
            status = AskedStatus.of(answer.name, "gives the same labels", True)
        elif found.token is None:
            status = AskedStatus.of(answer.name, "has this row otherwise", False)
        else:
            tokens = f"{found.count:,} token{'' if found.count == 1 else 's'}"
            status = AskedStatus.of(answer.name, f"differs at {tokens}", False)
        self._context.tell(self._show, request, status, True)

    def _show(self, request: _Request, status: AskedStatus, answered: bool) -> None:
        context = self._context
        if request != self._request:
            return
        context.asked = (request.row, request.text, status)
        context.show_status()
        if answered and status.good is not True:
            self._show_findings()

    def _show_findings(self) -> None:
        """The row's findings with those of the answer: read again where they are others."""
        from workbench.checks.row_checks import row_findings

        context = self._context
        view = context.view
        context.panes.findings.show(context.findings, context.bench.findings)
        if view is None or view.source is None:
            return
        told = {(finding.code, finding.message) for finding in context.findings}
        if any((finding.code, finding.message) not in told for finding in row_findings(view.source)):
            self._read_again(context.row)

    def _not_asked(self, request: _Request, problem: Any) -> None:
        self._show(request, AskedStatus("axolotl was not asked"), False)
        said = visible(f"axolotl was not asked: {problem.title}. {problem.cause} {problem.hint}")
        if said != self._told:
            self._told = said
            self._context.say(said, 8)
