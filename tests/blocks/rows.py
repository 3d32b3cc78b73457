"""Rows of text at random, plain and faulty in many ways, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
WORDS = (
    *("a", "red", "square", "and", "two", "blue", "circles", "lie", "on", "the", "table", "near", "green", "triangles"),
    *("12", "3.5", "éàü", "中文字", "🙂👍🏽", "don't", "\n", "Ω"),
)
MARKERS = (
    "<|im_start|>assistant\n",
    "<|im_end|>",
    "<end_of_turn>",
    "<turn|>",
    "[/INST]",
    "</s>",
    "<|eot_id|>",
    "<image>",
    "<|image_pad|>",
    "<think>hm</think>",
    "</think>",
    "{{ x }}",
)


def text(draw: random.Random, most: int = 60) -> str:
    """Some words."""
    return " ".join(draw.choices(WORDS, k=draw.randint(1, most)))


def plain(draw: random.Random) -> Row:
    """A row with nothing wrong in it."""
    turns: list[Row] = [{"role": "system", "content": text(draw, 8)}] if draw.random() < 0.3 else []
    for _ in range(draw.randint(1, 3)):
        turns += [{"role": "user", "content": text(draw)}, {"role": "assistant", "content": text(draw)}]
    return {"messages": turns}


def _any_text(change: Callable[[str, random.Random], str]) -> Callable[[Row, random.Random], None]:
    def apply(row: Row, draw: random.Random) -> None:
        turn = draw.choice(row["messages"])
        if isinstance(turn["content"], str):
            turn["content"] = change(turn["content"], draw)

    return apply


def _role(row: Row, draw: random.Random) -> None:
    draw.choice(row["messages"])["role"] = draw.choice(["tool", "bot", "User", "developer", "assistant", "user"])


def _key(row: Row, draw: random.Random) -> None:
    turn = draw.choice(row["messages"])
    turn.update(draw.choice([{"train": False}, {"weight": 0}, {"tool_calls": [{"name": "x"}]}, {"training": True}]))


def _parts(row: Row, draw: random.Random) -> None:
    turn = draw.choice(row["messages"])
    if not isinstance(turn["content"], str):
        return
    words = turn["content"].split(" ")
    at = draw.randint(0, len(words))
    turn["content"] = [{"type": "text", "text": " ".join(words[:at])}, {"type": "text", "text": " ".join(words[at:])}]
    if draw.random() < 0.3:
        turn["content"][0]["train"] = False


def _drop(row: Row, draw: random.Random) -> None:
    row["messages"].pop(draw.randrange(len(row["messages"])))


def _column(row: Row, draw: random.Random) -> None:
    row.update(draw.choice([{"system": "Be brief."}, {"videos": ["a.mp4"]}, {"tools": [{"name": "f"}]}]))


FAULTS: tuple[Callable[[Row, random.Random], None], ...] = (
    _any_text(lambda old, draw: draw.choice(["\n", "\n\n", " ", "\t"]) + old),
    _any_text(lambda old, draw: old + draw.choice(["\n", "  ", "\n\n"])),
    _any_text(lambda old, draw: old + draw.choice(MARKERS) + old[:20]),
    _any_text(lambda old, draw: draw.choice(MARKERS)),
    _any_text(lambda old, draw: draw.choice(["", " ", "\n"])),
    _any_text(lambda old, draw: old + "\U00020005" + old),
    _any_text(lambda old, draw: "- " + old + "\n- " + old),
    _any_text(lambda old, draw: old * 12),
    _role,
    _key,
    _parts,
    _drop,
    _column,
)


def rows(count: int, seed: int, *, faulty: float = 0.5) -> list[Row]:
    """`count` rows, of which about a share of `faulty` has one or two faults."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        row = plain(draw)
        if draw.random() < faulty:
            for fault in draw.choices(FAULTS, k=draw.choice([1, 1, 2])):
                if row["messages"]:
                    fault(row, draw)
        made.append(row)
    return made
