"""Lanes of one row under each other, column by column: what is the same text stands in the same column in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.lanes.lane import Lane
from workbench.lanes.stretches import blocks

GAP = ""
"""The cell of a lane that has nothing where others have text."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One character of a lane, or a gap."""

    char: str
    trained: bool


Column = tuple[Cell, ...]
_NOTHING = Cell(GAP, False)


def columns(lanes: Sequence[Lane]) -> list[Column]:
    """A column for each character, with a cell for each lane. The first lane is what the others are aligned to."""
    if not lanes:
        return []
    length = len(lanes[0].text)
    # By lane: for each place of the first text, what stands before it there alone, and what stands in it.
    before: list[list[list[Cell]]] = []
    inside: list[list[Cell]] = []
    for lane in lanes:
        extra: list[list[Cell]] = [[] for _ in range(length + 1)]
        kept = [_NOTHING] * length
        for tag, a, b, c, d in blocks(lanes[0].text, lane.text):
            cells = [Cell(lane.text[place], bool(lane.trained[place])) for place in range(c, d)]
            if tag == "equal":
                kept[a:b] = cells
            else:
                extra[a] += cells
        before.append(extra)
        inside.append(kept)
    made: list[Column] = []
    for place in range(length + 1):
        # What several lanes have there and the first has not stands in the same columns.
        most = max(len(one[place]) for one in before)
        made += [tuple(one[place][at] if at < len(one[place]) else _NOTHING for one in before) for at in range(most)]
        if place < length:
            made.append(tuple(one[place] for one in inside))
    return made


def alike(column: Column) -> bool:
    """True where all lanes have the same in a column."""
    return all(cell == column[0] for cell in column)
