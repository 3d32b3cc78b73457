"""A row's content as numbers: equal rows have the same, and so have equal pictures, whatever their files are called.

A picture's number is that of its file's bytes, not of its pixels: nothing is decoded. Of a large file its size and
three stretches of it stand for all; `whole` reads it to its end, for the few that are named.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from workbench.data.forms import modality, part_modality
from workbench.data.media import StoredPicture, locate

_NAMES = frozenset({"id", "idx", "index", "uid", "uuid", "row_id", "question_id", "sample_id", "__index_level_0__"})
"""Columns that number or name a row: rows that differ in these alone say the same."""
_COLUMNS = ("images", "image")
_MESSAGE = frozenset({"role", "from", "content", "messages", "conversations"})
"""Keys of what holds parts, and is none itself."""
_WHOLE = 64 * 1024
"""Bytes up to which a picture is read whole."""
_STRETCH = 16 * 1024
_DEEP = 6


def row_number(data: dict[str, Any] | None, pictures: list[int]) -> int:
    """The number of a row that holds pictures of these numbers; 0 of one that cannot be read."""
    if data is None:
        return 0
    said = {key: value for key, value in data.items() if str(key).lower() not in _NAMES} or data
    return _number(repr(_filled(said)).encode("utf-8", "surrogatepass"), repr(pictures).encode())


def _filled(value: Any, depth: int = 0) -> Any:
    """A value without keys that hold nothing, which a row has where another row of its file holds something."""
    if depth < _DEEP and isinstance(value, dict):
        return [(key, _filled(value[key], depth + 1)) for key in sorted(value, key=str) if value[key] is not None]
    if depth < _DEEP and isinstance(value, list):
        return [_filled(one, depth + 1) for one in value]
    return value


def picture_numbers(data: dict[str, Any] | None, base_dir: Path | None, *, whole: bool = False) -> list[int]:
    """The numbers of the pictures of a row, in their order; those that cannot be read are left out."""
    found = (picture_number(value, base_dir, whole=whole) for value in pictures_in(data or {}))
    return [number for number in found if number is not None]


def pictures_in(data: dict[str, Any]) -> Iterator[Any]:
    """The values of a row that are pictures: of its columns of pictures, and of the parts of its messages."""
    for name, value in data.items():
        if name in _COLUMNS:
            for one in value if isinstance(value, list) else [value]:
                if one is not None and modality(one) == "image":
                    yield one
        elif isinstance(value, (list, dict, StoredPicture)):
            yield from _inside(value, 0)


def _inside(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, StoredPicture):
        yield value
    elif depth >= _DEEP:
        return
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, (list, dict)):
                yield from _inside(one, depth + 1)
    elif isinstance(value, dict):
        if not _MESSAGE.isdisjoint(value) or part_modality(value) != "image":
            for one in value.values():
                if isinstance(one, (list, dict)):
                    yield from _inside(one, depth + 1)
            return
        for key, one in value.items():
            # A part of type image holds its picture under one of many keys; a short base64 text has no other sign.
            if key != "type" and one and (modality(one) == "image" or key in ("image", "base64", "url", "path")):
                yield one
                return


def picture_number(value: Any, base_dir: Path | None, *, whole: bool = False) -> int | None:
    """The number of a picture's bytes; of an address its own. None where there is nothing to read."""
    if isinstance(value, dict):
        content = next((value[key] for key in ("bytes", "path", "url", "image", "base64", "data") if value.get(key)), 0)
        return picture_number(content, base_dir, whole=whole) if not isinstance(content, dict) else None
    if isinstance(value, StoredPicture):
        value = value.bytes if value.bytes is not None else value.path
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(value), whole=whole)
    if not isinstance(value, (str, os.PathLike)) or not value:
        return None
    text = os.fspath(value)
    with contextlib.suppress(OSError, ValueError):
        place = locate(text, base_dir)
        if place.kind == "url":
            return _number(text.encode("utf-8", "surrogatepass"))
        if place.path is not None and place.kind == "file":
            return _of_file(place.path, whole=whole)
        if place.kind == "inline":
            inline = text.split(",", 1)[1] if text.startswith("data:") and "," in text else text
            return _of_bytes(base64.b64decode(inline.encode()), whole=whole)
    return None


def _of_file(path: Path, *, whole: bool) -> int:
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= _WHOLE:
            return _of_bytes(stream.read(_WHOLE + 1), whole=whole)
        if whole:
            digest = blake2b(digest_size=8)
            while piece := stream.read(1 << 20):
                digest.update(piece)
            return int.from_bytes(digest.digest(), "big")
        pieces = []
        for at in _stretches(size):
            stream.seek(at)
            pieces.append(stream.read(_STRETCH))
        return _number(str(size).encode(), *pieces)


def _of_bytes(content: bytes, *, whole: bool) -> int:
    if whole or len(content) <= _WHOLE:
        return _number(content)
    size = len(content)
    return _number(str(size).encode(), *(content[at : at + _STRETCH] for at in _stretches(size)))


def _stretches(size: int) -> tuple[int, int, int]:
    return 0, size // 2, size - _STRETCH


def _number(*pieces: bytes) -> int:
    digest = blake2b(digest_size=8)
    for piece in pieces:
        digest.update(piece)
    return int.from_bytes(digest.digest(), "big")
