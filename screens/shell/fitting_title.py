"""The form of a title that a border has room for."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.widget import Widget

_BORDER = 6
"""Cells of the upper border beside its title."""


def fitting(pane: Widget, forms: Sequence[str]) -> str:
    """The first of some forms of a title that the border of a pane has room for, else the last; the longest first."""
    room = pane.outer_size.width - _BORDER
    return next((form for form in forms if cell_len(form) <= room), forms[-1])
