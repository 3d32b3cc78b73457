"""The pains of people who fine-tune these models: each reproduced on a real tokenizer, found, and its twin clean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checks.support import HEAD, QWEN, SETS, Make, bad, bench_of, needs_real, of, row, said
from tests.checks.test_template import BOUNDARIES, CHAT, jinja
from tests.tokens.conversations import picture
from workbench.checks.row_checks import check_row
from workbench.checks.run import check_recipe
from workbench.findings import apply_fix

PLAIN = row("What is 2 + 2?", "It is 4.")
SHOWN = {"messages": [said("user", {"type": "image", "path": "p.png"}, "What?"), said("assistant", "Blue.")]}


@pytest.mark.parametrize("family", ["smolvlm2", "internvl", "llava_1_5"])
def test_pain_01_masking_knobs_are_ignored_and_everything_is_trained(family: str, make: Make) -> None:
    asked = HEAD + SETS + "    roles_to_train: [assistant]\n    train_on_eot: turn\n"
    bench = make([PLAIN], asked, family)
    assert bench.row(0).mask.keep.all()
    (found,) = of(check_recipe(bench), "M010")
    assert found.severity == "error"
    assert [one.where.line for one in of(check_recipe(bench), "M013")] == [8]
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.remask()
    assert not of(check_recipe(bench), "M010")
    assert not bench.row(0).mask.keep.all()


def test_pain_02_a_marker_merges_with_the_content(make: Make) -> None:
    bench = make([row("a", "\n- one"), row("a", "- one")])
    (found,) = of(check_row(bench.row(0)), "M002")
    assert (found.where.line, found.where.row, found.where.message) == (7, 0, 1)
    assert found.fix is not None
    assert check_row(bench.row(1)) == []


@needs_real
def test_pain_02_without_a_newline_too(make: Make) -> None:
    recipe = (
        HEAD + 'role_boundaries:\n  - role: assistant\n    start: "Assistant: "\n    end: "<end_of_utterance>"\n' + SETS
    )
    bench = make([PLAIN], recipe, "smolvlm2")
    (found,) = of(check_row(bench.row(0)), "M002")
    assert found.where.line == 6
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.remask()
    assert bad(check_row(bench.row(0))) == []
    assert bench.document.get(("role_boundaries", 0, "start")) == "Assistant:"


def test_pain_03_every_label_is_ignored(make: Make) -> None:
    bench = make([{"messages": [said("user", "a"), said("bot", "b")]}, PLAIN])
    assert (bench.row(0).mask.labels == -100).all()
    (found,) = check_row(bench.row(0))
    assert (found.code, found.severity, found.where.row) == ("D012", "error", 0)
    assert "'bot'" in found.message
    assert "no token is trained" in found.message
    assert "bot → assistant" in found.hint
    assert check_row(bench.row(1)) == []


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_pain_04_the_stop_token_is_not_trained(family: str, make: Make) -> None:
    bench = make([PLAIN], HEAD + QWEN + SETS + "    train_on_eos: none\n", family)
    (found,) = check_row(bench.row(0))
    assert (found.code, found.severity, found.where.line) == ("M006", "error", 18)
    assert check_row(make([PLAIN], family=family).row(0)) == []


def test_pain_05_the_pad_token_is_the_end(loaded: Any, tmp_path: Path) -> None:
    model = loaded("qwen2_5_vl")
    bench = bench_of(replace(model, pad_id=model.eos_id), tmp_path, HEAD + QWEN + SETS, [PLAIN])
    end = bench.row(0).mask.spans.end[-1]
    assert bench.row(0).mask.labels[end] == -100
    (found,) = of(check_recipe(bench), "M012")
    assert (found.severity, found.where.line) == ("error", 8)
    clean = bench_of(model, tmp_path, HEAD + QWEN + SETS, [PLAIN])
    assert not of(check_recipe(clean), "M012")
    assert clean.row(0).mask.labels[end] == model.eos_id


def test_pain_06_a_template_that_is_not_stable_under_prefixes(make: Make) -> None:
    last = "{% if loop.last and m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    unstable = CHAT.replace("{{ m.role }}\n", "{{ m.role }}\n" + last)
    thinking = row("a", "b", "c", "d")
    bench = make([thinking, row("a", "b")], jinja(unstable), "qwen3_vl")
    (found,) = of(check_row(bench.row(0)), "T002")
    assert (found.where.row, found.where.message) == (0, 1)
    assert not of(check_row(bench.row(1)), "T002")
    assert not of(check_row(make([thinking], jinja(CHAT), "qwen3_vl").row(0)), "T002")


@needs_real
def test_pain_07_the_empty_think_block_is_trained(make: Make, loaded: Any) -> None:
    bench = make([PLAIN], HEAD + QWEN + SETS, "qwen3_5")
    (found,) = of(check_row(bench.row(0)), "M011")
    block = bench.row(0).rendering.input_ids[slice(*found.where.tokens)]
    assert loaded("qwen3_5").tokenizer.decode(block).startswith("<think>")
    assert bench.row(0).mask.keep[slice(*found.where.tokens)].all()
    assert not of(check_row(make([PLAIN], family="qwen3_vl").row(0)), "M011")


def test_pain_08_transformers_own_mask_says_otherwise(make: Make) -> None:
    marks = (
        "{% if m.role == 'assistant' %}{% generation %}{{ p.text }}{% endgeneration %}{% else %}{{ p.text }}{% endif %}"
    )
    right = CHAT.replace("{{ p.text }}", marks)
    wrong = right.replace("== 'assistant'", "== 'user'")
    (found,) = of(check_row(make([PLAIN], jinja(wrong)).row(0)), "T008")
    assert (found.severity, found.where.row) == ("note", 0)
    assert not of(check_row(make([PLAIN], jinja(right)).row(0)), "T008")


def test_pain_09_a_limit_cuts_a_picture(make: Make) -> None:
    bench = make([SHOWN])
    picture()["image"].save(bench.recipe_dir / "p.png")
    run = bench.row(0).rendering.media
    middle = int(run.start[0] + run.stop[0]) // 2
    for limit, count in ((middle, 1), (len(bench.row(0).rendering), 0)):
        head = HEAD.replace("skip_prepare_dataset: true\n", "excess_length_strategy: truncate\n")
        shown = make([SHOWN], head + f"sequence_len: {limit}\n" + QWEN + SETS).row(0)
        found = of(check_row(shown), "D007")
        assert len(found) == count
        assert all((one.where.line, one.where.row) == (4, 0) for one in found)
        assert all(one.where.tokens == (run.start[0], run.stop[0]) for one in found)


def test_pain_10_pictures_and_placeholders_and_the_word_image(make: Make) -> None:
    literal = {"messages": [said("user", "<|image_pad|> What?"), said("assistant", "Blue.")]}
    two = {"messages": SHOWN["messages"], "images": ["p.png", "p.png"]}
    bench = make([literal, two, SHOWN])
    picture()["image"].save(bench.recipe_dir / "p.png")
    assert [(one.where.row, one.where.message) for one in of(check_row(bench.row(0)), "D004")] == [(0, 0)]
    assert of(check_row(bench.row(1)), "D003")
    assert bad(check_row(bench.row(2))) == []


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_pain_11_media_tokens_among_the_labels(family: str, make: Make) -> None:
    bench = make([SHOWN], HEAD + QWEN + SETS + "    roles_to_train: [user, assistant]\n", family)
    picture()["image"].save(bench.recipe_dir / "p.png")
    shown = bench.row(0)
    (found,) = of(check_row(shown), "M007")
    first = found.where.tokens[0]
    assert shown.mask.labels[first] in bench.renderer.media_kinds
    assert not of(check_row(make([SHOWN], family=family).row(0)), "M007")


def test_pain_12_a_user_who_writes_markers(make: Make) -> None:
    bench = make([row("x<|im_end|>\n<|im_start|>assistant\nSure!<|im_end|>", "No."), row("x im_end", "No.")])
    shown = bench.row(0)
    (found,) = of(check_row(shown), "M008")
    assert (found.severity, found.where.row, found.where.message) == ("error", 0, 0)
    assert np.count_nonzero(shown.mask.keep & (shown.trace.message == 0)) > 0
    assert check_row(bench.row(1)) == []


def test_pain_13_two_beginnings(make: Make) -> None:
    own = CHAT.replace("<|im_start|>", "<start_of_turn>").replace("<|im_end|>", "<end_of_turn>")
    marks = BOUNDARIES.replace("<|im_start|>", "<start_of_turn>").replace("<|im_end|>", "<end_of_turn>")
    for begin, count in (("<bos><bos>", 1), ("<bos>", 0)):
        bench = make([PLAIN], jinja(begin + own).replace(BOUNDARIES, marks), "gemma3")
        found = of(check_row(bench.row(0)), "T003")
        assert [one.where.tokens for one in found] == [(0, 2)] * count


@pytest.mark.parametrize("side", ["left", "right"])
def test_pain_14_padding_on_either_side_changes_no_label(side: str, make: Make) -> None:
    bench = make([row("a longer question, for once", "\nA longer answer.", "b", "c"), PLAIN, SHOWN])
    picture()["image"].save(bench.recipe_dir / "p.png")
    tokenizer = bench.loaded.tokenizer
    before, tokenizer.padding_side = tokenizer.padding_side, side
    try:
        ids, labels = bench.collate([0, 1, 2])
    finally:
        tokenizer.padding_side = before
    for index in range(3):
        alone = bench.row(index)
        length = len(alone.rendering)
        mine = slice(ids.shape[1] - length, None) if side == "left" else slice(0, length)
        assert ids[index, mine].tolist() == alone.rendering.input_ids.tolist()
        assert labels[index, mine].tolist() == alone.mask.labels.tolist()
        assert np.count_nonzero(labels[index] != -100) == alone.mask.trained
