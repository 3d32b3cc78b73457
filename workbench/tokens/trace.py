"""The trace: which message, part and characters every token came from, with no knowledge of any marker.

The conversation is rendered twice: clean, and with every text part between two private-use characters of its own. When
the second rendering without those characters equals the first, the place of every part is known exactly. Where a
template rewrites content the part is looked for in the clean rendering and marked as approximate. Ids and offsets
always belong to the clean rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.tokens.render import Message, Rendering

Render = Callable[[Sequence[Message]], str]
_SINGLE_PART_LIMIT = 64


class Owner(IntEnum):
    """Whom a token belongs to. `SPLIT` straddles two owners and so belongs to neither."""

    TEMPLATE = 0
    CONTENT = 1
    MEDIA = 2
    PAD = 3
    SPLIT = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Trace:
    """Per token (`[L]`): the owner, and for content the message, the part and the characters [char_start, char_end).

    `message` and `part` are int32 indexes into the rendered conversation, -1 where there is none; characters count
    within the part's own text. `exact` is false for tokens of parts that the template rewrote; `missing` lists the
    (message, part) whose text never reached the rendering.
    """

    kind: npt.NDArray[np.uint8]
    message: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    char_start: npt.NDArray[np.int32]
    char_end: npt.NDArray[np.int32]
    exact: npt.NDArray[np.bool_]
    missing: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    message: int
    part: int
    text: str

    @property
    def margins(self) -> tuple[int, int]:
        """Length of the leading and of the trailing white space; all of a blank text is leading."""
        lead = len(self.text) - len(self.text.lstrip())
        return lead, (len(self.text) - len(self.text.rstrip())) if lead < len(self.text) else 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands in the prompt: prompt[start:stop] is text[offset:offset + stop - start]."""

    start: int
    stop: int
    offset: int
    exact: bool


def trace(rendering: Rendering, messages: Sequence[Message], render: Render, *, pad_id: int | None = None) -> Trace:
    """Trace one rendering.

    `render` gives the prompt for a conversation, with the template and options that produced `rendering.prompt`.
    """
    parts = list(_text_parts(messages))
    places = _locate(parts, messages, render, rendering.prompt)
    owner = np.full(len(rendering.prompt), -1, dtype=np.int32)
    column = np.zeros(len(rendering.prompt), dtype=np.int32)
    for index, place in enumerate(places):
        if place is not None:
            owner[place.start : place.stop] = index
            column[place.start : place.stop] = np.arange(place.stop - place.start) + place.offset
    if rendering.text != rendering.prompt:
        source = _align(rendering)
        inside = source >= 0
        owner = np.where(inside, owner[np.maximum(source, 0)], -1) if len(owner) else np.full(len(source), -1, np.int32)
        column = np.where(inside, column[np.maximum(source, 0)], 0) if len(column) else np.zeros(len(source), np.int32)
    missing = tuple(
        (parts[i].message, parts[i].part) for i, place in enumerate(places) if place is None and parts[i].text.strip()
    )
    return _per_token(rendering, parts, places, owner, column, missing, pad_id, list(_media_parts(messages)))


def _text_parts(messages: Sequence[Message]) -> Iterator[_Part]:
    for index, message in enumerate(messages):
        content = message.get("content")
        if isinstance(content, str):
            yield _Part(index, 0, content)
        elif isinstance(content, list):
            for number, part in enumerate(content):
                if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
                    yield _Part(index, number, part["text"])


def _media_parts(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    for index, message in enumerate(messages):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict) and part.get("type") not in (None, "text"):
                yield index, number


def _with_texts(messages: Sequence[Message], parts: Sequence[_Part], texts: Sequence[str]) -> list[Message]:
    """The conversation with other texts in its text parts; everything else is shared, not copied."""
    changed: list[Message] = [dict(message) for message in messages]
    for message in changed:
        if isinstance(message.get("content"), list):
            message["content"] = list(message["content"])
    for part, text in zip(parts, texts, strict=True):
        content: Any = changed[part.message]["content"]
        if isinstance(content, str):
            changed[part.message]["content"] = text
        else:
            content[part.part] = {**content[part.part], "text": text}
    return changed


def _sentinels(parts: Sequence[_Part], prompt: str) -> list[tuple[str, str]] | None:
    """Two characters for every part that occur nowhere in the rendering; None when there are too many parts."""
    taken = set(prompt).union(*(part.text for part in parts))
    free = (chr(code) for plane in (0xF0000, 0x100000) for code in range(plane, plane + 0xFFFE))
    pool = [char for char, _ in zip((char for char in free if char not in taken), range(2 * len(parts)), strict=False)]
    return list(zip(pool[::2], pool[1::2], strict=True)) if len(pool) == 2 * len(parts) else None


