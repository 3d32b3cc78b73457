"""One dataset row as the messages that axolotl renders.

`normalize` gives exactly the list that axolotl's multimodal collator passes to `processor.apply_chat_template` (the
meaning of `ProcessingStrategy.__call__` in axolotl 0.16 to 0.21). Where axolotl raises, `normalize` raises RowError;
what axolotl drops, moves or ignores without a word is a finding on the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.data.parts import measure_parts, resolve_parts, review_parts
from workbench.data.pictures import column_picture, place_picture
from workbench.data.remedies import AS_TEXT, CONVERT, message_columns, without_messages
from workbench.data.row_notes import BAD_CONTENT, BAD_ROW, Notes, RowError, type_name
from workbench.data.unread import CALLS, THOUGHTS, note_columns, note_keys
from workbench.findings import Finding

__all__ = ["Conversation", "RowError", "messages_field", "normalize"]

_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant"}
_KEPT = "axolotl keeps role and content"


@dataclass(slots=True)
class Conversation:
    """A row after normalisation. `messages`: what the chat template gets; `origin[i]`: the index of messages[i] in the
    raw row's list; `raw`: the row as read; `line`: 1-based line in `source` where it has one; `tools`: what the
    template gets beside the messages, on the text path alone."""

    row: int
    messages: list[dict[str, Any]]
    origin: list[int]
    findings: list[Finding] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    line: int | None = None
    tools: list[Any] | None = None


def normalize(
    raw: dict[str, Any],
    *,
    row: int = 0,
    source: str = "",
    line: int | None = None,
    field_messages: str | Sequence[str] | None = None,
    image_size: int | tuple[int, int] | None = None,
    image_resize: str | None = None,
    base_dir: Path | None = None,
    started_in: Callable[[], Path | None] = lambda: None,
    load_media: bool = True,
    headers_only: bool = False,
) -> Conversation:
    """The conversation that axolotl makes of a row.

    `field_messages` names the message columns that the recipe configures, in order. `image_size` (pixels: a square
    padded with black, or (width, height)) and `image_resize` (bilinear, bicubic, lanczos) treat the picture of the
    `images`/`image` column as axolotl does. `base_dir` is the data file's folder, `started_in` gives the one that
    axolotl must be started in, where the recipe tells. With `load_media=False` no file is touched: pictures stay the
    references they are. With `headers_only` each picture is a PictureHeader, and NeedsDecoding is raised where one must
    be decoded. The raw row is never changed. Raises RowError where axolotl raises.
    """
    notes = Notes(row=row, source=source, line=line)
    if not isinstance(raw, dict):
        raise notes.error(
            BAD_ROW, "The row is not an object", f"it is {type_name(raw)}", "A row maps columns to values."
        )
    column, listed, legacy = _select_messages(raw, field_messages, notes)
    turns, value_key = _legacy_turns(column, listed, notes) if legacy else (listed, "content")
    messages, origin = _convert(column, turns, value_key, notes)
    note_keys(column, listed, {"from", "value"} if legacy else {"role", "content"}, _KEPT, notes)

    if (picture := column_picture(raw, notes)) is not None:
        if headers_only:
            value = picture.measure(image_size, base_dir, notes)
        else:
            value = picture.load(image_size, image_resize, base_dir, notes) if load_media else picture.value
        place_picture(messages, origin, value, column, picture.name, notes)
    note_columns(raw, {column, "images", "image"}, messages, notes)
    messages = [without_none(message) for message in messages]
    review_parts(messages, origin, column, notes)
    if load_media:
        (measure_parts if headers_only else resolve_parts)(messages, origin, column, base_dir, notes)
        notes.note_places(base_dir, started_in)
    return Conversation(row, messages, origin, notes.findings, raw, source, line)


def messages_field(raw: dict[str, Any], field_messages: str | Sequence[str] | None = None) -> str | None:
    """The column whose messages axolotl reads for this row; None where it finds none."""
    names = [field_messages] if isinstance(field_messages, str) else [name for name in field_messages or () if name]
    chosen = next((name for name in (*names, "messages") if raw.get(name) is not None), None)
    if chosen is not None and chosen not in {"messages", "conversations"}:
        return chosen
    if raw.get("messages") is not None:
        return "messages"
    return "conversations" if "conversations" in raw else None


def _select_messages(
    raw: dict[str, Any], field_messages: str | Sequence[str] | None, notes: Notes
) -> tuple[str, Any, bool]:
    """(column, its value, whether it is read as ShareGPT from/value)."""
    column = messages_field(raw, field_messages)
    if column is None:
        if "messages" in raw:
            raise notes.error(
                BAD_ROW,
                "The row has no messages",
                "`messages` is null and there is no `conversations`; axolotl raises ValueError",
                without_messages(raw) if message_columns(raw) else "Fill `messages` or remove the row.",
                field="messages",
            )
        names = ", ".join(map(repr, list(raw)[:8])) or "none"
        raise notes.error(
            BAD_ROW,
            "The row has no message column",
            f"its columns are {names}; axolotl raises ValueError",
            without_messages(raw),
        )
    value = raw[column]
    if value is None:
        cause = f"`{column}` is null; axolotl raises TypeError: object is not iterable"
        raise notes.error(BAD_ROW, "The messages are not a list", cause, without_messages(raw), field=column)
    wanted = [field_messages] if isinstance(field_messages, str) else list(field_messages or ())
    if column == "messages" and "conversations" in wanted and raw.get("conversations") is not None:
        earlier = wanted[: wanted.index("conversations")]
        if "messages" not in earlier:
            notes.add(
                BAD_ROW,
                "warning",
                "field_messages names `conversations`, but axolotl reads `messages` wherever a row has both",
                "Remove the `messages` column.",
                field="messages",
            )
    if column in {"messages", "conversations"}:
        return column, value, column == "conversations"
    first = value[0] if isinstance(value, list) and value else None
    return column, value, isinstance(first, dict) and "from" in first and "value" in first


def _legacy_turns(column: str, listed: Any, notes: Notes) -> tuple[list[dict[str, Any]], str]:
    """ShareGPT turns as role/content messages; human and gpt are renamed, other roles stay as they are."""
    _require_iterable(column, listed, notes)
    turns = []
    for index, turn in enumerate(listed):
        _require_message(column, index, turn, notes)
        for key in ("from", "value"):
            if key not in turn:
                hint = "Each ShareGPT turn needs `from` and `value`."
                if "role" in turn and "content" in turn:
                    hint = f"Role/content messages belong in `messages`: rename the column; {CONVERT} does."
                notes.at_message(column, index, key)
                problem = BAD_CONTENT if key == "value" else BAD_ROW
                raise notes.error(problem, f"A turn without `{key}`", f"axolotl raises KeyError: '{key}'", hint)
        role = turn["from"]
        if isinstance(role, (list, dict)):
            notes.at_message(column, index, "from")
            raise notes.error(
                BAD_ROW, "The role is not a text", f"axolotl raises TypeError: unhashable {type_name(role)}"
            )
        turns.append({"role": _SHAREGPT_ROLES.get(role, role), "content": turn["value"]})
    return turns, "value"


def _convert(column: str, turns: Any, key: str, notes: Notes) -> tuple[list[dict[str, Any]], list[int]]:
    """Messages with a list of parts each, and where each came from; messages without text or parts fall away."""
    _require_iterable(column, turns, notes)
    messages: list[dict[str, Any]] = []
    origin: list[int] = []
    for index, message in enumerate(turns):
        _require_message(column, index, message, notes)
        if "content" not in message:
            notes.at_message(column, index, "content")
            hint = _without_content(message)
            raise notes.error(BAD_CONTENT, "A message without content", "axolotl raises KeyError: 'content'", hint)
        content = message["content"]
        notes.at_message(column, index, key)
        if not isinstance(content, (str, list)):
            what = "null" if content is None else f"{type_name(content)}, neither a text nor a list of parts"
            consequence = "axolotl drops the message without a warning"
            # A call is lost with its message: that is one error, told where the call stands.
            if not any(message.get(name) for name in CALLS):
                hint = "Give the message a text, or remove it, so that what is trained is what is written."
                notes.add(BAD_CONTENT, "warning", f"content is {what}: {consequence}", hint)
            continue
        if "role" not in message:
            notes.at_message(column, index, "role")
            raise notes.error(BAD_ROW, "A message without a role", "axolotl raises KeyError: 'role'")
        role = message["role"]
        note_blank(role, content, message, notes)
        if not isinstance(role, str):
            what = "null, so the template gets a message without one" if role is None else type_name(role)
            notes.at_message(column, index, "role")
            notes.add(BAD_ROW, "error", f"the role is {what}", "Use system, user, assistant or tool.")
        parts = (
            [{"type": "text", "text": content}] if isinstance(content, str) else [_shallow(part) for part in content]
        )
        messages.append({"role": role, "content": parts})
        origin.append(index)
    notes.at_message(column, None, None)
    if not messages:
        notes.add(
            BAD_CONTENT, "error", f"no message of {len(turns)} is left to render", "Remove the row.", field=column
        )
    return messages, origin


def note_blank(role: Any, content: str | list[Any], message: Mapping[str, Any], notes: Notes) -> None:
    """D002 for a message that says nothing: no text, no picture, no call, no thought. Its end alone is trained."""
    if any(message.get(name) for name in (*CALLS, *THOUGHTS)):
        return
    texts = [content] if isinstance(content, str) else [_text_of(part) for part in content]
    if any(text is None or text.strip() for text in texts):
        return
    what = "holds white space alone" if any(texts) else "is empty"
    notes.add(BAD_CONTENT, "warning", f"the {role} message {what}", "Remove the turn, or write its text.")


def _text_of(part: Any) -> str | None:
    """The text of a part that is nothing else; None for every other part, which is not judged here."""
    if not isinstance(part, dict) or part.get("type", "text") != "text":
        return None
    text = part.get("text")
    return text if isinstance(text, str) else None


def _without_content(message: dict[str, Any]) -> str:
    """The remedy for a message without a content, by what it has instead."""
    if "from" in message and "value" in message:
        return "ShareGPT turns belong in `conversations`, or in a column that `field_messages` names."
    call = next((name for name in CALLS if message.get(name)), None)
    if call is not None:
        return f"`{call}` never reaches the template. {AS_TEXT}"
    text = next(
        (name for name in ("value", "text", "message", "parts") if isinstance(message.get(name), (str, list))), None
    )
    if text is not None:
        return f"Rename `{text}` to `content`; {CONVERT} does."
    return "Write what the message says under `content`, or remove the message."


def _require_iterable(column: str, value: Any, notes: Notes) -> None:
    if not isinstance(value, (list, tuple)) and value not in ("", {}):  # these two iterate, over nothing
        cause = (
            "object is not iterable" if value is None or isinstance(value, (int, float)) else "indices must be integers"
        )
        raise notes.error(
            BAD_ROW,
            "The messages are not a list",
            f"`{column}` is {type_name(value)}; axolotl raises TypeError: {cause}",
            f"A message column holds a list of messages; {CONVERT} parses text that holds JSON.",
            field=column,
        )


def _require_message(column: str, index: int, message: Any, notes: Notes) -> None:
    if not isinstance(message, dict):
        notes.at_message(column, index, None)
        cause = f"messages[{index}] is {type_name(message)}; axolotl raises TypeError"
        raise notes.error(BAD_ROW, "A message is not an object", cause, "A message has a role and a content.")


def _shallow(part: Any) -> Any:
    return dict(part) if isinstance(part, dict) else part


def without_none(value: Any) -> Any:
    """A copy without the keys whose value is None, at any depth; a None inside a list stays."""
    if hasattr(value, "items"):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value]
    return value
