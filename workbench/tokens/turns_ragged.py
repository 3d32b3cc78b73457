"""The mask of axolotl's text path for many rows that stand one after the other, as arrays over all turns and tokens.

`mask_ragged` gives each row what `workbench.tokens.turns.mask` gives it alone: the same labels, reasons and fate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.tokens.mask import IGNORE, Mask, Reason, Spans
from workbench.tokens.turns import NEAR, Fate, Found, TextMasking

IntArray = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
FATES: tuple[Fate, ...] = ("kept", "cut", "dropped", "refused")
_KEPT, _CUT, _DROPPED, _REFUSED = range(4)


@dataclass(frozen=True, eq=False)
class RaggedTurns:
    """The turns of rows, as columns of one entry a turn, those of a row in their order.

    [start, stop) are the turn's tokens within its row, -1 and -1 where it was not found; `role` is an index into
    `roles`, and `flag` is 1 where the row asks to train the turn, 0 where it asks not to, and -1 where it says nothing.
    """

    row: IntArray
    message: IntArray
    start: IntArray
    stop: IntArray
    role: IntArray
    flag: IntArray
    roles: tuple[str, ...]

    def wanted(self, masking: TextMasking) -> Bools:
        """Per turn: it is to be trained."""
        by_name = [masking.train_on_inputs or name in masking.roles for name in self.roles] or [False]
        wanted: Bools = np.where(self.flag >= 0, self.flag > 0, np.array(by_name, dtype=bool)[self.role])
        return wanted

    def looked_for(self, masking: TextMasking) -> Bools:
        """Per turn: axolotl looks for it, and for its end token."""
        everywhere = "all" in (masking.train_on_eos, masking.train_on_eot)
        return self.wanted(masking) | everywhere

    def found(self, row: int) -> Found | None:
        """The turns of one row, as it finds them alone; None where one of them is not found, and it alone says why."""
        begin, end = np.searchsorted(self.row, (row, row + 1)).tolist()
        start, stop = self.start[begin:end], self.stop[begin:end]
        if (start < 0).any():
            return None
        count = end - begin
        names = tuple(self.roles[number] for number in self.role[begin:end].tolist())
        flag = self.flag[begin:end].astype(np.int8)
        return Found(start, stop, names, flag, (None,) * count, ("",) * count, ("",) * count)


class RaggedMask(NamedTuple):
    """The mask of rows `[N]`, and per row `[R]` what axolotl does with it, an index into `FATES`."""

    mask: Mask
    fate: npt.NDArray[np.uint8]


def mask_ragged(ids: IntArray, edges: IntArray, turns: RaggedTurns, masking: TextMasking) -> RaggedMask:
    """The masks of rows, each as it is masked alone: row r is `ids[edges[r]:edges[r + 1]]`.

    Only turns whose parts have no flags of their own, and that axolotl finds without raising, can be given.
    """
    count, wanted = len(ids), turns.wanted(masking)
    keep, reason = np.zeros(count, dtype=bool), np.zeros(count, dtype=np.uint8)
    span = np.full(count, -1, dtype=np.int32)
    there = np.flatnonzero(turns.start >= 0)
    base = edges[turns.row]
    flagged = turns.flag >= 0
    span_of = np.full(len(wanted), -1, dtype=np.int32)
    span_of[there] = np.arange(len(there), dtype=np.int32)
    _paint(span, there, turns, base, span_of)
    # A token that two turns share is trained where one of them is; of those, the last says why.
    left_out = np.where(flagged, np.uint8(Reason.PART_NOT_TRAINED), np.uint8(Reason.ROLE_NOT_TRAINED))
    _paint(reason, there[~wanted[there]], turns, base, left_out)
    by_role = Reason.ALL_INPUTS if masking.train_on_inputs else Reason.CONTENT
    _paint(reason, there[wanted[there]], turns, base, np.where(flagged, np.uint8(Reason.PART), np.uint8(by_role)))
    _paint(keep, there[wanted[there]], turns, base, wanted)
    ends = _train_ends(ids, edges, turns, masking, keep, reason)
    fate = _fates(keep, edges, masking)
    lengths = np.diff(edges)
    fate_of = np.repeat(fate, lengths)
    if masking.limit is not None:
        beyond = (fate_of == _CUT) & (np.arange(count) - np.repeat(edges[:-1], lengths) >= masking.limit)
        keep[beyond], reason[beyond] = False, Reason.CUT
    gone = fate_of >= _DROPPED
    keep[gone], reason[gone] = False, Reason.DROPPED
    end = ends[there]
    closed = end >= 0
    span[(end + base[there])[closed]] = np.flatnonzero(closed)
    spans = Spans(
        turns.row[there],
        turns.role[there],
        turns.start[there],
        turns.start[there],
        np.where(closed, end, turns.stop[there]),
        np.where(closed, end + 1, turns.stop[there]),
        closed,
        wanted[there],
        turns.roles,
    )
    return RaggedMask(Mask(np.where(keep, ids, IGNORE), keep, reason, span, spans), fate)


def _paint(
    tokens: npt.NDArray[np.generic], which: IntArray, turns: RaggedTurns, base: IntArray, value: npt.NDArray[np.generic]
) -> None:
    """Give the tokens of these turns the value of their turn; where two share one, the later turn's."""
    start, size = (turns.start + base)[which], (turns.stop - turns.start)[which]
    within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    tokens[np.repeat(start, size) + within] = np.repeat(value[which], size)


