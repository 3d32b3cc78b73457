"""The whole row in one column: what is trained where, findings and matches beside it, and which part is in view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style

from screens.shell.themes import Paints
from screens.token_grid.gutter import MAP_CELLS
from screens.token_grid.lines import TokenLines
from workbench.findings import SEVERITIES
from workbench.views.palette import SEVERITY_GLYPH

_BLOCKS = " ▏▎▍▌▋▊▉█"
_MATCH = "•"

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Marks:
    """Places to be seen from afar, as columns: a token, and how bad it is (an index into `SEVERITIES`), in order."""

    token: IntArray
    severity: IntArray


@dataclass(frozen=True)
class Minimap:
    """`[H]` per cell of the column: eighths trained, worst severity or -1, whether a match is there, first line."""

    eighths: IntArray
    severity: IntArray
    matched: npt.NDArray[np.bool_]
    line: IntArray

    def cell_of(self, line: int) -> int:
        """The cell that stands for a line."""
        return int(np.searchsorted(self.line, line, side="right")) - 1

    def draw(self, y: int, top: int, bottom: int, base: Style, paint: Paints) -> list[Segment]:
        """One cell with its neighbours; lines [top, bottom) are in view."""
        if not len(self.line):
            return [Segment(" " * MAP_CELLS, base)]
        seen = self.cell_of(top) <= y <= self.cell_of(max(top, bottom - 1)) and y < len(self.line)
        rail = Segment("┃", base + paint.thumb) if seen else Segment("│", base + paint.rail)
        if y >= len(self.line):
            return [rail, Segment("  ", base)]
        worst = int(self.severity[y])
        mark = Segment(" ", base)
        if worst >= 0:
            name = SEVERITIES[worst]
            mark = Segment(SEVERITY_GLYPH[name], base + paint.severity[name])
        elif self.matched[y]:
            mark = Segment(_MATCH, base + paint.severity["warning"])
        return [rail, Segment(_BLOCKS[int(self.eighths[y])], base + paint.bar), mark]


def minimap(lines: TokenLines, trained: IntArray, marks: Marks, matches: IntArray, height: int) -> Minimap:
    """The column of a row laid out in `lines`, for a window of `height` lines.

    `trained` is the running count of trained tokens `[L + 1]`; `matches` the first tokens of the search's matches.
    """
    cells = min(height, lines.height)
    if cells <= 0:
        none = np.zeros(0, dtype=np.int64)
        return Minimap(none, none, none.astype(bool), none)
    first = np.arange(cells, dtype=np.int64) * lines.height // cells
    start = lines.items.start[lines.lines[first]]
    bounds = np.append(start, len(trained) - 1)
    share = np.diff(trained[bounds]) / np.maximum(1, np.diff(bounds))
    eighths = np.ceil(share * 8).astype(np.int64)
    severity = np.full(cells, -1, dtype=np.int64)
    if len(marks.token):
        at = np.maximum(np.searchsorted(start, marks.token, side="right") - 1, 0)
        # The worst comes last, so that it is the one that stays.
        order = np.argsort(-marks.severity, kind="stable")
        severity[at[order]] = marks.severity[order]
    matched = np.zeros(cells, dtype=bool)
    if len(matches):
        matched[np.maximum(np.searchsorted(start, matches, side="right") - 1, 0)] = True
    return Minimap(eighths, severity, matched, first)
