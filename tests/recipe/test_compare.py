"""Two recipes side by side."""

from __future__ import annotations

from workbench.recipe.compare import side_by_side
from workbench.recipe.yaml.document import Document

MINE = """
role_boundaries:
  - {role: assistant, start: "<a>", end: "</s>"}
  - {role: user, start: "<u>", end: eos_token}
datasets: [{path: a.jsonl, roles_to_train: [assistant], type: chat_template}]
learning_rate: 0.001
lora: {r: 16}
"""
THEIRS = """
role_boundaries:
  - {role: user, start: "<u>", end: eos_token, include_end: true}
  - {role: assistant, start: "<a>", include_start: true}
  - {role: assistant, start: "<b>", end: "</s>"}
train_on_inputs: false
datasets: [{path: b.jsonl, train_on_eos: all, type: chat_template}]
learning_rate: "0.001"
lora: {r: 16}
"""


def test_the_mask_s_knobs_are_compared_as_axolotl_takes_them_and_the_rest_as_written() -> None:
    pairs = side_by_side(Document(MINE), Document(THEIRS))
    found = {pair.knob: (pair.mine, pair.theirs) for pair in pairs if not pair.same}
    assert found == {
        # What is not written is the default; boundaries are told apart by role, wherever they stand.
        "train_on_eos": ("turn", "all"),
        "assistant.end": ("</s>", None),
        "assistant.include_start": (False, True),
        "assistant (2).start": (None, "<b>"),
        "assistant (2).end": (None, "</s>"),
        "assistant (2).include_start": (None, False),
        "assistant (2).include_end": (None, True),
        "datasets[0].path": ("a.jsonl", "b.jsonl"),
        "learning_rate": (0.001, "0.001"),
    }
    same = [pair.knob for pair in pairs if pair.same]
    assert {"roles_to_train", "train_on_inputs", "user.end", "user.include_end"} <= set(same)
    assert all(pair.mask for pair in pairs if pair.same)
    assert [pair.same for pair in side_by_side(Document(MINE), Document(MINE))].count(False) == 0


def knobs(mine: str, theirs: str) -> list[tuple[str, object, object]]:
    return [(one.knob, one.mine, one.theirs) for one in side_by_side(Document(mine), Document(theirs)) if not one.same]


def test_the_masks_knobs_come_first_and_the_others_in_the_order_of_the_first_recipe() -> None:
    pairs = side_by_side(Document("z: 1\na: 2\nsequence_len: 4\n"), Document("b: 3\na: 1\n"))
    assert [one.knob for one in pairs] == [
        "roles_to_train",
        "train_on_eos",
        "train_on_inputs",
        "z",
        "a",
        "sequence_len",
        "b",
    ]
    assert [one.mask for one in pairs] == [True] * 3 + [False] * 4
    assert [(one.mine, one.theirs) for one in pairs[3:]] == [(1, None), (2, 1), (4, None), (None, 3)]


def test_values_are_compared_leaf_by_leaf() -> None:
    mine = "a: {b: {c: 1, d: 2}, e: {}}\ndatasets: [{path: x, split: train}, {path: y}]\nl: [1, 2]\n"
    theirs = "a: {b: {c: 1, d: 3}, e: 1}\ndatasets: [{path: x}, {path: z}]\nl: [1, 3]\n"
    assert knobs(mine, theirs) == [
        ("a.b.d", 2, 3),
        ("a.e", {}, 1),
        ("datasets[0].split", "train", None),
        ("datasets[1].path", "y", "z"),
        # A list of plain values is one value.
        ("l", [1, 2], [1, 3]),
    ]


def test_one_value_of_two_kinds_differs() -> None:
    assert knobs("a: 1\nb: true\n", "a: 1.0\nb: 1\n") == [("a", 1, 1.0), ("b", True, 1)]


def test_mask_knobs_of_the_first_dataset_are_told_once_and_those_of_others_as_written() -> None:
    mine = "datasets: [{path: x, roles_to_train: [user]}, {path: y, train_on_eos: all}]\n"
    assert knobs(mine, "datasets: [{path: x}, {path: y}]\n") == [
        ("roles_to_train", ["user"], ["assistant"]),
        ("datasets[1].train_on_eos", "all", None),
    ]
    assert ("train_on_inputs", True, False) in knobs("train_on_inputs: true\n", "a: 1\n")
