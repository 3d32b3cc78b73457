"""Asking the trainer at hand about the rows of a check: after the check, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from screens.shell.status_bar import AskedStatus
from screens.shell.worker import Background, Kind
from workbench.errors import BenchError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.consumers.protocol import Asked, Question


class CheckedRowsAsked:
    """The first rows of a check, asked about once for each text of the recipe.

    `told` is called on the background thread with what is to be said, and whether there is something to find: then the
    check is to be made again.
    """

    def __init__(self, bench: Bench, background: Background, told: Callable[[AskedStatus, bool], None]) -> None:
        self._bench = bench
        self._background = background
        self._told = told
        self._text = ""

    def ask(self) -> None:
        """Ask, on the background thread; what this text was asked already is only said."""
        from workbench.checks.asking import ROWS, python_at_hand, question_of
        from workbench.consumers.axolotl.client import consumer

        bench, text = self._bench, self._bench.document.text
        python = python_at_hand(bench)
        if python is None:
            return
        if text == self._text:
            self._say(again=False)
            return
        self._text = text
        try:
            name = consumer(python).name
            question = question_of(bench, range(ROWS))
        except BenchError as problem:
            question = problem
        if question is None or isinstance(question, BenchError):
            self._told(AskedStatus("axolotl was not asked"), False)
            return
        self._told(AskedStatus(f"asking {name}…", pending=True), False)
        threading.Thread(target=self._wait, args=(python, question), name="vlmbench-ask", daemon=True).start()

    def _wait(self, python: str, question: Question) -> None:
        from workbench.checks.asking import answered

        asked = answered(python, question, lambda: question.recipe != self._text)
        if question.recipe == self._text:
            self._background.submit(Kind.ANSWER, self._taking(asked))

    def _taking(self, asked: Asked) -> Iterator[None]:
        if asked.text != self._bench.document.text:
            return
        if asked.problem is None:
            self._bench.take_answer(asked)
        self._say(again=True)
        yield

    def _say(self, *, again: bool) -> None:
        from workbench.checks.agreement import row_disagreement

        asked = self._bench.asked
        answer = asked.answer if asked is not None else None
        if asked is None or answer is None:
            self._told(AskedStatus("axolotl was not asked"), False)
            return
        if answer.died:
            self._told(AskedStatus.of(answer.name, "gave no answer"), again)
            return
        if answer.refused is not None and not answer.unwrapped:
            self._told(AskedStatus.of(answer.name, "does not take the recipe", False), again)
            return
        different = sum(row_disagreement(self._bench.peek(row), answer) is not None for row in asked.rows)
        rows = f"{len(asked.rows):,} row{'' if len(asked.rows) == 1 else 's'}"
        said = f"differs on {different:,} of {rows}" if different else f"gives the same labels on {rows}"
        self._told(AskedStatus.of(answer.name, said, not different), again and bool(different or answer.dropped))
