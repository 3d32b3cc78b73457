"""The turns of axolotl's text path in a block of rows, found without rendering each row again for each of its turns.

axolotl finds a turn by what differs when the conversation is rendered with other words in its place. Of each form, the
first row is rendered so, turn by turn: where nothing but the turn's text gives way to those words, what differs in any
other row of the form follows from its own text, provided that its prompt is what the template wrote around the texts of
the first one, to the character. The form says who speaks, and all that the template looks for in a text; see
`template_words`. Rows without such a form are judged alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.blocks.prompts import RARE, LocatedPrompt, Written, bracket, filled, located_in, prompts, written_between
from workbench.data.turns import TRAINING
from workbench.tokens.turns import DUMMIES, differing
from workbench.tokens.turns_ragged import RaggedTurns

if TYPE_CHECKING:
    from workbench.blocks.template_words import TemplateWords
    from workbench.tokens.render import Message, Renderer

IntArray = npt.NDArray[np.int64]
Form = tuple[Any, ...]
_KEYS = frozenset(("role", "content", TRAINING))
_FIRSTS = frozenset(words[0] for words in DUMMIES)
_LASTS = frozenset(words[-1] for words in DUMMIES)
MOST_TURNS = 200
"""Turns of one row at most; beyond, the row goes alone."""


def can_be_located(turns: Sequence[Message]) -> bool:
    """True for turns of a text each, without flags of their parts, thinking or calls."""
    return 0 < len(turns) <= MOST_TURNS and all(
        turn.keys() <= _KEYS and isinstance(turn.get("content"), str) and isinstance(turn.get("role"), str)
        for turn in turns
    )


def locate_turns(
    renderer: Renderer,
    conversations: Sequence[Sequence[Message]],
    words: TemplateWords,
    written: dict[Form, Written] | None = None,
) -> list[LocatedPrompt | None]:
    """Each conversation's prompt with the texts of its turns in place; None where it goes alone.

    Each turn of those that are given differs from other words in its place by its text; see `turn_characters`.
    `written`: what the template was found to write around the turns of each form; it is added to.
    """
    written = {} if written is None else written
    clean = prompts(renderer, conversations)
    forms = [_form(turns, words) for turns in conversations]
    rare = [prompt is None or RARE.search(prompt) is not None for prompt in clean]
    first: dict[Form, int] = {}
    for number, form in enumerate(forms):
        if not rare[number] and form not in written:
            first.setdefault(form, number)
    written |= _written(renderer, conversations, clean, first)
    found: list[LocatedPrompt | None] = []
    for number, (form, prompt) in enumerate(zip(forms, clean, strict=True)):
        between = None if rare[number] else written.get(form)
        talk = filled(prompt, between, _texts(conversations[number])) if prompt is not None and between else None
        found.append(_turns_of(talk) if talk is not None else None)
    return found


def _turns_of(talk: LocatedPrompt) -> LocatedPrompt:
    """The prompt with the place of every turn; a part of it is only a turn that has a text."""
    parts = list(zip(talk.message, talk.start, talk.stop, strict=True))
    turns = tuple((start, stop) for _, start, stop in sorted(parts))
    shown = [part for part in parts if part[2] > part[1]]
    message, start, stop = zip(*shown, strict=True) if shown else ((), (), ())
    order = tuple(sorted(message).index(number) for number in message)
    return LocatedPrompt(talk.prompt, talk.prompt, message, start, stop, order=order, turns=turns)


def _form(turns: Sequence[Message], words: TemplateWords) -> Form:
    """All that a template may tell apart in a row beside the rest of its words."""
    return tuple(
        (turn["role"], repr(turn[TRAINING]) if TRAINING in turn else None, words.marks(turn["content"]))
        for turn in turns
    )


def _texts(turns: Sequence[Message]) -> list[tuple[int, str]]:
    return [(number, turn["content"]) for number, turn in enumerate(turns)]


def _written(
    renderer: Renderer,
    conversations: Sequence[Sequence[Message]],
    clean: Sequence[str | None],
    first: Mapping[Form, int],
) -> dict[Form, Written]:
    """Of each form, the words between the texts; without those in which a turn's place takes more than its text."""
    asked: list[list[Message]] = []
    for number in first.values():
        turns = conversations[number]
        asked.append([{**turn, "content": bracket(place, turn["content"])} for place, turn in enumerate(turns)])
        for place in range(len(turns)):
            asked += [_with_words(turns, place, words) for words in DUMMIES]
    answers = iter(prompts(renderer, asked))
    written: dict[Form, Written] = {}
    for form, number in first.items():
        turns, prompt, marked = conversations[number], clean[number], next(answers)
        others = [next(answers) for _ in range(len(turns) * len(DUMMIES))]
        talk = located_in(prompt, marked, _texts(turns)) if prompt is not None and marked is not None else None
        if talk is not None and others == _expected(talk):
            written[form] = written_between(talk)
    return written


