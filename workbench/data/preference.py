"""Rows of preference data (`rl`) as texts: what was asked, and the answers that are compared or judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ASKED = ("system", "prompt", "question", "instruction", "input", "messages", "conversation", "conversations")
_ANSWERS = ("chosen", "rejected", "completion", "label")


def texts(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The columns of a row that hold its prompt and answers, in the order of reading, each as a text.

    Where none of the usual names is there, every column is given: a recipe may map any of them.
    """
    names = [name for name in (*_ASKED, *_ANSWERS) if row.get(name) is not None]
    if not set(names).intersection(_ANSWERS):
        names = [name for name, value in row.items() if value is not None]
    return [(name, as_text(row[name])) for name in names]


def as_text(value: Any) -> str:
    """A text as it is, messages as one line each of role and content, everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return "\n".join(map(as_text, value))
    if isinstance(value, dict):
        role, content = value.get("role", value.get("from")), value.get("content", value.get("value"))
        if role is not None and content is not None:
            return f"{role}: {_content(content)}"
    return json.dumps(value, ensure_ascii=False, default=str)


def _content(content: Any) -> str:
    if not isinstance(content, list):
        return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    parts = [part.get("text") or f"[{part.get('type')}]" if isinstance(part, dict) else str(part) for part in content]
    return " ".join(parts)
