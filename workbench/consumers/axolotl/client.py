"""Ask the consumer: the axolotl of the environment that trains, in its own process, over the exported file."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import yaml

from workbench import interpreter
from workbench.consumers.axolotl.worker import SCHEMA
from workbench.errors import EnvironmentProblem
from workbench.recipe import plugin

if TYPE_CHECKING:
    from workbench.bench import Bench

TIMEOUT_SECONDS = 900
_MASKED = -100


@dataclass(frozen=True, slots=True)
class Answer:
    """What axolotl said of a file. `refused`: stage, type and message of what it raised, or None.

    `rows`: number -> (input_ids, labels), or the text of what that row raised. `unwrapped`: it stops at the file's
    role_boundaries, and the labels are those that they mean.
    """

    versions: dict[str, str]
    refused: dict[str, str] | None
    unwrapped: bool
    strategy: str
    rows: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """axolotl with its version."""
        return f"axolotl {self.versions.get('axolotl', '?')}"


def consumer_python(given: str | None) -> str | None:
    """The Python that has axolotl: the given one, or this one; None where neither is there."""
    return given or (sys.executable if find_spec("axolotl") is not None else None)


def ask(python: str, text: str, rows: Sequence[int], *, folder: Path, offline: bool = False) -> Answer:
    """Let that Python's axolotl validate `text` and make labels of these rows of its first dataset.

    `folder` is where the paths in it start.

    Raises:
        EnvironmentProblem: the interpreter cannot be run, has no axolotl, or dies.
    """
    with tempfile.TemporaryDirectory(prefix="vlmbench-export-") as scratch:
        recipe, question, answer = (Path(scratch) / name for name in ("recipe.yaml", "question.json", "answer.json"))
        recipe.write_text(text, encoding="utf-8")
        # As the export puts it beside the file.
        plugin.put_beside(yaml.safe_load(text), recipe)
        question.write_text(json.dumps({"recipe": str(recipe), "rows": list(rows), "offline": offline}))
        script = Path(__file__).with_name("axolotl_side.py")
        # By its own path and without this folder, whose names must not hide the other environment's.
        command = [str(Path(python).absolute()), "-P", str(script), str(question), str(answer)]
        try:
            ran = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                errors="replace",
                env=interpreter.environment(),
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise EnvironmentProblem(
                f"--axolotl-python {python} cannot be run", str(problem), "Give the path of a Python interpreter."
            ) from problem
        if not answer.is_file():
            last = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]
            missing = "No module named 'axolotl'" in ran.stderr or "No package metadata" in ran.stderr
            title = f"{python} has no axolotl" if missing else f"axolotl in {python} gave no answer"
            hint = "Give the Python of the environment in which you train."
            raise EnvironmentProblem(title, "" if missing else last[:300], hint)
        return read_answer(json.loads(answer.read_text(encoding="utf-8")))


def read_answer(told: Mapping[str, Any]) -> Answer:
    """An answer from its JSON. Raises EnvironmentProblem where it is of another version."""
    if told.get("schema") != SCHEMA:
        raise EnvironmentProblem("axolotl's answer is of another version", f"It says {told.get('schema')!r}.")
    rows: dict[int, Any] = {}
    for one in told["rows"]:
        rows[one["row"]] = one.get("error") or (
            np.asarray(one["input_ids"], dtype=np.int64),
            np.asarray(one["labels"], dtype=np.int64),
        )
    return Answer(dict(told["versions"]), told["refused"], told["unwrapped"], told.get("strategy", ""), rows)


def disagreement(bench: Bench, answer: Answer) -> str | None:
    """The first token on which the bench and axolotl differ, said with both sides; None where they agree."""
    for index, theirs in answer.rows.items():
        row = bench.row(index)
        if isinstance(theirs, str):
            if row.error is None:
                return f"row {index}: the bench shows it, {answer.name} raises {theirs[:200]}"
            continue
        if row.error is not None:
            return f"row {index}: {answer.name} takes it, the bench reports: {row.error.message}"
        ids, labels = row.rendering.input_ids, row.mask.labels
        said = _first(bench, answer.name, index, (ids, labels), theirs)
        if said is not None:
            return said
    return None


def _first(
    bench: Bench,
    name: str,
    row: int,
    ours: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    theirs: tuple[npt.NDArray[Any], npt.NDArray[Any]],
) -> str | None:
    shared = min(len(ours[0]), len(theirs[0]))
    ids = np.flatnonzero(ours[0][:shared] != theirs[0][:shared])
    labels = np.flatnonzero(ours[1][:shared] != theirs[1][:shared])
    if len(ids) and not (len(labels) and labels[0] < ids[0]):
        at = int(ids[0])
        return f"row {row}, token {at}: {_token(bench, ours[0][at])} here, {_token(bench, theirs[0][at])} in {name}"
    if len(labels):
        at = int(labels[0])
        here, there = ("masked" if side[1][at] == _MASKED else "trained" for side in (ours, theirs))
        many = f", the first of {len(labels)}" if len(labels) > 1 else ""
        return f"row {row}, token {at} {_token(bench, ours[0][at])}: {here} here, {there} in {name}{many}"
    if len(ours[0]) != len(theirs[0]):
        longer, side = (ours, "here") if len(ours[0]) > shared else (theirs, f"in {name}")
        return (
            f"row {row}, token {shared}: {len(ours[0])} tokens here, {len(theirs[0])} in {name}; "
            f"{_token(bench, longer[0][shared])} is only {side}"
        )
    return None


def _token(bench: Bench, number: Any) -> str:
    try:
        text = bench.loaded.tokenizer.convert_ids_to_tokens(int(number))
    except (IndexError, KeyError, ValueError, OverflowError):
        text = None
    return f"{int(number)} {text!r}"
