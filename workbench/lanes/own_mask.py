"""The mask of another trainer's own file: asked of that trainer, with the findings that hold for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.consumers.settings import trainer_pythons
from workbench.consumers.trainers.client import RowsAnswer, RowsQuestion, ask_trainer, trainer_name
from workbench.errors import EnvironmentProblem
from workbench.findings import Finding
from workbench.lanes.lane import Lane, lane_of
from workbench.lanes.lane_findings import lane_findings, without_lane
from workbench.lanes.own_file import OwnRow, OwnRows, rows_of, settings_of
from workbench.recipe.trainer_file import TrainerFile


@dataclass(frozen=True, slots=True)
class OwnMaskRow:
    """A row with what the trainer makes of it. `lane` is None where it makes nothing: `reason` says why."""

    row: OwnRow
    lane: Lane | None
    reason: str
    findings: tuple[Finding, ...]
    input_ids: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnMask:
    """The answer to a trainer's own file. `lost`: what of the file the trainer was not told."""

    file: TrainerFile
    model: str
    source: str
    answer: RowsAnswer
    rows: tuple[OwnMaskRow, ...]
    lost: tuple[str, ...]

    @property
    def findings(self) -> list[Finding]:
        """The findings of all rows."""
        return [finding for row in self.rows for finding in row.findings]


def own_python(file: TrainerFile, given: Sequence[str]) -> str:
    """The Python of the file's trainer: of the `NAME=PATH` texts that were given, else of the nearest settings file.

    Raises:
        EnvironmentProblem: none is named. InputError: a text is of another form.
    """
    from workbench.lanes.asking import named

    listed = named(given) if given else named(trainer_pythons(file.path.absolute().parent))
    for one in listed:
        if one.trainer == file.trainer:
            return one.python
    raise EnvironmentProblem(
        f"This is a {file.title} file, and no Python with {file.trainer} is named",
        f"Its mask is asked of {file.title} itself; nothing is installed for that.",
        f'Give --python {file.trainer}=PATH, or write {file.trainer} = "…/bin/python" in [trainers] of .vlmbench.toml '
        f"or [tool.vlmbench.trainers] of pyproject.toml. The environment needs the package {file.trainer}.",
    )


def question_of(
    file: TrainerFile, rows: OwnRows, *, model: str | None, offline: bool, trust: bool
) -> tuple[RowsQuestion, tuple[str, ...]]:
    """The question about rows of a file, and what of the file it leaves out.

    Raises:
        InputError: the file names no model.
    """
    settings = settings_of(file, trust=trust)
    question = RowsQuestion(
        str(Path(model).absolute()) if model is not None and Path(model).is_dir() else model or file.model,
        {row.index: row.messages for row in rows.rows},
        config=json.dumps(settings.values, default=str),
        raw={row.index: row.raw for row in rows.rows},
        entry=rows.entry,
        offline=offline,
        trust=trust,
    )
    return question, settings.lost


def own_mask(
    file: TrainerFile,
    python: str,
    indices: Sequence[int] | int,
    scratch: Path,
    *,
    data: str | None = None,
    dataset: int = 0,
    model: str | None = None,
    offline: bool = False,
    trust: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> OwnMask:
    """Ask a file's trainer about rows of its data. `indices`: their numbers, or how many of the first.

    Raises:
        BenchError: the rows cannot be read, or the trainer cannot be asked.
    """
    rows = rows_of(file, indices, scratch, data=data, dataset=dataset)
    question, lost = question_of(file, rows, model=model, offline=offline, trust=trust)
    progress(f"asking {file.title}")
    answer = ask_trainer(trainer_name(file.trainer), python, question)
    made = [_row(row, answer) for row in rows.rows] if answer.refused is None else []
    return OwnMask(file, question.model, rows.name, answer, tuple(made), lost)


def _row(row: OwnRow, answer: RowsAnswer) -> OwnMaskRow:
    if row.index not in answer.rows:
        dropped = row.index in answer.dropped
        text = answer.dropped[row.index] if dropped else answer.errors[row.index]
        found = without_lane(answer.version, text, row.where, dropped=dropped)
        return OwnMaskRow(row, None, f"{'left out' if dropped else 'raises'}: {text}", (found,))
    ids, labels = answer.rows[row.index]
    lane = lane_of(ids, labels, answer.pieces, answer.added)
    findings = lane_findings(lane, row.messages, answer.version, row.where)
    return OwnMaskRow(row, lane, "", tuple(findings), tuple(ids), tuple(labels))


def resolved_facts(resolved: Mapping[str, Any]) -> list[str]:
    """The trainer's reading of its settings, a fact a piece."""
    return [f"{name} {value}" for name, value in resolved.items() if name != "path" and value not in (None, "")]