def _bracket(part: _Part, pair: tuple[str, str], outer: bool) -> str:
    if not part.text:
        # An empty text must stay empty: templates ask whether there is content.
        return part.text
    lead, trail = (0, 0) if outer else part.margins
    stop = len(part.text) - trail
    return part.text[:lead] + pair[0] + part.text[lead:stop] + pair[1] + part.text[stop:]


def _locate(parts: Sequence[_Part], messages: Sequence[Message], render: Render, prompt: str) -> list[_Place | None]:
    """Find every part in the prompt; empty parts have no place and miss nothing."""
    pairs = _sentinels(parts, prompt)
    if pairs is None:
        return _search(parts, prompt, [None] * len(parts))

    def attempt(outer: Sequence[bool], which: Sequence[int]) -> list[_Place | None] | None:
        chosen = set(which)
        texts = [_bracket(part, pairs[i], outer[i]) if i in chosen else part.text for i, part in enumerate(parts)]
        try:
            marked = render(_with_texts(messages, parts, texts))
        except Exception:
            return None
        return _read(parts, pairs, outer, chosen, marked, prompt)

    everything = range(len(parts))
    wide = [True] * len(parts)
    if (found := attempt(wide, everything)) is not None:
        return found
    # The template trims: brackets go inside the white space, except where it turns out that a part keeps its own.
    narrow = [False] * len(parts)
    padded = [i for i, part in enumerate(parts) if part.text and any(part.margins)]
    found = attempt(narrow, everything)
    if found is not None:
        for index in padded[:_SINGLE_PART_LIMIT]:
            trial = [i == index for i in everything]
            if (better := attempt(trial, everything)) is not None:
                narrow[index] = True
                found[index] = better[index]
        return found
    return _one_by_one(parts, attempt, prompt)


def _one_by_one(
    parts: Sequence[_Part],
    attempt: Callable[[Sequence[bool], Sequence[int]], list[_Place | None] | None],
    prompt: str,
) -> list[_Place | None]:
    """Some part is rewritten: find out which, and look for its text instead."""
    places: list[_Place | None] = [None] * len(parts)
    for index in range(min(len(parts), _SINGLE_PART_LIMIT)):
        for outer in (True, False):
            alone = attempt([outer] * len(parts), [index])
            if alone is not None and alone[index] is not None:
                places[index] = alone[index]
                break
    return _search(parts, prompt, places)


def _read(
    parts: Sequence[_Part],
    pairs: Sequence[tuple[str, str]],
    outer: Sequence[bool],
    chosen: set[int],
    marked: str,
    prompt: str,
) -> list[_Place | None] | None:
    """The places that the brackets give; None when the marked rendering is not the clean one plus its brackets."""
    opens = {pairs[i][0]: i for i in chosen}
    closes = {pairs[i][1]: i for i in chosen}
    places: list[_Place | None] = [None] * len(parts)
    clean: list[str] = []
    begun: dict[int, int] = {}
    position = last = 0
    brackets = [at for at, char in enumerate(marked) if char in opens or char in closes]
    for at in brackets:
        clean.append(marked[last:at])
        position += at - last
        last = at + 1
        if (index := opens.get(marked[at])) is not None:
            if index in begun:
                return None
            begun[index] = position
        else:
            index = closes[marked[at]]
            if index not in begun or places[index] is not None:
                return None
            lead = 0 if outer[index] else parts[index].margins[0]
            places[index] = _Place(begun[index], position, lead, True)
    clean.append(marked[last:])
    if "".join(clean) != prompt:
        return None
    for index, place in enumerate(places):
        if place is not None:
            text = parts[index].text[place.offset : place.offset + place.stop - place.start]
            if prompt[place.start : place.stop] != text:
                return None
    return places


def _search(parts: Sequence[_Part], prompt: str, places: list[_Place | None]) -> list[_Place | None]:
    """Look for unplaced parts in order, between their placed neighbours."""
    position = 0
    for index, part in enumerate(parts):
        place = places[index]
        if place is not None:
            position = max(position, place.stop)
            continue
        core = part.text.strip()
        following = [other.start for other in places[index + 1 :] if other is not None]
        limit = min((start for start in following if start >= position), default=len(prompt))
        at = prompt.find(core, position, limit) if core else -1
        if at >= 0:
            places[index] = _Place(at, at + len(core), part.margins[0], False)
            position = at + len(core)
    return places


