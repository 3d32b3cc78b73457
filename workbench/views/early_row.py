"""The tokens of a row as they are drawn first: texts and turns, nothing to compute with. Needs no numpy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from workbench.views.shown_row import RowView

MOST_TOKENS = 8_000
"""Sent at most, some windows full of them: the whole row is drawn a moment later."""


class EarlyToken(NamedTuple):
    """A token's drawn text; whether it is a control token, and whether the line ends after it."""

    text: str
    control: bool
    breaks: bool


class EarlyTurn(NamedTuple):
    """A message of a row: the token that it begins with, its index and its role."""

    start: int
    message: int
    role: str


class EarlyRow(NamedTuple):
    """The beginning of a row by its number, its length in tokens, and all its turns."""

    row: int
    length: int
    tokens: tuple[EarlyToken, ...]
    turns: tuple[EarlyTurn, ...]

    @classmethod
    def of(cls, row: int, length: int, tokens: Iterable[Iterable[Any]], turns: Iterable[Iterable[Any]]) -> EarlyRow:
        """A row of plain lists or tuples.

        Raises:
            TypeError: one of them has too few or too many members.
        """
        return cls(
            row, length, tuple(EarlyToken(*token) for token in tokens), tuple(EarlyTurn(*turn) for turn in turns)
        )


def early_row(view: RowView) -> EarlyRow:
    """The beginning of a row without media runs."""
    drawn = view.drawn
    columns = (column[:MOST_TOKENS].tolist() for column in (drawn.text, drawn.control, drawn.breaks))
    tokens = ((drawn.texts[text], control, breaks) for text, control, breaks in zip(*columns, strict=True))
    turns = ((turn.start, turn.message, turn.role) for turn in view.turns)
    return EarlyRow.of(view.index, len(view.rendering), tokens, turns)


def to_json(row: EarlyRow) -> str:
    """A row as JSON."""
    return json.dumps(row)


def from_json(text: str | bytes) -> EarlyRow:
    """The row of `to_json`.

    Raises:
        ValueError, TypeError: this is none.
    """
    return EarlyRow.of(*json.loads(text))
