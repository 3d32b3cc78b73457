"""The prompts of a block of conversations, and the characters of every text part in them.

A block is rendered clean, and the first row of each form also with every text part between two rare characters. Where
the second equals the first but for those characters, what stands between them is the part: the same proof as in
`workbench.tokens.sentinels`. What the template wrote between the parts of that row is looked for in the other rows of
its form: where these words and a row's own texts make up its prompt, to the character, its parts are in their places.
All other rows are rendered twice too, and those for which the proof fails go the long way there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.picture_header import is_measured
from workbench.tokens.alignment import Piece
from workbench.tokens.sentinels import LocatedParts, text_parts

if TYPE_CHECKING:
    from workbench.blocks.pictures import PictureText
    from workbench.tokens.render import Message, Renderer

IntArray = npt.NDArray[np.int64]
MOST_PARTS = 2000
"""Text parts of one row at most; beyond, the row goes alone."""
_FIRST = 0x20000
# Every character that `sentinels` may use: a row that holds one goes alone.
RARE = re.compile("[\U00020000-\U0010fffd]")
_BRACKETS = [chr(_FIRST + number) for number in range(2 * MOST_PARTS)]


@dataclass(frozen=True, slots=True)
class LocatedPrompt:
    """A prompt and its text parts in their order there: part p is of `message[p]`, and is `text[start[p]:stop[p]]`.

    `text` is what is tokenized: the prompt with what the processor writes for its pictures, where a run of their own
    token stands once, see `PictureText`.
    """

    prompt: str
    text: str
    message: tuple[int, ...]
    start: tuple[int, ...]
    stop: tuple[int, ...]
    pictures: tuple[tuple[int, int, int], ...] = ()
    """The places that the processor writes for each picture: [start, stop) in the text, and the picture's message."""
    times: tuple[int, ...] = ()
    """Of each run of the pictures' token, how many it stands for."""
    order: tuple[int, ...] = ()
    """The parts' numbers among those of the row's texts that are not empty."""
    written: tuple[int, ...] | None = None
    """The place of each part's beginning in the prompt; None: that in the text."""
    turns: tuple[tuple[int, int], ...] = ()
    """On the text path, the characters [start, stop) of each turn's text; see `workbench.blocks.turns`."""


Form = tuple[Any, ...]
Written = tuple[tuple[str, ...], tuple[int, ...]]


def locate_block(
    renderer: Renderer, conversations: Sequence[Sequence[Message]], written: dict[Form, Written] | None = None
) -> list[LocatedPrompt | None]:
    """Each conversation's prompt with its parts in place; None where this way cannot tell, or the template raises.

    `written`: what the template was found to write around the parts of each form; it is added to.
    """
    written = {} if written is None else written
    texts = [_texts(messages) for messages in conversations]
    able = [number for number, found in enumerate(texts) if found is not None]
    clean = prompts(renderer, [conversations[number] for number in able])
    able = [
        number for number, prompt in zip(able, clean, strict=True) if prompt is not None and not RARE.search(prompt)
    ]
    by_row = dict(zip([n for n, found in enumerate(texts) if found is not None], clean, strict=True))
    located: list[LocatedPrompt | None] = [None] * len(conversations)
    forms = {number: _form(conversations[number]) for number in able}
    first = {form: number for number, form in reversed(forms.items()) if form not in written}

    def render_twice(numbers: Sequence[int]) -> None:
        marked = prompts(renderer, [_bracketed(conversations[number]) for number in numbers])
        for number, text in zip(numbers, marked, strict=True):
            prompt, parts = by_row[number], texts[number]
            if prompt is not None and text is not None and parts is not None:
                located[number] = located_in(prompt, text, parts)

    render_twice(sorted(first.values()))
    for form, number in first.items():
        talk, parts = located[number], texts[number]
        if talk is not None and parts is not None:
            written[form] = written_between(talk)
    left = []
    for number in able:
        prompt, parts = by_row[number], texts[number]
        if number == first.get(forms[number]) or prompt is None or parts is None:
            continue
        between = written.get(forms[number])
        located[number] = filled(prompt, between, parts) if between is not None else None
        if located[number] is None:
            left.append(number)
    render_twice(left)
    return located


def _form(messages: Sequence[Message]) -> Form:
    """All that a template may tell apart in a row beside its words: who speaks, in which parts, and the keys of each
    message."""
    return tuple(
        (
            str(message.get("role")),
            tuple(sorted(map(str, message))),
            tuple(
                "picture" if is_measured(part) else "text" if part.get("text") else "" for part in message["content"]
            ),
        )
        for message in messages
    )


def written_between(talk: LocatedPrompt) -> Written:
    """The words between the parts of a prompt, and the parts by their place there."""
    edges = [0, *(at for pair in zip(talk.start, talk.stop, strict=True) for at in pair), len(talk.prompt)]
    words = tuple(talk.prompt[edges[at] : edges[at + 1]] for at in range(0, len(edges), 2))
    return words, talk.order