def _align(rendering: Rendering) -> npt.NDArray[np.int64]:
    """For every character of the expanded text, its place in the prompt, or -1 where the processor wrote it.

    Everything that is not a media token is taken over in order; what stands between is expansion.
    """
    prompt, text = rendering.prompt, rendering.text
    source = np.full(len(text), -1, dtype=np.int64)
    at = done = 0
    for start, stop in _kept(rendering):
        piece = prompt[start:stop]
        last = stop == len(prompt)
        found = text.rfind(piece, at) if last else text.find(piece, at)
        if found < 0:
            break
        source[found : found + len(piece)] = np.arange(start, stop)
        at = found + len(piece)
        done = stop
    if done < len(prompt) and prompt.endswith(text[at:]) and at < len(text):
        source[at:] = np.arange(len(prompt) - (len(text) - at), len(prompt))
    return source


def _kept(rendering: Rendering) -> Iterator[tuple[int, int]]:
    """The stretches of the prompt between its media placeholders."""
    tokens = {rendering.vocabulary.text(int(rendering.input_ids[i])) for i in _media_positions(rendering)}
    prompt, start = rendering.prompt, 0
    while start < len(prompt):
        hits = [(at, token) for token in tokens if token and (at := prompt.find(token, start)) >= 0]
        if not hits:
            break
        at, token = min(hits)
        if at > start:
            yield start, at
        start = at + len(token)
    if start < len(prompt):
        yield start, len(prompt)


def _media_positions(rendering: Rendering) -> list[int]:
    """One position for each distinct media id."""
    runs = rendering.media
    if not len(runs):
        return []
    inside = np.concatenate([np.arange(start, stop) for start, stop in zip(runs.start, runs.stop, strict=True)])
    _, first = np.unique(rendering.input_ids[inside], return_index=True)
    return [int(position) for position in inside[first]]


def _per_token(
    rendering: Rendering,
    parts: Sequence[_Part],
    places: Sequence[_Place | None],
    owner: npt.NDArray[np.int32],
    column: npt.NDArray[np.int32],
    missing: tuple[tuple[int, int], ...],
    pad_id: int | None,
    media: Sequence[tuple[int, int]],
) -> Trace:
    """Characters become tokens through the offsets."""
    count = len(rendering)
    runs = rendering.media
    kind = np.full(count, Owner.TEMPLATE, dtype=np.uint8)
    index = np.full(count, -1, dtype=np.int64)
    first = np.zeros(count, dtype=np.int32)
    last = np.zeros(count, dtype=np.int32)
    if rendering.offsets is None:
        kind[:] = Owner.UNKNOWN
    elif len(owner):
        start, stop = rendering.offsets[:, 0].astype(np.int64), rendering.offsets[:, 1].astype(np.int64)
        covered = stop > start
        head = np.minimum(start, len(owner) - 1)
        tail = np.clip(stop - 1, 0, len(owner) - 1)
        changes = np.concatenate(([0], np.cumsum(owner[1:] != owner[:-1])))
        whole = changes[head] == changes[tail]
        content = covered & whole & (owner[head] >= 0)
        kind[covered & ~whole] = Owner.SPLIT
        kind[content] = Owner.CONTENT
        index[content] = owner[head[content]]
        first[content] = column[head[content]]
        last[content] = column[tail[content]] + 1
    typed = [bool((kind[a:b] == Owner.CONTENT).all()) for a, b in zip(runs.start, runs.stop, strict=True)]
    placed = [number for number, mine in enumerate(typed) if not mine]
    # The n-th run belongs to the n-th media part, unless the processor joined or dropped some.
    owners = media if len(media) == len(placed) else [(-1, -1)] * len(placed)
    media_message = np.full(count, -1, dtype=np.int32)
    media_part = np.full(count, -1, dtype=np.int32)
    for number, (message, part) in zip(placed, owners, strict=True):
        span = slice(int(runs.start[number]), int(runs.stop[number]))
        kind[span] = Owner.MEDIA
        media_message[span], media_part[span] = message, part
    if pad_id is not None:
        padding = (rendering.input_ids == pad_id) & (kind != Owner.CONTENT)
        kind[padding] = Owner.PAD
    none = np.full(len(parts) + 1, -1, dtype=np.int32)
    message_of, part_of, exact_of = none.copy(), none.copy(), np.ones(len(parts) + 1, dtype=bool)
    for number, one in enumerate(parts):
        place = places[number]
        message_of[number], part_of[number] = one.message, one.part
        exact_of[number] = place is not None and place.exact
    own = kind == Owner.MEDIA
    return Trace(
        kind,
        np.where(own, media_message, message_of[index]),
        np.where(own, media_part, part_of[index]),
        np.where(own, 0, first),
        np.where(own, 0, last),
        exact_of[index],
        missing,
    )
