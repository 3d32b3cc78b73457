"""The block path finds in every row of axolotl's text path what the row alone is found to have."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.blocks.rows import rows
from tests.checks.support import bench_of
from workbench.bench import Bench
from workbench.blocks.facts import BlockFacts
from workbench.blocks.path import BlockPath
from workbench.row import Row
from workbench.tokens.turns import TextMasking
from workbench.tokens.turns_ragged import FATES

MANY = int(os.environ.get("MANY", 0))
ROWS = 32
FAMILIES = ("qwen3_5", "gemma4", "llama3_2_vision", "pixtral", "smolvlm2", "gemma3", "qwen2_5_vl", "llama4")
ENDS = {
    "qwen3_5": "<|im_end|>",
    "gemma4": "<turn|>",
    "llama3_2_vision": "<|eot_id|>",
    "pixtral": "</s>",
    "smolvlm2": "<end_of_utterance>",
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
        bench = bench_of(loaded(family), tmp_path, text.replace("{end}", ENDS[family]), made)
        assert bench.path.kind == "text"
        return bench

    return make


def as_alone(bench: Bench, count: int, size: int = 64) -> int:
    """All rows in blocks, each held against itself alone: tokens, labels, reasons, turns, fate, counts and findings.

    Gives the number of those that were rendered and masked together.
    """
    path, text = BlockPath(bench, alike=None), bench.masking.text
    assert text is not None
    together = 0
    for begin in range(0, count, size):
        block = path.each([bench.peek(index) for index in range(begin, min(begin + size, count))])
        assert not path.reason
        assert not path.differs
        places = {row.index: number for number, row in enumerate(block.facts.rows)} if block.facts is not None else {}
        for result in block.results:
            alone = bench.peek(result.index)
            assert replace(result, alone=True) == path._alone(alone), alone.raw.data
            if block.facts is not None and result.index in places:
                same_mask(block.facts, places[result.index], alone, text)
        together += len(places)
    return together


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
    for number in range(at * 2, at * 2 + 2) if not MANY else range(MANY):
        bench = opened(family, talks(ROWS, seed=number), RECIPES[number % len(RECIPES)])
        together += as_alone(bench, ROWS)
    assert together >= ROWS // 2
    print(together)
