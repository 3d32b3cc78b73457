"""Columns, and keys of messages, that nothing reads: how bad that is goes by what is lost with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from workbench.data.forms import Modality, modality, part_modality, references
from workbench.data.remedies import AS_INSTRUCTIONS, AS_PARTS, AS_SYSTEM, AS_TEXT, WITH_TOOL_TEXT
from workbench.data.row_notes import BAD_PICTURES, LOST_TEXT, Notes
from workbench.findings import Severity
from workbench.recipe.knobs import NO_EFFECT

_SYSTEM = ("system", "system_prompt", "system_message")
CALLS = ("tool_calls", "function_call")
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_LABELS = ("tool_call_id", "name", "id")
_SPEECH = re.compile(r"\S+(\s+\S+){3,}")
"""A text of four words or more: something that is said, and no label of the row."""
_THINK = f"Write it into the content as the template would (<think>…</think> for most); {WITH_TOOL_TEXT} does."
_TAGS = re.compile(r"<(image|video|audio)>")


def note_columns(raw: dict[str, Any], read: Collection[str], messages: Sequence[dict[str, Any]], notes: Notes) -> None:
    """Findings for the columns of a row that axolotl's collator does not read."""
    shown = {name for message in messages for name in references(message.get("content"))}
    wanted = set(_wanted(messages))
    if "image" in wanted and not any(map(_has_picture, messages)):
        # Data sets of videos write <image> where the video stands.
        wanted |= {"video"}
    for name, value in raw.items():
        if name in read or _is_nothing(value):
            continue
        kind = modality(value)
        if name in _SYSTEM and isinstance(value, str):
            if not any(value.strip() in text for text in _texts(messages, "system")):
                text = (
                    f"the system prompt in the column `{name}` never reaches the template: axolotl reads messages alone"
                )
                notes.add(LOST_TEXT, "error", text, AS_SYSTEM, field=name)
        elif name == "tools":
            text = "the column `tools` never reaches the template: on this path it gets no tools"
            notes.add(LOST_TEXT, "warning", text, AS_INSTRUCTIONS, field=name)
        elif name == "chat_template_kwargs":
            text = f"the column `{name}` is ignored: the template gets none of them"
            notes.add(NO_EFFECT, "note", text, "Write what the model must see into the messages.", field=name)
        elif kind is not None and not _named(value, shown):
            _note_media(name, kind, kind in wanted, notes)


def _note_media(name: str, kind: Modality, lost: bool, notes: Notes) -> None:
    what = {"image": "pictures", "video": "videos", "audio": "sound"}[kind]
    hint = AS_PARTS.replace("image", kind)
    if lost:
        text = f"the {what} of the column `{name}` are lost: a message asks for them, and axolotl reads `images` alone"
        notes.add(BAD_PICTURES, "error", text, hint, field=name)
    else:
        text = f"the column `{name}` holds {what} that nothing reads: axolotl reads `images` and `image` alone"
        notes.add(BAD_PICTURES, "warning", text, hint, field=name)


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and value in ("", "[]", "{}", [], {}))


def _wanted(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The kinds of media that the messages ask for and do not have: a tag in a text, a part that names nothing."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            if isinstance(part.get("text"), str):
                yield from _TAGS.findall(part["text"])
            kind = part_modality(part)
            if kind is not None and not any(modality(value) for key, value in part.items() if key != "type"):
                yield kind


def _has_picture(message: dict[str, Any]) -> bool:
    content = message.get("content")
    listed = content if isinstance(content, list) else []
    return any(part_modality(part) == "image" for part in listed)


def _texts(messages: Sequence[dict[str, Any]], role: str) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if message.get("role") == role:
            for part in content if isinstance(content, list) else ():
                if isinstance(part, dict) and isinstance(part.get("text"), str):
                    yield part["text"]


def _named(value: Any, shown: Collection[str]) -> bool:
    """True where the messages have the media that a column names: it says once more where they come from."""
    names = set(references(value))
    return bool(names) and names <= set(shown)


def note_keys(
    column: str, listed: Sequence[dict[str, Any]], kept: Collection[str | None], path: str, notes: Notes
) -> None:
    """One finding for each key of the messages that never reaches the template. `path`: the words for who leaves it."""
    where: dict[str, list[int]] = {}
    for index, message in enumerate(listed):
        for key, value in message.items():
            if key not in kept and not _is_nothing(value):
                where.setdefault(key, []).append(index)
    last = max((index for index, message in enumerate(listed) if _answers(message)), default=-1)
    for key, indexes in where.items():
        notes.at_message(column, indexes[0], key)
        shown = ", ".join(map(str, indexes[:6])) + (f" and {len(indexes) - 6} more" if len(indexes) > 6 else "")
        places = f"message{'s' if len(indexes) > 1 else ''} {shown}"
        gone = key in CALLS and any(listed[index].get("content", "") is None for index in indexes)
        why = f"{path}, and drops a message whose content is null" if gone else path
        _note_key(key, listed[indexes[0]][key], places, last in indexes, why, notes)
    notes.at_message(column, None, None)


def _answers(message: dict[str, Any]) -> bool:
    return message.get("role", message.get("from")) in ("assistant", "gpt")


def _note_key(key: str, value: Any, places: str, last: bool, path: str, notes: Notes) -> None:
    kind = modality(value)
    lost = f"`{key}` of {places} never reaches the template: {path}"
    if key in CALLS:
        notes.add(LOST_TEXT, "error", lost, AS_TEXT)
    elif key in THOUGHTS:
        severity: Severity = "error" if last else "warning"
        notes.add(LOST_TEXT, severity, lost, _THINK)
    elif kind is not None:
        hint = AS_PARTS.replace("image", kind)
        notes.add(BAD_PICTURES, "error", f"`{key}` of {places} never reaches the model: {path}", hint)
    elif key in _SYSTEM and isinstance(value, str):
        notes.add(LOST_TEXT, "error", lost, AS_SYSTEM)
    elif key not in _LABELS and isinstance(value, str) and _SPEECH.search(value):
        notes.add(LOST_TEXT, "warning", lost, "Write it into the content if the model is to see it, or remove it.")
    else:
        text = f"`{key}` of {places} has no effect: {path}"
        notes.add(NO_EFFECT, "note", text, "Remove it, or leave it: nothing reads it.")
