"""The bench's answer beside what a training was fed."""

from __future__ import annotations

from typing import Any

import pytest

from report_card.last_step import Asked, Held, held, read_held, write
from workbench.consumers.trainers.client import RowsAnswer

ROWS = {0: ([1, 2, 3], [-100, 2, 3]), 1: ([1, 5], [-100, 5]), 4: ([1, 2, 3], [-100, 2, 3])}
FED = [[[1, 5], [-100, 5]], [[1, 2, 3], [-100, 2, 3]], [[1, 2, 3], [-100, 2, 3]]]


def answer(**changed: Any) -> RowsAnswer:
    given: dict[str, Any] = {"rows": ROWS, "errors": {2: "no"}, "dropped": {3: "its roles"}} | changed
    return RowsAnswer("t", "t", {"t": "1"}, **given)


def test_the_order_does_not_matter():
    found = held(answer(), {"steps": FED, "alone": ["ValueError: no"]})
    assert found == Held(rows=3, tokens=8, dropped=1, stopped=1, refused=False, differences=0)


@pytest.mark.parametrize(
    ("steps", "differences"),
    [
        (FED[:2], 1),
        ([*FED, FED[0]], 1),
        ([*FED[:2], [[1, 2, 3], [-100, -100, 3]]], 2),
        ([*FED[:2], [[1, 2, 4], [-100, 2, 4]]], 2),
        ([], 3),
    ],
)
def test_each_side_of_a_difference_counts(steps, differences):
    assert held(answer(), {"steps": steps, "alone": ["ValueError: no"]}).differences == differences


def test_a_row_that_should_have_stopped_it_is_a_difference():
    assert held(answer(), {"steps": FED, "alone": [None]}).differences == 1


def test_labels_of_the_next_position_are_set_back():
    shifted = [[[1], [5]], [[1, 2, 3], [2, 3, -100]], [[1, 2], [2, 3]]]
    found = held(answer(label_shift=1, errors={}), {"steps": shifted, "alone": []})
    assert found.differences == 0


def test_what_is_trained_together_and_what_alone():
    content = {number: [{"role": "user", "content": []}] for number in range(5)}
    asked = Asked("f", "model", {}, content, answer())
    assert [len(asked.question()[key]) for key in ("rows", "alone")] == [4, 1]
    refused = Asked("f", "model", {}, content, answer(rows={}, errors={}, dropped={}, refused={"stage": "data"}))
    assert [len(refused.question()[key]) for key in ("rows", "alone")] == [0, 1]


def test_a_training_that_failed_says_so():
    found = held(answer(errors={}), {"steps": [], "alone": [], "failed": "KeyError: 'x'"})
    assert (found.failed, found.differences) == ("KeyError: 'x'", 3)


def test_what_was_found_is_kept_by_trainer_version_and_family(tmp_path):
    file, found = tmp_path / "held.json", Held(1, 2, 0, 0, False, 0)
    write(file, "trl", "1", {"a": found})
    write(file, "trl", "1", {"b": found})
    write(file, "axolotl", "1", {"a": found})
    assert read_held(file) == {"trl": {"a": found, "b": found}, "axolotl": {"a": found}}
    write(file, "trl", "2", {"b": found})
    assert read_held(file)["trl"] == {"b": found}
