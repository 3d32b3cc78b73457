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
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from workbench import child_process
from workbench.consumers.axolotl.worker import SCHEMA
from workbench.errors import EnvironmentProblem
from workbench.recipe import plugin

TIMEOUT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of axolotl about a file. `refused`: stage, type and message of what it raised, or None.

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


def consumer_python(python: str | None) -> str | None:
    """The Python that has axolotl: the given one, or this one; None where neither is there."""
    return python or (sys.executable if find_spec("axolotl") is not None else None)


def ask(python: str, text: str, rows: Sequence[int], *, folder: Path, offline: bool = False) -> Answer:
    """Let that Python's axolotl validate `text` and make labels of these rows of its first dataset.

    `folder` is where the paths in it start.

    Raises:
        EnvironmentProblem: the interpreter cannot be run, has no axolotl, dies, or does not answer for every row.
    """
    with tempfile.TemporaryDirectory(prefix="vlmbench-export-") as scratch:
        recipe, question, answer = (Path(scratch) / name for name in ("recipe.yaml", "question.json", "answer.json"))
        recipe.write_text(text, encoding="utf-8")
        # As the export puts it beside the file.
        plugin.write_beside(yaml.safe_load(text), recipe)
        question.write_text(json.dumps({"recipe": str(recipe), "rows": list(rows), "offline": offline}))
        script = Path(__file__).with_name("worker.py")
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
                env=child_process.environment(),
            )
        except subprocess.TimeoutExpired as problem:
            raise EnvironmentProblem(
                f"axolotl in {python} gave no answer",
                f"It did not finish within {TIMEOUT_SECONDS // 60} minutes.",
                "Look at fewer rows (--rows), or ask again when the machine is idle.",
            ) from problem
        except OSError as problem:
            raise EnvironmentProblem(
                f"--axolotl-python {python} cannot be run", str(problem), "Give the path of a Python interpreter."
            ) from problem
        if not answer.is_file():
            last = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]
            missing = "No module named 'axolotl'" in ran.stderr or "No package metadata" in ran.stderr
            title = f"{python} has no axolotl" if missing else f"axolotl in {python} gave no answer"
            hint = "Give the Python of the environment in which you train."
            raise EnvironmentProblem(title, "" if missing else last[:300], hint)
        received = read_answer(json.loads(answer.read_text(encoding="utf-8")))
        if received.refused is None and received.rows.keys() != {*rows}:
            # A row without an answer must not count as agreement.
            raise EnvironmentProblem(
                f"{received.name} answered for {len(received.rows)} of {len(rows)} rows", "", "Ask again."
            )
        return received


def read_answer(payload: Mapping[str, Any]) -> Answer:
    """An answer from its JSON. Raises EnvironmentProblem where it is of another version."""
    if payload.get("schema") != SCHEMA:
        raise EnvironmentProblem("axolotl's answer is of another version", f"It says {payload.get('schema')!r}.")
    rows: dict[int, Any] = {}
    for row in payload["rows"]:
        rows[row["row"]] = row.get("error") or (
            np.asarray(row["input_ids"], dtype=np.int64),
            np.asarray(row["labels"], dtype=np.int64),
        )
    return Answer(
        dict(payload["versions"]), payload["refused"], payload["unwrapped"], payload.get("strategy", ""), rows
    )
