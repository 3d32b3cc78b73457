"""Pictures from what rows hold: a path, a URL, base64, bytes, a stored column cell or a PIL picture.

Reads as transformers' `load_image` does (upright by EXIF, RGB), with the guards it lacks: relative paths are tried from
the data file's folder too, http has a time and a size limit, decompression bombs are refused, no format runs a program.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from workbench.data.fetching import fetch
from workbench.data.media_error import MediaError, shorten
from workbench.files import special_kind

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 178_956_970  # where PIL itself raises DecompressionBombError

__all__ = [
    "MAX_PIXELS",
    "Located",
    "MediaError",
    "StoredPicture",
    "as_data_uri",
    "fetch",
    "load_picture",
    "locate",
    "picture_size",
    "shorten",
]

# EPS and its like start an interpreter (Ghostscript, the system's metafile player) to draw themselves.
_PROGRAM_FORMATS = frozenset({"EPS", "WMF", "FPX", "MIC"})

Kind = Literal["url", "file", "inline", "missing", "special"]
T = TypeVar("T")
_BROKEN = "Write the picture anew, or take the row out."


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A cell of an Image column (Parquet, hub) before decoding: what `datasets` hands to axolotl as a PIL picture."""

    bytes: bytes | None
    path: str | None

    def __repr__(self) -> str:
        size = "no bytes" if self.bytes is None else f"{len(self.bytes)} bytes"
        return f"StoredPicture({size}, path={self.path!r})"

    @property
    def name(self) -> str:
        """The picture's name in a message: its path, or how large it is."""
        return self.path or f"a picture of {len(self.bytes or b''):,} bytes"

    def open(self, base_dir: Path | None = None) -> Image.Image:
        """The picture as `datasets` decodes it: upright, its own mode. Raises MediaError."""
        if self.bytes is not None:
            return _decode(io.BytesIO(self.bytes), self.name, rgb=False)
        if self.path is None:
            cause = "the cell of the Image column holds neither bytes nor a path"
            raise MediaError("Unreadable picture", cause, _BROKEN)
        return _decode(open_reference(self.path, base_dir), self.path, rgb=False)


@dataclass(frozen=True, slots=True)
class Located:
    """The target of a reference. `path` for files; `beside_data`: found only from the data file's folder, not from the
    working directory, where axolotl looks; `shadowed`: both exist and differ; `uri`: it was written as file://."""

    kind: Kind
    path: Path | None = None
    beside_data: bool = False
    shadowed: bool = False
    uri: bool = False


def locate(reference: str, base_dir: Path | None = None) -> Located:
    """Find out what a string in a row refers to; looks at the file system, fetches nothing."""
    if reference.startswith(("http://", "https://")):
        return Located("url")
    uri = reference.startswith("file://")
    try:
        text = unquote(urlsplit(reference).path) if uri else reference
    except ValueError:
        return Located("missing", uri=True)
    if text.startswith("data:"):
        return Located("inline")
    if special_kind(text) is not None:
        return Located("special", Path(text), uri=uri)
    here = os.path.isfile(text)
    if base_dir is not None and text and not os.path.isabs(text):
        beside = os.path.join(base_dir, text)
        if special_kind(beside) is not None:
            return Located("special", Path(beside), uri=uri)
        if os.path.isfile(beside):
            differs = here and not os.path.samefile(beside, text)
            return Located("file", Path(beside).resolve(), beside_data=not here, shadowed=differs, uri=uri)
    if here:
        return Located("file", Path(text).resolve(), uri=uri)
    return Located("missing" if uri or _looks_like_a_path(text) else "inline", uri=uri)


def _looks_like_a_path(text: str) -> bool:
    """Base64 of any picture is longer than a file name; a dot never occurs in base64."""
    return len(text) < 64 or (len(text) < 4096 and "." in text[-12:])


def load_picture(value: Any, base_dir: Path | None = None) -> Image.Image:
    """An upright RGB picture from a path (relative to `base_dir`, then the working directory), http(s) URL, file:// or
    data: URI, base64 text, bytes, {"bytes": …, "path": …}, a StoredPicture or a PIL picture. Raises MediaError."""
    from PIL import Image

    if isinstance(value, Image.Image):
        return _guarded(lambda: _upright(value).convert("RGB"), "the given picture")
    if isinstance(value, StoredPicture):
        picture = value.open(base_dir)
        return _guarded(lambda: picture.convert("RGB"), value.name)
    if isinstance(value, dict) and ("bytes" in value or "path" in value):
        return load_picture(StoredPicture(value.get("bytes"), value.get("path")), base_dir)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _decode(io.BytesIO(bytes(value)), f"{len(value)} bytes", rgb=True)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise _no_picture(value)
    return _decode(open_reference(value, base_dir), shorten(value), rgb=True)


