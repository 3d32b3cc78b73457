"""Two recipes side by side."""

from __future__ import annotations

from workbench.recipe.compare import side_by_side
from workbench.recipe.document import Document

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
