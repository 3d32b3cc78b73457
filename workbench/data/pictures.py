"""The picture of an `images` or `image` column: which one axolotl takes, how it treats it, and where it puts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.media import MediaError, StoredPicture, load_picture, locate, shorten
from workbench.data.picture_header import PictureHeader, read_header
from workbench.data.remedies import AS_PARTS, CONVERT
from workbench.data.row_notes import BAD_MEDIA, BAD_PART, BAD_PICTURES, Notes, type_name
from workbench.findings import Severity

PICTURE_KEYS = ("image", "url", "path", "base64")


@dataclass(frozen=True, slots=True)
class ColumnPicture:
    """The one picture that axolotl uses of a column: its name in the row ("images[0]") and the value there."""

    name: str
    value: Any

    def load(
        self, size: int | tuple[int, int] | list[int] | None, resize: str | None, base_dir: Path | None, notes: Notes
    ) -> Any:
        """The PIL picture, upright, RGB, resized as axolotl resizes it. Raises RowError D005."""
        from PIL import Image, ImageOps

        if isinstance(self.value, str):
            note_place(self.value, base_dir, notes, self.name)
        try:
            picture = load_picture(self.value, base_dir)
        except MediaError as error:
            raise notes.error(BAD_MEDIA, error.title, error.cause, error.hint, field=self.name) from error
        if size is None:
            return picture
        method = Image.Resampling[(resize or "bilinear").upper()]
        if isinstance(size, (tuple, list)):
            return picture.resize((size[0], size[1]), method)
        return ImageOps.pad(picture, (size, size), method=method, color=(0, 0, 0))

    def measure(
        self, size: int | tuple[int, int] | list[int] | None, base_dir: Path | None, notes: Notes
    ) -> PictureHeader:
        """The size that the picture of `load` has, and its mode. Raises NeedsDecoding."""
        if isinstance(self.value, str):
            note_place(self.value, base_dir, notes, self.name)
        header = read_header(self.value, base_dir)
        if size is None:
            return PictureHeader(header.width, header.height)
        return PictureHeader(*size) if isinstance(size, (tuple, list)) else PictureHeader(size, size)


def column_picture(raw: dict[str, Any], notes: Notes) -> ColumnPicture | None:
    """The picture axolotl takes of the row's column, None where it takes none. Raises RowError where axolotl raises."""
    column = "images" if "images" in raw else "image"
    pictures = raw.get(column)
    if column == "images" and raw.get("image") is not None:
        # Beside other pictures it may be one of them; beside none it is lost.
        severity: Severity = "error" if pictures is None else "warning"
        state = "null" if pictures is None else "there"
        text = f"`image` is ignored: axolotl reads `images` where that column exists, and it is {state}"
        hint = f"Keep one of the two columns, or put the picture into the messages; {CONVERT} does."
        notes.add(BAD_PICTURES, severity, text, hint, field="image")
    if pictures is None:
        return None
    hint = f"Write a list with one picture: {column}: [picture]; null where the row has none; {CONVERT} does."
    if _tagged(raw):
        # Followed to the letter, the hint would leave the tag in the text and put the picture behind it.
        hint = f"Write the picture as a part where `<image>` stands, which is mere text here; {CONVERT} does."
    if isinstance(pictures, str):
        what = (
            f"axolotl loads its first character {pictures[0]!r} and raises ValueError"
            if pictures
            else "axolotl raises IndexError"
        )
        raise notes.error(BAD_PICTURES, f"`{column}` is a bare text", what, hint, field=column)
    if not isinstance(pictures, (list, tuple)):
        kind = "KeyError: 0" if isinstance(pictures, dict) else "TypeError: a list of pictures is needed"
        if isinstance(pictures, StoredPicture) or hasattr(pictures, "resize"):
            kind = "TypeError: a picture has no len()"
        text = f"it is {type_name(pictures)}; axolotl raises {kind}"
        raise notes.error(BAD_PICTURES, f"`{column}` is not a list", text, hint, field=column)
    if not pictures:
        cause = "axolotl raises IndexError: list index out of range"
        raise notes.error(
            BAD_PICTURES, f"`{column}` is an empty list", cause, f"Write null; {CONVERT} does.", field=column
        )
    if len(pictures) > 1:
        lost = "1 is lost" if len(pictures) == 2 else f"{len(pictures) - 1} are lost"
        text = f"axolotl uses the first of {len(pictures)} pictures in `{column}`: {lost}"
        notes.add(BAD_PICTURES, "error", text, AS_PARTS, field=column)
    first = pictures[0]
    if not isinstance(first, (str, StoredPicture)) and not hasattr(first, "resize"):
        cause = f"it is {type_name(first)}; axolotl raises TypeError: Incorrect format used for image"
        hint = "Use a path, a URL, base64 text, or a column of the `datasets` type Image; "
        hint += f"{CONVERT} writes bytes and arrays to files."
        raise notes.error(
            BAD_PICTURES, "The picture has a form that cannot be loaded", cause, hint, field=f"{column}[0]"
        )
    return ColumnPicture(f"{column}[0]", first)


