"""The labels of the bench held against those that the trainer gave, and the first token on which they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.consumers.axolotl.client import Answer


_MASKED = -100


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
        difference = _first(bench, answer.name, index, (ids, labels), theirs)
        if difference is not None:
            return difference
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
