"""The cells beside the text of a row: what stands before its lines, and the width from which there is a minimap.

No numpy: the first row is drawn in the same place before its tokens are there.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len

from workbench.escaping import visible

GUTTER = 3
"""Cells before every line: the mark of a finding, the bar of trained tokens, a blank."""
ROLE_CELLS = 9
_ROOMY = 30
"""From this width on the first line of a message names its role; below, the role's first letter."""
LEAST_TEXT = 8
MAP_CELLS = 3
"""Of the minimap, at the right."""
MAP_FROM = 30
"""A pane narrower than this has no minimap."""


def text_cells(room: int) -> int:
    """The cells of gutter and text in a pane of so many."""
    return room - MAP_CELLS if room >= MAP_FROM else room


def label_cells(turns: Iterable[tuple[int, str]], width: int) -> tuple[int, int]:
    """The cells of number and role before the first line of a message, and of the number alone; in a narrow pane the
    role is a letter. `turns` are the index and the role of every message."""
    named = {(message, role) for message, role in turns}
    if not named:
        return 0, 0
    number = len(str(max(message for message, _ in named)))
    role = min(ROLE_CELLS, max(cell_len(visible(role)) for role in {role for _, role in named}))
    wanted = number + 1 + (role if width >= _ROOMY else min(role, 1))
    return min(wanted, max(0, width - GUTTER - LEAST_TEXT)), number
