"""Seeded conversations as raw rows, in the schemas that people really have, with the content that really breaks things.

Nothing here knows a family: its markers and media tokens are given, and go into some of the contents.
"""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]

TEXTS = (
    "What is in the picture?",
    "A red square on a table, and behind it a blue circle.",
    "\nA line break first.",
    "\n\nTwo line breaks first, and a space at the end ",
    "\n\n\n",
    " a space first",
    "\ttab\r\nand carriage return",
    "",
    " ",
    "7",
    "3.14159 × 2 ≈ 6.28318",
    "- one\n- two\n  - three",
    "1. first\n2. second",
    "```python\ndef f(x):\n    return x[::-1]\n```",
    "```\n\n```",
    "<think>\nFirst this, then that.\n</think>\n\nThe answer is 4.",
    "<think>\n\n</think>\n\nNothing to think about.",
    "图片里有一张桌子,上面有一个红色的方块。",
    "写真には何が写っていますか?\n猫です。",
    "사진에 무엇이 있나요?",
    "🙂 👩‍👩‍👧‍👦 🏳️‍🌈 done 🎉",
    "ما الذي يظهر في الصورة؟",
    "e\u0301 combining, zero\u200bwidth, no\u00a0break, bidi \u202eabc\u202c",
    '{"answer": [1, 2, {"x": null}], "text": "a\\nb"}',
    "<b>not markup</b> &amp; [not](a link)",
    "assistant: I am not a header. user: Nor am I. model",
    "{{ messages[0]['content'] }} {% raise %} {# no #}",
    "$e^{i\\pi} + 1 = 0$",
    "ALL CAPS AND    many   spaces",
    "The quick brown fox jumps over the lazy dog. " * 12,
    "a",
    "\u2028line separator\u2029",
    "ﬁ ligature, ½, Ⅳ, Å",
)
SYSTEMS = ("You are terse.", "You look at pictures.\n\nAnswer in one sentence.", "\nSystem first", "系统提示", "")
QUESTIONS = ("How many?", "Which colour is it?", "Describe it.", "\nAnd now?", "Is it round?", "为什么?")
PICTURE_SCHEMAS = (
    "path",
    "image",
    "data",
    "base64",
    "two",
    "column",
    "column",
    "column-list",
    "column-moved",
    "column-first",
)
"""The ways to write a row with a picture. They take turns, so that a few rows have each more than once."""


@dataclass(frozen=True, slots=True)
class Made:
    """A raw row, whether a picture belongs to it, and the schema it is written in."""

    row: Row
    picture: bool
    schema: str


