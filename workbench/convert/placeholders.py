"""Placeholders in texts, `<image>` and its like: parts of their own, filled from the columns of media in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from workbench.convert.talk import KINDS, Changes, Media, MediaKind, Part, Refused, Talk, TalkTurn, Text

_SPOT = re.compile(
    r"<(?P<kind>image|video|audio)>"
    r"|<(?P<counted>image|video|audio)[ _](?P<n>\d{1,3})>"
    r"|<\|(?P<piped>image|video|audio)_(?P<m>\d{1,3})\|>"
    r"|<img>(?P<path>[^<>\n]{1,1024})</img>"
)
_NAMES = {"image": "picture", "video": "video", "audio": "sound"}


def split(text: str, changes: Changes) -> list[Part]:
    """A text as parts; one line break between a placeholder at its edge and the words goes with the placeholder."""
    parts: list[Part] = []
    at = 0
    for found in _SPOT.finditer(text):
        if found.start() > at:
            parts.append(Text(text[at : found.start()]))
        at = found.end()
        kind = cast("MediaKind", found["kind"] or found["counted"] or found["piped"] or "image")
        number = found["n"] or found["m"]
        parts.append(Media(kind, found["path"], int(number) if number else None))
        shown = "<img>…</img>" if found["path"] else re.sub(r"\d+", "N", found[0])
        changes.made[f"{shown} in a text is a part of its own"] += 1
    if not parts:
        return [Text(text)] if text.strip() else []
    if at < len(text):
        parts.append(Text(text[at:]))
    return _without_breaks(parts, changes)


def _without_breaks(parts: list[Part], changes: Changes) -> list[Part]:
    """The parts of a text without the line break that parts its first or last words from the media beside them."""
    words = [index for index, part in enumerate(parts) if isinstance(part, Text)]
    if not words:
        return parts
    first, last = parts[words[0]], parts[words[-1]]
    assert isinstance(first, Text)
    assert isinstance(last, Text)
    removed = 0
    if words[0] > 0 and first.text.startswith(("\n", "\r\n")):
        first.text, removed = first.text.removeprefix("\r").removeprefix("\n"), removed + 1
    if words[-1] < len(parts) - 1 and last.text.endswith("\n"):
        last.text, removed = last.text.removesuffix("\n").removesuffix("\r"), removed + 1
    if removed:
        changes.made["a line break between a placeholder and the text is left out"] += removed
    return [part for part in parts if not isinstance(part, Text) or part.text.strip()]


def fill(talk: Talk, changes: Changes) -> None:
    """Put the media of the columns into the spots that wait for them, or before the first user's text where none does.

    Raises:
        Refused: there are more or fewer spots than media.
    """
    for kind in KINDS:
        _fill(kind, talk, talk.media.get(kind, []), changes)


def _fill(kind: MediaKind, talk: Talk, values: list[object], changes: Changes) -> None:
    name = _NAMES[kind]
    mine = [part for turn in talk.turns for part in turn.parts if isinstance(part, Media) and part.kind == kind]
    spots = [part for part in mine if part.value is None]
    if not spots and not values:
        return
    if spots:
        if len(spots) != len(values):
            detail = f"{_counted(len(spots), 'placeholder')} for {_counted(len(values), name)}"
            hint = "Correct the row, or name the column of the media with --image, --video or --audio."
            raise Refused(f"placeholders and {name}s do not agree", detail, hint)
        _check_numbers(spots, name)
        for spot, value in zip(spots, values, strict=True):
            spot.value = value
        changes.made[f"{name} of a column is in its place in the messages"] += len(values)
        return
    if len(mine) > 0:
        detail = f"{len(mine)} in the messages, {len(values)} in the column"
        raise Refused(f"{name}s in the messages and in a column too", detail, "Keep one of the two.")
    user = next((turn for turn in talk.turns if turn.role == "user"), None)
    if user is None:
        raise Refused(f"a {name}, and no user turn that could show it")
    user.parts[:0] = [Media(kind, value) for value in values]
    changes.made[f"{name} without a placeholder is before the first user text"] += len(values)


def _check_numbers(spots: Sequence[Media], name: str) -> None:
    numbers = [spot.number for spot in spots]
    if any(number is not None for number in numbers) and numbers != list(range(1, len(spots) + 1)):
        shown = ", ".join("none" if number is None else str(number) for number in numbers[:8])
        raise Refused(f"numbers of {name} placeholders that are not 1, 2, 3 … in their order", shown)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def joined(turn: TalkTurn) -> str:
    """The texts of a turn, for what is written as one text. Raises Refused where media stand among them."""
    if any(isinstance(part, Media) for part in turn.parts):
        raise Refused("media where only a text can stand", f"in a {turn.role} turn")
    return "".join(part.text for part in turn.parts if isinstance(part, Text))
