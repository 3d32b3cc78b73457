"""Kinds of media, told from the values of a row; a column's name decides where they do not."""

from __future__ import annotations

import os
import re
from typing import Any

from workbench.convert.talk import MediaKind
from workbench.data.media import StoredPicture

_ENDINGS: dict[MediaKind, tuple[str, ...]] = {
    "image": (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2"),
    "video": (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"),
    "audio": (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus", ".aac"),
}
_MAGIC: tuple[tuple[bytes, int, MediaKind, str], ...] = (
    (b"\x89PNG", 0, "image", ".png"),
    (b"\xff\xd8\xff", 0, "image", ".jpg"),
    (b"GIF8", 0, "image", ".gif"),
    (b"BM", 0, "image", ".bmp"),
    (b"II*\x00", 0, "image", ".tif"),
    (b"MM\x00*", 0, "image", ".tif"),
    (b"WEBP", 8, "image", ".webp"),
    (b"WAVE", 8, "audio", ".wav"),
    (b"fLaC", 0, "audio", ".flac"),
    (b"OggS", 0, "audio", ".ogg"),
    (b"ID3", 0, "audio", ".mp3"),
    (b"\xff\xfb", 0, "audio", ".mp3"),
    (b"ftyp", 4, "video", ".mp4"),
    (b"\x1aE\xdf\xa3", 0, "video", ".mkv"),
    (b"AVI ", 8, "video", ".avi"),
)
# The base64 of the first bytes of PNG, JPEG, GIF, RIFF (WebP, WAV) and of MP4's, Ogg's and FLAC's.
_BASE64 = re.compile(r"(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|AAAA\w{2}Bmd|T2dnUw|ZkxhQ)[A-Za-z0-9+/=\s]{40,}")
_WORDS: dict[MediaKind, str] = {
    "image": "image|img|photo|picture|pic|screenshot",
    "video": "video|film|clip",
    "audio": "audio|sound|speech|wav",
}
_TAIL = r"(?:[_\W](?:paths?|urls?|files?|bytes|base64|b64|names?|data|\d+))*"
_NAMES = {kind: re.compile(rf"(?:^|[_\W])(?:{words})s?{_TAIL}$") for kind, words in _WORDS.items()}


def is_empty(value: Any) -> bool:
    """True for null and for an empty text, list or object: the cell of a row that has nothing there."""
    return value is None or (isinstance(value, (str, list, tuple, dict)) and not value)


def kind_of(value: Any, column: str = "") -> MediaKind | None:
    """The kind of medium that a cell is, or all items of its list are; None where it is none or empty."""
    named = named_kind(column)
    if isinstance(value, (list, tuple)):
        if is_picture_array(value):
            return "image"
        kinds = {kind_of(item, column) for item in value}
        if named == "video" and kinds == {"image"}:
            return "video"  # the frames of films
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(value, StoredPicture) or is_picture(value) or is_picture_array(value):
        return "image"
    if isinstance(value, dict):
        if not value.keys() & {"bytes", "path", "url"} or value.keys() & {"role", "content", "text"}:
            return None
        inner = next((value[key] for key in ("bytes", "path", "url") if value.get(key) is not None), None)
        return kind_of(inner, column) or named
    if isinstance(value, (bytes, bytearray)):
        found = magic(bytes(value[:16]))
        return found[0] if found else named
    return _kind_of_text(value, named) if isinstance(value, str) else None


def _kind_of_text(text: str, named: MediaKind | None) -> MediaKind | None:
    if text.startswith("data:"):
        head = text[5:10]
        return head if head in ("image", "video", "audio") else None  # type: ignore[return-value]
    if looks_like_base64(text):
        return named or "image"
    path = text.split("?", 1)[0].lower() if text.startswith(("http://", "https://")) else text.lower()
    if len(text) < 4096 and "\n" not in text:
        for kind, endings in _ENDINGS.items():
            if path.endswith(endings):
                return kind
        if named and (text.startswith(("http://", "https://", "file://")) or not re.search(r"\s", text)):
            return named if text else None
    return None


def named_kind(column: str) -> MediaKind | None:
    """The kind that a column's name says: image, imgs, photo_path, video_url, audios."""
    return next((kind for kind, pattern in _NAMES.items() if pattern.search(column.lower())), None)


def looks_like_base64(text: str) -> bool:
    """True for the base64 of a picture, sound or film of a common format."""
    return _BASE64.match(text) is not None and not (len(text) < 1024 and os.path.isfile(text))


def magic(head: bytes) -> tuple[MediaKind, str] | None:
    """The kind and the file ending that the first 16 bytes of a file say."""
    return next(((kind, ending) for sign, at, kind, ending in _MAGIC if head[at : at + len(sign)] == sign), None)


def is_picture(value: Any) -> bool:
    """True for a PIL picture."""
    return hasattr(value, "resize") and hasattr(value, "getbands")


def is_picture_array(value: Any) -> bool:
    """True for height × width numbers, or height × width × 1, 3 or 4 of them: nested lists or a numpy array."""
    shape = getattr(value, "shape", None)
    if shape is None:
        shape, inner = [], value
        while isinstance(inner, (list, tuple)) and inner and len(shape) < 4:
            shape.append(len(inner))
            inner = inner[0]
        if isinstance(inner, bool) or not isinstance(inner, (int, float)):
            return False
    if len(shape) == 3:
        return shape[2] in (1, 3, 4) or shape[0] in (1, 3, 4)
    return len(shape) == 2 and min(shape) >= 4
