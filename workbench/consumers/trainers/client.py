"""Ask a trainer beside axolotl about rows: its script in its own Python, started once for all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.consumers.process import ProcessEnded, ScriptProcess, refusal
from workbench.consumers.protocol import SCHEMA, check_schema
from workbench.errors import EnvironmentProblem, InputError
from workbench.installed import cannot_run

SERVING = Path(__file__).with_name("scripts") / "serving.py"
SCRIPTS = {
    "trl": "trl",
    "llamafactory": "llamafactory",
    "ms-swift": "ms_swift",
    "unsloth_zoo": "unsloth_zoo",
    "nemo_automodel": "nemo_automodel",
}
"""The trainer's name, which is that of its package, and its script."""
ALIASES = {"llama-factory": "llamafactory", "swift": "ms-swift", "unsloth": "unsloth_zoo", "nemo": "nemo_automodel"}
TIMEOUT_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class RowsQuestion:
    """Rows, and how they are to be trained on.

    `content`: number -> messages, pictures as absolute paths. `config`: the trainer's own settings as JSON, which is
    YAML too, or ""; `settings` take its place: assistant_only, train_all, sequence_len, template, model_type. `raw`:
    number -> the row as it stands in the trainer's own data, which goes before its messages; `entry` is what
    LLaMA-Factory's `dataset_info.json` says of such rows. `trust`: code that comes with the model may run.
    """

    model: str
    content: Mapping[int, Sequence[Mapping[str, Any]]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: str = ""
    raw: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)
    offline: bool = False
    trust: bool = False

    def to_dict(self, consumer: str) -> dict[str, Any]:
        """The question as it is sent to a trainer."""
        content = [
            {"messages": list(messages)} | ({"raw": self.raw[number]} if number in self.raw else {})
            for number, messages in self.content.items()
        ]
        return {
            "schema": SCHEMA,
            "consumer": consumer,
            "what": "labels",
            "model": self.model,
            "settings": dict(self.settings),
            "config": self.config,
            "entry": dict(self.entry),
            "trust": self.trust,
            "rows": list(self.content),
            "content": content,
        }


@dataclass(frozen=True, slots=True)
class RowsAnswer:
    """The answer of one trainer: ids and labels of each row, or why there are none.

    `label`: its name among those asked, for one trainer may be asked in two versions. `pieces`: id -> its bytes as
    latin-1; `added`: the ids of added tokens. `seconds`: stage -> how long it took; `busy`: the same of the processor.
    """

    label: str
    consumer: str
    versions: Mapping[str, str]
    refused: Mapping[str, str] | None = None
    rows: Mapping[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    weights: Mapping[int, list[float]] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)
    dropped: Mapping[int, str] = field(default_factory=dict)
    pieces: Mapping[int, str] = field(default_factory=dict)
    added: frozenset[int] = frozenset()
    resolved: Mapping[str, Any] = field(default_factory=dict)
    label_shift: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    busy: Mapping[str, float] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The trainer with its version."""
        return f"{self.consumer} {self.versions.get(self.consumer, '?')}"

    def payload(self) -> dict[str, Any]:
        """The answer for JSON, as `read_rows` reads it."""
        rows: list[dict[str, Any]] = []
        for number, (ids, labels) in self.rows.items():
            more = {"weights": self.weights[number]} if number in self.weights else {}
            rows.append({"row": number, "input_ids": ids, "labels": labels} | more)
        rows += [{"row": number, "error": text} for number, text in self.errors.items()]
        rows += [{"row": number, "dropped": text} for number, text in self.dropped.items()]
        return {
            "schema": SCHEMA,
            "consumer": self.consumer,
            "versions": dict(self.versions),
            "refused": dict(self.refused) if self.refused is not None else None,
            "rows": sorted(rows, key=lambda row: row["row"]),
            "pieces": {str(key): piece for key, piece in self.pieces.items()},
            "added": sorted(self.added),
            "resolved": dict(self.resolved),
            "label_shift": self.label_shift,
            "seconds": dict(self.seconds),
            "busy": dict(self.busy),
        }


def trainer_name(name: str) -> str:
    """The name of a trainer, or of one that is known under another.

    Raises:
        InputError: there is no such trainer.
    """
    found = ALIASES.get(name.lower(), name.lower())
    if found != "axolotl" and found not in SCRIPTS:
        raise InputError(f"There is no trainer {name!r}", "", f"Known are axolotl, {', '.join(SCRIPTS)}.")
    return found


class TrainerProcess:
    """A trainer's process, which is started with the first question and imports the trainer once for all of them."""

    def __init__(self, name: str, python: str, *, offline: bool = False) -> None:
        self.name, self.python = name, python
        command = [str(Path(python).absolute()), "-P", str(SERVING), SCRIPTS[name]]
        self._process = ScriptProcess([*command, *(["--offline"] if offline else [])])

    def ask(self, question: RowsQuestion, label: str = "") -> RowsAnswer:
        """The answer to a question.

        Raises:
            EnvironmentProblem: the interpreter cannot be run, has no such trainer, lacks a package that it needs,
                speaks another protocol, or does not answer for every row.
        """
        name, process = self.name, self._process
        try:
            payload = process.ask(question.to_dict(name), TIMEOUT_SECONDS)
            greeting = process.greeting or {}
        except ProcessEnded as ended:
            greeting = process.greeting or {}
            if name not in greeting.get("versions", {}):
                raise _no_start(name, self.python, ended, greeting) from ended
            payload = greeting | {"refused": refusal(ended), "rows": []}
        except OSError as problem:
            raise cannot_run(self.python, problem) from problem
        if name not in greeting.get("versions", {}):
            raise EnvironmentProblem(
                f"{self.python} has no {name}", "", f"Give the Python of an environment with the package {name}."
            )
        return read_rows(payload, list(question.content), label or name)

    def close(self) -> None:
        """End the process, if there is one."""
        self._process.close()


