"""Ask the consumer: the axolotl of the environment that trains, in its own process.

What was asked before is answered from the cache, without a process. Else one process answers question after question:
its imports take longer than its answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from sys import executable
from typing import Any

from workbench.consumers.cache import AnswerCache
from workbench.consumers.content import has_foreign_plugins, question_key
from workbench.consumers.process import ProcessEnded, ScriptProcess, refusal
from workbench.consumers.protocol import SCHEMA, Answer, Question, check_schema, read_answer
from workbench.errors import EnvironmentProblem
from workbench.installed import NONE, Installed, cannot_run, installed
from workbench.recipe import plugin

TIMEOUT_SECONDS = 900.0
_CANCELLED = "It is not asked any more"
SCRIPT = Path(__file__).with_name("worker.py")


def consumer_python(python: str | None) -> str | None:
    """The Python that has axolotl: the given one, or this one; None where neither is there, or "none" was given."""
    if python == NONE:
        return None
    return python or (executable if find_spec("axolotl") is not None else None)


class AxolotlConsumer:
    """axolotl behind an interpreter. One process for all questions; it ends with this one, or when it is idle."""

    def __init__(self, python: str, *, cache: AnswerCache | None = None, seconds: float = TIMEOUT_SECONDS) -> None:
        self.python = python
        self.seconds = seconds
        self._cache = cache if cache is not None else AnswerCache()
        self._processes: dict[bool, ScriptProcess] = {}
        self._lock = threading.Lock()

    @cached_property
    def installed(self) -> Installed:
        """The packages beside the interpreter. Raises EnvironmentProblem where it has no axolotl."""
        found = installed(self.python)
        if found.package is None:
            raise _without_axolotl(self.python)
        return found

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the packages that answers depend on; no process is started for them."""
        return self.installed.versions

    @property
    def name(self) -> str:
        """axolotl with its version."""
        return f"axolotl {self.versions.get('axolotl', '?')}"

    @property
    def starts(self) -> int:
        """The number of processes that were started."""
        return sum(process.starts for process in self._processes.values())

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question, in order; see `ask_one`."""
        return [self.ask_one(question) for question in questions]

    def known(self, question: Question) -> Answer | None:
        """The whole answer from the cache; None where a process has to be asked."""
        if not _is_kept(question):
            return None
        answer, missing = self._cache.get(self._key(question), dict(question.digests))
        return answer if not missing else None

    def ask_one(self, question: Question, cancelled: Callable[[], bool] = lambda: False) -> Answer:
        """The answer, from the cache as far as it goes. `cancelled` is asked when it is the question's turn.

        Raises:
            EnvironmentProblem: the interpreter cannot be run, has no axolotl, speaks another protocol, or does not
                answer for every row; or it was cancelled.
        """
        kept: Answer | None = None
        missing = list(question.rows)
        key = ""
        if _is_kept(question):
            key = self._key(question)
            kept, missing = self._cache.get(key, {row: question.digests[row] for row in question.rows})
            if kept is not None and not missing:
                return kept
        with self._lock:
            if cancelled():
                raise EnvironmentProblem(_CANCELLED, hint="Ask again.")
            payload = self._answered(question.about(missing))
        answer = read_answer(payload)
        if question.what == "labels" and (answer.refused is None or answer.unwrapped):
            count = len(answer.rows.keys() | answer.dropped.keys())
            if answer.rows.keys() | answer.dropped.keys() != {*missing}:
                # Silence is no agreement.
                raise EnvironmentProblem(f"{answer.name} answered for {count} of {len(missing)} rows", "", "Ask again.")
        if key and not answer.died and not payload.get("passing"):
            self._cache.put(key, payload, {row: question.digests[row] for row in missing})
        if kept is None:
            return answer
        return replace(answer, rows=kept.rows | answer.rows, dropped=kept.dropped | answer.dropped)

    def rehearse(self, question: Question) -> dict[str, Any]:
        """The answer of axolotl's loader about a recipe, as it came: `vlmbench.rehearsal/1`; see `rehearsal.py`.

        Raises:
            EnvironmentProblem: the interpreter cannot be run, has no axolotl, dies, or does not answer in time.
        """
        with self._lock:
            payload = self._answered(replace(question, what="rehearsal"))
        found = payload.get("rehearsal")
        if isinstance(found, dict):
            return found
        refused = payload.get("refused") or {"type": "no answer", "message": ""}
        raise EnvironmentProblem(
            f"axolotl in {self.python} did not rehearse its loader",
            f"{refused['type']}: {refused['message']}",
            "Give the Python of the environment in which you train.",
        )

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.close()

    def _key(self, question: Question) -> str:
        environment = f"{Path(self.python).absolute()} {self.installed.digest}"
        script = SCRIPT.read_bytes() + plugin.source()
        return question_key(question, environment=environment, script=script)

    def _answered(self, question: Question) -> dict[str, Any]:
        """The answer as it came; one that says so where the question ended the process."""
        process = self._process(question.offline)
        files = {plugin.FILE: plugin.source().decode()} if plugin.NAME in question.recipe else {}
        try:
            payload = process.ask(question.to_dict() | {"files": files}, self.seconds)
        except ProcessEnded as ended:
            if process.greeting is None:
                raise self._no_start(ended) from ended
            return {
                "schema": SCHEMA,
                "consumer": "axolotl",
                "versions": self._versions_at_hand(),
                "refused": refusal(ended),
                "rows": [],
            }
        except OSError as problem:
            raise cannot_run(self.python, problem) from problem
        check_schema(payload)
        if "axolotl" not in payload.get("versions", {}):
            process.close()
            raise _without_axolotl(self.python)
        # What somebody else's plugin has changed in this process is for no other question; a rehearsal has its own.
        foreign = question.what != "rehearsal" and has_foreign_plugins(question.recipe)
        if foreign or payload.get("spent"):
            process.close()
        return payload

    def _process(self, offline: bool) -> ScriptProcess:
        if offline not in self._processes:
            # By its own path and without this folder, whose names must not hide the other environment's.
            command = [str(Path(self.python).absolute()), "-P", str(SCRIPT), *(["--offline"] if offline else [])]
            self._processes[offline] = ScriptProcess(command)
        return self._processes[offline]

    def _versions_at_hand(self) -> dict[str, str]:
        try:
            return self.versions
        except EnvironmentProblem:
            return {}

    def _no_start(self, ended: ProcessEnded) -> EnvironmentProblem:
        missing = "No module named 'axolotl'" in ended.last or "No package metadata" in ended.last
        if missing:
            return _without_axolotl(self.python)
        return EnvironmentProblem(
            f"axolotl in {self.python} gave no answer",
            refusal(ended)["message"],
            "Give the Python of the environment in which you train.",
        )


def _is_kept(question: Question) -> bool:
    """True where it is known what each row is made from, so that the answer can be kept."""
    return all(row in question.digests for row in question.rows)


def _without_axolotl(python: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{python} has no axolotl", "", "Give the Python of the environment in which you train.")


_CONSUMERS: dict[str, AxolotlConsumer] = {}


def consumer(python: str) -> AxolotlConsumer:
    """The one consumer of an interpreter in this process, so that its process is started once."""
    if python not in _CONSUMERS:
        _CONSUMERS[python] = AxolotlConsumer(python)
    return _CONSUMERS[python]


def ask(python: str, question: Question, cancelled: Callable[[], bool] = lambda: False) -> Answer:
    """The answer of that Python's axolotl; see `AxolotlConsumer.ask_one`."""
    return consumer(python).ask_one(question, cancelled)


def close_all() -> None:
    """End the processes of every consumer, and forget them."""
    while _CONSUMERS:
        _, one = _CONSUMERS.popitem()
        one.close()
