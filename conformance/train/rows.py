"""The rows that both sides train on: of very unequal trained length, most with a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ANSWERS = (
    "Red.",
    "A blue circle stands on a table, and behind it are a green triangle, two red squares and a picture of the sea.",
    "No.",
    "A green triangle in the picture.",
    "Seven: three squares, three circles and the triangle that was there first.",
)
"""Five: with an accumulation of 2 or 4 the last step of an epoch takes what is left."""


def write_rows(folder: Path, *, pictures: bool = True, tokens: Sequence[str] = ()) -> Path:
    """Write the rows and their pictures into a folder; gives the file. Without `pictures` all are text alone.

    `tokens` end every answer.

    The fourth is text alone everywhere, and its first answer is followed by a second turn.
    """
    from PIL import Image

    rows = []
    for index, answer in enumerate(ANSWERS):
        content: list[dict[str, Any]] = [{"type": "text", "text": "What is in the picture?"}]
        if pictures and index != 3:
            path = folder / f"{index}.png"
            Image.new("RGB", (56, 56), (50 * index, 200 - 40 * index, 90)).save(path)
            content.insert(0, {"type": "image", "path": str(path)})
        messages = [
            {"role": "user", "content": content},
            {"role": "assistant", "content": _text(answer + "".join(tokens))},
        ]
        if index == 3:
            messages += [
                {"role": "user", "content": _text("And behind it?")},
                {"role": "assistant", "content": _text("A table.")},
            ]
        rows.append({"messages": messages})
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]
