"""Parts that leave nothing in the prompt: found by rendering the conversation without them, whatever the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.tokens.sentinels import Message, Render

_EMPTY: dict[str, Any] = {"type": "text", "text": ""}


def leaves_nothing(messages: Sequence[Message], message: int, part: int, render: Render, prompt: str) -> bool:
    """True where the template writes the same prompt without this part, left out or empty in its place.

    `prompt` is what it writes with the part. A template that refuses the conversation without it has looked at it.
    """
    content = messages[message]["content"]
    without = [one for number, one in enumerate(content) if number != part]
    emptied = [_EMPTY if number == part else one for number, one in enumerate(content)]
    for tried in (without, emptied) if without else (emptied,):
        changed = [{**one, "content": tried} if index == message else one for index, one in enumerate(messages)]
        try:
            if render(changed) == prompt:
                return True
        except Exception:
            continue
    return False
