"""Media of rows as references that a file of rows can hold: paths that are right, URLs, and files of what was inside.

Pictures, sounds and films that a row holds as bytes, base64, arrays or PIL pictures are written once each, named after
a hash of their content, into a folder beside the output. The rows' own files are left where they are.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import io
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

from workbench.convert.media_values import is_picture, is_picture_array, looks_like_base64, magic
from workbench.convert.talk import Changes, Media, MediaKind, Refused, Talk
from workbench.data.media import MediaError, StoredPicture, locate, picture_size, shorten
from workbench.data.row_notes import type_name
from workbench.errors import EnvironmentProblem, Where

Paths = Literal["absolute", "relative"]
_ENDINGS: dict[MediaKind, str] = {"image": ".png", "video": ".mp4", "audio": ".wav"}
_NAMES = {"image": "picture", "video": "video", "audio": "sound"}
_CHECKED_KEPT = 4096


class MediaStore:
    """The media of one output. `folder` is made when the first file is written.

    `written` counts files, `size` their bytes; `dry`: nothing is written, for a look before the conversion.
    """

    def __init__(self, out: Path, *, media_folder: Path | None = None, paths: Paths = "absolute", dry: bool = False):
        self.out_folder = Path(os.path.realpath(out.parent))
        self.folder = self.out_folder / f"{out.name.removesuffix('.jsonl')}.media"
        self.written = 0
        self.size = 0
        self.dry = dry
        self._given = media_folder
        self._paths = paths
        self._checked: OrderedDict[str, None] = OrderedDict()

    def place(self, talk: Talk, base_dir: Path | None, changes: Changes) -> None:
        """Make references of the media of a row, in place. Raises Refused for what is not there or cannot be read."""
        for turn in talk.turns:
            for part in turn.parts:
                if isinstance(part, Media):
                    part.value = self._reference(part, part.value, base_dir, changes)

    def _reference(self, part: Media, value: Any, base_dir: Path | None, changes: Changes) -> Any:
        kind, name = part.kind, _NAMES[part.kind]
        if isinstance(value, (list, tuple)) and not is_picture_array(value):
            if kind == "video":
                frame = Media("image")
                return [self._reference(frame, item, base_dir, changes) for item in value]
            if len(value) == 1:
                return self._reference(part, value[0], base_dir, changes)
            raise Refused(f"several {name}s in the place of one", f"a list of {len(value)}")
        if isinstance(value, dict) and value.keys() & {"bytes", "path", "url"}:
            inner = next((value[key] for key in ("bytes", "path", "url") if value.get(key) is not None), None)
            if isinstance(inner, str) and value.get("bytes") is not None:
                return self._kept(_from_base64(inner, name), part, changes)
            value = inner
        elif isinstance(value, StoredPicture):
            value = value.bytes if value.bytes is not None else value.path
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._kept(bytes(value), part, changes)
        if is_picture(value) or is_picture_array(value):
            return self._kept(_as_png(value), part, changes)
        if not isinstance(value, str):
            raise Refused(f"a {name} in a form that is not known", f"it is {type_name(value)}")
        return self._of_text(value, part, base_dir, changes)

    def _of_text(self, text: str, part: Media, base_dir: Path | None, changes: Changes) -> str:
        name = _NAMES[part.kind]
        if text.startswith(("http://", "https://")):
            changes.made[f"a {name} behind a URL stays there; axolotl fetches it again in every epoch"] += 1
            return text
        if text.startswith("data:"):
            head, _, body = text.partition(",")
            if not head.endswith(";base64"):
                raise Refused(f"a {name} in a data: URI that is not base64", head[:60])
            return self._kept(_from_base64(body, name), part, changes)
        if looks_like_base64(text):
            return self._kept(_from_base64(text, name), part, changes)
        if "://" in text[:12] and not text.startswith("file://"):
            scheme = text.partition("://")[0]
            raise Refused(f"a {name} at an address of {scheme}://", shorten(text), "Fetch the files, and give --media.")
        path = self._find(text, base_dir)
        if path is None:
            looked = [str(folder) for folder in (self._given, base_dir, Path.cwd()) if folder is not None]
            detail = f"no file {shorten(text)!r} in {' or '.join(dict.fromkeys(looked))}"
            raise Refused(
                f"a {name} that is not there", detail, "Name the folder that the paths start in: --media DIR."
            )
        if text.startswith("file://"):
            changes.made["a file:// address is a path"] += 1
        if part.kind == "image":
            self._check_picture(path)
        shown = os.path.relpath(path, self.out_folder) if self._paths == "relative" else str(path)
        if not os.path.isabs(text) and shown != text and not text.startswith("file://"):
            where = "relative to the output's folder" if self._paths == "relative" else "absolute"
            changes.made[f"the path of a {name} is {where}"] += 1
        return shown

    def _find(self, text: str, base_dir: Path | None) -> Path | None:
        if self._given is not None and not os.path.isabs(text) and not text.startswith("file://"):
            found = self._given / text
            if found.is_file():
                return found.resolve()
        return locate(text, base_dir).path

    def _check_picture(self, path: Path) -> None:
        """Read the picture's header, once for the pictures that were seen last."""
        key = str(path)
        if key in self._checked:
            self._checked.move_to_end(key)
            return
        try:
            width, height = picture_size(path)
        except MediaError as problem:
            raise Refused("a picture that cannot be read", problem.cause, problem.hint) from None
        if not width or not height:
            raise Refused("a picture without a pixel", shorten(key))
        self._checked[key] = None
        if len(self._checked) > _CHECKED_KEPT:
            self._checked.popitem(last=False)

    def _kept(self, data: bytes, part: Media, changes: Changes) -> str:
        """The path of a file with this content, written if it is not there."""
        name = _NAMES[part.kind]
        found = magic(data[:16])
        if part.kind == "image":
            try:
                picture_size(data)
            except MediaError as problem:
                raise Refused("a picture that cannot be read", problem.cause, problem.hint) from None
        elif found is None or (found[0] != part.kind and {found[0], part.kind} != {"audio", "video"}):
            raise Refused(f"a {name} of a format that is not known", f"{len(data)} bytes")
        ending = found[1] if found is not None else _picture_ending(data) or _ENDINGS[part.kind]
        target = self.folder / f"{hashlib.sha256(data).hexdigest()[:40]}{ending}"
        changes.made[f"a {name} that the row held is a file beside the output"] += 1
        if not self.dry and not _holds(target, len(data)):
            self._write(target, data)
        return os.path.relpath(target, self.out_folder) if self._paths == "relative" else str(target)

    def _write(self, target: Path, data: bytes) -> None:
        temporary = None
        try:
            self.folder.mkdir(exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, target)
            temporary = None
        except OSError as error:
            full = error.errno == errno.ENOSPC
            raise EnvironmentProblem(
                "A picture of the rows was not written",
                f"{error.strerror or error}; no output was written.",
                "Make room and try again." if full else "Choose another place with --out.",
                Where(str(target)),
            ) from error
        finally:
            if temporary is not None and os.path.exists(temporary):
                os.unlink(temporary)
        self.written += 1
        self.size += len(data)


