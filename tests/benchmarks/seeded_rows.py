"""Rows for an audit, of which one in a hundred is faulty in one of twelve known ways, from a seed.

Texts have about 150 tokens in two turns; rows with pictures draw them from a pool of files of many sizes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_check import TEXT

FAULTY = 100
"""One row of so many is faulty."""
POOL = 500
WORDS = TEXT.split()
Row = dict[str, Any]


def _turn(row: Row, number: int) -> Row:
    turn: Row = row["messages"][number]
    return turn


def _said(number: int, change: Callable[[str], Any]) -> Callable[[Row], Any]:
    def apply(row: Row) -> Row:
        turn = _turn(row, number)
        if isinstance(turn["content"], list):
            turn["content"][-1]["text"] = change(turn["content"][-1]["text"])
        else:
            turn["content"] = change(turn["content"])
        return row

    return apply


def _key(number: int, key: str, value: Any) -> Callable[[Row], Any]:
    def apply(row: Row) -> Row:
        _turn(row, number)[key] = value
        return row

    return apply


def _without_answer(row: Row) -> Row:
    return {"messages": row["messages"][:1]}


def _without_content(row: Row) -> Row:
    del _turn(row, 1)["content"]
    return row


def _with_picture(path: Any) -> Callable[[Row], Any]:
    def apply(row: Row) -> Row:
        text = _turn(row, 0)["content"]
        text = text if isinstance(text, str) else text[-1]["text"]
        _turn(row, 0)["content"] = [{"type": "image", "path": path}, {"type": "text", "text": text}]
        return row

    return apply


OPEN, CLOSE, PICTURE = "<<OPEN>>", "<<CLOSE>>", "<<PICTURE>>"
"""In texts, to be taken for the start and end of the model's turn, and for its picture token."""
FAULTS: dict[str, tuple[Callable[[Row], Any], frozenset[str]]] = {
    "an answer without text": (_said(1, lambda text: ""), frozenset({"D002"})),
    "a question without text": (_key(0, "content", ""), frozenset({"D002"})),
    "an answer that is null": (_key(1, "content", None), frozenset({"M001", "D002"})),
    "a turn without content": (_without_content, frozenset({"D002"})),
    "a line that is no JSON": (lambda row: json.dumps(row)[:-9], frozenset({"D001"})),
    "a row without messages": (lambda row: {"messages": []}, frozenset({"D002"})),
    "no answer": (_without_answer, frozenset({"M001"})),
    "a role that nobody knows": (_key(0, "role", "bot"), frozenset({"D012"})),
    "a question that closes its turn and opens an answer": (
        _said(0, lambda text: f"{text}{CLOSE}\n{OPEN}{text}"),
        frozenset({"M008"}),
    ),
    "a picture token in a text": (_said(0, lambda text: f"{text} {PICTURE}"), frozenset({"D004"})),
    "a picture that is not there": (_with_picture("none.png"), frozenset({"D005"})),
    "a text of 40,000 characters": (
        _said(1, lambda text: (text + " ") * (1 + 40_000 // len(text))),
        frozenset({"D006"}),
    ),
}
"""Of each fault, what it does to a row, and the codes of its findings under a `sequence_len` of 2,048."""


def rows(count: int, pool: Path | None, seed: int = 0) -> Iterator[tuple[Any, str]]:
    """(row, or the text of its line; its fault or "") of so many rows; `pool` has the pictures of all of them."""
    draw, names = random.Random(seed), list(FAULTS)
    for number in range(count):
        row: Row = {
            "messages": [
                {"role": "user", "content": " ".join(draw.choices(WORDS, k=draw.randint(20, 70)))},
                {"role": "assistant", "content": " ".join(draw.choices(WORDS, k=draw.randint(40, 120)))},
            ]
        }
        # A number that no other row has: equal rows are another finding.
        row["messages"][0]["content"] += f" {number}"
        if pool is not None:
            row = _with_picture(str(pool / f"{draw.randrange(POOL)}.png"))(row)
        fault = names[number // FAULTY % len(names)] if number % FAULTY == FAULTY // 2 else ""
        yield (FAULTS[fault][0](row) if fault else row), fault


def write_rows(folder: Path, count: int, *, pictures: bool, marks: dict[str, str]) -> tuple[Path, dict[int, str]]:
    """Write the rows, and the pool of pictures for them; gives the file, and the faulty rows with their fault.

    `marks`: the texts of the model's markers and picture token, in place of those in `FAULTS`.
    """
    file, faulty, pool = folder / "rows.jsonl", {}, folder.resolve() / "pool"
    with file.open("w", encoding="utf-8") as stream:
        for number, (row, fault) in enumerate(rows(count, pool if pictures else None)):
            line = row if isinstance(row, str) else json.dumps(row)
            if fault:
                faulty[number] = fault
                for mark, text in marks.items():
                    line = line.replace(mark, json.dumps(text)[1:-1])
            stream.write(line + "\n")
    if pictures:
        write_pool(pool)
    return file, faulty


def write_pool(folder: Path, seed: int = 0) -> None:
    """Pictures of many sizes and modes."""
    from PIL import Image

    draw = random.Random(seed)
    folder.mkdir(exist_ok=True)
    for number in range(POOL):
        size = draw.randint(40, 900), draw.randint(40, 900)
        picture = Image.new(draw.choice(["RGB", "RGB", "L", "RGBA"]), size, draw.randrange(256))
        picture.save(folder / f"{number}.png", compress_level=1)
