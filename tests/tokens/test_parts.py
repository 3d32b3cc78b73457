"""`train` and `weight` on messages and parts, in the mask of the text path; the multimodal path leaves them unread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.checks.support import HEAD, QWEN, SETS, bad, bench_of, said
from workbench.checks.row_checks import check_row
from workbench.tokens.mask import Reason
from workbench.tokens.parts import Detail, details_of, trained_tokens

TEXT = "base_model: here\n" + QWEN + SETS


def part(text: str, **flags: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **flags}


@pytest.fixture
def masked(loaded, tmp_path):
    """Gives a bench on one row of a recipe, and the text that it trains."""

    def make(messages: list[dict[str, Any]], recipe: str = TEXT) -> Any:
        bench = bench_of(loaded("qwen2_5_vl"), tmp_path, recipe, [{"messages": messages}])
        row = bench.row(0)
        at = np.flatnonzero(row.mask.keep)
        return row, "".join(row.rendering.token_text(int(i)) for i in at)

    return make


def test_a_part_that_asks_not_to_be_trained_is_not(masked):
    turns = [said("user", "q"), said("assistant", part("Think.", train=False), part(" Four."))]
    row, text = masked(turns)
    assert text.strip() == "Four.<|im_end|>"
    off = np.flatnonzero(row.mask.reason == Reason.PART_NOT_TRAINED)
    assert "".join(row.rendering.token_text(int(i)) for i in off) == "Think."
    assert (row.mask.labels[row.mask.keep] == row.rendering.input_ids[row.mask.keep]).all()
    assert bad(check_row(row)) == []


def test_weight_says_the_same(masked):
    turns = [said("user", "q"), said("assistant", part("Think.", weight=0), part(" Four.", weight=1))]
    assert masked(turns)[1].strip() == "Four.<|im_end|>"


def test_a_flag_trains_a_turn_whose_role_is_not_trained(masked):
    """axolotl: a turn with details is trained by them, whatever `roles_to_train` says; parts without a flag count."""
    turns = [said("user", part("Think.", train=False), part(" Four.")), said("assistant", "yes")]
    assert masked(turns)[1] == " Four.<|im_end|>yes<|im_end|>"


def test_a_message_of_its_own_key(masked):
    recipe = TEXT + "    message_field_training: learn\n"
    turns = [said("user", "q"), {**said("assistant", "no"), "learn": False}, {**said("user", "a"), "learn": True}]
    row, text = masked([*turns, said("assistant", "yes")], recipe)
    assert text == "a<|im_end|>yes<|im_end|>"
    assert masked([*turns, said("assistant", "yes")])[1] == "no<|im_end|>yes<|im_end|>"
    assert row.mask.spans.trained.tolist().count(True) == 2


def test_details_in_a_column(masked):
    recipe = TEXT + "    message_field_training_detail: spans\n"
    spans = [{"begin_offset": 0, "end_offset": 5, "train": False}, {"begin_offset": 6, "end_offset": 11, "train": True}]
    turns = [said("user", "q"), {"role": "assistant", "content": "Think. Four.", "spans": spans}]
    assert masked(turns, recipe)[1].strip() == "Four.<|im_end|>"


def test_the_multimodal_path_does_not_read_it(masked):
    turns = [said("user", "q"), said("assistant", part("Think.", train=False), part(" Four."))]
    row, text = masked(turns, HEAD + QWEN + SETS)
    assert text == "Think. Four.<|im_end|>"
    assert "M013" in [one.code for one in check_row(row)]


def test_a_batch_has_the_labels_of_its_rows(loaded, tmp_path):
    long = [said("user", "q"), said("assistant", part("Think.", train=False), part(" Four and more."))]
    short = [said("user", "q"), said("assistant", part("A.", weight=0), part(" B"))]
    bench = bench_of(loaded("qwen2_5_vl"), tmp_path, TEXT, [{"messages": long}, {"messages": short}])
    ids, labels = bench.collate([0, 1])
    for index in (0, 1):
        row = bench.row(index)
        assert labels[index][labels[index] != -100].tolist() == row.mask.labels[row.mask.keep].tolist()
        assert (labels[index][labels[index] != -100] == ids[index][labels[index] != -100]).all()


def test_a_token_on_the_edge_is_trained_by_what_it_shares():
    # Tokens "ab", "cd", "efg": details meet inside the second, then inside the third.
    starts = np.array([0, 2, 4])
    assert trained_tokens(starts, 7, [Detail(0, 2, False), Detail(3, 6, True)]).tolist() == [False, False, True]
    assert trained_tokens(starts, 7, [Detail(0, 4, True), Detail(5, 6, False)]).tolist() == [True, True, False]
    assert trained_tokens(starts, 7, [Detail(0, 5, True), Detail(6, 6, False)]).tolist() == [True, True, True]


def test_no_flag_is_no_detail():
    assert details_of("text") is None
    assert details_of([part("a"), part("b")]) is None
    assert details_of([part("a"), part("", train=False), part("b", weight=0.0)]) == [
        Detail(0, 0, True),
        Detail(1, 1, False),
    ]
