"""A rendered and traced row before a bench is loaded, and the same as bytes: one process may encode it for another.

The bytes are a header of JSON and the columns as they lie in memory. No pickle: what reads them runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbench.tokens.mask import IGNORE, asked_mask
from workbench.tokens.render import Rendering, media_runs
from workbench.tokens.trace import Place, Trace
from workbench.tokens.vocabulary import Vocabulary
from workbench.views.items import glyphs, turns
from workbench.views.shown_row import RowView

_LENGTH = 8
"""Bytes of the header's own length, little-endian."""
_COLUMNS = {
    "kind": "u1", "message": "<i4", "part": "<i4", "char_start": "<i4", "char_end": "<i4", "exact": "?",
}  # fmt: skip
"""The columns of a trace, one value a token."""


@dataclass(frozen=True)
class TracedRow:
    """Row `index` of a file: its rendering and trace, the role of every message, and the text of the first token."""

    index: int
    rendering: Rendering
    trace: Trace
    roles: tuple[str, ...]
    bos: str | None = None

    def view(self) -> RowView:
        """The row as it is drawn, preliminary: nothing is known of its mask."""
        rendering = self.rendering
        ids = rendering.input_ids
        mask = asked_mask(ids, np.full(len(ids), IGNORE, dtype=np.int64))
        begun = turns(rendering, mask, self.trace, self.roles)
        if begun and not begun[0].start and self.bos is not None and rendering.token_text(0) == self.bos:
            # Markers begin after it, and so will the message.
            begun[0] = replace(begun[0], start=1)
        return RowView(
            index=self.index,
            rendering=rendering,
            mask=mask,
            trace=self.trace,
            drawn=glyphs(rendering),
            roles=self.roles,
            turns=begun,
            findings=[],
            boundaries=(),
            roles_to_train=(),
            train_on_eos="",
            built_in="",
            preliminary=True,
        )


class _SentPieces:
    """As much of a tokenizer as a `Vocabulary` asks for, of the ids of one row alone."""

    def __init__(self, sent: Mapping[str, Any]) -> None:
        self._pieces = {int(number): piece for number, piece in sent["pieces"].items()}
        self.added_tokens_decoder = {
            int(number): SimpleNamespace(content=text, special=special)
            for number, (text, special) in sent["added"].items()
        }
        self.all_special_ids = sent["special"]
        self.backend_tokenizer = SimpleNamespace(decoder="ByteLevel" if sent["byte_level"] else "")

    def convert_ids_to_tokens(self, number: int) -> str:
        """The id's string in the vocabulary."""
        return str(self._pieces[number])


def to_bytes(row: TracedRow) -> bytes:
    """A row without media as bytes."""
    rendering, trace = row.rendering, row.trace
    vocabulary = rendering.vocabulary
    ids = [int(number) for number in np.unique(rendering.input_ids)]
    added, special = vocabulary.added, vocabulary.special_ids
    header = {
        "index": row.index,
        "prompt": rendering.prompt,
        "text": None if rendering.text == rendering.prompt else rendering.text,
        "roles": row.roles,
        "bos": row.bos,
        "tokens": len(rendering),
        "offsets": rendering.offsets is not None,
        "traced": len(trace.offsets),
        "missing": trace.missing,
        "places": [
            (place.message, place.part, place.start, place.stop, place.first, place.last, place.media)
            for place in trace.places
        ],
        "pieces": {number: vocabulary.piece(number) for number in ids},
        "added": {number: (added[number], number in special) for number in ids if number in added},
        "special": [number for number in ids if number in special],
        "byte_level": vocabulary.is_byte_level,
    }
    columns = [rendering.input_ids.astype("<i8")]
    columns += [] if rendering.offsets is None else [rendering.offsets.astype("<i4")]
    columns += [getattr(trace, name).astype(kind) for name, kind in _COLUMNS.items()]
    columns.append(trace.offsets.astype("<i4"))
    said = json.dumps(header).encode()
    return b"".join((len(said).to_bytes(_LENGTH, "little"), said, *(column.tobytes() for column in columns)))


def from_bytes(sent: bytes) -> TracedRow:
    """The row of `to_bytes`.

    Raises:
        ValueError: these are not its bytes, or not all of them.
    """
    stop = _LENGTH + int.from_bytes(sent[:_LENGTH], "little")
    header = json.loads(sent[_LENGTH:stop])
    count, place = header["tokens"], stop

    def column(kind: str, *shape: int) -> Any:
        nonlocal place
        size = int(np.prod(shape))
        found = np.frombuffer(sent, dtype=kind, count=size, offset=place).reshape(shape)
        place += found.nbytes
        return found

    ids = column("<i8", count)
    offsets = column("<i4", count, 2) if header["offsets"] else None
    traced = {name: column(kind, count) for name, kind in _COLUMNS.items()}
    trace = Trace(
        **traced,
        missing=tuple((message, part) for message, part in header["missing"]),
        places=tuple(Place(*values) for values in header["places"]),
        offsets=column("<i4", header["traced"], 2),
    )
    if place != len(sent):
        raise ValueError(f"{len(sent) - place} bytes follow the columns")
    prompt = header["prompt"]
    text = prompt if header["text"] is None else header["text"]
    rendering = Rendering(prompt, text, ids, offsets, media_runs(ids, {}), Vocabulary(_SentPieces(header)))
    return TracedRow(header["index"], rendering, trace, tuple(header["roles"]), header["bos"])
