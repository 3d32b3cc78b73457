"""A rendering as things to draw: one item per token, or per media run, in columns.

Texts are made once per distinct token id, so a row of 131,072 tokens costs some ten thousand strings.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from workbench.escaping import visible as visible
from workbench.tokens.mask import Mask
from workbench.tokens.render import Rendering
from workbench.tokens.trace import Owner, Trace
from workbench.views.palette import CONTINUED, MEDIA_GLYPH, Look
from workbench.views.token_text import standalone_text


def pill(text: str) -> str:
    """A control token as it is drawn: `<|turn>` becomes `⟨|turn⟩`."""
    shown = visible(text)
    if shown.startswith("<") and shown.endswith(">"):
        return f"⟨{shown[1:-1]}⟩"
    return shown


@dataclass(frozen=True)
class Items:
    """The drawn items of a row, in order, as columns of length N.

    An item covers tokens [start, stop): one token, or a folded media run. `text` indexes `texts`; `width` is in
    terminal cells; `breaks` says that a line ends after the item; `look` is a `Look`; `run` is the media run or -1.
    """

    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]
    text: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]
    breaks: npt.NDArray[np.bool_]
    look: npt.NDArray[np.uint8]
    run: npt.NDArray[np.int32]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.start)

    def item_of(self, token: int) -> int:
        """The item that covers a token."""
        return int(np.searchsorted(self.start, token, side="right")) - 1

    def holding(self, marked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """True for each of the items, one at least, that covers a token marked in `[L]`."""
        # Where nothing is folded, items are tokens; that is most rows, and the long ones.
        found: npt.NDArray[np.bool_] = (
            marked if len(self) == len(marked) else np.logical_or.reduceat(marked, self.start)
        )
        return found


@dataclass(frozen=True)
class Glyphs:
    """The drawn text of every token of a rendering, before masking: it survives every edit of the boundaries."""

    text: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]
    breaks: npt.NDArray[np.bool_]
    control: npt.NDArray[np.bool_]
    texts: list[str]


def glyphs(rendering: Rendering) -> Glyphs:
    """Draw every token once. Pieces of a character that several tokens share show it at the first of them."""
    vocabulary = rendering.vocabulary
    unique, inverse = np.unique(rendering.input_ids, return_inverse=True)
    special = vocabulary.special_ids
    raw = [vocabulary.text(int(token)) for token in unique]
    texts = [pill(t) if int(i) in special else standalone_text(visible(t)) for i, t in zip(unique, raw, strict=True)]
    index = inverse.astype(np.int32).reshape(-1)
    broken = np.array(["\ufffd" in text for text in raw], dtype=bool)
    if rendering.offsets is not None and broken.any():
        _join_pieces(rendering, broken[index], index, texts)
    ends = np.array(["\n" in text for text in raw] + [False] * (len(texts) - len(raw)), dtype=bool)
    control = np.array([int(i) in special for i in unique] + [False] * (len(texts) - len(raw)), dtype=bool)
    widths = np.array([cell_len(text) for text in texts], dtype=np.int32)
    return Glyphs(index, widths[index] if len(index) else index, ends[index], control[index], texts)


def _join_pieces(
    rendering: Rendering, broken: npt.NDArray[np.bool_], index: npt.NDArray[np.int32], texts: list[str]
) -> None:
    """Give the first piece of a split character the character, and the others a dot."""
    assert rendering.offsets is not None
    known: dict[str, int] = {}

    def put(text: str) -> int:
        if text not in known:
            known[text] = len(texts)
            texts.append(text)
        return known[text]

    for token in np.flatnonzero(broken):
        whole = rendering.token_text(int(token))
        index[token] = put(standalone_text(visible(whole)) if whole else CONTINUED)


def items(rendering: Rendering, mask: Mask, drawn: Glyphs, unfolded: Collection[int] = ()) -> Items:
    """The items of one row under a mask `[L]`; a media run is one item, unless it is in `unfolded`."""
    count = len(rendering)
    media = np.zeros(count, dtype=bool)
    run_of = np.full(count, -1, dtype=np.int32)
    first = np.ones(count, dtype=bool)
    runs = rendering.media
    for number in range(len(runs)):
        span = slice(int(runs.start[number]), int(runs.stop[number]))
        media[span] = True
        run_of[span] = number
        if number not in unfolded:
            first[span.start + 1 : span.stop] = False
    start = np.flatnonzero(first)
    stop = np.append(start[1:], count) if len(start) else start
    look = np.where(media, Look.MEDIA, np.where(drawn.control, Look.CONTROL, Look.PLAIN)).astype(np.uint8)[start]
    text, width = drawn.text[start], drawn.width[start]
    breaks = np.logical_or.reduceat(drawn.breaks, start) if len(start) else np.zeros(0, dtype=bool)
    texts = list(drawn.texts)
    folded = [n for n in range(len(runs)) if n not in unfolded]
    for number in folded:
        label = chip(runs.modality[number], int(runs.soft[number]))
        at = int(np.searchsorted(start, runs.start[number]))
        text[at], width[at] = len(texts), cell_len(label)
        texts.append(label)
    return remasked(Items(start, stop, text, width, breaks, look, run_of[start], texts), mask)


def remasked(drawn: Items, mask: Mask) -> Items:
    """The same items under another mask of their row."""
    if not len(drawn):
        return drawn
    trained = drawn.holding(mask.keep).astype(np.uint8)
    return replace(drawn, look=drawn.look % np.uint8(Look.TRAINED) + np.uint8(Look.TRAINED) * trained)


def cut(drawn: Items, window: tuple[int, int]) -> Items:
    """The items that cover tokens [a, b), at least in part."""
    first, last = window
    if not len(drawn) or first >= last:
        part = slice(0, 0)
    else:
        part = slice(max(0, drawn.item_of(first)), int(np.searchsorted(drawn.start, last)))
    columns = ("start", "stop", "text", "width", "breaks", "look", "run")
    return replace(drawn, **{name: getattr(drawn, name)[part] for name in columns})


def chip(modality: str, soft: int) -> str:
    """A folded media run: `▣ image × 280`; without a count where no placeholder was expanded."""
    count = f" × {soft}" if soft else ""
    return f" {MEDIA_GLYPH.get(modality, '▣')} {modality}{count} "


def wrap(drawn: Items, width: int, starts: Sequence[int] = (), *, indent: int = 0) -> npt.NDArray[np.int64]:
    """The first item of every line, for lines of `width` cells. An item wider than a line has one of its own.

    A line begins at each token of `starts` too, and is shorter by `indent`: turns begin on a line of their own.
    """
    count = len(drawn)
    if not count:
        return np.zeros(1, dtype=np.int64)
    total = np.concatenate(([0], np.cumsum(np.minimum(drawn.width, width), dtype=np.int64))).tolist()
    turns_begin = np.searchsorted(drawn.start, np.asarray(starts, dtype=np.int64))
    heads = frozenset(turns_begin.tolist()) if indent else frozenset()
    begins = np.concatenate(([False], drawn.breaks))
    begins[turns_begin] = True
    forced = np.flatnonzero(begins).tolist()
    lines: list[int] = []
    begin = 0
    for end in [*forced, count]:
        while begin < end:
            lines.append(begin)
            room = width - indent if begin in heads else width
            begin = max(begin + 1, min(end, bisect_right(total, total[begin] + room) - 1))
    return np.array(lines, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of the sequence for the gutter: from token `start` on, a message (its index) and its role."""

    start: int
    message: int
    role: str


