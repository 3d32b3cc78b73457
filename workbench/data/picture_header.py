"""The size and mode of a picture from its header, where the file shows that decoding it would go well.

A JPEG must be whole by its markers, a PNG by its chunks' lengths and checksums, and a WebP as long as it says. All
else is for a decoder to judge: `NeedsDecoding` is no error, only the answer that a header cannot give.
"""

from __future__ import annotations

import io
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from workbench.data.media import MAX_PIXELS, MediaError, StoredPicture, open_reference

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("JPEG", "PNG", "WEBP")
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset((5, 6, 7, 8))
# Of a JPEG: a marker, but for what stands for a byte of 255 and for restarts among the pixels; those of segments.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END, _SCAN = 0xD9, 0xDA
_SEGMENTS = frozenset((*range(0xC0, 0xD0), _SCAN, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE)) - {0xC8}
# Where a PNG keeps its orientation: PIL reads these chunks only as far as they stand before the pixels.
_ABOUT_EXIF = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")


class NeedsDecoding(Exception):
    """A picture about which its header does not say enough."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """A picture that was not decoded: its upright size in pixels, its own mode, and its file's format.

    `turned`: its width and height change places to make it upright.
    """

    width: int
    height: int
    mode: str = "RGB"
    format: str = ""
    turned: bool = False


def read_header(value: Any, base_dir: Path | None = None) -> PictureHeader:
    """The upright size and own mode of a picture, without decoding it.

    Takes text, a StoredPicture and a PIL picture. Raises NeedsDecoding wherever decoding might fail or show another
    size, a broken or missing file included.
    """
    if hasattr(value, "resize"):
        width, height = value.size
        return PictureHeader(width, height, value.mode)
    if isinstance(value, StoredPicture):
        if value.bytes is not None:
            return _of_stream(io.BytesIO(value.bytes))
        value = value.path
    if not isinstance(value, str) or value.startswith(("http://", "https://")):
        raise NeedsDecoding
    try:
        source = open_reference(value, base_dir)
        if isinstance(source, io.BytesIO):
            return _of_stream(source)
        with open(source, "rb") as stream:
            return _of_stream(stream)
    except (MediaError, OSError) as problem:
        raise NeedsDecoding from problem


def _of_stream(stream: BinaryIO) -> PictureHeader:
    from PIL import Image

    try:
        picture = Image.open(stream, formats=_FORMATS)
        if not _is_whole(picture, stream):
            raise NeedsDecoding
        # Not the PNG's own method, which decodes the picture to see what stands behind its pixels.
        orientation = Image.Image.getexif(picture).get(_ORIENTATION)
    except NeedsDecoding:
        raise
    except Exception as problem:  # of a broken file, PIL's plugins raise SyntaxError, struct.error, EOFError, …
        raise NeedsDecoding from problem
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise NeedsDecoding
    turned = orientation in _SIDEWAYS
    if turned:
        width, height = height, width
    return PictureHeader(width, height, picture.mode, picture.format or "", turned)


def _is_whole(picture: Image.Image, stream: BinaryIO) -> bool:
    """True where the file ends as its format wants it and holds one picture."""
    if getattr(picture, "n_frames", 1) != 1:
        return False
    if picture.format == "JPEG":
        stream.seek(0)
        return _jpeg_is_whole(stream.read())
    if picture.format == "PNG":
        return _png_is_whole(stream)
    if picture.format == "WEBP":
        length = stream.seek(0, os.SEEK_END)
        stream.seek(4)
        return int.from_bytes(stream.read(4), "little") + 8 <= length
    # JPEG files with several pictures have a format of their own.
    return False


def _jpeg_is_whole(data: bytes) -> bool:
    """True where segment follows upon segment up to the end of the picture, with pixels in one of them.

    Of damaged pixels a decoder makes a picture, unless what it reads looks like a marker that cannot stand there.
    """
    at, pixels = 2, False
    while (found := _MARKER.search(data, at)) is not None:
        marker = found[0][1]
        if marker == _END:
            return pixels
        # Before the first pixels, and behind every other segment, the next begins at once.
        if marker not in _SEGMENTS or (found.start() != at and not pixels):
            return False
        pixels = pixels or marker == _SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return False


def _png_is_whole(stream: BinaryIO) -> bool:
    """True where each chunk up to the last is whole by its checksum, and none about orientation follows the pixels."""
    stream.seek(8)
    pixels = False
    while len(head := stream.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        body = stream.read(length)
        check = stream.read(4)
        if len(body) != length or zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(check, "big"):
            return False
        if kind == b"IEND":
            return pixels
        pixels = pixels or kind == b"IDAT"
        if pixels and (kind == b"eXIf" or body.startswith(_ABOUT_EXIF)):
            return False
    return False


def is_measured(part: Any) -> bool:
    """True for a part that has a header in the place of its picture."""
    return isinstance(part, dict) and any(isinstance(value, PictureHeader) for value in part.values())


def headers_of(messages: Sequence[Mapping[str, Any]]) -> list[tuple[int, PictureHeader]]:
    """The headers in the parts of these messages with the message of each, in the order of the processor's pictures."""
    parts = [
        (index, part) for index, message in enumerate(messages) for part in message["content"] if isinstance(part, dict)
    ]
    return [(index, value) for index, part in parts for value in part.values() if isinstance(value, PictureHeader)]
