"""Search in a row: text, token ids (`#107 2604`) or a role (`role:assistant`). Columns in, columns out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.views.shown_row import RowView

IntArray = npt.NDArray[np.int64]
_NONE = np.zeros(0, dtype=np.int64)
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
HINT = "text · #107 2604 for ids · role:assistant"


@dataclass(frozen=True)
class Matches:
    """Token ranges [start, stop), in order; `wrong` says why a search cannot be made."""

    start: IntArray
    stop: IntArray
    wrong: str = ""

    def __len__(self) -> int:
        return len(self.start)

    def tokens(self, length: int) -> npt.NDArray[np.bool_]:
        """A bool per token, `[length]`: True where the token belongs to a match."""
        edge = np.zeros(length + 1, dtype=np.int64)
        np.add.at(edge, self.start, 1)
        np.add.at(edge, self.stop, -1)
        found: npt.NDArray[np.bool_] = np.cumsum(edge[:-1]) > 0
        return found


NO_MATCHES = Matches(_NONE, _NONE)


def find(view: RowView, query: str) -> Matches:
    """Find the matches of a query in a row. Text is found across tokens; a lower-case query ignores case."""
    if query.startswith("#"):
        return _ids(view, query[1:])
    if query.startswith("role:"):
        return _role(view, query[5:].strip())
    return _text(view, query) if query else NO_MATCHES


def _ids(view: RowView, text: str) -> Matches:
    words = text.replace(",", " ").split()
    if not all(word.isdecimal() for word in words):
        return Matches(_NONE, _NONE, "ids are numbers: #107 2604")
    wanted = [int(word) for word in words]
    ids = view.rendering.input_ids
    if not wanted or len(wanted) > len(ids):
        return NO_MATCHES
    room = len(ids) - len(wanted) + 1
    same = np.ones(room, dtype=bool)
    for offset, number in enumerate(wanted):
        same &= ids[offset : offset + room] == number
    start = np.flatnonzero(same).astype(np.int64)
    return Matches(start, start + len(wanted))


def _role(view: RowView, role: str) -> Matches:
    begin = [turn.start for turn in view.turns]
    ends = [*begin[1:], len(view.rendering)]
    mine = [number for number, turn in enumerate(view.turns) if role and turn.role.startswith(role)]
    return Matches(
        np.array([begin[number] for number in mine], dtype=np.int64),
        np.array([ends[number] for number in mine], dtype=np.int64),
    )


def _text(view: RowView, query: str) -> Matches:
    wanted = re.sub(r"\\[nt\\]", lambda found: _ESCAPES[found[0]], query)
    flags = re.IGNORECASE if wanted == wanted.lower() else 0
    text, start, stop = _characters(view)
    spans = [found.span() for found in re.finditer(re.escape(wanted), text, flags)]
    if not spans or not len(start):
        return NO_MATCHES
    begin, end = np.array(spans, dtype=np.int64).T
    first = np.searchsorted(stop, begin, side="right")
    last = np.maximum(np.searchsorted(start, end, side="left"), first + 1)
    inside = first < len(start)
    return Matches(first[inside], np.minimum(last[inside], len(start)))


def _characters(view: RowView) -> tuple[str, IntArray, IntArray]:
    """The row's text and every token's characters [start, stop) in it, both never descending."""
    rendering = view.rendering
    offsets = rendering.offsets if rendering.offsets is not None else view.trace.offsets
    if len(offsets) == len(rendering) and rendering.text:
        stop = np.maximum.accumulate(offsets[:, 1].astype(np.int64))
        return rendering.text, np.maximum.accumulate(offsets[:, 0].astype(np.int64)), stop
    unique, inverse = np.unique(rendering.input_ids, return_inverse=True)
    texts = [rendering.vocabulary.text(int(number)) for number in unique]
    ends = np.cumsum(np.array([len(text) for text in texts], dtype=np.int64)[inverse])
    return "".join(texts[index] for index in inverse.tolist()), np.concatenate(([0], ends[:-1])), ends
