"""The comparison of two trainings finds any difference between them; a child hands back what it did, or why not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.train import child
from conformance.train.cases import CASES, WITH_PICTURES, WITHOUT_PICTURES
from conformance.train.compare import DifferenceError, compared
from conformance.train.record import Record
from conformance.train.sides import Overfit

NAME = "model.layers.0.q_proj.lora_B.default.weight"
Change = Callable[[Record], None]


def run() -> Record:
    """Two steps of two micro batches each."""
    batch = (((1, 2, 3), (-100, 2, 3)),)
    return Record(
        fed=[batch, (((4, 5), (-100, 5)), ((6,), (6,))), batch, batch],
        steps_of=[0, 0, 1, 1],
        trained={NAME: (2, 2)},
        adapters=frozenset({NAME}),
        losses=[2.0, 1.5],
        norms=[0.5, 0.25],
        rates=[0.01, 0.005],
        after={NAME: np.ones((2, 2), np.float32)},
    )


def overfit(record: Record) -> Overfit:
    told = zip(record.losses, record.norms, record.rates, strict=True)
    keys = ("loss", "grad_norm", "learning_rate")
    return Overfit(record, [{"event": "step", **dict(zip(keys, values, strict=True))} for values in told])


def test_the_same_run_has_no_difference() -> None:
    found = compared(run(), overfit(run()), 2)
    assert (found.loss, found.norm, found.rate, found.after) == (0, 0, 0, 0)


def other_label(record: Record) -> None:
    record.fed[1] = (((4, 5), (4, 5)), ((6,), (6,)))


def other_order(record: Record) -> None:
    record.fed[0], record.fed[1] = record.fed[1], record.fed[0]


def other_step(record: Record) -> None:
    record.steps_of[1] = 1


def a_batch_more(record: Record) -> None:
    record.fed.append(record.fed[0])
    record.steps_of.append(1)


def a_tensor_more(record: Record) -> None:
    record.trained["lm_head.weight"] = (2, 2)


def a_frozen_adapter_more(record: Record) -> None:
    record.adapters |= {"model.vision.q_proj.lora_A.default.weight"}


def other_shape(record: Record) -> None:
    record.trained[NAME] = (2, 3)


def other_weight(record: Record) -> None:
    record.after[NAME][1, 1] += 1.5e-4


def no_number(record: Record) -> None:
    record.after[NAME][1, 1] = np.nan


@pytest.mark.parametrize(
    "change",
    [
        *(other_label, other_order, other_step, a_batch_more),
        *(a_tensor_more, a_frozen_adapter_more, other_shape, other_weight, no_number),
    ],
)
def test_a_difference_is_found_on_either_side(change: Change) -> None:
    changed = run()
    change(changed)
    for theirs, ours in ((run(), changed), (changed, run())):
        with pytest.raises(DifferenceError):
            compared(theirs, overfit(ours), 2)


shares = st.one_of(st.floats(-3, -1.01), st.floats(-0.99, 0.99), st.floats(1.01, 3))


@given(st.sampled_from(["losses", "norms", "rates"]), st.integers(0, 1), shares, st.sampled_from(["seen", "told"]))
def test_a_number_may_differ_by_a_ten_thousandth_and_no_more(kind: str, step: int, share: float, where: str) -> None:
    """In what was recorded, and in what the bench told of it."""
    changed = run()
    getattr(changed, kind)[step] *= 1 + share * 1e-4
    ours = replace(overfit(run()), record=changed) if where == "seen" else replace(overfit(changed), record=run())
    if abs(share) > 1:
        with pytest.raises(DifferenceError):
            compared(run(), ours, 2)
    else:
        compared(run(), ours, 2)


@pytest.mark.parametrize("kind", ["losses", "norms"])
def test_no_number_is_no_agreement(kind: str) -> None:
    changed = run()
    getattr(changed, kind)[0] = float("nan")
    with pytest.raises(DifferenceError):
        compared(run(), overfit(changed), 2)
    with pytest.raises(DifferenceError):
        compared(changed, overfit(deepcopy(changed)), 2)


def test_a_run_that_ended_early_is_none() -> None:
    with pytest.raises(DifferenceError, match="2 steps of 3"):
        compared(run(), overfit(run()), 3)


def test_a_child_hands_back_its_result(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    asked = child.start(lambda: (os.getpid(), Path.cwd()), tmp_path, "a", directory=tmp_path / "elsewhere")
    process, folder = asked.result()
    assert process == asked.process != os.getpid()
    assert folder == tmp_path / "elsewhere" != Path.cwd()


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    def fails() -> None:
        print("what it printed", flush=True)
        raise ValueError("of this")

    with pytest.raises(child.ChildError, match=r"(?s)ValueError: of this.*what it printed"):
        child.start(fails, tmp_path, "a").result()


def test_a_child_that_is_killed_says_so(tmp_path: Path) -> None:
    with pytest.raises(child.ChildError, match=f"ended with -{int(signal.SIGKILL)}"):
        child.start(lambda: os.kill(os.getpid(), signal.SIGKILL), tmp_path, "a").result()


def test_the_default_run_has_every_kind() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    default = [case for case in CASES if case.by_default]
    assert {case.family for case in default} >= {*WITH_PICTURES, *WITHOUT_PICTURES}
    assert {case.keys.get("gradient_accumulation_steps") for case in default} >= {1, 2, 4}
