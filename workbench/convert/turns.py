"""Lists of messages as turns: role and content, from and value, pairs of user and assistant, Responses items."""

from __future__ import annotations

import json
from typing import Any

from workbench.convert.media_values import is_empty, is_picture_array
from workbench.convert.parts import Content, read_calls, read_content, text_of
from workbench.convert.roles import CALL, known_role
from workbench.convert.talk import Changes, Media, MediaKind, Refused, TalkTurn, Text
from workbench.data.row_notes import type_name

_ROLE_KEYS = (("role", "content"), ("from", "value"), ("role", "value"), ("speaker", "text"), ("role", "text"))
_REASONING = ("reasoning_content", "reasoning", "thinking")
_FLAGS = ("train", "training", "loss", "weight")
_MEDIA_KEYS: dict[str, MediaKind] = {
    **dict.fromkeys(("image", "images", "image_url"), "image"),
    **dict.fromkeys(("video", "videos"), "video"),
    **dict.fromkeys(("audio", "audios"), "audio"),
}
_ITEMS = ("function_call", "function_call_output", "reasoning")
_LEFT_OUT = ("name", "tool_call_id")
"""Keys of a message that its text does not need; the collator reads none of them."""


def turn_keys(message: Any) -> tuple[str, str] | None:
    """The keys of a message's role and content; None where it is no message of a known form."""
    if not isinstance(message, dict):
        return None
    for role, content in _ROLE_KEYS:
        if message.get(role) is not None and content in message:
            return role, content
    # A message that only calls tools, or shows a picture, may go without a content.
    return ("role", "content") if isinstance(message.get("role"), str) else None


def is_pair(message: Any) -> bool:
    """True for one question with its answer, as the cauldron has them."""
    return isinstance(message, dict) and "user" in message and "assistant" in message


def is_item(message: Any) -> bool:
    """True for an item of OpenAI's Responses that is no message."""
    return isinstance(message, dict) and message.get("role") is None and message.get("type") in _ITEMS


def looks_like_turns(value: Any) -> bool:
    """True for a list of messages, or a text that holds one as JSON."""
    value = parsed_list(value)
    if not isinstance(value, list) or not value:
        return False
    known = [turn_keys(message) is not None or is_pair(message) or is_item(message) for message in value]
    return all(known)


def parsed_list(value: Any) -> Any:
    """The list that a text holds as JSON; every other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def read_turns(value: Any, changes: Changes) -> list[TalkTurn]:
    """The turns of a list of messages. Raises Refused for what is no message."""
    listed = parsed_list(value)
    if isinstance(value, str) and isinstance(listed, list):
        changes.made["messages that were a JSON text are a list"] += 1
    if isinstance(listed, str):  # OpenAI's Responses take one text for a user's message
        return [TalkTurn("user", read_content(listed, changes).parts)]
    if not isinstance(listed, list):
        raise Refused("the messages are not a list", f"they are {type_name(listed)}")
    turns: list[TalkTurn] = []
    for message in listed:
        if message is None:
            continue
        if not isinstance(message, dict):
            raise Refused("a message is not an object", f"it is {type_name(message)}")
        if is_pair(message):
            roles = [role for role in ("system", "user", "assistant") if role != "system" or message.get(role)]
            turns += [TalkTurn(role, read_content(message[role], changes).parts) for role in roles]
            changes.made["a pair of user and assistant is two messages"] += 1
        elif is_item(message):
            _append(turns, _item(message, changes))
        else:
            for turn in _message(message, changes):
                _append(turns, turn)
    return turns


def _append(turns: list[TalkTurn], turn: TalkTurn) -> None:
    """Add a turn; thoughts before an answer and calls after it belong to one message of the assistant."""
    last = turns[-1] if turns else None
    if last is not None and last.role == turn.role == "assistant":
        only_thought = not last.parts and not last.calls
        only_calls = not turn.parts and not turn.reasoning and bool(turn.calls)
        if only_thought or only_calls:
            last.parts += turn.parts
            last.calls += turn.calls
            last.reasoning = "\n\n".join(filter(None, (last.reasoning, turn.reasoning)))
            last.train = turn.train if last.train is None else last.train
            return
    turns.append(turn)


def _item(item: dict[str, Any], changes: Changes) -> TalkTurn:
    """An item of OpenAI's Responses that is no message, as a turn."""
    kind = item["type"]
    if kind == "function_call":
        return TalkTurn("assistant", calls=read_calls(item))
    if kind == "reasoning":
        thought = text_of(item.get("content")) or text_of(item.get("summary"))
        return TalkTurn("assistant", reasoning=thought)
    changes.made["function_call_output is a message of the role tool"] += 1
    return TalkTurn("tool", read_content(item.get("output"), changes).parts)


def _message(message: dict[str, Any], changes: Changes) -> list[TalkTurn]:
    """The turn of one message, after the results of tools that it holds as blocks."""
    keys = turn_keys(message)
    if keys is None:
        raise Refused("a message without role and content", f"its keys are {', '.join(map(str, message))[:80]}")
    role = known_role(message[keys[0]], changes)
    if keys == ("from", "value"):
        changes.made["from and value are role and content"] += 1
    content = message.get(keys[1])
    if role == CALL:
        calls = read_calls(content)
        return [TalkTurn("assistant", calls=calls, train=_flag(message))]
    found = read_content(content, changes)
    if isinstance(content, str) and content.strip():
        changes.made["a content that was a text is a list of parts"] += 1
    if role != "tool":
        found.calls += read_calls(message.get("tool_calls")) + read_calls(message.get("function_call"))
    found.reasoning += "".join(text_of(message[key]) for key in _REASONING if message.get(key))
    if not found.parts and isinstance(message.get("refusal"), str):
        found.parts = [Text(message["refusal"])]
        changes.made["refusal is the text of its message"] += 1
    _media_keys(message, found, changes)
    for key in _LEFT_OUT:
        if isinstance(message.get(key), str):
            changes.lost[f"{key} of a message, which axolotl does not read"] += 1
    results = [TalkTurn("tool", parts) for parts in found.results]
    turn = TalkTurn(role, found.parts, found.calls, found.reasoning.strip(), _flag(message))
    return results if results and turn.empty else [*results, turn]


def _media_keys(message: dict[str, Any], found: Content, changes: Changes) -> None:
    """Media under keys of the message: into its own placeholders, else before its text."""
    for key, kind in _MEDIA_KEYS.items():
        value = message.get(key)
        if is_empty(value):
            continue
        if isinstance(value, dict) and not {"bytes", "path", "url"} & value.keys():
            raise Refused(f"{key} of a message that cannot be read", f"its keys are {', '.join(map(str, value))[:80]}")
        values = value if isinstance(value, list) and not is_picture_array(value) else [value]
        spots = [part for part in found.parts if isinstance(part, Media) and part.kind == kind and part.value is None]
        if not spots:
            found.parts[:0] = [Media(kind, item) for item in values]
        elif len(spots) != len(values):
            detail = f"{len(spots)} placeholders for {len(values)} in `{key}`"
            raise Refused(f"placeholders and `{key}` of a message do not agree", detail)
        else:
            for spot, item in zip(spots, values, strict=True):
                spot.value = item
        changes.made[f"{key} of a message is a part of it"] += len(values)


def _flag(message: dict[str, Any]) -> bool | None:
    """The row's word on training a message. Weights other than 0 and 1 are none that a mask could keep."""
    for key in _FLAGS:
        value = message.get(key)
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        if value is not None and key == "weight":
            raise Refused("a weight that is neither 0 nor 1", f"weight: {str(value)[:20]}")
    return None
