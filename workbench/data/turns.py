"""One dataset row as the turns that axolotl's chat template strategy renders, on the text path.

`turns_of` gives the list that `ChatTemplateStrategy.get_conversation_thread` makes (axolotl 0.19 to 0.21), training
flags of messages and parts included. Where axolotl raises, it raises RowError. A row is read by itself: a key that only
other rows of the file have is not there, while in axolotl its column is, and empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.data.conversation import Conversation, note_blank, without_none
from workbench.data.forms import part_modality
from workbench.data.remedies import without_messages
from workbench.data.row_notes import BAD_CONTENT, BAD_PICTURES, BAD_ROW, LOST_TEXT, Notes, type_name
from workbench.data.unread import note_keys

__all__ = ["TRAINING", "TRAINING_DETAIL", "TRAINING_REASONING", "TurnKeys", "turns_of"]

TRAINING, TRAINING_DETAIL, TRAINING_REASONING = "training", "training_detail", "reasoning_training_detail"
"""Keys of a turn that hold its training flags, under axolotl's names; the template gets them too."""
_ROLES = {
    "human": "user",
    "user": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "system": "system",
    "tool": "tool",
}
_THINKING = (
    ("<think>", "</think>"),
    ("<reasoning>", "</reasoning>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
_SOLUTION = ("<|begin_of_solution|>", "<|end_of_solution|>")
_SYSTEM_COLUMN, _TOOLS_COLUMN = "system", "tools"
_MEDIA_COLUMNS = ("images", "image", "videos", "video", "audios", "audio")


@dataclass(frozen=True)
class TurnKeys:
    """The keys of a dataset's entry that say how a row becomes turns; see `keys_of` for axolotl's defaults.

    `mappings`: property of a turn -> key of a message. `roles`: role as written -> role of the turn. `read`: properties
    of a message that the template reads, which are taken along under their own names. `skip_system`: a system turn at
    the beginning is not looked for, as axolotl has it where the tokenizer's path names mistral.
    """

    messages: str = "messages"
    mappings: Mapping[str, str] = field(default_factory=lambda: {"role": "role", "content": "content"})
    roles: Mapping[str, str] = field(default_factory=lambda: _ROLES)
    read: frozenset[str] = frozenset()
    training: str | None = None
    detail: str | None = None
    thinking: str = "reasoning_content"
    drop_system: bool = False
    split_thinking: bool = False
    skip_system: bool = False

    def role(self, name: str) -> str:
        """A role under the name that the recipe gives it."""
        return self.roles.get(name, name)


def keys_of(entry: Any, read: frozenset[str], tokenizer: str = "") -> TurnKeys:
    """The keys of a `DatasetSpec` (None: all defaults).

    `read` are the properties that the template reads, `tokenizer` the path or id that the tokenizer is loaded from.
    """
    skip_system = "mistral" in tokenizer.lower()
    if entry is None:
        return TurnKeys(read=read, skip_system=skip_system)
    mappings = dict(entry.message_property_mappings or {})
    mappings.setdefault("role", entry.message_field_role or "role")
    mappings.setdefault("content", entry.message_field_content or "content")
    roles = {source: target for target, sources in (entry.roles or {}).items() for source in sources}
    return TurnKeys(
        messages=entry.field_messages or "messages",
        mappings=mappings,
        roles=roles or _ROLES,
        read=read,
        training=entry.message_field_training,
        detail=entry.message_field_training_detail,
        thinking=entry.template_thinking_key or "reasoning_content",
        drop_system=bool(entry.drop_system_message),
        split_thinking=bool(entry.split_thinking),
        skip_system=skip_system,
    )


def turns_of(raw: Any, keys: TurnKeys, *, row: int = 0, source: str = "", line: int | None = None) -> Conversation:
    """The turns of a row, as a conversation whose `messages` they are; `tools` is what the template gets beside them.

    Raises:
        RowError: axolotl raises at this row.
    """
    notes = Notes(row=row, source=source, line=line)
    if not isinstance(raw, dict):
        raise notes.error(BAD_ROW, "The row is not an object", f"it is {type_name(raw)}")
    given = without_none(raw)
    messages = _messages(given, keys, notes)
    turns: list[dict[str, Any]] = []
    origin: list[int] = []
    for index, message in enumerate(messages):
        notes.at_message(keys.messages, index, None)
        if not isinstance(message, dict):
            cause = f"messages[{index}] is {type_name(message)}; axolotl raises AttributeError"
            raise notes.error(BAD_ROW, "A message is not an object", cause)
        turn = _turn(message, keys, notes)
        if index == 0:
            if "role" not in turn:
                raise notes.error(
                    BAD_ROW,
                    "The first message has no role",
                    f"axolotl reads `{keys.mappings['role']}` and raises KeyError: 'role'",
                    "Name the rows' own key in message_property_mappings.",
                )
            if turn["role"] != "system" and _SYSTEM_COLUMN in raw:
                # A column that is empty in this row is a turn too, with nothing in it.
                turns.append({"role": "system", "content": given.get(_SYSTEM_COLUMN)})
                origin.append(-1)
        if keys.training is not None and message.get(keys.training) is not None:
            turn[TRAINING] = message[keys.training]
        if keys.detail is not None and message.get(keys.detail) is not None:
            turn[TRAINING_DETAIL] = message[keys.detail]
        if isinstance(turn.get("content"), (str, list)):
            note_blank(turn.get("role"), turn["content"], message | turn, notes)
        _join_parts(turn, keys, notes)
        turns.append(turn)
        origin.append(index)
    notes.at_message(keys.messages, None, None)
    if keys.drop_system and turns[0].get("role") == "system":
        turns, origin = turns[1:], origin[1:]
    if not turns:
        raise notes.error(BAD_ROW, "No turn is left to render", "axolotl raises IndexError", "Remove the row.")
    tools = _tools(given, notes)
    kept = {
        *keys.mappings.values(),
        *keys.read,
        keys.training,
        keys.detail,
        keys.thinking if keys.split_thinking else "",
    }
    note_keys(keys.messages, messages, kept, "the template does not read it", notes)
    _note_media(raw, notes)
    return Conversation(row, turns, origin, notes.findings, raw, source, line, tools)


def _messages(given: dict[str, Any], keys: TurnKeys, notes: Notes) -> list[Any]:
    found = given.get(keys.messages)
    if found is None:
        names = ", ".join(map(repr, list(given)[:8])) or "none"
        raise notes.error(
            BAD_ROW,
            f"The row has no `{keys.messages}`",
            f"its columns are {names}; axolotl raises ValueError",
            without_messages(given),
        )
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except json.JSONDecodeError as problem:
            raise notes.error(
                BAD_ROW, "The messages are a text that is no JSON", f"axolotl raises {problem}", field=keys.messages
            ) from problem
    if not isinstance(found, list):
        cause = f"`{keys.messages}` is {type_name(found)}; axolotl raises ValueError"
        raise notes.error(BAD_ROW, "The messages are not a list", cause, field=keys.messages)
    if not found:
        raise notes.error(BAD_ROW, "The row has no message", "axolotl raises IndexError", "Remove the row.")
    return found


def _turn(message: dict[str, Any], keys: TurnKeys, notes: Notes) -> dict[str, Any]:
    """A message as the template gets it: mapped properties, and those that the template reads by name."""
    turn = {name: message[key] for name, key in keys.mappings.items() if message.get(key) is not None}
    role = turn.get("role")
    if role is not None:
        try:
            turn["role"] = keys.role(role)
        except TypeError as problem:
            raise notes.error(BAD_ROW, "The role is not a text", f"axolotl raises TypeError: {problem}") from problem
    if keys.split_thinking:
        _split_thinking(turn, keys, notes)
    mapped = set(keys.mappings.values())
    for name in keys.read:
        if name not in mapped and message.get(name) is not None:
            turn[name] = message[name]
    for call in turn.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            function["arguments"] = _parsed(function["arguments"], "A tool call's arguments are no JSON", notes)
    return turn


def _split_thinking(turn: dict[str, Any], keys: TurnKeys, notes: Notes) -> None:
    """Take the first block of thinking out of an assistant's content, under the template's own key."""
    if "role" not in turn:
        raise notes.error(BAD_ROW, "A message without a role", "with split_thinking axolotl raises KeyError: 'role'")
    if turn["role"] != "assistant":
        return
    content = turn.get("content")
    if content is None:
        cause = "with split_thinking axolotl raises KeyError: 'content'"
        raise notes.error(BAD_CONTENT, "An assistant message without content", cause)
    for opens, closes in _THINKING:
        if opens not in content or closes not in content:
            continue
        if not isinstance(content, str):
            raise notes.error(BAD_CONTENT, "The content is not a text", "with split_thinking axolotl raises")
        begin, end = content.find(opens), content.find(closes)
        turn[keys.thinking] = content[begin + len(opens) : end].strip()
        rest = content[end + len(closes) :].lstrip()
        if _SOLUTION[0] in rest and _SOLUTION[1] in rest:
            rest = rest[rest.find(_SOLUTION[0]) + len(_SOLUTION[0]) : rest.find(_SOLUTION[1])].strip()
        turn["content"] = rest
        return


def _join_parts(turn: dict[str, Any], keys: TurnKeys, notes: Notes) -> None:
    """Lists of parts become one text, with details where a part has a flag."""
    for name, detail in (("content", TRAINING_DETAIL), (keys.thinking, TRAINING_REASONING)):
        content = turn.get(name)
        if not isinstance(content, list):
            continue
        texts, details, asked, at, media = [], [], False, 0, 0
        others: dict[str, int] = {}
        for part in content:
            if not isinstance(part, dict):
                continue
            text = part.get("text") or part.get("content") or part.get("value") or ""
            if not isinstance(text, str):
                cause = f"a part's text is {type_name(text)}; axolotl raises TypeError"
                raise notes.error(BAD_CONTENT, "A part is not a text", cause)
            if not text and part_modality(part) is not None:
                media += 1
            elif not text and part.get("type") not in (None, "text"):
                others[str(part["type"])] = others.get(str(part["type"]), 0) + 1
            train, weight = part.get("train"), part.get("weight")
            asked |= train is not None or weight is not None
            wanted = train if train is not None else weight is None or weight not in (0, 0.0)
            texts.append(text)
            if text:
                details.append({"begin_offset": at, "end_offset": at + len(text) - 1, "train": wanted})
                at += len(text)
        turn[name] = "".join(texts)
        if asked:
            turn[detail] = details
        if media:
            what = f"{media} part{'s' if media > 1 else ''} that {'are' if media > 1 else 'is'} no text"
            hint = "Name processor_type: AutoProcessor where the model should see them."
            notes.add(BAD_PICTURES, "warning", f"{what} never reach{'' if media > 1 else 'es'} the model", hint)
        for kind, count in others.items():
            what = f"{count} part{'s' if count > 1 else ''} of type {kind!r}"
            hint = "Write what they say into the text, as the model's template writes it."
            notes.add(LOST_TEXT, "warning", f"{what} never reach{'' if count > 1 else 'es'} the model", hint)


def _tools(given: dict[str, Any], notes: Notes) -> list[Any] | None:
    """The row's `tools` column. axolotl does not pass `field_tools` on, so no other column is read."""
    tools = given.get(_TOOLS_COLUMN)
    if tools is None:
        return None
    if isinstance(tools, str):
        tools = _parsed(tools, "The tools are a text that is no JSON", notes)
    if not isinstance(tools, list):
        cause = f"`tools` is {type_name(tools)}; axolotl raises ValueError"
        raise notes.error(BAD_ROW, "The tools are not a list", cause, field=_TOOLS_COLUMN)
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("parameters"), str):
            function["parameters"] = _parsed(function["parameters"], "A tool's parameters are no JSON", notes)
    return tools


def _parsed(text: str, title: str, notes: Notes) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise notes.error(BAD_ROW, title, f"{text[:60]!r}: axolotl raises {problem}") from problem


def _note_media(raw: dict[str, Any], notes: Notes) -> None:
    for name in _MEDIA_COLUMNS:
        if raw.get(name) not in (None, "", [], {}):
            text = f"the column `{name}` is ignored: the text path gives the model no pictures or sound"
            hint = "Name processor_type: AutoProcessor where the model should see them."
            notes.add(BAD_PICTURES, "warning", text, hint, field=name)
            return