def ask_trainer(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
    """The answer of a trainer, from one process. Raises what `TrainerProcess.ask` raises."""
    process = TrainerProcess(name, python, offline=question.offline)
    try:
        return process.ask(question, label)
    finally:
        process.close()


def read_rows(payload: Mapping[str, Any], numbers: Sequence[int], label: str) -> RowsAnswer:
    """An answer from its JSON.

    Raises:
        EnvironmentProblem: it is of another version, a package is missing, it is not complete or not about these rows.
    """
    check_schema(payload)
    try:
        refused = payload["refused"]
        consumer = str(payload["consumer"])
        if refused is not None and refused.get("missing"):
            raise EnvironmentProblem(
                f"{consumer} needs the package {refused['missing']}",
                refused["message"],
                "Install it into that environment.",
            )
        listed = {int(row["row"]): row for row in payload["rows"]}
        found = RowsAnswer(
            label,
            consumer,
            {str(key): str(value) for key, value in payload["versions"].items()},
            refused,
            {number: (row["input_ids"], row["labels"]) for number, row in listed.items() if "input_ids" in row},
            {number: row["weights"] for number, row in listed.items() if "weights" in row},
            {number: str(row["error"]) for number, row in listed.items() if "error" in row},
            {number: str(row["dropped"]) for number, row in listed.items() if "dropped" in row},
            {int(one): str(piece) for one, piece in payload.get("pieces", {}).items()},
            frozenset(payload.get("added", ())),
            dict(payload.get("resolved", {})),
            int(payload.get("label_shift", 0)),
            {str(name): float(value) for name, value in payload.get("seconds", {}).items()},
            {str(name): float(value) for name, value in payload.get("busy", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise EnvironmentProblem(
            "The trainer's answer is not complete", f"{type(problem).__name__}: {problem}", "Ask again."
        ) from problem
    if refused is None and {*listed} != {*numbers}:
        raise EnvironmentProblem(f"{found.version} answered for {len(listed)} of {len(numbers)} rows", "", "Ask again.")
    return found


def _no_start(name: str, python: str, ended: ProcessEnded, greeting: Mapping[str, Any]) -> EnvironmentProblem:
    if greeting:
        return EnvironmentProblem(
            f"{python} has no {name}", "", f"Give the Python of an environment with the package {name}."
        )
    return EnvironmentProblem(
        f"{name} in {python} gave no answer", refusal(ended)["message"], "Give the Python of the environment it is in."
    )


def script_of(name: str) -> Path:
    """The file of a trainer's script."""
    return SERVING.with_name(f"{SCRIPTS[name]}.py")


def named_script(name: str) -> str:
    """The module name of a trainer's script."""
    return f"workbench.consumers.trainers.scripts.{SCRIPTS[name]}"
