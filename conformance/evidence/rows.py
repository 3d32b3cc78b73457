"""Rows in the shape of each data set that the examples name, as a JSONL file; pictures lie beside it.

The data sets cannot be had offline. What a check can hang on is their shape: columns, names of roles and keys, kinds of
parts, where pictures are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_TALKS = (
    ("What is in the picture?", "A red square on a table."),
    ("How many circles are there?", "Two circles, and a triangle behind them."),
    ("Which colour is the largest shape?", "Green."),
    ("Describe the scene in one sentence.", "Shapes of three colours lie on a grey table."),
)


def _picture_rows(picture: str) -> list[Row]:
    """The pictures are a column; the first user's message has a placeholder."""
    rows = []
    for question, answer in _TALKS:
        first = [{"index": None, "text": question, "type": "text"}, {"index": 0, "text": None, "type": "image"}]
        said = [{"index": None, "text": answer, "type": "text"}]
        again = [{"index": None, "text": "Are you sure?", "type": "text"}]
        sure = [{"index": None, "text": "Yes, I am.", "type": "text"}]
        rows.append(
            {
                "messages": [
                    {"content": first, "role": "user"},
                    {"content": said, "role": "assistant"},
                    {"content": again, "role": "user"},
                    {"content": sure, "role": "assistant"},
                ],
                "images": [picture],
            }
        )
    return rows


def _text_and_picture_rows(picture: str) -> list[Row]:
    """The parts name their pictures; every other row is text alone."""
    rows: list[Row] = []
    for number, (question, answer) in enumerate(_TALKS):
        parts: list[Row] = [{"type": "text", "text": question}]
        if number % 2:
            parts.insert(0, {"type": "image", "path": picture})
        said = [{"type": "text", "text": answer}]
        rows.append({"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": said}]})
    return rows


def _text_rows(picture: str) -> list[Row]:
    """The same without pictures. Nothing in the environment decodes sound: rows with it are not among them."""
    return [
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": question}]},
                {"role": "assistant", "content": [{"type": "text", "text": answer}]},
            ]
        }
        for question, answer in _TALKS
    ]


def _sharegpt_rows(picture: str) -> list[Row]:
    return [
        {
            "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
            "source": "infini-instruct-top-500k",
            "score": 5.1,
        }
        for question, answer in _TALKS
    ]


def _sharegpt_with_system_rows(picture: str) -> list[Row]:
    return [
        {
            "conversations": [
                {"from": "system", "value": "You are an AI assistant.", "weight": None},
                {"from": "human", "value": question, "weight": 0.0},
                {"from": "gpt", "value": answer, "weight": 1.0},
            ]
        }
        for question, answer in _TALKS
    ]


def _message_rows(picture: str) -> list[Row]:
    return [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in _TALKS
    ]


def _math_rows(picture: str) -> list[Row]:
    return [
        {"source": "synthetic_math", "problem": question, "solution": answer, **message}
        for (question, answer), message in zip(_TALKS, _message_rows(picture), strict=True)
    ]


def _thinking_rows(picture: str) -> list[Row]:
    rows: list[Row] = []
    for question, answer in _TALKS:
        thought = {"type": "thinking", "thinking": "I look at it first.", "closed": True}
        rows.append(
            {
                "messages": [
                    {"role": "system", "content": [{"type": "text", "text": "Think before you answer."}]},
                    {"role": "user", "content": [{"type": "text", "text": question}]},
                    {"role": "assistant", "content": [thought, {"type": "text", "text": answer}]},
                ]
            }
        )
    return rows


def _alpaca_rows(picture: str) -> list[Row]:
    return [{"instruction": question, "input": "", "output": answer, "text": answer} for question, answer in _TALKS]


def _code_rows(picture: str) -> list[Row]:
    return [{"id": question, "input": question, "output": answer} for question, answer in _TALKS]


SHAPES: dict[str, Callable[[str], list[Row]]] = {
    "AI-MO/NuminaMath-CoT": _math_rows,
    "HuggingFaceH4/llava-instruct-mix-vsft": _picture_rows,
    "NanoBit/text-audio-2k-test": _text_rows,
    "Nanobit/text-shieldstral-2k-test": _message_rows,
    "Nanobit/text-think-2k-test": _thinking_rows,
    "Nanobit/text-vision-2k-test": _text_and_picture_rows,
    "Nanobit/text-vision-audio-2k-test": _text_and_picture_rows,
    "Nanobit/text-vision-shieldstral-2k-test": _text_and_picture_rows,
    "cgato/SlimOrcaDedupCleaned": _sharegpt_with_system_rows,
    "fozziethebeat/alpaca_messages_2k_test": _message_rows,
    "mlabonne/FineTome-100k": _sharegpt_rows,
    "nvidia/OpenCodeInstruct": _code_rows,
    "tatsu-lab/alpaca": _alpaca_rows,
}


def written(path: str, folder: Path) -> Path:
    """The file of rows that stands in for a data set, under `folder`.

    It names its picture by an absolute path, so it is written anew where the folder has moved since.
    """
    out = folder / f"{path.replace('/', '--')}.jsonl"
    text = "".join(json.dumps(row) + "\n" for row in SHAPES[path](str(_picture(folder.resolve()))))
    if not out.is_file() or out.read_text("utf-8") != text:
        out.write_text(text, "utf-8")
    return out


def _picture(folder: Path) -> Path:
    from PIL import Image

    out = folder / "shapes.png"
    if not out.is_file():
        picture = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
        picture.paste((200, 40, 40), (16, 16, 48, 48))
        picture.save(out)
    return out
