"""Forms of a row's values: pictures, videos and sound by what they look like, texts of parts; nothing is opened.

Columns and keys of data sets have any name, so what a value is goes by its form; a part says by its type or its keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from workbench.data.media import StoredPicture

Modality = Literal["image", "video", "audio"]

TEXT_KEYS = ("text", "thinking", "reasoning", "refusal", "content", "value", "output")
"""Keys under which a part holds what is to be read; the first that holds a text is the part's."""
PICTURE_ARGUMENTS = {
    "min_pixels": "min_pixels",
    "max_pixels": "max_pixels",
    "resized_height": "max_pixels",
    "resized_width": "max_pixels",
    "fps": "fps",
    "nframes": "num_frames",
    "num_frames": "num_frames",
    "min_frames": "min_frames",
    "max_frames": "max_frames",
    "total_pixels": "max_pixels",
}
"""Keys of qwen-vl-utils in a part, which only that library reads, and the processor's own argument in their place."""
_NAMES: tuple[tuple[Modality, tuple[str, ...]], ...] = (
    ("image", ("image", "img", "picture", "photo")),
    ("video", ("video",)),
    ("audio", ("audio", "sound")),
)
_PART_KEYS: dict[str, Modality] = {
    **dict.fromkeys(("image", "images", "image_url", "input_image", "img", "base64"), "image"),
    **dict.fromkeys(("video", "video_url", "frames"), "video"),
    **dict.fromkeys(("audio", "audio_url", "input_audio"), "audio"),
}
_ENDINGS: dict[str, Modality] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "heic", "avif", "jfif"), "image"),
    **dict.fromkeys(("mp4", "webm", "mov", "avi", "mkv", "m4v", "mpg", "mpeg"), "video"),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a", "opus", "aac"), "audio"),
}
# A reference is one word, or a path whose folders have spaces in them; a sentence that ends in a file's name is none.
_REFERENCE = re.compile(r"(?:https?://|s3://|gs://|file://|/|\.{0,2}/)?[^\n\t]{1,2000}\.([A-Za-z0-9]{2,4})(?:[?#]\S*)?")
_DATA_URI = re.compile(r"data:(image|video|audio)/")
# How PNG, JPEG, GIF, WebP and BMP begin, as bytes and in base64.
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")
_BASE64 = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
_DEEP = 4


def modality(value: Any, depth: int = 0) -> Modality | None:
    """The kind of media that a value looks like, of a list its first entry; None for everything else."""
    if isinstance(value, StoredPicture) or hasattr(value, "resize"):
        return "image"
    if isinstance(value, (bytes, bytearray)):
        return "image" if bytes(value[:4]).startswith(_MAGIC) else None
    if isinstance(value, str):
        return _of_text(value)
    if depth >= _DEEP:
        return None
    if isinstance(value, dict):
        if "bytes" in value and set(value) <= {"bytes", "path"}:
            return modality(value.get("path"), depth + 1) or "image"
        given = (value.get(key) for key in ("path", "url", "image", "base64", "data", "src"))
        return next((found for one in given if (found := modality(one, depth + 1))), None)
    if isinstance(value, list) and value:
        return "image" if _is_pixels(value) else modality(value[0], depth + 1)
    return None


def _of_text(text: str) -> Modality | None:
    if named := _DATA_URI.match(text):
        return named[1]  # type: ignore[return-value]
    if len(text) > 24 and text.startswith(_BASE64) and " " not in text[:200]:
        return "image"
    found = _REFERENCE.fullmatch(text) if len(text) < 2100 else None
    if found is None or (" " in text and "/" not in text and text.count(" ") > 3):
        return None
    return _ENDINGS.get(found[1].lower())


def _is_pixels(value: list[Any]) -> bool:
    """True for rows of numbers, or of pixels of three or four numbers: an array that was written out."""
    first = value[0]
    if not isinstance(first, list) or not first or len(value) < 2 or len(first) < 2:
        return False
    inner = first[0]
    if isinstance(inner, list):
        return len(inner) in (1, 3, 4) and all(isinstance(number, (int, float)) for number in inner)
    return len(value) > 7 and len(first) > 7 and all(isinstance(number, (int, float)) for number in first)


def part_modality(part: Any) -> Modality | None:
    """The kind of media that a part says it is: by its type, or where that says nothing, by its keys and values."""
    if not isinstance(part, dict):
        return None
    kind = part.get("type")
    if isinstance(kind, str) and kind != "text":
        for named, words in _NAMES:
            if any(word in kind.lower() for word in words):
                return named
    by_key = next((known for key, known in _PART_KEYS.items() if part.get(key) not in (None, "")), None)
    if by_key is not None:
        return by_key
    if kind == "text" or "text" in part:
        return None
    source = part.get("source")
    if isinstance(source, dict) and isinstance(source.get("media_type"), str):
        stated = source["media_type"].split("/")[0]
        return stated if stated in ("image", "video", "audio") else None
    return next((found for value in part.values() if (found := modality(value))), None)


def text_key(part: dict[str, Any]) -> str | None:
    """The key under which a part holds its text; None for one that holds none."""
    return next((key for key in TEXT_KEYS if isinstance(part.get(key), str)), None)


def references(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts in a value that name media, by their last part: the file's name."""
    if isinstance(value, str):
        if modality(value) is not None and not value.startswith("data:") and len(value) < 2100:
            yield value.rsplit("/", 1)[-1]
    elif isinstance(value, StoredPicture):
        if value.path:
            yield value.path.rsplit("/", 1)[-1]
    elif depth < _DEEP and isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from references(one, depth + 1)
