"""The mask of the text path: turns, their flags and ends, and what becomes of a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.checks.support import HEAD, QWEN, SETS, bad, bench_of, said
from workbench.checks.row_checks import check_row
from workbench.errors import InputError
from workbench.tokens.mask import Reason
from workbench.tokens.message_variables import message_variables
from workbench.tokens.turns import Found, TextMasking, differing, mask, trained_pieces

TEXT = "base_model: here\nsequence_len: 2048\n" + SETS


def part(text: str, **flags: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **flags}


def detail(begin: int, end: int, train: bool) -> dict[str, Any]:
    return {"begin_offset": begin, "end_offset": end, "train": train}


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
    starts = [0, 2, 4]
    assert trained_pieces(starts, 7, [detail(0, 2, False), detail(3, 6, True)]).tolist() == [2]
    assert trained_pieces(starts, 7, [detail(0, 4, True), detail(5, 6, False)]).tolist() == [0, 1]
    assert trained_pieces(starts, 7, [detail(0, 5, True), detail(6, 6, False)]).tolist() == [0, 1, 2]


def test_pieces_of_one_character_go_together():
    # The second and third token are pieces of the same character.
    assert trained_pieces([0, 1, 1, 2], 3, [detail(1, 1, True)]).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "other", "span"),
    [
        ("say abc now", "say [[x]] now", (4, 7)),
        ("aXa", "a[[x]]a", (1, 2)),
        ("same", "same", (4, 4)),
        ("", "x", (0, 0)),
        ("aa", "a", (1, 2)),
    ],
)
def test_what_differs_lies_between_the_common_ends(text, other, span):
    assert differing(text, other) == span


FOUND = Found(
    np.array([2, 6, -1]),
    np.array([4, 8, -1]),
    ("user", "assistant", "assistant"),
    np.array([-1, -1, -1]),
    (None, None, None),
    ("", "", "empty"),
    ("", "", ""),
)
IDS = np.array([7, 7, 1, 1, 9, 7, 1, 1, 9, 7, 8])


@pytest.mark.parametrize(
    ("masking", "trained"),
    [
        (TextMasking(eos_id=9, eot_ids=(9,)), [6, 7, 8]),
        (TextMasking(eos_id=9, train_on_eos="all", train_on_eot="all"), [4, 6, 7, 8]),
        (TextMasking(eos_id=9, train_on_eos="last", train_on_eot="last"), [6, 7]),
        (TextMasking(eos_id=9, train_on_eos="none", train_on_eot="none"), [6, 7]),
        (TextMasking(eos_id=8), [6, 7, 10]),
        (TextMasking(eos_id=8, eot_ids=(9,), train_on_eos="none"), [6, 7, 8]),
        (TextMasking(("user",), eos_id=9), [2, 3, 4]),
        (TextMasking((), eos_id=9), []),
        (TextMasking((), eos_id=9, train_on_inputs=True), [2, 3, 4, 6, 7, 8]),
        (TextMasking(eos_id=9, limit=7, excess="truncate"), [6]),
        (TextMasking(eos_id=9, limit=7), []),
        (TextMasking(eos_id=9, least=12), []),
        (TextMasking(eos_id=9, limit=6, excess="truncate", packing=True), []),
    ],
)
def test_ends_and_lengths(masking, trained):
    # `last` trains the end of the last turn looked for that has one; the turn that is not found counts from -1, and
    # its first 9 lies more than three tokens away.
    if masking.train_on_eos == "last":
        trained = [*trained, 8]
    made = mask(IDS, FOUND, masking)
    assert np.flatnonzero(made.mask.keep).tolist() == trained
    assert (made.mask.labels[made.mask.keep] == IDS[made.mask.keep]).all()
    assert (made.mask.labels[~made.mask.keep] == -100).all()


@pytest.mark.parametrize(
    ("masking", "fate"),
    [
        (TextMasking(limit=11), "kept"),
        (TextMasking(limit=10), "dropped"),
        (TextMasking(limit=10, excess="truncate"), "cut"),
        (TextMasking(limit=10, excess="raise"), "refused"),
        (TextMasking(least=12), "dropped"),
        (TextMasking((), packing=True), "dropped"),
    ],
)
def test_what_becomes_of_a_row(masking, fate):
    assert mask(IDS, FOUND, masking).fate == fate


def test_a_row_at_which_axolotl_raises_trains_nothing():
    raising = replace(FOUND, raised=("", "TemplateError: no", ""))
    made = mask(IDS, raising, TextMasking(eos_id=9))
    assert (made.fate, made.why, made.mask.trained) == ("refused", "TemplateError: no", 0)
    # It does not look for the assistant's turns where users alone are trained.
    assert mask(IDS, raising, TextMasking(("user",), eos_id=9)).mask.trained == 3


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{% for message in messages %}{{ message.role }}{{ message['content'] }}{% endfor %}", {"role", "content"}),
        ("{% for m in messages %}{{ m.role }}{{ m.tool_calls }}{% endfor %}", set()),
        ("{{ message.tool_calls[0].function }}{% generation %}{% endgeneration %}", {"tool_calls", "function"}),
        (
            "{% if messages[0].role %}{% set messages_slice = messages[1:] %}{{ messages_slice.extra }}{% endif %}",
            {"extra"},
        ),
    ],
)
def test_properties_that_the_template_reads(template, found):
    assert message_variables(template) == found


def test_a_template_that_axolotl_cannot_read():
    with pytest.raises(InputError, match="cannot read the chat template"):
        message_variables("{% for message in %}")
