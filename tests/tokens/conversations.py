"""Conversations with awkward content, as `normalize` gives them."""

from __future__ import annotations

from typing import Any

from PIL import Image


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


def turn(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "content": [text(part) if isinstance(part, str) else part for part in parts]}


def picture(width: int = 64, height: int = 48) -> dict[str, Any]:
    return {"type": "image", "image": Image.new("RGB", (width, height), "#3366cc")}


AWKWARD: dict[str, list[dict[str, Any]]] = {
    "plain": [turn("user", "What is this?"), turn("assistant", "A square.")],
    "leading newlines": [turn("user", "\n\nhello"), turn("assistant", "\n- a\n- b\n")],
    "edges of spaces": [turn("user", "  hi "), turn("assistant", " yes  ")],
    "repeats": [turn("user", "yes"), turn("assistant", "yes"), turn("user", "yes"), turn("assistant", "yes")],
    "emoji and CJK": [turn("user", "👩‍👩‍👧 是什么？"), turn("assistant", "一家人 🏳️‍🌈.")],
    "empty and blank": [turn("user", ""), turn("assistant", "ok"), turn("user", "   "), turn("assistant", "ok")],
    "code": [turn("user", "```py\nprint('x')\n```"), turn("assistant", "\tx = 1\n\n\n# done")],
    "roles inside": [turn("user", "assistant"), turn("assistant", "user\nmodel\n")],
    "private use": [turn("user", "\U000f0000 \U000f0001 \ue000"), turn("assistant", "\U000f0000")],
    "several parts": [turn("user", "first ", "second", " third"), turn("assistant", "a", "b")],
}
PICTURES: dict[str, list[dict[str, Any]]] = {
    "picture first": [turn("user", picture(), "What is this?"), turn("assistant", "Blue.")],
    "picture last": [turn("user", "Look:\n", picture()), turn("assistant", "\nBlue.")],
    "two turns": [
        turn("user", picture(), "One?"),
        turn("assistant", "Blue."),
        turn("user", picture(32, 96), "And this?"),
        turn("assistant", "Blue too."),
    ],
}
