"""The lenses of the token grid, which set the colour of tokens: each gives a number per item, and a style per number.

The mask lens also shows what an edit changed. Nothing here loops over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich.style import Style
from rich.text import Text

from screens.shell.themes import Paints
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner
from workbench.views.items import Items, visible
from workbench.views.palette import Look
from workbench.views.shown_row import RowView

if TYPE_CHECKING:
    from workbench.editing.session import Change

Shades = npt.NDArray[np.uint8]


class Lens(StrEnum):
    """The fact about a token that its colour shows."""

    MASK = "mask"
    OWNER = "owner"
    DISAGREEMENT = "disagreement"
    LOSS = "loss"

    def following(self, *, losses: bool) -> Lens:
        """The next lens, round and round; the loss lens only where there are losses to show."""
        every = [lens for lens in Lens if losses or lens is not Lens.LOSS]
        return every[(every.index(self) + 1) % len(every)] if self in every else Lens.MASK


LOOKS = len(Look)
LOSS_EDGES = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Nats. From the last on, the right token had less than one chance in fifty."""
_SAME, _ADDED, _REMOVED = range(3)


class TokenVerdict:
    """The numbers of the disagreement lens."""

    QUIET, AGREED, LEAKED, MISSED = range(4)


def shades(lens: Lens, view: RowView, drawn: Items, changed: Change | None) -> Shades:
    """A number per item, for `styles` of the same lens."""
    if not len(drawn):
        return np.zeros(0, dtype=np.uint8)
    if lens is Lens.MASK:
        found = drawn.look.astype(np.uint8)
        if changed is not None:
            state = drawn.holding(changed.removed) * np.uint8(_REMOVED)
            state = np.where(drawn.holding(changed.added), np.uint8(_ADDED), state)
            found = found + state.astype(np.uint8) * np.uint8(LOOKS)
        return found
    if lens is Lens.OWNER:
        numbers = owners(view)
    else:
        numbers = verdicts(view) if lens is Lens.DISAGREEMENT else loss_steps(view)
    # Of a folded run or a token of several, the largest number is the one to be seen.
    most: Shades = np.maximum.reduceat(numbers, drawn.start)
    return most


def owners(view: RowView) -> Shades:
    """Per token: 0 the template, 1 padding, 2 unknown, 3 media, 4 two owners, then the roles in order of appearance."""
    kinds = np.zeros(len(Owner), dtype=np.uint8)
    kinds[Owner.PAD], kinds[Owner.UNKNOWN], kinds[Owner.MEDIA], kinds[Owner.SPLIT] = 1, 2, 3, 4
    names = list(dict.fromkeys(view.roles))
    role_of = np.array([5 + names.index(role) % ROLES for role in view.roles] or [0], dtype=np.uint8)
    trace = view.trace
    mine = trace.kind == Owner.CONTENT
    found: Shades = np.where(mine, role_of[np.maximum(trace.message, 0)], kinds[trace.kind]).astype(np.uint8)
    return found


def verdicts(view: RowView) -> Shades:
    """A `TokenVerdict` per token: do mask and trace agree? The ends of trained turns count as their own tokens."""
    trace, mask = view.trace, view.mask
    wanted_role = np.array([role in view.roles_to_train for role in view.roles] + [False], dtype=bool)
    own = (trace.kind == Owner.CONTENT) & wanted_role[trace.message]
    kept = mask.keep
    free = (mask.reason != Reason.PAD) & (mask.reason != Reason.MEDIA) & (mask.reason != Reason.PART_NOT_TRAINED)
    other = kept & (trace.kind == Owner.CONTENT) & ~own
    template = kept & (trace.kind == Owner.TEMPLATE) & (mask.reason != Reason.END)
    found = np.zeros(len(kept), dtype=np.uint8)
    found[kept & ~other & ~template] = TokenVerdict.AGREED
    found[other | template | (kept & (trace.kind == Owner.MEDIA))] = TokenVerdict.LEAKED
    found[own & ~kept & free] = TokenVerdict.MISSED
    return found


def loss_steps(view: RowView) -> Shades:
    """Per token: 0 not measured, then the step of `LOSS_EDGES` that its loss falls in, from 1 on."""
    if view.nll is None:
        return np.zeros(len(view.rendering), dtype=np.uint8)
    steps = np.digitize(view.nll, LOSS_EDGES) + 1
    found: Shades = np.where(np.isnan(view.nll), 0, steps).astype(np.uint8)
    return found


ROLES = 5


def styles(lens: Lens, base: Style, paint: Paints) -> tuple[Style, ...]:
    """The style of every number of a lens."""
    if lens is Lens.MASK:
        plain = [base + style for style in paint.look]
        return (*plain, *(style + paint.added for style in plain), *(style + paint.removed for style in plain))
    dim = base + paint.muted
    if lens is Lens.OWNER:
        media, split = base + paint.media, base + paint.severity["error"]
        return (dim, dim, dim, media, split, *(base + style for style in paint.roles))
    if lens is Lens.LOSS:
        return (dim, *(base + style for style in paint.losses))
    agreed = base + paint.look[Look.TRAINED]
    leaked = base + paint.severity["error"] + Style(underline=True, bold=True, reverse=True)
    return dim, agreed, leaked, base + paint.severity["warning"] + Style(bold=True, reverse=True)


def legend(
    lens: Lens,
    view: RowView | None,
    known: Sequence[Style],
    base: Style,
    paint: Paints,
    changed: Change | None = None,
) -> Text:
    """One line that names what is drawn, each in the one of the lens's `styles` that it is drawn in."""
    if lens is Lens.MASK:
        parts = [
            ("trained", known[Look.TRAINED]),
            ("not trained", known[Look.PLAIN]),
            ("⟨special⟩", known[Look.CONTROL]),
        ]
        if changed is not None:
            parts = [parts[0], ("+ now trained", known[LOOKS + Look.TRAINED])]
            parts.append(("− no longer", known[2 * LOOKS + Look.PLAIN]))
    elif lens is Lens.OWNER:
        roles = list(dict.fromkeys(view.roles))[:ROLES] if view is not None else []
        parts = [(visible(role), known[5 + number]) for number, role in enumerate(roles)]
        parts += [("template", known[0]), ("media", known[3]), ("two owners", known[4])]
    elif lens is Lens.DISAGREEMENT:
        parts = [
            ("agreed", known[TokenVerdict.AGREED]),
            ("wrongly trained", known[TokenVerdict.LEAKED]),
            ("wrongly not trained", known[TokenVerdict.MISSED]),
        ]
    else:
        names = [f"<{LOSS_EDGES[0]:g}", *(f"≥{edge:g}" for edge in LOSS_EDGES)]
        parts = [*zip(names, known[1:], strict=True), ("not measured", known[0])]
    text = Text(f" {lens} ", base + paint.strong, end="")
    for name, style in parts:
        text.append(" ", base).append(name, style)
    text.append(" nats " if lens is Lens.LOSS else " ", base)
    return text
