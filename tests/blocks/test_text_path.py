"""The block path finds in every row of axolotl's text path what the row alone is found to have."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.blocks.rows import rows
from tests.blocks.test_path import compared, same_trace
from tests.checks.support import bench_of
from workbench.bench import Bench
from workbench.blocks import path
from workbench.blocks.facts import BlockFacts
from workbench.blocks.path import BlockPath
from workbench.row import Row
from workbench.tokens.turns import TextMasking
from workbench.tokens.turns_ragged import FATES

ROWS = 20
FAMILIES = ("qwen3_5", "gemma4", "llama3_2_vision", "pixtral", "gemma3", "qwen2_5_vl", "llama4")
ENDS = {
    "qwen3_5": "<|im_end|>",
    "gemma4": "<turn|>",
    "llama3_2_vision": "<|eot_id|>",
    "pixtral": "</s>",
    "gemma3": "<end_of_turn>",
    "qwen2_5_vl": "<|im_end|>",
    "llama4": "<|eot|>",
}
TOLD = (
    *("<tool_response>\nfour\n</tool_response>", "<think>\nhm\n</think>\n\nfour", "<think>hm</think>four", "[[dummy"),
    *(
        "zz",
        "[[dummy_message]]",
        "a ]]",
        "zebras",
        "[1]",
        "jazz",
        "user",
        "assistant",
        "system",
        "<|channel>x<channel|>y",
    ),
)


def recipe(top: str = "", entry: str = "") -> str:
    """A recipe of the text path."""
    head = "base_model: here\n" + "".join(f"{line}\n" for line in top.split("; ") if line)
    dataset = "datasets:\n  - path: rows.jsonl\n    type: chat_template\n"
    return head + dataset + "".join(f"    {line}\n" for line in entry.split("; ") if line)


RECIPES = (
    recipe("sequence_len: 2048"),
    recipe("sequence_len: 48; eot_tokens: ['{end}']", "train_on_eos: all"),
    recipe("sequence_len: 60; excess_length_strategy: truncate; eot_tokens: ['{end}']", "roles_to_train: [user]"),
    recipe("sequence_len: 2048; eot_tokens: ['{end}']", "train_on_eos: last; message_field_training: training"),
    recipe("sequence_len: 2048; sample_packing: true", "roles_to_train: [tool]; train_on_eos: none"),
    recipe("sequence_len: 40; excess_length_strategy: raise; train_on_inputs: true; min_sample_len: 12"),
)


def talks(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows of all kinds, with words among them that templates and axolotl's own search look for."""
    made, draw = rows(count, seed), random.Random(seed)
    for row in made:
        for turn in row["messages"]:
            if isinstance(turn.get("content"), str) and draw.random() < 0.2:
                words = draw.choice(TOLD)
                turn["content"] = draw.choice((words, f"{words} {turn['content']}", f"{turn['content']} {words}"))
            if draw.random() < 0.08:
                turn["training"] = draw.random() < 0.5
    return made


@pytest.fixture
def opened(loaded: Callable[[str], Any], tmp_path: Path) -> Callable[..., Bench]:
    """A bench of a family on the text path."""

    def make(family: str, made: list[dict[str, Any]], text: str = RECIPES[0]) -> Bench:
        bench = bench_of(loaded(family), tmp_path, text.replace("{end}", ENDS.get(family, "")), made)
        assert bench.path.kind == "text"
        return bench

    return make


def as_alone(bench: Bench, count: int, size: int = 64) -> int:
    """All rows in blocks, each held against itself alone: tokens, labels, reasons, turns, fate, counts and findings.

    Gives the number of those that were rendered and masked together.
    """
    judge, text = BlockPath(bench, alike=None), bench.masking.text
    assert text is not None
    together = 0
    for begin in range(0, count, size):
        block = judge.each([bench.peek(index) for index in range(begin, min(begin + size, count))])
        assert not judge.reason
        assert not judge.differs
        places = {row.index: number for number, row in enumerate(block.facts.rows)} if block.facts is not None else {}
        for result in block.results:
            alone = bench.peek(result.index)
            assert replace(result, alone=True) == judge._alone(alone), alone.raw.data
            if block.facts is not None and result.index in places:
                same_mask(block.facts, places[result.index], alone, text)
                same_turns(judge._rendered(block.facts, places[result.index]), alone)
        together += len(places)
    return together


