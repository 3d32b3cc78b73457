"""The labels of the bench held against those that the trainer gave, and the first token on which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.consumers.protocol import Answer, Labels
    from workbench.row import Row


_MASKED = -100


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The difference between bench and trainer on a row.

    `token`: the first on which they differ, of `count`; None where one of them has no tokens.
    """

    message: str
    token: int | None = None
    count: int = 0


def disagreement(bench: Bench, answer: Answer) -> str | None:
    """The first token on which the bench and the trainer differ, said with both sides; None where they agree."""
    for index in answer.rows:
        found = row_disagreement(bench.row(index), answer)
        if found is not None:
            return f"row {index}{':' if found.token is None else ','} {found.message}"
    for index, reason in answer.dropped.items():
        if is_trained_here(bench.row(index)):
            return f"row {index}: the bench trains it, {answer.name} leaves it out: {reason}"
    return None


def is_trained_here(row: Row) -> bool:
    """True where the bench shows a row with trained tokens: of one without, it says itself why."""
    return row.error is None and row.mask.trained > 0


def row_disagreement(row: Row, answer: Answer, marks: tuple[str, str] = ("", "")) -> Disagreement | None:
    """The first token of a row on which bench and trainer differ; None where they agree, or it was not asked about.

    The texts of tokens in the message stand between `marks`.
    """
    theirs = answer.rows.get(row.index)
    if theirs is None:
        return None
    if isinstance(theirs, str):
        if row.error is not None:
            return None
        return Disagreement(f"the bench shows it, {answer.name} raises {theirs[:200]}")
    if row.error is not None:
        return Disagreement(f"{answer.name} takes it, the bench reports: {row.error.message}")
    return _first(row, answer.name, (row.rendering.input_ids, row.mask.labels), theirs, marks)


def _first(row: Row, name: str, ours: Labels, theirs: Labels, marks: tuple[str, str]) -> Disagreement | None:
    shared = min(len(ours[0]), len(theirs[0]))
    ids = np.flatnonzero(ours[0][:shared] != theirs[0][:shared])
    labels = np.flatnonzero(ours[1][:shared] != theirs[1][:shared])
    count = len(np.union1d(ids, labels)) + abs(len(ours[0]) - len(theirs[0]))
    if len(ids) and not (len(labels) and labels[0] < ids[0]):
        at = int(ids[0])
        return Disagreement(
            f"token {at}: {_token(row, ours[0][at], marks)} here, {_token(row, theirs[0][at], marks)} in {name}",
            at,
            count,
        )
    if len(labels):
        at = int(labels[0])
        here, there = ("masked" if side[1][at] == _MASKED else "trained" for side in (ours, theirs))
        many = f", the first of {len(labels)}" if len(labels) > 1 else ""
        return Disagreement(
            f"token {at} {_token(row, ours[0][at], marks)}: {here} here, {there} in {name}{many}", at, count
        )
    if len(ours[0]) != len(theirs[0]):
        longer, side = (ours, "here") if len(ours[0]) > shared else (theirs, f"in {name}")
        return Disagreement(
            f"token {shared}: {len(ours[0])} tokens here, {len(theirs[0])} in {name}; "
            f"{_token(row, longer[0][shared], marks)} is only {side}",
            shared,
            count,
        )
    return None


def _token(row: Row, number: Any, marks: tuple[str, str]) -> str:
    try:
        text = row.bench.renderer.tokenizer.convert_ids_to_tokens(int(number))
    except (IndexError, KeyError, ValueError, OverflowError):
        text = None
    before, after = marks
    return f"{int(number)} {before}{text!r}{after}"