def _with_words(turns: Sequence[Message], place: int, words: str) -> list[Message]:
    """The conversation with other words in the place of one turn, as axolotl makes it."""
    return [*turns[:place], {"role": turns[place].get("role"), "content": words}, *turns[place + 1 :]]


def _expected(talk: LocatedPrompt) -> list[str]:
    """The prompts for the other words, turn by turn, where nothing but the turn's text gives way to them."""
    by_turn = sorted(zip(talk.message, talk.start, talk.stop, strict=True))
    return [talk.prompt[:start] + words + talk.prompt[stop:] for _, start, stop in by_turn for words in DUMMIES]


def turn_characters(prompt: str, start: int, stop: int) -> tuple[int, int]:
    """The characters of a prompt in which it differs from those with other words in the place of [start, stop)."""
    if start < stop and prompt[start] not in _FIRSTS and prompt[stop - 1] not in _LASTS:
        # The other words share neither their first character with the text nor their last one.
        return start, stop
    spans = [differing(prompt, prompt[:start] + words + prompt[stop:]) for words in DUMMIES]
    return min(first for first, _ in spans), max(last for _, last in spans)


def turn_tokens(talk: LocatedPrompt, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """The tokens [start, stop) of each turn, as axolotl finds them by the characters under each token.

    (-1, -1) for a turn without any; None where the characters do not tell.
    """
    found: list[tuple[int, int]] = []
    for begin, end in talk.turns:
        first, last = turn_characters(talk.prompt, begin, end)
        start = stop = -1
        if last > first:
            start = bisect_right(offsets, first, key=_last)
            if start >= len(offsets):
                return None
            stop = bisect_left(offsets, last, key=_first)
        found.append((start, stop) if stop > start else (-1, -1))
    return found


def _first(characters: tuple[int, int]) -> int:
    return characters[0]


def _last(characters: tuple[int, int]) -> int:
    return characters[1]


def ragged_turns(
    conversations: Sequence[Sequence[Message]], places: Sequence[Sequence[tuple[int, int]]], *, skip_system: bool
) -> RaggedTurns:
    """The turns of rows as columns. `skip_system`: a first system turn is not looked for."""
    names: dict[str, int] = {}
    roles = [names.setdefault(turn["role"], len(names)) for turns in conversations for turn in turns]
    flags = [int(bool(turn[TRAINING])) if TRAINING in turn else -1 for turns in conversations for turn in turns]
    tokens = np.array([place for row in places for place in row], dtype=np.int64).reshape(-1, 2)
    sizes = [len(turns) for turns in conversations]
    edges = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    row = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    message = np.arange(len(row), dtype=np.int64) - edges[row]
    role = np.array(roles, dtype=np.int64)
    if skip_system and "system" in names:
        tokens[(message == 0) & (role == names["system"])] = -1
    return RaggedTurns(row, message, tokens[:, 0], tokens[:, 1], role, np.array(flags, dtype=np.int64), tuple(names))
