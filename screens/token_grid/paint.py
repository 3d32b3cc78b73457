"""Lines of the token grid as strips: gutter and tokens. A block of lines at a time, so that numpy is asked once.

No widget: a `Page` is what the lines show, and drawing it changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from screens.shell.themes import Paints
from screens.token_grid.lenses import Shades
from screens.token_grid.lines import IntArray, TokenLines
from screens.token_grid.minimap import Marks
from workbench.findings import SEVERITIES
from workbench.views.items import Turn, visible
from workbench.views.palette import SEVERITY_GLYPH, SPACE, TRAINED_BAR, Look
from workbench.views.shown_row import RowView

if TYPE_CHECKING:
    from workbench.editing.session import Change

_MEDIA_LOOKS = (Look.MEDIA, Look.TRAINED_MEDIA)


class Inks:
    """Every style that lines are drawn in: `looks` per shade of the lens, and by name those of the gutter."""

    def __init__(self, base: Style, looks: tuple[Style, ...], paint: Paints) -> None:
        self.base, self.looks, self.paint = base, looks, paint
        self.gutter = {
            "muted": base + paint.muted,
            "strong": base + paint.strong,
            "accent": base + paint.accent,
            "bar": base + paint.bar,
            **{name: base + style for name, style in paint.severity.items()},
        }

    @property
    def plain(self) -> tuple[Style, ...]:
        """The first half of `looks`: those of tokens that no search found."""
        return self.looks[: len(self.looks) // 2]


@dataclass(frozen=True)
class Page:
    """The contents of lines: a row laid out, the shade of every item, and an edit's change (None: no change)."""

    view: RowView
    lines: TokenLines
    shades: Shades
    changed: Change | None
    marks: Marks
    spaces: bool
    inks: Inks


def draw_lines(page: Page, first: int, last: int) -> list[Strip]:
    """The strips of lines [first, last), each as wide as gutter and text."""
    lines, base = page.lines, page.inks.base
    room = lines.gutter + lines.width
    items = lines.lines[first:last]
    end = int(lines.lines[last]) if last < len(lines.lines) else len(lines.items)
    begin = int(items[0])
    start, stop = lines.items.start[items], lines.items.stop[np.append(items[1:], end) - 1]
    trained = np.logical_or.reduceat(lines.items.look[begin:end] >= Look.TRAINED, items - begin).tolist()
    turns = lines.turns_at(first, last)
    columns = zip(
        _roles(page, turns, trained),
        _happened(page, start, stop),
        trained,
        _texts(page, items, end),
        strict=True,
    )
    bars = (Segment("  ", page.inks.gutter["bar"]), Segment(f"{TRAINED_BAR} ", page.inks.gutter["bar"]))
    return [Strip([*role, mark, bars[bar], *text]).adjust_cell_length(room, base) for role, mark, bar, text in columns]


def _roles(page: Page, turns: list[Turn | None], trained: list[bool]) -> Iterator[list[Segment]]:
    """Number and role of the message that begins on a line, in amber where a span should cover it; or nothing."""
    inks, room, number = page.inks, page.lines.label, page.lines.digits
    for turn, bar in zip(turns, trained, strict=True):
        if turn is None:
            yield []
            continue
        role = set_cell_size(visible(turn.role), max(0, room - number - 1))
        trains = bar or turn.role in page.view.roles_to_train
        named = inks.gutter["warning" if _is_bare(page, turn) else "accent" if trains else "strong"]
        yield [Segment(f"{turn.message:>{number}} "[:room], inks.gutter["muted"]), Segment(role, named)]


def _is_bare(page: Page, turn: Turn) -> bool:
    """True for a message to be trained in which no span begins."""
    if turn.role not in page.view.roles_to_train:
        return False
    turns, begins = page.lines.turns, page.view.mask.spans.start
    following = bisect_right(turns, turn.start, key=lambda other: other.start)
    end = turns[following].start if following < len(turns) else len(page.view.rendering)
    return int(np.searchsorted(begins, end)) == int(np.searchsorted(begins, turn.start))


def _happened(page: Page, start: IntArray, stop: IntArray) -> list[Segment]:
    """One mark per line: tokens that an edit added or removed, else the worst finding that points to the line."""
    inks, marks = page.inks, page.marks
    found = [Segment(" ", inks.base)] * len(start)
    low, high = np.searchsorted(marks.token, start), np.searchsorted(marks.token, stop)
    for index in np.flatnonzero(low < high).tolist():
        name = SEVERITIES[int(marks.severity[low[index] : high[index]].min())]
        found[index] = Segment(SEVERITY_GLYPH[name], inks.gutter[name])
    if page.changed is not None:
        begin, end = int(start[0]), int(stop[-1])
        added = np.logical_or.reduceat(page.changed.added[begin:end], start - begin)
        removed = np.logical_or.reduceat(page.changed.removed[begin:end], start - begin)
        for index in np.flatnonzero(added | removed).tolist():
            glyph = "±" if added[index] and removed[index] else "+" if added[index] else "−"
            found[index] = Segment(glyph, inks.gutter["bar" if added[index] else "error"])
    return found


def _texts(page: Page, items: IntArray, end: int) -> Iterator[list[Segment]]:
    """The tokens of each line; neighbours of one look are one segment."""
    drawn, begin = page.lines.items, int(items[0])
    texts, looks = drawn.texts, page.inks.looks
    shades = page.shades[begin:end]
    numbers = drawn.text[begin:end].tolist()
    begins = np.concatenate(([True], shades[1:] != shades[:-1]))
    begins[items - begin] = True
    starts = np.flatnonzero(begins)
    shade = shades[starts].tolist()
    spread = drawn.look[begin:end][starts].tolist()
    bounds = [*starts.tolist(), end - begin]
    piece, pieces = 0, len(shade)
    for stop in [*(items[1:] - begin).tolist(), end - begin]:
        segments: list[Segment] = []
        while piece < pieces and bounds[piece] < stop:
            text = "".join([texts[number] for number in numbers[bounds[piece] : bounds[piece + 1]]])
            if page.spaces and spread[piece] not in _MEDIA_LOOKS:
                text = text.replace(" ", SPACE)
            segments.append(Segment(text, looks[shade[piece]]))
            piece += 1
        yield segments