def _train_ends(
    ids: IntArray,
    edges: IntArray,
    turns: RaggedTurns,
    masking: TextMasking,
    keep: Bools,
    reason: npt.NDArray[np.uint8],
) -> IntArray:
    """Train end tokens, in `keep` and `reason`; gives the end token of each turn within its row, -1 for none."""
    wanted, looked = turns.wanted(masking), np.flatnonzero(turns.looked_for(masking))
    ends = np.full(len(turns.row), -1, dtype=np.int64)
    kinds = (
        (np.isin(ids, masking.eot_ids), masking.train_on_eot),
        (ids == masking.eos_id if masking.eos_id is not None else np.zeros(len(ids), dtype=bool), masking.train_on_eos),
    )
    base = edges[turns.row]
    for is_end, option in kinds:
        first = _first_after(is_end, edges, turns.row[looked], turns.stop[looked])
        near = (first >= 0) & (np.abs(first - turns.stop[looked]) <= NEAR)
        which, token = looked[near], first[near]
        ends[which] = np.where(ends[which] < 0, token, np.minimum(ends[which], token))
        place = token + base[which]
        if option == "all":
            chosen = place
        elif option == "turn":
            chosen = place[wanted[which]]
        elif option == "last":
            row = turns.row[which]
            chosen = place[np.append(row[1:] != row[:-1], True)] if len(row) else place
        else:
            chosen = place[:0]
        reason[place[~keep[place]]] = Reason.END_NOT_TRAINED
        keep[chosen] = True
        reason[chosen] = np.where(reason[chosen] == Reason.END_NOT_TRAINED, Reason.END, reason[chosen])
    return ends


def _first_after(is_end: Bools, edges: IntArray, row: IntArray, stop: IntArray) -> IntArray:
    """Per turn, the first end token of its row from its end on, within the row; -1 where there is none.

    For a turn that was not found it is the row's first, but none where the row's last token is one: see
    `workbench.tokens.turns`.
    """
    at = np.append(np.flatnonzero(is_end), len(is_end))
    first = at[np.searchsorted(at, edges[row] + np.maximum(stop, 0))]
    last = np.maximum(edges[row + 1] - 1, 0)
    last_is_one = (edges[row + 1] > edges[row]) & np.append(is_end, False)[last]
    none = (first >= edges[row + 1]) | ((stop < 0) & last_is_one)
    return np.where(none, -1, first - edges[row])


def _fates(keep: Bools, edges: IntArray, masking: TextMasking) -> npt.NDArray[np.uint8]:
    """Per row, what becomes of it; an index into `FATES`."""
    count = np.diff(edges)
    fate = np.full(len(count), _KEPT, dtype=np.uint8)
    stop = edges[1:]
    long = np.zeros(len(count), dtype=bool)
    if masking.limit is not None:
        long = count > masking.limit
        fate[long] = _CUT
        stop = np.minimum(stop, edges[:-1] + masking.limit)
    if masking.packing:
        total = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))
        fate[total[stop] == total[edges[:-1]]] = _DROPPED
    fate[count < masking.least] = _DROPPED
    if masking.excess != "truncate":
        fate[long] = _REFUSED if masking.excess == "raise" else _DROPPED
    return fate