def filled(prompt: str, written: Written, parts: Sequence[tuple[int, str]]) -> LocatedPrompt | None:
    """A prompt that is these words with the row's own texts between them; None where it is not."""
    words, order = written
    texts = [parts[number][1] for number in order]
    pieces = [piece for pair in zip(words, (*texts, ""), strict=True) for piece in pair]
    if "".join(pieces) != prompt:
        return None
    edges = [0, *accumulate(map(len, pieces))]
    count = len(texts)
    return LocatedPrompt(
        prompt,
        prompt,
        tuple(parts[number][0] for number in order),
        tuple(edges[1 : 2 * count : 2]),
        tuple(edges[2 : 2 * count + 1 : 2]),
        order=order,
    )


def with_pictures(
    talk: LocatedPrompt, placeholder: str, pictures: Sequence[tuple[int, PictureText]]
) -> LocatedPrompt | None:
    """The prompt with its placeholders expanded, in their order; None where these are not as many, or in a text.

    `pictures`: of each its message, and what is written for it.
    """
    at = [hit.start() for hit in re.finditer(re.escape(placeholder), talk.prompt)]
    if len(at) != len(pictures):
        return None
    texts = [text.short for _, text in pictures]
    places, grown = np.array(at), np.concatenate(([0], np.cumsum([len(text) - len(placeholder) for text in texts])))
    start, stop = np.array(talk.start, dtype=np.int64), np.array(talk.stop, dtype=np.int64)
    before = np.searchsorted(places, start)
    if not np.array_equal(before, np.searchsorted(places, stop - 1, side="right")):
        return None
    pieces = talk.prompt.split(placeholder)
    text = "".join(part for pair in zip(pieces, (*texts, ""), strict=True) for part in pair)
    shift = grown[before]
    starts = (places + grown[:-1]).tolist()
    found = tuple((at, at + len(mine.short), message) for at, (message, mine) in zip(starts, pictures, strict=True))
    times = tuple(count for _, text in pictures for count in text.times)
    return replace(
        talk,
        text=text,
        start=tuple((start + shift).tolist()),
        stop=tuple((stop + shift).tolist()),
        pictures=found,
        times=times,
        written=talk.start,
    )


def located_parts(talk: LocatedPrompt, messages: Sequence[Message]) -> list[LocatedParts] | None:
    """The texts of a conversation in its prompt, as `workbench.tokens.sentinels.locate` finds them; None where one of
    them has no place here."""
    places = dict(zip(talk.order, talk.start if talk.written is None else talk.written, strict=True))
    found: list[LocatedParts] = []
    number = 0
    for part in text_parts(messages):
        pieces: tuple[Piece, ...] = ()
        if part.text:
            start, size = places.get(number, -1), len(part.text)
            if start < 0 or not talk.prompt.startswith(part.text, start):
                return None
            pieces, number = (Piece(start, start + size, 0, size),), number + 1
        found.append(LocatedParts(part, pieces))
    return found if number == len(places) else None


def prompts(renderer: Renderer, conversations: Sequence[Sequence[Message]], **options: Any) -> list[str | None]:
    """The prompt of each conversation; None where the template refuses it."""
    if not conversations:
        return []
    try:
        return list(renderer.prompts(conversations, **options))
    except Exception:
        if len(conversations) == 1:
            return [None]
        half = len(conversations) // 2
        return prompts(renderer, conversations[:half], **options) + prompts(renderer, conversations[half:], **options)


def _texts(messages: Sequence[Message]) -> list[tuple[int, str]] | None:
    """(message, text) of every part that is no picture; None where one is no text either, or there are too many."""
    found: list[tuple[int, str]] = []
    for index, message in enumerate(messages):
        for part in message["content"]:
            if is_measured(part):
                continue
            text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
            if not isinstance(text, str):
                return None
            if text:
                found.append((index, text))
    return found if len(found) <= MOST_PARTS else None


def _bracketed(messages: Sequence[Message]) -> list[Message]:
    """The conversation with every text part between two characters of its own."""
    marked: list[Message] = []
    number = 0
    for message in messages:
        parts = []
        for part in message["content"]:
            if part.get("text") and not is_measured(part):
                parts.append({**part, "text": bracket(number, part["text"])})
                number += 1
            else:
                parts.append(part)
        marked.append({**message, "content": parts})
    return marked


def bracket(number: int, text: str) -> str:
    """A text between the two characters of the part with this number among its row's texts."""
    return f"{_BRACKETS[2 * number]}{text}{_BRACKETS[2 * number + 1]}"


def located_in(prompt: str, marked: str, parts: Sequence[tuple[int, str]]) -> LocatedPrompt | None:
    """The parts in the order in which the prompt has them; None where one is missing, changed or written twice."""
    hits = [hit.start() for hit in RARE.finditer(marked)]
    if len(hits) != 2 * len(parts):
        return None
    pieces, last = [], 0
    for at in hits:
        pieces.append(marked[last:at])
        last = at + 1
    pieces.append(marked[last:])
    if "".join(pieces) != prompt:
        return None
    order = []
    for number in range(0, len(hits), 2):
        opened = ord(marked[hits[number]]) - _FIRST
        if opened % 2 or ord(marked[hits[number + 1]]) - _FIRST != opened + 1 or opened >= len(hits):
            return None
        if pieces[number + 1] != parts[opened // 2][1]:
            return None
        order.append(opened // 2)
    if len(set(order)) != len(order):
        return None
    places = [at - number for number, at in enumerate(hits)]
    message = tuple(parts[number][0] for number in order)
    return LocatedPrompt(prompt, prompt, message, tuple(places[::2]), tuple(places[1::2]), order=tuple(order))