class Corpus:
    """Makes rows; the same seed, markers and folder give the same rows."""

    def __init__(self, seed: str, markers: Sequence[str], media: Sequence[str], folder: Path) -> None:
        """`markers` and `media` are texts to put inside contents. Pictures are written to `folder`."""
        self._random = random.Random(seed)
        self._markers = list(markers)
        self._media = list(media)
        self._deck: list[str] = []
        self._pictures = _pictures(folder)

    def rows(self, count: int, pictures: int, *, field: str = "chat") -> list[Made]:
        """`count` rows, `pictures` of them with a picture, in a mixed order. `field` is a recipe's `field_messages`."""
        made = [self._with_picture(field) if i < pictures else self._text_only(field) for i in range(count)]
        self._random.shuffle(made)
        return made

    def image_rows(self, count: int) -> list[Row]:
        """Rows of a file that has an `image` column and no `images`."""
        rows: list[Row] = []
        for index in range(count):
            turns = self._turns(systems=0.1)
            row: Row = {"messages": [{"role": role, "content": self._parts(text)} for role, text in turns]}
            if index % 3:
                users = [message for message in row["messages"] if message["role"] == "user"]
                self._column(row, users or row["messages"], "column-bare" if index % 3 == 1 else "column-image")
            rows.append(row)
        return rows

    def _text(self, *, plain: bool = False) -> str:
        roll = self._random.random()
        if plain or roll < 0.6:
            return self._random.choice(TEXTS)
        if roll < 0.75:
            return self._random.choice(TEXTS) + self._random.choice(("", "\n", " ")) + self._random.choice(TEXTS)
        if roll < 0.93 and self._markers:
            marker = self._random.choice(self._markers)
            return self._random.choice((marker, f"Say {marker} again", f"{marker}\n\nx", f"x{marker}"))
        if self._media and roll > 0.985:
            return f"the text {self._random.choice(self._media)} is literal"
        return self._random.choice(QUESTIONS)

    def _turns(self, *, systems: float) -> list[tuple[str, str]]:
        turns: list[tuple[str, str]] = []
        if self._random.random() < systems:
            turns.append(("system", self._random.choice(SYSTEMS)))
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 5))):
            turns.append(("user", self._text()))
            turns.append(("assistant", self._text()))
        odd = self._random.random()
        if odd < 0.05:
            turns.pop()
        elif odd < 0.08:
            turns.insert(len(turns) - 1, (self._random.choice(("tool", "ipython")), '{"result": 7}'))
        elif odd < 0.10:
            turns = [turn for turn in turns if turn[0] != "user"]
        elif odd < 0.12:
            turns.insert(self._random.randrange(len(turns)), ("assistant", self._text()))
        elif odd < 0.13:
            turns.append(("system", "Late."))
        return turns

    def _text_only(self, field: str) -> Made:
        turns = self._turns(systems=0.3)
        schema = self._random.choice(("string", "string", "parts", "sharegpt", "field", "field-sharegpt", "extras"))
        return Made(self._write(turns, schema, field), False, schema)

    def _write(self, turns: list[tuple[str, str]], schema: str, field: str) -> Row:
        if schema in ("sharegpt", "field-sharegpt"):
            names = {"user": "human", "assistant": "gpt"}
            keep = self._random.random() < 0.2
            written = [{"from": role if keep else names.get(role, role), "value": text} for role, text in turns]
            return {"conversations" if schema == "sharegpt" else field: written, "id": self._random.randrange(10**6)}
        if schema == "parts":
            return {"messages": [{"role": role, "content": self._parts(text)} for role, text in turns]}
        messages: list[Row] = [{"role": role, "content": text} for role, text in turns]
        if schema == "field":
            # A stale column beside the configured one, and null columns, must not matter.
            more: Row = {"messages": [{"role": "user", "content": "stale"}]} if self._random.random() < 0.3 else {}
            return {field: messages, **more, "conversations": None}
        if schema == "extras":
            for message in messages:
                message.update(weight=0, train=False, name=None)
            if messages[-1]["role"] == "assistant":
                messages[-1].update(reasoning_content="hidden", tool_calls=[{"function": {"name": "f"}}])
            messages.append({"role": "user", "content": None})
            return {"messages": messages, "tools": [{"name": "f"}], "images": None, "chat_template_kwargs": {"a": 1}}
        return {"messages": messages}

    def _parts(self, text: str) -> list[Row]:
        cut = self._random.randrange(len(text) + 1)
        roll = self._random.random()
        if roll < 0.5:
            return [{"type": "text", "text": text}]
        if roll < 0.8:
            return [{"type": "text", "text": text[:cut]}, {"type": "text", "text": text[cut:]}]
        return [{"type": "text", "text": text, "image": None, "weight": 1}]

    def _with_picture(self, field: str) -> Made:
        if not self._deck:
            self._deck = self._random.sample(PICTURE_SCHEMAS, len(PICTURE_SCHEMAS))
        schema = self._deck.pop()
        turns = self._turns(systems=0.1)
        row: Row = {"messages": [{"role": role, "content": self._parts(text)} for role, text in turns]}
        users = [message for message in row["messages"] if message["role"] == "user"]
        if not users:
            users = row["messages"][:1]
        if schema.startswith("column"):
            self._column(row, users, schema)
            return Made(row, True, schema)
        for _ in range(2 if schema == "two" else 1):
            where = self._random.choice(users)["content"]
            where.insert(self._random.randrange(len(where) + 1), self._part(schema))
        if schema == "path" and self._random.random() < 0.5:
            row = {field: row["messages"]}
        return Made(row, True, schema)

    def _column(self, row: Row, users: list[Row], schema: str) -> None:
        """A picture in a column of its own: at a placeholder, or wherever axolotl moves it."""
        path, data = self._random.choice(self._pictures)
        value = self._random.choice((path, data))
        if schema in ("column", "column-image"):
            self._random.choice(users)["content"].insert(0, {"type": "image"})
            row["images" if schema == "column" else "image"] = [value]
        elif schema == "column-moved":
            row["images"] = [value]
        elif schema == "column-list":
            row["images"] = [value, self._random.choice(self._pictures)[0]]
        elif schema == "column-bare":
            row["image"] = [value]
        else:
            # `images` is null, so axolotl never looks at `image`.
            row["images"], row["image"] = None, [value]

    def _part(self, schema: str) -> Row:
        path, data = self._random.choice(self._pictures)
        if schema == "path":
            return {"type": "image", "path": path}
        if schema == "image":
            return {"type": "image", "image": path, "text": None}
        if schema == "data":
            return {"type": "image", "url": data}
        if schema == "base64":
            return {"type": "image", "base64": data.partition(",")[2]}
        return {"type": "image", self._random.choice(("path", "image")): path}


def _pictures(folder: Path) -> list[tuple[str, str]]:
    """A few small pictures of different shapes and modes: path and data URI of each."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    shapes = ((56, 56, "RGB"), (40, 80, "RGB"), (96, 48, "RGB"), (30, 30, "L"), (64, 64, "RGBA"), (120, 100, "P"))
    for index, (width, height, mode) in enumerate(shapes):
        picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
        picture.paste((40 * index, 200 - 30 * index, 90), (width // 4, height // 4, width // 2, height // 2))
        picture = picture.convert(mode)
        path = folder / f"{index}.png"
        picture.save(path)
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        made.append((str(path), "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()))
    return made
