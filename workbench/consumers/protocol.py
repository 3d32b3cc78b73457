"""The protocol `vlmbench.consumer/2`: what a trainer is asked, and what it answers.

Each trainer has a script that runs inside its own environment and imports the standard library alone until it imports
the trainer. The script is started once and answers questions one by one: a JSON object a line, on stdin and stdout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from workbench.errors import BenchError, EnvironmentProblem

SCHEMA = "vlmbench.consumer/2"
ASK_AGAIN = "Install vlmbench again, so that all of it is of one version, and ask again."
PROCESS = "process"
"""The stage of a refusal that is the process's own: the question ended it, or took too long."""
What = Literal["validate", "kernels", "labels", "rehearsal"]
Labels = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Question:
    """A recipe and the numbers of some rows of one of its datasets.

    `recipe` is the YAML's text; `folder` is where the trainer is started, for paths are relative to it; `beside` is the
    folder of the recipe's own plugins. `model` and `data`, where given, take the place of the recipe's model and of the
    path of the dataset. `what`: how far the trainer goes; "labels" includes "kernels", and that "validate". "rehearsal"
    stands alone: the recipe's model is loaded without weights, and the answer has that result under this name.

    Two fields are not sent. `digests`: number -> digest of the raw row and its pictures; an answer about rows without
    them is not kept. `model_folders` hold the tokenizer, processor and configuration that the answer depends on.
    """

    recipe: str
    folder: Path
    rows: tuple[int, ...] = ()
    beside: Path | None = None
    model: str = ""
    data: str = ""
    dataset: int = 0
    offline: bool = False
    what: What = "labels"
    consumer: str = "axolotl"
    digests: Mapping[int, str] = field(default_factory=dict, compare=False)
    model_folders: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The question as it is sent."""
        beside = str(self.beside.absolute()) if self.beside is not None else None
        return {
            "schema": SCHEMA,
            "consumer": self.consumer,
            "what": self.what,
            "recipe": self.recipe,
            "folder": str(self.folder.absolute()),
            "beside": beside,
            "model": self.model,
            "data": self.data,
            "dataset": self.dataset,
            "rows": list(self.rows),
            "offline": self.offline,
        }

    def about(self, rows: Sequence[int]) -> Question:
        """The same question about other rows."""
        return replace(self, rows=tuple(rows))


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a trainer.

    `versions`: package -> version, with the commit where it was installed from one. `refused`: stage, type and message
    of what it raised, or None. `unwrapped`: it stops at the file's role_boundaries, and the labels are those that they
    mean. `rows`: number -> (input_ids, labels), or the text of what that row raised. `dropped`: number -> why the row
    is not trained on. `resolved`: path (multimodal or text), template, strategy, loader class, media ids, and knobs of
    the normalised configuration. `keys`: those that the trainer knows. `label_shift`: by how many positions the labels
    are ahead of the ids already: 0 where the model shifts them.
    """

    versions: dict[str, str]
    refused: dict[str, str] | None = None
    unwrapped: bool = False
    strategy: str = ""
    rows: dict[int, Labels | str] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    resolved: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    label_shift: int = 0
    consumer: str = "axolotl"

    @property
    def name(self) -> str:
        """The trainer with its version: "axolotl 0.19.0"."""
        return f"{self.consumer} {self.versions.get(self.consumer, '?')}"

    @property
    def kernels_pass(self) -> bool:
        """True where the recipe has LoRA kernels for the attention, and the trainer has patched it for them."""
        passed = self.refused is None or self.refused["stage"] in ("collator", "rows")
        return passed and bool(self.resolved.get("kernels"))

    @property
    def died(self) -> bool:
        """True where the question ended the trainer's process."""
        return self.refused is not None and self.refused["stage"] == PROCESS


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer of the trainer about a recipe's text and rows; `problem` is why it could not be asked."""

    text: str
    rows: tuple[int, ...]
    answer: Answer | None = None
    problem: BenchError | None = None

    def about(self, row: int) -> bool:
        """True where there is an answer, and it tells of this row, or of the recipe as a whole."""
        answer = self.answer
        if answer is None or answer.died:
            return False
        return row in self.rows or (answer.refused is not None and not answer.unwrapped)

    def joined(self, other: Asked | None) -> Asked:
        """This answer, with the rows of another one about the same text."""
        mine, theirs = self.answer, other.answer if other is not None else None
        if other is None or mine is None or theirs is None or other.text != self.text:
            return self
        if mine.versions != theirs.versions or mine.refused != theirs.refused:
            return self
        answer = replace(mine, rows=theirs.rows | mine.rows, dropped=theirs.dropped | mine.dropped)
        return replace(self, rows=tuple(sorted({*other.rows, *self.rows})), answer=answer)


class Consumer(Protocol):
    """A trainer at hand."""

    @property
    def name(self) -> str:
        """The trainer with its version; no process is started for it."""

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the packages that its answers depend on; no process is started for them."""

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question, in order, from the cache or from one process for all of them.

        Raises:
            EnvironmentProblem: the interpreter cannot be run, has no such trainer, or speaks another protocol.
        """


def read_answer(payload: Mapping[str, Any]) -> Answer:
    """An answer from its JSON.

    Raises:
        EnvironmentProblem: it is of another version, or not complete.
    """
    check_schema(payload)
    try:
        rows: dict[int, Labels | str] = {}
        for row in payload["rows"]:
            if "dropped" not in row:
                rows[int(row["row"])] = row.get("error") or (
                    np.asarray(row["input_ids"], dtype=np.int64),
                    np.asarray(row["labels"], dtype=np.int64),
                )
        refused = payload["refused"]
        return Answer(
            {str(name): str(version) for name, version in payload["versions"].items()},
            None if refused is None else {key: str(refused[key]) for key in ("stage", "type", "message")},
            bool(payload.get("unwrapped")),
            str(payload.get("strategy", "")),
            rows,
            {int(row["row"]): str(row["dropped"]) for row in payload["rows"] if "dropped" in row},
            dict(payload.get("resolved", {})),
            tuple(payload.get("keys", ())),
            int(payload.get("label_shift", 0)),
            str(payload.get("consumer", "axolotl")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise EnvironmentProblem(
            "The trainer's answer is not complete", f"{type(problem).__name__}: {problem}", "Ask again."
        ) from problem


def check_schema(payload: Mapping[str, Any]) -> None:
    """Let only this version of the protocol pass.

    Raises:
        EnvironmentProblem: the answer is of another version.
    """
    if payload.get("schema") != SCHEMA:
        raise EnvironmentProblem(
            "axolotl's answer is of another version",
            f"It says {payload.get('schema')!r}, not {SCHEMA!r}.",
            ASK_AGAIN,
        )
