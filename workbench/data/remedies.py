"""Remedies for rows, each written once: what to do about a row that is in another shape than axolotl reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.data.forms import modality

CONVERT = "`vlmbench convert DATA --out rows.jsonl`"
"""The command that writes rows of other shapes as messages with parts in place."""
AS_PARTS = f"Write each as a part where it belongs, {{type: image, path: …}}; {CONVERT} does."
AS_SYSTEM = f"Make it the first message, {{role: system, content: …}}; {CONVERT} does."
WITH_TOOL_TEXT = f"{CONVERT[:-1]} --tool-text`"
"""The same, with calls, tools and reasoning written into the texts."""
AS_TEXT = f"Write it into the content as the template would; {WITH_TOOL_TEXT} does."
AS_INSTRUCTIONS = f"Write them into the system message as the template would; {WITH_TOOL_TEXT} does."
RENAME = f"Rename it in the rows; {CONVERT} does."

_ASKED = ("question", "query", "prompt", "instruction", "user", "problem", "input", "inputs", "human", "q")
_ANSWERED = (
    *("answer", "answers", "response", "completion", "output", "outputs", "assistant", "solution", "caption", "label"),
    *("text", "ground_truth", "gpt", "a"),
)
_ANSWERING = ("assistant", "gpt")
_SPEAKERS = ({"role", "content"}, {"from", "value"})


def holds_messages(value: Any) -> bool:
    """True for a list of messages: of role and content, or of from and value."""
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        return False
    return any(keys <= set(value[0]) for keys in _SPEAKERS)


def message_columns(row: Mapping[str, Any]) -> list[str]:
    """The columns of a row that hold messages."""
    return [name for name, value in row.items() if holds_messages(value)]


def _speaker(turn: Mapping[str, Any]) -> Any:
    return turn.get("role", turn.get("from"))


def _is_said(value: Any) -> bool:
    """True for a text, and for a list of texts of which one is the answer."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, str) and bool(first)


def without_messages(row: Mapping[str, Any]) -> str:
    """The remedy for a row in whose message column no messages are: the column's name, or the conversion."""
    found = message_columns(row)
    whole = [name for name in found if any(_speaker(turn) in _ANSWERING for turn in row[name][1:])]
    if whole or len(found) == 1:
        name = (whole or found)[0]
        return f"Write field_messages: {name} in the recipe's dataset entry: that column holds messages."
    if found:
        return f"{' and '.join(found)} each hold a part of the conversation: {CONVERT} joins them."
    asked = next((name for name in _ASKED if isinstance(row.get(name), str)), None)
    answered = next((name for name in _ANSWERED if name != asked and _is_said(row.get(name))), None)
    shown = next((name for name, value in row.items() if modality(value) == "image"), None)
    given = {"--user": asked, "--assistant": answered, "--image": shown}
    options = "".join(f" {option} {name}" for option, name in given.items() if name) if asked and answered else ""
    return f"No column holds messages: {CONVERT[:-1]}{options}` makes them of these."
