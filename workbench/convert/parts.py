"""The content of a message, whatever format wrote it, as text, media, reasoning, calls of tools and their results.

Known are plain texts and the parts of OpenAI's chat and Responses, Anthropic, Qwen and transformers, told apart by
their keys.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

from workbench.convert.placeholders import split
from workbench.convert.talk import Call, Changes, Media, MediaKind, Part, Refused
from workbench.data.row_notes import type_name

_TEXTS = ("text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text")
_MEDIA: dict[str, MediaKind] = {
    **dict.fromkeys(("image", "input_image", "image_url", "image_path", "image_base64"), "image"),
    **dict.fromkeys(("video", "input_video", "video_url", "video_path"), "video"),
    **dict.fromkeys(("audio", "input_audio", "audio_url", "audio_path"), "audio"),
}
_VALUES = ("url", "path", "base64", "data", "file_path", "local_path", "bytes")
_THOUGHTS = ("thinking", "reasoning", "reasoning_content")
_UNREAD_SIZES = (
    "min_pixels", "max_pixels", "total_pixels", "resized_height", "resized_width",
    "fps", "nframes", "min_frames", "max_frames", "video_start", "video_end",
)  # fmt: skip


@dataclass(slots=True)
class Content:
    """The pieces of a message's content. `results`: what tools answered, each the parts of a turn of its own."""

    parts: list[Part] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[list[Part]] = field(default_factory=list)
    reasoning: str = ""


def read_content(content: Any, changes: Changes) -> Content:
    """The content of a message; empty for null. Raises Refused for parts that no format gives a meaning."""
    found = Content()
    if isinstance(content, str):
        found.parts = split(content, changes)
    elif isinstance(content, dict):
        _read_part(content, found, changes)
        changes.made["a content that is one part is a list now"] += 1
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                changes.made["a bare text in a list is a text part"] += 1
                found.parts += split(part, changes)
            elif isinstance(part, dict):
                _read_part(part, found, changes)
            elif part is not None:
                raise Refused("a part that is neither an object nor a text", f"it is {type_name(part)}")
    elif content is not None:
        raise Refused("a content that is neither a text nor a list of parts", f"it is {type_name(content)}")
    return found


def _read_part(part: dict[str, Any], found: Content, changes: Changes) -> None:
    """Add one part to what was found. Keys that are null do not count: `datasets` adds them."""
    given = {key: value for key, value in part.items() if value is not None}
    kind = given.get("type")
    _note_unread(given, changes)
    if kind is None:
        kind = next((key for key in (*_MEDIA, "text") if key in given), None)
        if kind is None:
            raise Refused("a part that says neither text nor media", f"its keys are {', '.join(map(str, part))[:80]}")
        changes.made["a part without a type has one now"] += 1
    if not isinstance(kind, str):
        raise Refused("the type of a part is not a text", f"it is {type_name(kind)}")
    if kind in _TEXTS:
        text = next((given[key] for key in (kind, "text", "content", "value") if key in given), "")
        if not isinstance(text, str):
            raise Refused("a text part whose text is none", f"it is {type_name(text)}")
        if kind != "text":
            changes.made[f"a part of type {kind} is a text part"] += 1
        found.parts += split(text, changes)
    elif kind in _MEDIA:
        found.parts.append(_media(_MEDIA[kind], kind, given, changes))
    elif kind in _THOUGHTS:
        found.reasoning += text_of(given.get(kind, given.get("text", given.get("summary"))))
    elif kind == "tool_use":
        found.calls.append(Call(str(given.get("name", "")), given.get("input", {})))
    elif kind == "tool_result":
        result = read_content(given.get("content"), changes)
        if result.calls or result.results or result.reasoning:
            raise Refused("the result of a tool holds more than text and media")
        found.results.append(result.parts)
    else:
        raise Refused("a part of a type that cannot be rendered", f"type: {kind[:40]}")


def _media(kind: MediaKind, type_: str, given: dict[str, Any], changes: Changes) -> Media:
    value: Any = None
    source = given.get("source")
    if isinstance(source, dict):
        value = _of_source(source)
        changes.made["a source block is a part with its file"] += 1
    else:
        value = next((given[key] for key in (type_, kind, f"{kind}_url", *_VALUES) if key in given), source)
    if isinstance(value, dict) and not {"bytes", "path"} & value.keys():
        value = next((value[key] for key in _VALUES if value.get(key) is not None), value)
    if value is None and "file_id" in given:
        raise Refused("a file of an API, which only its owner can fetch", f"file_id {str(given['file_id'])[:40]}")
    if type_ != kind:
        changes.made[f"a part of type {type_} is type {kind}"] += 1
    return Media(kind, value)


def _of_source(source: dict[str, Any]) -> Any:
    if source.get("type") == "file" or "file_id" in source:
        raise Refused("a file of an API, which only its owner can fetch", str(source.get("file_id", ""))[:40])
    return next((source[key] for key in ("url", "data", "path") if source.get(key) is not None), None)


def _note_unread(given: dict[str, Any], changes: Changes) -> None:
    for key in _UNREAD_SIZES:
        if key in given:
            changes.lost[f"{key} of a part, which axolotl does not read: processor_kwargs in the recipe is"] += 1
    for key in ("train", "training", "weight"):
        if given.get(key) in (False, 0) and key in given:
            changes.lost[f"{key} of a part, which the messages do not keep"] += 1


def text_of(value: Any) -> str:
    """The text of reasoning: as it is, or the texts of a list of blocks."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(text_of, value)))
    if isinstance(value, dict):
        return text_of(next((value[key] for key in ("text", "thinking", "content", "summary") if value.get(key)), ""))
    return ""


def read_calls(value: Any) -> list[Call]:
    """Calls of tools as OpenAI, Hermes, LLaMA-Factory and ms-swift write them; texts may hold them as JSON."""
    if value is None:
        return []
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
        return read_calls(parsed) if isinstance(parsed, (dict, list)) else [Call("", value)]
    if isinstance(value, list):
        return [call for item in value for call in read_calls(item)]
    if not isinstance(value, dict):
        raise Refused("a call of a tool that cannot be read", f"it is {type_name(value)}")
    function = value.get("function") if isinstance(value.get("function"), dict) else value
    assert isinstance(function, dict)
    arguments: Any = next(
        (function[key] for key in ("arguments", "parameters", "input", "args") if key in function), {}
    )
    if isinstance(arguments, str):
        # What is no JSON is written as the text that it is.
        with contextlib.suppress(ValueError):
            arguments = json.loads(arguments)
    return [Call(str(function.get("name") or ""), arguments)]