def turns(rendering: Rendering, mask: Mask, trace: Trace, roles: Sequence[str]) -> list[Turn]:
    """The turns of a row in the order of its tokens, each begun where its span or its header begins.

    A message has one where its text or media stand together; where the template writes one into another's turn, what
    follows is the other's again. Before the first stands what the template writes of itself. `roles[m]` is the role of
    message `m`.
    """
    owned = np.flatnonzero((trace.kind == Owner.CONTENT) | (trace.kind == Owner.MEDIA))
    owned = owned[trace.message[owned] >= 0]
    if not len(owned):
        return []
    whose = trace.message[owned]
    edges = np.flatnonzero(np.diff(whose)) + 1
    starts = np.concatenate(([0], edges))
    first, last = owned[starts], owned[np.concatenate((edges, [len(owned)])) - 1]
    closers = np.flatnonzero(np.isin(rendering.input_ids, _ends(rendering, last)))
    # The last of them before each message; -1: there is none.
    closed = np.append(closers, -1)[np.searchsorted(closers, first) - 1].tolist()
    found: list[Turn] = []
    floor, begins = 0, mask.spans.start
    latest = np.searchsorted(begins, first, side="right") - 1
    for message, begin, end, span, closer in zip(
        whose[starts].tolist(), first.tolist(), last.tolist(), latest.tolist(), closed, strict=True
    ):
        start = int(begins[span]) if span >= 0 and begins[span] >= floor else _header(rendering, floor, begin, closer)
        found.append(Turn(start, message, roles[message]))
        floor = end + 1
    return found


def _ends(rendering: Rendering, last: npt.NDArray[np.int64]) -> list[int]:
    """The control tokens that stand right after the last token of a message: they end turns."""
    after = rendering.input_ids[last[last + 1 < len(rendering)] + 1]
    return sorted(rendering.vocabulary.special_ids.intersection(after.tolist()))


def _header(rendering: Rendering, floor: int, begin: int, closer: int) -> int:
    """The first token of a header that no span marks: after the end of the turn before, and its white space."""
    at = floor
    if closer >= floor:
        at = closer + 1
    elif floor == 0:
        return 0
    while at < begin and rendering.token_text(at).isspace():
        at += 1
    return at
