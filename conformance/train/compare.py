"""The comparison of two records of one run, and the largest differences that it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.train.record import Record
from conformance.train.sides import Overfit
from workbench.overfit.events import every, number

WITHIN = 1e-4


class DifferenceError(AssertionError):
    """The two runs are not the same one."""


@dataclass(frozen=True)
class Differences:
    """The largest differences over all steps, relative to axolotl's value; that of `after` is absolute."""

    loss: float
    norm: float
    rate: float
    after: float

    def __str__(self) -> str:
        return f"loss {self.loss:.1e} norm {self.norm:.1e} rate {self.rate:.1e} weights {self.after:.1e}"


def compared(theirs: Record, ours: Overfit, steps: int) -> Differences:
    """The differences between axolotl's run and the bench's.

    Raises:
        DifferenceError: they were fed other rows or labels, trained other tensors, or differ by more than `WITHIN` in
            the loss, norm or rate of a step, inside Trainer or as the bench tells it.
    """
    _same_rows(theirs, ours.record)
    _same_tensors(theirs, ours.record)
    told = every(ours.events, "step")
    found: dict[str, float] = {}
    for name, event, wanted, seen in (
        ("loss", "loss", theirs.losses, ours.record.losses),
        ("norm", "grad_norm", theirs.norms, ours.record.norms),
        ("rate", "learning_rate", theirs.rates, ours.record.rates),
    ):
        if len(wanted) != steps:
            raise DifferenceError(f"axolotl logged {len(wanted)} steps of {steps}")
        found[name] = max(
            _largest(name, wanted, seen), _largest(f"{name} as told", wanted, [number(one[event]) for one in told])
        )
    after = largest_difference(theirs.after, ours.record.after)
    if not after <= WITHIN:
        raise DifferenceError(f"the trained weights differ by up to {after:.2e}")
    return Differences(found["loss"], found["norm"], found["rate"], after)


def _same_rows(theirs: Record, ours: Record) -> None:
    if theirs.steps_of != ours.steps_of:
        raise DifferenceError(f"micro batches of the steps: {theirs.steps_of} in axolotl, {ours.steps_of} here")
    for place, (there, here) in enumerate(zip(theirs.fed, ours.fed, strict=True)):
        for kind, a, b in (("ids", _part(there, 0), _part(here, 0)), ("labels", _part(there, 1), _part(here, 1))):
            if a != b:
                raise DifferenceError(f"{kind} of micro batch {place}: {a} in axolotl, {b} here")


def _part(batch: Sequence[Sequence[Sequence[int]]], part: int) -> list[Sequence[int]]:
    return [row[part] for row in batch]


def _same_tensors(theirs: Record, ours: Record) -> None:
    for kind, there, here in (
        ("adapters", {*theirs.adapters}, {*ours.adapters}),
        ("trained", {*theirs.trained.items()}, {*ours.trained.items()}),
    ):
        if there != here:
            alone = f"in axolotl alone: {sorted(there - here)}; here alone: {sorted(here - there)}"
            raise DifferenceError(f"{kind} {alone}")


def _largest(name: str, wanted: Sequence[float], seen: Sequence[float]) -> float:
    """The largest relative difference.

    Raises:
        DifferenceError: it is above `WITHIN`, or there are more steps on one side.
    """
    if len(wanted) != len(seen):
        raise DifferenceError(f"{name}: {len(wanted)} steps in axolotl, {len(seen)} here")
    largest = max(abs(a - b) / max(abs(a), 1e-9) for a, b in zip(wanted, seen, strict=True))
    if not largest <= WITHIN:
        raise DifferenceError(f"{name} of the steps: {_short(wanted)} in axolotl, {_short(seen)} here")
    return largest


def _short(values: Sequence[float]) -> str:
    return " ".join(f"{value:.5g}" for value in values)


def largest_difference(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
    """The largest absolute difference of the tensors of the first to those of the same names; NaN where one has it."""
    return max((float(np.abs(tensor - b[name]).max()) for name, tensor in a.items()), default=0.0)