def same_turns(mine: Row, alone: Row) -> None:
    """A row of a block has the trace and the turns that it has alone."""
    same_trace(mine, alone)
    for name in ("start", "stop", "flag"):
        assert np.array_equal(getattr(mine.turns, name), getattr(alone.turns, name)), (name, alone.raw.data)
    for name in ("role", "details", "why", "raised", "by_tokens"):
        assert getattr(mine.turns, name) == getattr(alone.turns, name), (name, alone.raw.data)


def same_mask(facts: BlockFacts, number: int, alone: Row, text: TextMasking) -> None:
    """A row of a block has the mask and the spans that it has alone."""
    mask, fate, _ = alone.text_mask_under(text)
    told = f"{alone.raw.data} {text}"
    span = slice(int(facts.edges[number]), int(facts.edges[number + 1]))
    assert np.array_equal(alone.rendering.input_ids, facts.ids[span]), told
    assert np.array_equal(mask.labels, facts.mask.labels[span]), told
    assert np.array_equal(mask.reason, facts.mask.reason[span]), told
    assert facts.fate is not None
    assert FATES[facts.fate[number]] == fate, told
    first = int(np.searchsorted(facts.spans.row, number))
    of = facts.mask.span[span]
    assert np.array_equal(np.where(of >= 0, of - first, -1), mask.span), told
    spans = facts.spans.take(facts.spans.row == number)
    for name in ("start", "content", "end", "stop", "terminated", "trained"):
        assert np.array_equal(getattr(spans, name), getattr(mask.spans, name)), (name, told)
    assert [spans.role(at) for at in range(len(spans))] == [mask.spans.role(at) for at in range(len(mask.spans))]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_is_found_as_alone(family: str, opened: Callable[..., Bench]) -> None:
    at = FAMILIES.index(family)
    together = 0
    for number in range(at * 2, at * 2 + 2):
        bench = opened(family, talks(ROWS, seed=number), RECIPES[number % len(RECIPES)])
        together += as_alone(bench, ROWS)
    assert together >= ROWS // 4


def test_a_template_that_writes_no_texts_leaves_rows_to_themselves(opened: Callable[..., Bench]) -> None:
    """SmolVLM's goes through the parts of a content, of which a text has none."""
    bench = opened("smolvlm2", talks(8, seed=5), recipe("sequence_len: 2048"))
    assert as_alone(bench, 8) == 0


def test_a_system_turn_that_axolotl_does_not_look_for(opened: Callable[..., Bench]) -> None:
    made = [{"messages": [{"role": "system", "content": "Be brief."}, *row["messages"]]} for row in talks(6, seed=2)]
    bench = opened("qwen2_5_vl", made, recipe("sequence_len: 2048", "roles_to_train: [system, assistant]"))
    bench.turn_keys = replace(bench.turn_keys, skip_system=True)
    assert as_alone(bench, 6) >= 2


def test_other_masks_of_the_same_rows_are_counted(opened: Callable[..., Bench]) -> None:
    bench = opened("qwen2_5_vl", talks(24, seed=9), RECIPES[0])
    text = bench.masking.text
    assert text is not None
    other = replace(bench.masking, text=replace(text, roles=("user",), train_on_eos="all", limit=50, excess="truncate"))
    some = [bench.peek(index) for index in range(24)]
    alone = [row.mask_under(other).trained if row.error is None else -1 for row in some]
    assert BlockPath(bench).trained([bench.peek(index) for index in range(24)], other) == alone
    assert len(set(alone)) > 5


def test_rows_of_one_structure_are_judged_by_the_first_of_them(opened: Callable[..., Bench]) -> None:
    """Of thirty rows whose end is not trained, ten are checked alone; the causes are those of each alone."""
    made = [{"messages": said(f"question {number}", f"answer {number}")} for number in range(30)]
    bench = opened("gemma4", made, recipe("sequence_len: 2048"))
    results = BlockPath(bench).judge([bench.peek(index) for index in range(30)])
    compared(bench, results)
    assert sum(bool(result.like) for result in results) == 20
    assert {one.code for result in results for one in (*result.findings, *result.like)} >= {"M016"}


def test_what_the_template_looks_for_cannot_be_told(
    opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = opened("qwen2_5_vl", talks(3, seed=1), RECIPES[0])
    monkeypatch.setattr(path, "template_words", lambda template: None)
    judge = BlockPath(bench)
    assert "cannot be told" in judge.reason
    assert all(result.alone for result in judge.judge([bench.peek(index) for index in range(3)]))


def said(*texts: str) -> list[dict[str, str]]:
    """Turns of user and assistant."""
    return [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(texts)]
