"""The mask: which tokens axolotl will train, and why.

`scan` gives axolotl's labels to the bit (axolotl 0.16–0.21, multimodal collator) and a reason for every token. It is
pure numpy. Nothing loops over tokens: markers are found by vectorised comparison, and the only Python loop follows the
chain from one span to the next, where spans overlap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from workbench.tokens.boundaries import RoleBoundary

IntArray = npt.NDArray[np.int64]
IGNORE = -100
TRAIN_ON_EOS = ("turn", "all", "none", "last")


class Reason(IntEnum):
    """The reason why a token is trained or not.

    The order is part of the scan: those that train stand together, and media and padding, which overrule, follow. The
    last six are those of the text path: what the row itself asked for, what is cut off (`workbench.tokens.turns`), and
    what axolotl was asked (`asked_mask`).
    """

    OUTSIDE = 0
    CONTENT = 1
    START = 2
    END = 3
    ALL_INPUTS = 4
    NO_BOUNDARIES = 5
    ROLE_NOT_TRAINED = 6
    START_NOT_TRAINED = 7
    END_NOT_TRAINED = 8
    MEDIA = 9
    PAD = 10
    PART = 11
    PART_NOT_TRAINED = 12
    CUT = 13
    DROPPED = 14
    ASKED = 15
    ASKED_NOT = 16


REASON_TEXT: dict[Reason, str] = {
    Reason.OUTSIDE: "outside any span",
    Reason.CONTENT: "content",
    Reason.START: "start marker, included",
    Reason.END: "end marker",
    Reason.ROLE_NOT_TRAINED: "role not trained",
    Reason.START_NOT_TRAINED: "start marker",
    Reason.END_NOT_TRAINED: "end marker not trained",
    Reason.PAD: "padding id",
    Reason.MEDIA: "media id",
    Reason.ALL_INPUTS: "train_on_inputs",
    Reason.NO_BOUNDARIES: "no boundaries: everything is trained",
    Reason.PART: "the row asks to train it",
    Reason.PART_NOT_TRAINED: "the row asks not to train it",
    Reason.CUT: "beyond sequence_len: cut off",
    Reason.DROPPED: "axolotl drops the row",
    Reason.ASKED: "axolotl says so",
    Reason.ASKED_NOT: "axolotl says so",
}
_MARKER = np.uint8(0x80)
"""In the table of ids: this one begins a marker. The other bits are the reason that the id alone decides, if any."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Every match of a role boundary, as columns of equal length, in the order of the sequence.

    Token positions count within the row: the start marker is [start, content), the content [content, end), the end
    marker [end, stop). Without an end marker the span is not `terminated` and end == stop == the row's length.
    """

    row: IntArray
    boundary: IntArray
    start: IntArray
    content: IntArray
    end: IntArray
    stop: IntArray
    terminated: npt.NDArray[np.bool_]
    trained: npt.NDArray[np.bool_]
    roles: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    def role(self, index: int) -> str:
        """The role of a span."""
        return self.roles[int(self.boundary[index])]

    def take(self, index: Any) -> Spans:
        """Some of the spans, by index or boolean array."""
        return Spans(
            self.row[index],
            self.boundary[index],
            self.start[index],
            self.content[index],
            self.end[index],
            self.stop[index],
            self.terminated[index],
            self.trained[index],
            self.roles,
        )


@dataclass(frozen=True, slots=True)
class Mask:
    """The mask of one row (`[L]`) or a batch (`[B, L]`): labels, keep, reason and span all have that shape.

    `labels` is int64, -100 where not trained; `keep` bool; `reason` uint8 of `Reason`; `span` int32, an index into
    `spans` or -1.
    """

    labels: IntArray
    keep: npt.NDArray[np.bool_]
    reason: npt.NDArray[np.uint8]
    span: npt.NDArray[np.int32]
    spans: Spans

    @property
    def trained(self) -> int:
        """The number of trained tokens."""
        return int(np.count_nonzero(self.keep))

    def row(self, index: int) -> Mask:
        """One row of a batch, as a mask of its own; its spans count from 0."""
        if self.labels.ndim == 1:
            return self
        mine = np.flatnonzero(self.spans.row == index)
        span = self.span[index]
        if len(mine):
            span = np.where(span >= 0, span - np.int32(mine[0]), span)
        spans = self.spans.take(mine)
        spans.row[:] = 0
        return Mask(self.labels[index], self.keep[index], self.reason[index], span, spans)


def asked_mask(ids: IntArray, labels: IntArray) -> Mask:
    """The mask of one row `[L]` from the labels that axolotl gave; nothing is known of its spans."""
    keep = labels != IGNORE
    reason = np.where(keep, np.uint8(Reason.ASKED), np.uint8(Reason.ASKED_NOT))
    none = np.zeros(0, dtype=np.int64)
    spans = Spans(none, none, none, none, none, none, np.zeros(0, dtype=bool), np.zeros(0, dtype=bool), ())
    return Mask(labels, keep, reason, np.full(len(ids), -1, dtype=np.int32), spans)


def scan(
    input_ids: npt.ArrayLike,
    boundaries: Sequence[RoleBoundary],
    *,
    roles_to_train: Collection[str] = ("assistant",),
    train_on_eos: str = "turn",
    train_on_inputs: bool = False,
    pad_id: int | None = None,
    media_ids: Iterable[int] = (),
) -> Mask:
    """Mask one row or a batch of token ids, as axolotl's multimodal collator does.

    Args:
        input_ids: integer array `[L]` or `[B, L]`.
        boundaries: from `workbench.tokens.boundaries.resolve`. None at all: everything is trained.
        roles_to_train: roles whose content is trained. Empty: nothing is.
        train_on_eos: which end markers are trained: `turn`, `all`, `none` or `last`.
        train_on_inputs: train everything, whatever the boundaries say.
        pad_id: never trained, wherever it stands, whatever it means there.
        media_ids: likewise, from the selected strategy.

    Returns:
        A `Mask` of the same shape.

    Raises:
        ValueError: `train_on_eos` is not one of the four, or the array is neither `[L]` nor `[B, L]`.
    """
    if train_on_eos not in TRAIN_ON_EOS:
        raise ValueError(f"train_on_eos is {train_on_eos!r}; it must be one of {', '.join(TRAIN_ON_EOS)}")
    ids = np.asarray(input_ids)
    if ids.ndim not in (1, 2):
        raise ValueError(f"input_ids has shape {ids.shape}; it must be [L] or [B, L]")
    flat = np.ascontiguousarray(ids, dtype=np.int64).reshape(-1)
    edges = np.arange(0, flat.size + 1, ids.shape[-1] or 1, dtype=np.int64)
    made = scan_ragged(
        flat,
        edges,
        boundaries,
        roles_to_train=roles_to_train,
        train_on_eos=train_on_eos,
        train_on_inputs=train_on_inputs,
        pad_id=pad_id,
        media_ids=media_ids,
    )
    shape = ids.shape
    return Mask(
        made.labels.reshape(shape),
        made.keep.reshape(shape),
        made.reason.reshape(shape),
        made.span.reshape(shape),
        made.spans,
    )


def scan_ragged(
    flat: IntArray,
    edges: IntArray,
    boundaries: Sequence[RoleBoundary],
    *,
    roles_to_train: Collection[str] = ("assistant",),
    train_on_eos: str = "turn",
    train_on_inputs: bool = False,
    pad_id: int | None = None,
    media_ids: Iterable[int] = (),
) -> Mask:
    """Mask rows of any lengths that stand one after the other, each as `scan` masks it alone.

    Args:
        flat: int64 `[N]`, the ids of all rows.
        edges: int64 `[R + 1]`, ascending: row r is `flat[edges[r]:edges[r + 1]]`.

    Returns:
        A `Mask` over `[N]`; `spans` count within their rows.

    Raises:
        ValueError: `train_on_eos` is none of the four.
    """
    if train_on_eos not in TRAIN_ON_EOS:
        raise ValueError(f"train_on_eos is {train_on_eos!r}; it must be one of {', '.join(TRAIN_ON_EOS)}")
    finder = _finder(tuple(boundaries), pad_id, tuple(media_ids))
    kinds = finder.kinds(flat)
    spans, resume = _spans(flat, edges, finder, np.flatnonzero(kinds >= _MARKER), roles_to_train)
    if train_on_inputs or not boundaries:
        reason = np.full(flat.size, Reason.ALL_INPUTS if train_on_inputs else Reason.NO_BOUNDARIES, dtype=np.uint8)
        span = _fill(flat.size, spans, resume, edges, None)[1]
    else:
        reason, span = _fill(flat.size, spans, resume, edges, _end_reasons(spans, finder, train_on_eos))
        if finder.any_include_start:
            _include_starts(reason, spans, finder, edges)
    kinds &= ~_MARKER
    np.maximum(reason, kinds, out=reason)
    # One comparison for both ends: 0 wraps around to the largest value.
    keep = reason - np.uint8(Reason.CONTENT) <= Reason.NO_BOUNDARIES - Reason.CONTENT
    return Mask(np.where(keep, flat, IGNORE), keep, reason, span, spans)


def gate_terminators(mask: Mask, input_ids: npt.ArrayLike, terminators: Sequence[int], train_on_eos: str) -> Mask:
    """Apply `train_on_eos` to turn ends that a strategy leaves inside its spans, as axolotl does after the scan.

    Only `none` (all of them go) and `last` (all but each row's last go) change anything.
    """
    if not terminators or train_on_eos not in ("none", "last"):
        return mask
    drop = np.isin(np.asarray(input_ids), terminators) & mask.keep
    if train_on_eos == "last":
        rows = np.atleast_2d(drop)
        for row in rows:
            if len(places := np.flatnonzero(row)):
                row[places[-1]] = False
        drop = rows.reshape(drop.shape)
    reason = np.where(drop, np.uint8(Reason.END_NOT_TRAINED), mask.reason)
    return Mask(np.where(drop, IGNORE, mask.labels), mask.keep & ~drop, reason, mask.span, mask.spans)


class _MarkerTable:
    """The search for markers in a row: a table that gives, for every id, its possible meanings."""

    def __init__(self, boundaries: tuple[RoleBoundary, ...], pad_id: int | None, media: tuple[int, ...]) -> None:
        self.boundaries = boundaries
        self.roles = tuple(boundary.role for boundary in boundaries)
        # A tie in length goes to the boundary declared first: the sort is stable.
        self.by_length = sorted(
            (i for i, b in enumerate(boundaries) if b.start), key=lambda i: -len(boundaries[i].start)
        )
        self.start_length = np.array([len(b.start) for b in boundaries], dtype=np.int64)
        self.end_length = np.array([len(b.end) for b in boundaries], dtype=np.int64)
        self.include_end = np.array([b.include_end for b in boundaries], dtype=bool)
        self.include_start = np.array([b.include_start for b in boundaries], dtype=bool)
        self.any_include_start = bool(self.include_start.any())
        self.ends = sorted({b.end for b in boundaries if b.end})
        end_index = {end: i for i, end in enumerate(self.ends)}
        end_of = np.array([end_index.get(b.end, -1) for b in boundaries], dtype=np.int64)
        self.has_end = [end_of == index for index in range(len(self.ends))]
        firsts = sorted({b.start[0] for b in boundaries if b.start} | {end[0] for end in self.ends})
        known = [token for token in media if token >= 0]
        pad = [pad_id] if pad_id is not None and pad_id >= 0 else []
        # One more entry than needed: ids beyond the table are clipped onto it, and it is always empty.
        self.table = np.zeros(max([*firsts, *known, *pad], default=-1) + 2, dtype=np.uint8)
        self.table[known] = Reason.MEDIA
        self.table[pad] = Reason.PAD
        self.table[firsts] |= _MARKER

    def kinds(self, flat: IntArray) -> npt.NDArray[np.uint8]:
        """The possible meanings of each id, as bits; an id below zero has none."""
        kinds: npt.NDArray[np.uint8] = self.table.take(flat, mode="clip")
        if flat.size and flat.min() < 0:
            kinds[flat < 0] = 0
        return kinds


@lru_cache(maxsize=64)
def _finder(boundaries: tuple[RoleBoundary, ...], pad_id: int | None, media: tuple[int, ...]) -> _MarkerTable:
    return _MarkerTable(boundaries, pad_id, media)


class _Found:
    """The places of the ids that a marker may begin with, and what follows them: looked up once for all markers."""

    def __init__(self, flat: IntArray, hits: IntArray) -> None:
        self._flat, self._hits, self._found = flat, hits, flat[hits]
        self._firsts: dict[int, IntArray] = {}
        self._following: dict[tuple[int, int], IntArray] = {}

    def places(self, marker: tuple[int, ...]) -> IntArray:
        """The positions at which a marker stands whole, but for those that reach into the next row."""
        first, *rest = marker
        places = self._firsts.get(first)
        if places is None:
            places = self._firsts[first] = self._hits[self._found == first]
        if not rest:
            return places
        # Rows that stand together may be followed by none: a marker at the very end is no whole one.
        whole = places <= self._flat.size - len(marker)
        for offset, token in enumerate(rest, start=1):
            following = self._following.get((first, offset))
            if following is None:
                following = self._following[first, offset] = self._flat.take(places + offset, mode="clip")
            whole &= following == token
        return cast(IntArray, places[whole])


def _row_of(edges: IntArray, places: IntArray) -> IntArray:
    """The row of each flat position; rows without tokens have none."""
    row: IntArray = np.searchsorted(edges, places, side="right") - 1
    return row


def _spans(
    flat: IntArray, edges: IntArray, finder: _MarkerTable, hits: IntArray, roles_to_train: Collection[str]
) -> tuple[Spans, IntArray]:
    """Every span in order, and for each the flat position where the scan went on."""
    found = _Found(flat, hits)
    starts = [found.places(finder.boundaries[index].start) for index in finder.by_length]
    position = np.concatenate(starts) if starts else np.zeros(0, dtype=np.int64)
    boundary = np.repeat(np.array(finder.by_length, dtype=np.int64), [len(places) for places in starts])
    if len(edges) > 2:
        whole = position + finder.start_length[boundary] <= edges[_row_of(edges, position) + 1]
        position, boundary = position[whole], boundary[whole]
    # np.unique keeps the first of equals, and the longest start was put first.
    position, first = np.unique(position, return_index=True)
    boundary = boundary[first]

    row = _row_of(edges, position)
    row_end = edges[row + 1] if len(position) else position
    content = position + finder.start_length[boundary]
    end = row_end.copy()
    terminated = np.zeros(len(position), dtype=bool)
    for index, marker in enumerate(finder.ends):
        mine = np.flatnonzero(finder.has_end[index][boundary])
        places = np.append(found.places(marker), flat.size)
        nearest = places[np.searchsorted(places, content[mine])]
        # Where the nearest one reaches into the next row, so does every later one.
        inside = nearest + len(marker) <= row_end[mine]
        closed = mine[inside]
        end[closed] = nearest[inside]
        terminated[closed] = True
    stop = np.where(terminated, end + finder.end_length[boundary], row_end)
    # The scan goes on before an end marker that is not included: it may open the next span.
    resume = np.where(terminated & ~finder.include_end[boundary], end, stop)

    following = np.searchsorted(position, resume)
    chosen = _chain(following)
    in_loss = np.array([role in roles_to_train for role in finder.roles], dtype=bool)
    base = edges[row]
    trained = in_loss[boundary]
    spans = Spans(
        row, boundary, position - base, content - base, end - base, stop - base, terminated, trained, finder.roles
    )
    return (spans, resume) if chosen is None else (spans.take(chosen), resume[chosen])


def _chain(following: IntArray) -> IntArray | None:
    """The matches that the left-to-right scan really visits; None when it visits all of them."""
    count = len(following)
    if np.array_equal(following, np.arange(1, count + 1)):
        return None
    steps, visited, at = following.tolist(), [], 0
    while at < count:
        visited.append(at)
        at = steps[at]
    return np.array(visited, dtype=np.int64)


def _end_reasons(spans: Spans, finder: _MarkerTable, train_on_eos: str) -> npt.NDArray[np.bool_]:
    """Per span, whether its end marker is trained."""
    closed: npt.NDArray[np.bool_] = spans.terminated & finder.include_end[spans.boundary]
    if train_on_eos == "none":
        return np.zeros(len(spans), dtype=bool)
    if train_on_eos == "all":
        return closed
    closed = closed & spans.trained
    if train_on_eos == "turn":
        return closed
    # `last`: per row, the last trained span that was closed by a marker it includes.
    candidates = np.flatnonzero(closed)
    rows = spans.row[candidates]
    final = np.append(rows[1:] != rows[:-1], True) if len(rows) else np.zeros(0, dtype=bool)
    trained = np.zeros(len(spans), dtype=bool)
    trained[candidates[final]] = True
    return trained


def _fill(
    size: int, spans: Spans, resume: IntArray, edges: IntArray, end_trained: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Per token, the reason and the span, painted as runs between the edges of the spans."""
    count = len(spans)
    base = edges[spans.row]
    edges = np.empty(4 * count + 2, dtype=np.int64)
    edges[0], edges[-1] = 0, size
    edges[1:-1:4] = spans.start + base
    edges[2:-1:4] = spans.content + base
    edges[3:-1:4] = np.minimum(spans.end + base, resume)
    edges[4:-1:4] = resume
    runs = edges[1:] - edges[:-1]
    # A value for what stands before the first span, then four for each: start, content, end, and what follows.
    span_value = np.full(4 * count + 1, -1, dtype=np.int32)
    numbers = np.arange(count, dtype=np.int32)
    for part in (1, 2, 3):
        span_value[part::4] = numbers
    reason_value = np.zeros(4 * count + 1, dtype=np.uint8)
    if end_trained is not None:
        reason_value[1::4] = Reason.START_NOT_TRAINED
        reason_value[2::4] = np.where(spans.trained, np.uint8(Reason.CONTENT), np.uint8(Reason.ROLE_NOT_TRAINED))
        reason_value[3::4] = np.where(end_trained, np.uint8(Reason.END), np.uint8(Reason.END_NOT_TRAINED))
    return reason_value.repeat(runs), span_value.repeat(runs)


def _include_starts(reason: npt.NDArray[np.uint8], spans: Spans, finder: _MarkerTable, edges: IntArray) -> None:
    chosen = np.flatnonzero(spans.trained & finder.include_start[spans.boundary])
    widths = finder.start_length[spans.boundary[chosen]]
    begin = spans.start[chosen] + edges[spans.row[chosen]]
    within = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
    reason[np.repeat(begin, widths) + within] = Reason.START
