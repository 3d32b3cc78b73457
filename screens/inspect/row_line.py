"""A line of the list of samples: number, trained share, the columns for which there is room, worst finding."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from screens.shell.themes import Paints
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH
from workbench.views.row_view import Sample

_BADGE = 7
"""Cells of a finding's sign and code, which come before the other columns of a row."""
_THOUSANDS_FROM = 100_000
"""Tokens that are counted in thousands from here on."""


COLUMNS = {
    "share": "share trained",
    "trained": "tokens trained",
    "tokens": "tokens",
    "pictures": "pictures",
    "finding": "worst finding",
}
"""The columns that the list can show, from the left, as far as it is wide enough."""
USUAL_COLUMNS = ("share", "tokens", "pictures", "finding")


def columns_of(names: Collection[object]) -> tuple[str, ...]:
    """The columns with these names, in their order."""
    return tuple(name for name in COLUMNS if name in names)


def _columns(sample: Sample, wanted: Collection[str]) -> Iterator[tuple[str, int]]:
    """The tokens and the pictures of a row, each with its cells; those that are wanted."""
    if "trained" in wanted:
        yield _counted(sample.trained, "✓") if sample.total else "", 9
    if "tokens" in wanted:
        yield _counted(sample.total, "t") if sample.total else "", 8
    if "pictures" in wanted:
        yield f"▣{min(sample.pictures, 99)}" if sample.pictures else "", 4


def _counted(tokens: int, unit: str) -> str:
    return f"{tokens:,}{unit}" if tokens < _THOUSANDS_FROM else f"{tokens // 1000:,}k{unit}"


class RowLook(NamedTuple):
    """The state of the list at a paint that every line goes by."""

    base: Style
    paint: Paints
    width: int
    number: int
    """Cells of a row's number."""

    def line(
        self, index: int, sample: Sample | None, mine: bool, label: str, columns: Collection[str]
    ) -> list[Segment]:
        """The line of a row, `mine` where it is the one that is shown. `label` is the value that rows are sorted by."""
        base, paint = self.base, self.paint
        text = base + paint.strong if mine else base
        muted = base + paint.muted
        segments = [Segment("▸" if mine else " ", base + paint.accent), Segment(f"{index:>{self.number}} ", text)]
        if sample is None:
            segments.append(Segment("   …", muted))
        else:
            room = self.width - self.number - 2
            if "share" in columns:
                share = f"{100 * sample.trained / sample.total:3.0f}%" if sample.total else "   –"
                segments.append(Segment(share, text if sample.trained else muted))
                room -= 4
            if label:
                segments.append(Segment(f" {label}", text))
                room -= cell_len(label) + 1
            badge_cells = _BADGE if "finding" in columns else 0
            for column, cells in _columns(sample, columns):
                # What the rows are sorted by stands there already.
                if room >= cells + badge_cells and (not label or column.replace(",", "") != label):
                    segments.append(Segment(f"{column:>{cells}}", muted))
                    room -= cells
            if sample.severity and badge_cells:
                glyph, code = SEVERITY_GLYPH[sample.severity], visible(sample.code)
                badge = f" {glyph} {code}" if cell_len(code) + 3 <= room else f" {glyph}"
                segments.append(Segment(badge, base + paint.severity[sample.severity]))
        return segments
