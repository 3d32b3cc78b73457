"""Messages that are folded to their first line: one item stands for all of their tokens. Columns in, columns out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from workbench.views.items import Items, Turn, remasked
from workbench.views.palette import Look
from workbench.views.shown_row import RowView

IntArray = npt.NDArray[np.int64]


def turn_at(turns: Sequence[Turn], token: int) -> int:
    """The number of the turn that a token stands in; -1 before the first."""
    return bisect_right(turns, token, key=lambda turn: turn.start) - 1


def folds(drawn: Items) -> IntArray:
    """The items that are folded messages: several tokens, and no media run."""
    found: IntArray = np.flatnonzero((drawn.stop - drawn.start > 1) & (drawn.run < 0))
    return found


def fold(drawn: Items, view: RowView, folded: Collection[int]) -> Items:
    """The items of a row with some turns folded, by their numbers. A turn of one item stays as it is."""
    bounds = np.array([*(turn.start for turn in view.turns), len(view.rendering)], dtype=np.int64)
    edges = np.searchsorted(drawn.start, bounds)
    kept = np.ones(len(drawn), dtype=bool)
    heads, lasts = [], []
    for number in sorted(folded):
        first, last = int(edges[number]), int(edges[number + 1]) - 1
        if last > first:
            kept[first + 1 : last + 1] = False
            heads.append(first)
            lasts.append(last)
    if not heads:
        return drawn
    stop, look, run, breaks = drawn.stop.copy(), drawn.look.copy(), drawn.run.copy(), drawn.breaks.copy()
    stop[heads], look[heads], run[heads], breaks[heads] = drawn.stop[lasts], Look.PLAIN, -1, True
    made = Items(
        drawn.start[kept],
        stop[kept],
        drawn.text[kept],
        drawn.width[kept],
        breaks[kept],
        look[kept],
        run[kept],
        drawn.texts,
    )
    return retold(remasked(made, view.mask), view)


def retold(drawn: Items, view: RowView) -> Items:
    """The same items, with what the folded messages say of themselves under another mask."""
    places = folds(drawn)
    if not len(places):
        return drawn
    texts, text, width = list(drawn.texts), drawn.text.copy(), drawn.width.copy()
    for place in places.tolist():
        label = summary(view, int(drawn.start[place]), int(drawn.stop[place]))
        text[place], width[place] = len(texts), cell_len(label)
        texts.append(label)
    return replace(drawn, text=text, width=width, texts=texts)


def summary(view: RowView, start: int, stop: int) -> str:
    """The words that stand in the place of tokens [start, stop)."""
    if view.preliminary:
        return f"… {stop - start:,} tokens"
    trained = int(np.count_nonzero(view.mask.keep[start:stop]))
    return f"… {stop - start:,} tokens, {f'{trained:,}' if trained else 'none'} trained"
