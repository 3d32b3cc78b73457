"""One row as its file says it, before anything large is imported: what can be read while the model is still loading.

Only the plain case is read here: a local file of JSON lines with conversations. Whatever is not that gives None and is
left to the bench, so that an error is always the bench's own.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 8 << 20
"""Read of a file at most, until the row is reached."""
_MEDIA = ("image", "audio", "video")
_SUFFIXES = (".jsonl", ".json")
_OTHERWISE = ("shards", "message_property_mappings", "message_field_role", "message_field_content")
"""Keys of a dataset's entry that make other rows or messages of a file than it plainly has."""


@dataclass(frozen=True, slots=True)
class RawPiece:
    """A stretch of a message: its text, or the kind of its media."""

    text: str
    media: str = ""


@dataclass(frozen=True, slots=True)
class RawTurn:
    """A message as it is written: its place in the row's list, its role, and its pieces."""

    message: int
    role: str
    pieces: tuple[RawPiece, ...]


@dataclass(frozen=True, slots=True)
class FirstRow:
    """A row before it is rendered: its number, messages, the object that the line holds, and where it stands."""

    index: int
    turns: tuple[RawTurn, ...]
    data: dict[str, Any]
    file: Path
    line: int


def first_row(
    recipe: Mapping[str, Any], folder: Path, *, data: str | None = None, dataset: int = 0, index: int = 0
) -> FirstRow | None:
    """Row `index` of a recipe's dataset, or of the file `data`; None for all but plain conversations in JSON lines.

    `recipe` holds the recipe's keys, `folder` is the one that it lies in. Never raises for what a file holds.
    """
    entry = _entry(recipe, dataset) if data is None else {"path": data}
    if entry is None:
        return None
    try:
        file = next((path for path in (Path(entry["path"]), folder / entry["path"]) if path.exists()), None)
        if file is None or file.suffix not in _SUFFIXES or not stat.S_ISREG(file.stat().st_mode):
            return None
        found = _line(file, index)
        row = json.loads(found[0]) if found is not None else None
    except (OSError, ValueError, RecursionError):
        return None
    if found is None or not isinstance(row, dict):
        return None
    turns = _turns(row, entry.get("field_messages"))
    return FirstRow(index, turns, row, file, found[1]) if turns else None


def _entry(recipe: Mapping[str, Any], dataset: int) -> Mapping[str, Any] | None:
    """The entry of `datasets`, where it means a whole file of chats."""
    entries = recipe.get("datasets")
    entry = entries[dataset] if isinstance(entries, list) and 0 <= dataset < len(entries) else None
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str) or recipe.get("rl"):
        return None
    usual = {"type": ("chat_template",), "ds_type": ("json",), "split": ("train",)}
    if any(entry.get(key) is not None and entry[key] not in values for key, values in usual.items()):
        return None
    return entry if not any(entry.get(key) for key in (*_OTHERWISE, "data_files")) else None


def _line(file: Path, index: int) -> tuple[bytes, int] | None:
    """The text of a row and its line, counted from 1; None where it is not reached, or the file is one list."""
    left, row = MOST_BYTES, 0
    with file.open("rb") as stream:
        for number in range(1, MOST_BYTES):
            text = stream.readline(left)
            left -= len(text)
            if not text or left <= 0:
                return None
            text = text.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else text.strip()
            if not text:
                continue
            if not text.startswith(b"{"):
                return None
            if row == index:
                return text, number
            row += 1
    return None


def _turns(row: Mapping[str, Any], field: Any) -> tuple[RawTurn, ...]:
    """The messages of a row; none where one of them is no plain message."""
    names = [field] if isinstance(field, str) else []
    listed = next((row[name] for name in (*names, "messages", "conversations") if row.get(name) is not None), None)
    if not isinstance(listed, list):
        return ()
    turns: list[RawTurn] = []
    for number, message in enumerate(listed):
        if not isinstance(message, dict):
            return ()
        role, content = message.get("role", message.get("from")), message.get("content", message.get("value"))
        pieces = _pieces(content)
        if not isinstance(role, str) or pieces is None:
            return ()
        turns.append(RawTurn(number, role, pieces))
    return tuple(turns)


def _pieces(content: Any) -> tuple[RawPiece, ...] | None:
    if isinstance(content, str):
        return (RawPiece(content),)
    if not isinstance(content, list):
        return None
    pieces: list[RawPiece] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        media = next((name for name in _MEDIA if isinstance(kind, str) and kind.startswith(name)), "")
        text = part.get("text") if isinstance(part, dict) else None
        if media:
            pieces.append(RawPiece("", media))
        elif isinstance(text, str):
            pieces.append(RawPiece(text))
        else:
            return None
    return tuple(pieces)