def _holds(target: Path, size: int) -> bool:
    """True where the file is there, whole: it is named after its content, and was renamed into its place."""
    try:
        return target.stat().st_size == size
    except OSError:
        return False


def _from_base64(text: str, name: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"a {name} whose base64 is broken", f"{error}") from None


def _picture_ending(data: bytes) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        return f".{(picture.format or 'png').lower()}"


def _as_png(value: Any) -> bytes:
    """A PIL picture or an array of numbers as a PNG, which loses nothing."""
    import numpy as np
    from PIL import Image

    try:
        if is_picture(value):
            picture = value if value.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else value.convert("RGB")
        else:
            array = np.asarray(value)
            if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
                array = np.moveaxis(array, 0, 2)
            if array.dtype.kind == "f":
                if float(array.min()) < 0 or float(array.max()) > 255:
                    raise ValueError("numbers below 0 or above 255")
                # Numbers from 0 to 1 are shares of white.
                array = array * 255 if float(array.max()) <= 1 else array
            elif int(array.min()) < 0 or int(array.max()) > 255:
                raise ValueError("numbers below 0 or above 255")
            array = np.rint(array).astype(np.uint8)
            picture = Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)
        out = io.BytesIO()
        picture.save(out, "PNG")
    except (ValueError, TypeError, OSError, OverflowError) as error:
        raise Refused("an array that is no picture", str(error)[:120]) from None
    return out.getvalue()