def picture_size(value: Any, base_dir: Path | None = None) -> tuple[int, int]:
    """(width, height) in pixels of the upright picture, from its header alone. Takes what `load_picture` takes."""
    from PIL import Image

    if isinstance(value, dict):
        value = StoredPicture(value.get("bytes"), value.get("path"))
    if isinstance(value, StoredPicture):
        value = value.bytes if value.bytes is not None else value.path
    if isinstance(value, Image.Image):
        picture, name = value, "the given picture"
    elif isinstance(value, (bytes, bytearray, memoryview)):
        name = f"{len(value)} bytes"
        picture = _guarded(lambda: _open(io.BytesIO(bytes(value))), name)
    elif isinstance(value, (str, os.PathLike)):
        name = shorten(os.fspath(value))
        source = open_reference(os.fspath(value), base_dir)
        picture = _guarded(lambda: _open(source), name)
    else:
        raise _no_picture(value)
    orientation = _guarded(lambda: picture.getexif().get(0x0112), name)
    width, height = picture.size
    return (height, width) if orientation in {5, 6, 7, 8} else (width, height)


def as_data_uri(url: str) -> str:
    """The picture behind a URL as a data: URI, the one string form that every processor accepts."""
    body = fetch(url)
    kind = (_guarded(lambda: _open(io.BytesIO(body)), url).format or "png").lower()
    return f"data:image/{kind};base64,{base64.b64encode(body).decode()}"


def open_reference(reference: str, base_dir: Path | None) -> io.BytesIO | Path:
    """The bytes or the file that a string in a row stands for. Raises MediaError."""
    found = locate(reference, base_dir)
    if found.kind == "url":
        return io.BytesIO(fetch(reference))
    if found.kind == "special":
        cause = f"{shorten(reference)} is a {special_kind(found.path or '')}, and may never end"
        raise MediaError("Picture not read", cause, "Give a file, or take the row out.")
    if found.path is not None:
        return found.path
    if found.kind == "missing":
        looked = [str(folder) for folder in (base_dir, Path.cwd()) if folder is not None]
        cause = f"no file {shorten(reference)!r} in {' or '.join(dict.fromkeys(looked))}"
        hint = "Correct the path, or take the row out; axolotl looks in the folder that it is started from."
        if found.uri:
            hint = "Correct the path, and write it without file://, which axolotl does not take."
        elif "://" in reference:
            hint = "Fetch the pictures first and write their paths: axolotl opens files and http(s) addresses."
        raise MediaError("Picture not found", cause, hint)
    text = reference.split(",", 1)[1] if reference.startswith("data:") and "," in reference else reference
    try:
        return io.BytesIO(base64.decodebytes(text.encode()))
    except ValueError as error:
        cause = f"{shorten(reference)!r} is no file and no base64: {error}"
        raise MediaError("Unreadable picture", cause, "Correct the path, or encode the picture again.") from error


def _no_picture(value: Any) -> MediaError:
    cause = f"a path, URL, base64 text or picture is needed, not {type(value).__name__}"
    return MediaError("Unreadable picture", cause, "Write one of these, or take the row out.")


def _open(source: io.BytesIO | Path) -> Image.Image:
    from PIL import Image

    Image.init()
    picture = Image.open(source, formats=[name for name in Image.OPEN if name not in _PROGRAM_FORMATS])
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS:
        raise Image.DecompressionBombError(f"{picture.width} × {picture.height} pixels, the limit is {MAX_PIXELS}")
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)


def _decode(source: io.BytesIO | Path, name: str, *, rgb: bool) -> Image.Image:
    def read() -> Image.Image:
        with _open(source) as picture:
            picture.load()
            upright = _upright(picture)
            return upright.convert("RGB") if rgb else upright.copy()

    return _guarded(read, name)


def _guarded(read: Callable[[], T], name: str) -> T:
    """Run a PIL call; whatever a broken or hostile file makes it raise becomes a MediaError naming the picture."""
    from PIL import Image, UnidentifiedImageError

    try:
        return read()
    except MediaError:
        raise
    except UnidentifiedImageError as error:
        raise MediaError(
            "Unreadable picture", f"{shorten(name)} is not a picture that PIL can read", _BROKEN
        ) from error
    except Image.DecompressionBombError as error:
        raise MediaError("Picture too large", f"{shorten(name)}: {error}", "Shrink the picture.") from error
    except Exception as error:  # PIL's plugins raise SyntaxError, struct.error, EOFError, … on broken files
        cause = f"{shorten(name)}: {type(error).__name__}: {error}"
        raise MediaError("Unreadable picture", cause, _BROKEN) from error
