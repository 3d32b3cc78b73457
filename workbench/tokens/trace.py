"""The trace: which message, part and characters every token came from, with no knowledge of any marker.

The characters of every text part are found in the prompt (`sentinels.py`), carried through the expansion of media, and
become tokens through the offsets. Ids, text and offsets are always those of the clean rendering; where a template
rewrites a part, its tokens are marked as not exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from workbench.data.forms import part_modality
from workbench.tokens.render import Message, Rendering
from workbench.tokens.sentinels import LocatedParts, Render, locate

__all__ = ["Owner", "Place", "Render", "Trace", "trace"]
_AHEAD = 64


class Owner(IntEnum):
    """Whom a token belongs to. `SPLIT` straddles two owners and so belongs to neither."""

    TEMPLATE = 0
    CONTENT = 1
    MEDIA = 2
    PAD = 3
    SPLIT = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a part, or of a piece of one: rendering.text[start:stop], on tokens [first, last)."""

    message: int
    part: int
    start: int
    stop: int
    first: int
    last: int
    media: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """Per token (`[L]`): the owner, and for content the message, the part and the characters [char_start, char_end).

    `message` and `part` are int32 indexes into the rendered conversation, -1 where there is none; characters count
    within the part's own text. `exact` is false for tokens of parts that the template rewrote; `missing` lists the
    (message, part) whose text never reached the rendering. `places` are the pieces of all parts, media included, in
    the order of the text: the tokens at their edges may be `SPLIT`. `offsets` (`[L, 2]`, characters of the text) are
    the rendering's, or found from the tokens' bytes where it has none.
    """

    kind: npt.NDArray[np.uint8]
    message: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    char_start: npt.NDArray[np.int32]
    char_end: npt.NDArray[np.int32]
    exact: npt.NDArray[np.bool_]
    missing: tuple[tuple[int, int], ...] = ()
    places: tuple[Place, ...] = ()
    offsets: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int32))


def trace(
    rendering: Rendering,
    messages: Sequence[Message],
    render: Render,
    *,
    pad_id: int | None = None,
    located: Sequence[LocatedParts] | None = None,
) -> Trace:
    """Trace one rendering.

    `render` gives the prompt for a conversation, with the template and options that produced `rendering.prompt`.
    `located`: the texts in the prompt, where they are known.
    """
    if located is None:
        located = locate(messages, render, rendering.prompt)
    owner = np.full(len(rendering.prompt), -1, dtype=np.int32)
    column = np.zeros(len(rendering.prompt), dtype=np.int32)
    for index, located_part in enumerate(located):
        for piece in located_part.pieces:
            owner[piece.start : piece.stop] = index
            within = np.arange(piece.stop - piece.start) + piece.first
            column[piece.start : piece.stop] = np.minimum(within, max(piece.first, piece.last - 1))
    if rendering.text != rendering.prompt:
        source = _align(rendering)
        inside = source >= 0
        owner = np.where(inside, owner[np.maximum(source, 0)], -1) if len(owner) else np.full(len(source), -1, np.int32)
        column = np.where(inside, column[np.maximum(source, 0)], 0) if len(column) else np.zeros(len(source), np.int32)
    missing = tuple(
        (located_part.part.message, located_part.part.part)
        for located_part in located
        if not located_part.pieces and located_part.part.text.strip()
    )
    offsets = rendering.offsets if rendering.offsets is not None else offsets_by_bytes(rendering)
    return _per_token(rendering, offsets, located, owner, column, missing, pad_id, list(_media_parts(messages)))