def named_pictures(raw: object) -> int:
    """The number of pictures that a raw row names: in its parts, or in its column where that has more."""
    parts = _picture_parts(raw)
    column = (raw.get("images") or raw.get("image")) if isinstance(raw, dict) else None
    return max(parts, len(column) if isinstance(column, (list, tuple)) else 1 if column is not None else 0)


def _picture_parts(value: object) -> int:
    if isinstance(value, dict):
        return (value.get("type") in ("image", "image_url")) + sum(map(_picture_parts, value.values()))
    return sum(map(_picture_parts, value)) if isinstance(value, (list, tuple)) else 0


def _tagged(value: Any) -> bool:
    """True where a text of the row, at whatever depth a message has one, says `<image>`."""
    if isinstance(value, str):
        return "<image>" in value
    if isinstance(value, dict):
        return any(map(_tagged, value.values()))
    return isinstance(value, list) and any(map(_tagged, value))


def is_placeholder(part: dict[str, Any]) -> bool:
    """A picture part that names no picture. A key with the value None counts as naming one, as in axolotl."""
    return part["type"] == "image" and not any(key in part for key in PICTURE_KEYS)


def place_picture(
    messages: list[dict[str, Any]], origin: list[int], value: Any, column: str, name: str, notes: Notes
) -> None:
    """Put the picture where axolotl puts it, in place. Raises RowError where axolotl raises while it does so."""
    spot: tuple[int, int] | None = None
    first_user: int | None = None
    for index, message in enumerate(messages):
        if first_user is None and message["role"] == "user":
            first_user = index
        for number, part in enumerate(message["content"]):
            notes.at_message(column, origin[index], f"content[{number}]")
            if not isinstance(part, dict):
                text = f"it is {type_name(part)}; axolotl raises TypeError while it looks for the place of {name}"
                raise notes.error(BAD_PART, "A part is not an object", text, 'Write {"type": "text", "text": …}.')
            if "type" not in part:
                text = f"axolotl raises KeyError: 'type' while it looks for the place of {name}"
                raise notes.error(BAD_PART, "A part without a type", text, "Give the part a type: text, image, …")
            if is_placeholder(part):
                spot = (index, number)
                break
    notes.at_message(column, None, None)
    if spot is not None:
        messages[spot[0]]["content"][spot[1]]["image"] = value
        return
    if not messages:
        cause = f"axolotl raises IndexError when it adds {name}"
        raise notes.error(BAD_PICTURES, "There is no message for the picture", cause, "Remove the row.", field=column)
    target = first_user or 0
    messages[target]["content"].append({"type": "image", "image": value})
    notes.at_message(column, origin[target], "content")
    if first_user is None:
        role = messages[0]["role"]
        text = f"no user message: axolotl moves {name} to the end of the first message ({role})"
        notes.add(BAD_PICTURES, "warning", text, "Say where it belongs with a {type: image} part.")
    else:
        text = f"no placeholder: axolotl puts {name} after the text of the first user message"
        notes.add(BAD_PICTURES, "note", text, "A {type: image} part says where the picture belongs.")
    notes.at_message(column, None, None)


def note_place(reference: str, base_dir: Path | None, notes: Notes, name: str) -> None:
    """Remember references that axolotl would look for elsewhere."""
    found = locate(reference, base_dir)
    if found.beside_data:
        notes.beside_data.append(shorten(reference))
    if found.shadowed:
        notes.shadowed.append(shorten(reference))
    if found.uri:
        text = f"{name} is a file:// address; axolotl raises ValueError, it takes plain paths"
        hint = f"Write the path without file://, as {CONVERT} does."
        notes.add(BAD_MEDIA, "error", text, hint, field=name)
