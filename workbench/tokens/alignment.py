"""Aligning a text with what a template made of it, where it escaped, cut or replaced some of it."""

from __future__ import annotations

from dataclasses import dataclass

_NEAR, _SURE = 24, 12


@dataclass(frozen=True, slots=True)
class Piece:
    """prompt[start:stop] came from text[first:last]; one to one where both are of one length."""

    start: int
    stop: int
    first: int
    last: int


def match(text: str, first: int, last: int, prompt: str, start: int, stop: int) -> list[Piece]:
    """Align text[first:last] with prompt[start:stop], which a template made of it.

    What is alike is aligned one to one, what is not as a whole. Linear but for a short look ahead at every difference.
    """
    pieces: list[Piece] = []
    at, here = first, start
    while here < stop and at < last:
        run = 0
        limit = min(stop - here, last - at)
        while run < limit and text[at + run] == prompt[here + run]:
            run += 1
        if run:
            pieces.append(Piece(here, here + run, at, at + run))
            at, here = at + run, here + run
            continue
        skipped, written = _resume(text, at, last, prompt, here, stop)
        if written:
            pieces.append(Piece(here, here + written, at, max(at + skipped, at + 1)))
        at, here = at + skipped, here + written
    if here < stop and at == last and pieces:
        pieces.append(Piece(here, stop, last - 1, last))
    return pieces


def _resume(text: str, at: int, last: int, prompt: str, here: int, stop: int) -> tuple[int, int]:
    """The numbers of characters of the text and of the prompt to skip until both go on alike."""
    for distance in range(1, 2 * _NEAR):
        for skipped in range(max(0, distance - _NEAR), min(distance, _NEAR) + 1):
            written = distance - skipped
            length = min(2 if distance < 3 else 4, last - at - skipped, stop - here - written)
            if length > 0 and text.startswith(prompt[here + written : here + written + length], at + skipped):
                return skipped, written
    ahead = text.find(prompt[here : min(here + _SURE, stop)], at, last)
    return (ahead - at, 0) if ahead > at else (last - at, stop - here)