def _media_parts(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    for index, message in enumerate(messages):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if part_modality(part) is not None:
                yield index, number


def offsets_by_bytes(rendering: Rendering) -> npt.NDArray[np.int32]:
    """Offsets `[L, 2]` into the text for a tokenizer that gives none, from the bytes that each token stands for.

    Tokens are laid along the text one after the other. Where one does not fit, the text is searched a little ahead for
    the next that does; tokens passed on the way share what lies between, as the pieces of one character do.
    """
    data = rendering.text.encode("utf-8", "surrogatepass")
    lead = np.frombuffer(data, dtype=np.uint8) & 0xC0 != 0x80
    # For every byte, the character it belongs to; one more for the end.
    char = np.append(np.cumsum(lead) - 1, len(rendering.text)).astype(np.int64)
    spans = np.zeros((len(rendering), 2), dtype=np.int64)
    at, waiting = 0, 0
    for index, token in enumerate(rendering.input_ids.tolist()):
        raw = rendering.vocabulary.raw(token)
        # A sentencepiece vocabulary writes a space before the first word that the text does not have.
        found, size = at, len(raw)
        if not data.startswith(raw, at):
            bare = raw.lstrip(b" ")
            if bare and not waiting and data.startswith(bare, at):
                size = len(bare)
            elif not waiting or len(raw) > 1:
                found = data.find(raw, at, at + _AHEAD + len(raw)) if raw else -1
            else:
                found = -1
        if found < 0 or not size:
            waiting += 1
            continue
        spans[index - waiting : index] = at, found
        spans[index] = found, found + size
        at, waiting = found + size, 0
    if waiting:
        spans[len(spans) - waiting :] = at, len(data)
    start, stop = char[spans[:, 0]], char[np.maximum(spans[:, 1] - 1, 0)] + 1
    return np.stack([start, np.where(spans[:, 1] > spans[:, 0], stop, start)], axis=1).astype(np.int32)


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
    offsets: npt.NDArray[np.int32],
    located: Sequence[LocatedParts],
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
    if len(owner):
        start, stop = offsets[:, 0].astype(np.int64), offsets[:, 1].astype(np.int64)
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
    owners = _run_owners([int(offsets[runs.start[number], 0]) for number in placed], media, located, owner)
    media_message = np.full(count, -1, dtype=np.int32)
    media_part = np.full(count, -1, dtype=np.int32)
    places: list[Place] = []
    for number, (message, part) in zip(placed, owners, strict=True):
        span = slice(int(runs.start[number]), int(runs.stop[number]))
        kind[span] = Owner.MEDIA
        media_message[span], media_part[span] = message, part
        edges = int(offsets[span.start, 0]), int(offsets[span.stop - 1, 1])
        places.append(Place(message, part, *edges, span.start, span.stop, media=True))
    if pad_id is not None:
        padding = (rendering.input_ids == pad_id) & (kind != Owner.CONTENT)
        kind[padding] = Owner.PAD
    places += _places(owner, offsets, located)
    none = np.full(len(located) + 1, -1, dtype=np.int32)
    message_of, part_of, exact_of = none.copy(), none.copy(), np.ones(len(located) + 1, dtype=bool)
    for number, located_part in enumerate(located):
        message_of[number], part_of[number] = located_part.part.message, located_part.part.part
        exact_of[number] = bool(located_part.pieces) and located_part.exact
    own = kind == Owner.MEDIA
    return Trace(
        kind,
        np.where(own, media_message, message_of[index]),
        np.where(own, media_part, part_of[index]),
        np.where(own, 0, first),
        np.where(own, 0, last),
        exact_of[index],
        missing,
        tuple(sorted(places, key=lambda place: (place.start, place.stop))),
        offsets,
    )


def _run_owners(
    at: Sequence[int], media: Sequence[tuple[int, int]], located: Sequence[LocatedParts], owner: npt.NDArray[np.int32]
) -> list[tuple[int, int]]:
    """The media part of each run, which begins at character `at`; (-1, -1) where it is not known.

    As many runs as parts: one each. Where a processor makes several runs of one part, they belong to the only part that
    stands between their neighbours, or in the message of one of them.
    """
    if len(at) == len(media):
        return list(media)
    texts = np.flatnonzero(owner >= 0)
    found = []
    for place in at:
        split = int(np.searchsorted(texts, place))
        around = [located[owner[texts[i]]].part for i in (split - 1, split) if 0 <= i < len(texts)]
        before = (around[0].message, around[0].part) if split else (-1, -1)
        after = (around[-1].message, around[-1].part) if split < len(texts) else (len(media) + 1 << 30, 0)
        between = [place for place in media if before < place < after]
        beside = between or [place for place in media if place[0] in {part.message for part in around}]
        found.append(beside[0] if len(beside) == 1 else (-1, -1))
    return found


def _places(
    owner: npt.NDArray[np.int32], offsets: npt.NDArray[np.int32], located: Sequence[LocatedParts]
) -> Iterator[Place]:
    """The runs of one owner in the text, with the tokens that touch them."""
    if not len(owner):
        return
    edges = np.concatenate(([0], np.flatnonzero(np.diff(owner)) + 1, [len(owner)]))
    # Offsets may step back where a tokenizer repeats a character; searching needs them in order.
    begins = np.maximum.accumulate(offsets[:, 0])
    ends = np.maximum.accumulate(offsets[:, 1])
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if (index := int(owner[start])) >= 0:
            part = located[index].part
            touched = int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(begins, stop, side="left"))
            yield Place(part.message, part.part, start, stop, *touched)
