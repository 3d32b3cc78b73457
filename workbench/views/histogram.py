"""A spread over rows as an inline SVG: a column a bin, made of numbers alone."""

from __future__ import annotations

from collections.abc import Callable

from workbench.audit.spread import Spread

_WIDTH, _HEIGHT = 320, 120
_BELOW, _ABOVE = 18, 14
_GAP = 2


def histogram(spread: Spread, shown: Callable[[float], str]) -> str:
    """The columns of a spread; `shown` writes a value of the axis. A bin that has a row is never without a column."""
    most, count = max(spread.counts) or 1, len(spread.counts)
    room, width = _HEIGHT - _BELOW - _ABOVE, _WIDTH / count
    parts = []
    for at, rows in enumerate(spread.counts):
        if not rows:
            continue
        height = max(2.0, room * rows / most)
        place = f'x="{at * width + _GAP / 2:.1f}" y="{_HEIGHT - _BELOW - height:.1f}"'
        size = f'width="{max(1.0, width - _GAP):.1f}" height="{height:.1f}"'
        span = f"{shown(spread.edges[at])} to {shown(spread.edges[at + 1])}: {rows:,} row{'' if rows == 1 else 's'}"
        parts.append(f'<rect class="column" fill="#0b7a43" {place} {size}><title>{span}</title></rect>')
    base = _HEIGHT - _BELOW
    parts.append(f'<line class="grid" stroke="#888" x1="0" x2="{_WIDTH}" y1="{base}" y2="{base}"/>')
    for edge, anchor, value in ((0, "start", spread.edges[0]), (_WIDTH, "end", spread.edges[-1])):
        parts.append(f'<text x="{edge}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{shown(value)}</text>')
    parts.append(f'<text x="0" y="{_ABOVE - 4}">{max(spread.counts):,} rows</text>')
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    about = f"{sum(spread.counts):,} rows from {shown(spread.edges[0])} to {shown(spread.edges[-1])}"
    return f'<svg {size} role="img"><title>{about}</title>{"".join(parts)}</svg>'
