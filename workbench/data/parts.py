"""The parts of normalised messages: those at which transformers raises, and media references made loadable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.data.forms import part_modality
from workbench.data.media import MediaError, StoredPicture, as_data_uri, load_picture, locate, shorten
from workbench.data.picture_header import NeedsDecoding, PictureHeader, read_header
from workbench.data.pictures import PICTURE_KEYS, note_place
from workbench.data.remedies import CONVERT
from workbench.data.row_notes import BAD_MEDIA, BAD_PART, Notes, type_name
from workbench.recipe.knobs import NO_EFFECT

# transformers' `_multimodal_inputs_from_conversations`: each of these keys in a part of the type adds one input.
MEDIA_KEYS = {"image": PICTURE_KEYS, "video": ("video", "url", "path"), "audio": ("audio", "url", "path")}
MEDIA_TYPES = frozenset((*MEDIA_KEYS, "image_url"))
_IGNORED_PART_KEYS = ("train", "weight", "training")
_TEXT_PART = '{"type": "text", "text": …}'


def measure_parts(
    messages: list[dict[str, Any]], origin: list[int], column: str, base_dir: Path | None, notes: Notes
) -> None:
    """Put its header in the place of each picture, in place, with the notes that `resolve_parts` would make.

    Raises NeedsDecoding where a part is another medium, or anything that `resolve_parts` must look at itself.
    """
    for index, message in enumerate(messages):
        for number, part in enumerate(message["content"]):
            if not isinstance(part, dict) or part.get("type") not in MEDIA_TYPES:
                continue
            keys = [key for key in PICTURE_KEYS if key in part]
            if part["type"] != "image" or len(keys) != 1:
                raise NeedsDecoding
            value = part[keys[0]]
            if isinstance(value, PictureHeader):
                continue
            header = read_header(value, base_dir)
            if isinstance(value, str):
                note_place(value, base_dir, notes, f"{column}[{origin[index]}].content[{number}].{keys[0]}")
            else:
                # The processor gets it decoded, in its own mode, whatever its file was.
                header = PictureHeader(header.width, header.height, header.mode)
            part[keys[0]] = header


def review_parts(messages: list[dict[str, Any]], origin: list[int], column: str, notes: Notes) -> None:
    """Findings for the parts at which the processor raises after axolotl's own code has passed the row on.

    Parts of one fault are one finding, at the first of them.
    """
    odd: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    ignored: dict[str, int] = {}
    for index, message in enumerate(messages):
        for number, part in enumerate(message["content"]):
            if not isinstance(part, dict):
                found = f"a part is {type_name(part)}, not an object", "TypeError", _TEXT_PART
                odd.setdefault(found, []).append((index, number))
            elif "type" not in part:
                odd.setdefault(("a part has no type", "KeyError: 'type'", _typed(part)), []).append((index, number))
            else:
                for key in _IGNORED_PART_KEYS:
                    if key in part:
                        ignored.setdefault(key, index)
    if odd:
        (what, error, _), places = next(iter(odd.items()))
        count = sum(map(len, odd.values()))
        more = f", {count} parts of the row alike" if count > 1 else ""
        index, number = places[0]
        notes.at_message(column, origin[index], f"content[{number}]")
        hint = f"Write {' and '.join(dict.fromkeys(remedy for _, _, remedy in odd))}; {CONVERT} does."
        notes.add(BAD_PART, "error", f"{what}: transformers raises {error}{more}", hint)
    for key, index in ignored.items():
        notes.at_message(column, origin[index], None)
        notes.add(NO_EFFECT, "note", f"`{key}` on a part is ignored by the multimodal path", "Mask by role instead.")
    notes.at_message(column, None, None)


def _typed(part: dict[str, Any]) -> str:
    """The part as it must be written, by what it holds."""
    kind = part_modality(part)
    return _TEXT_PART if kind is None else f'{{"type": "{kind}", "{kind}": …}}'


def handed_over(part: Any) -> int:
    """The number of pictures, videos or sounds that transformers takes of a part and gives to the processor."""
    if not isinstance(part, dict):
        return 0
    if part.get("type") == "image_url":
        return int("image_url" in part)
    return sum(key in part for key in MEDIA_KEYS.get(str(part.get("type")), ()))


def resolve_parts(
    messages: list[dict[str, Any]], origin: list[int], column: str, base_dir: Path | None, notes: Notes
) -> None:
    """Make every media reference loadable from anywhere, in place, the part's keys and their order unchanged.

    A local path that only the data file's folder resolves becomes absolute, a URL becomes a data: URI, a stored cell a
    PIL picture; all else stays as it is. Each picture is read once, so that RowError D005 names a broken one here.
    """
    for index, message in enumerate(messages):
        for number, part in enumerate(message["content"]):
            if not isinstance(part, dict):
                continue
            kind = part.get("type")
            place = f"{column}[{origin[index]}].content[{number}]"
            if kind == "image":
                for key in PICTURE_KEYS:
                    if key in part:
                        part[key] = _picture(part[key], base_dir, notes, f"{place}.{key}")
            elif kind == "image_url" and "image_url" in part:
                address = part["image_url"]
                if not isinstance(address, dict):
                    part["image_url"] = _picture(address, base_dir, notes, f"{place}.image_url")
                elif "url" in address:
                    address["url"] = _picture(address["url"], base_dir, notes, f"{place}.image_url.url")
            elif kind in {"video", "audio"}:
                for key in MEDIA_KEYS[kind]:
                    given = part.get(key)
                    if isinstance(given, str):
                        part[key] = _path(given, base_dir, notes, f"{place}.{key}", kind)
                    elif isinstance(given, list):
                        # The frames of a video, each a picture.
                        part[key] = [
                            _path(frame, base_dir, notes, f"{place}.{key}[{at}]", "picture")
                            if isinstance(frame, str)
                            else frame
                            for at, frame in enumerate(given)
                        ]


def _picture(value: Any, base_dir: Path | None, notes: Notes, place: str) -> Any:
    if isinstance(value, list):
        return [_picture(item, base_dir, notes, place) for item in value]
    if hasattr(value, "resize"):
        return value
    if not isinstance(value, (str, StoredPicture)):
        text = f"it is {type_name(value)}; transformers raises TypeError"
        hint = "Use a path, a URL, base64 text, or a column of the `datasets` type Image."
        raise notes.error(BAD_MEDIA, "The picture has a form that cannot be loaded", text, hint, field=place)
    try:
        if isinstance(value, StoredPicture):
            return value.open(base_dir)
        found = locate(value, base_dir)
        if found.kind == "url":
            return as_data_uri(value)
        load_picture(value, base_dir)
    except MediaError as error:
        raise notes.error(BAD_MEDIA, error.title, error.cause, error.hint, field=place) from error
    note_place(value, base_dir, notes, place)
    changed = found.path is not None and (found.beside_data or found.shadowed or found.uri)
    return str(found.path) if changed else value


def _path(value: str, base_dir: Path | None, notes: Notes, place: str, kind: str) -> str:
    found = locate(value, base_dir)
    if found.kind == "missing":
        notes.add(BAD_MEDIA, "error", f"no such {kind} file: {shorten(value)}", "Correct the path.", field=place)
    if found.path is None:
        return value
    note_place(value, base_dir, notes, place)
    return str(found.path) if found.beside_data or found.shadowed or found.uri else value
