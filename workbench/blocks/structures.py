"""The rendering structures of rows, and rows drawn so that every structure is among them.

Two rows are of one structure where the same roles speak and the template writes the same special tokens in the same
order, whatever the words. What a trainer does with one of them it does with the others, as far as texts hold no marker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.blocks.chosen_rows import ChosenRows, choose_rows
from workbench.blocks.known import read_rows
from workbench.blocks.prompts import prompts
from workbench.errors import BenchError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

IntArray = npt.NDArray[np.int64]
_BLOCK = 250


@dataclass(frozen=True, slots=True)
class DrawnRows:
    """Rows drawn from those that were looked at: `structures` are in those, `covered` of them in `rows`.

    `total`: how many rows there are; None where that is not known.
    """

    rows: tuple[int, ...]
    looked_at: int
    total: int | None
    structures: int
    covered: int

    @property
    def described(self) -> str:
        """The structures in words: "of all 14 rendering structures in 2,000 of 100,000 rows"."""
        which = f"all {self.structures}" if self.covered == self.structures else f"{self.covered} of {self.structures}"
        which = "the one" if self.structures == self.covered == 1 else which
        of = f" of {self.total:,}" if self.total is not None and self.total != self.looked_at else ""
        named = f"rendering structure{'s' if self.structures != 1 else ''}"
        return f"of {which} {named} in {self.looked_at:,}{of} row{'s' if self.looked_at != 1 else ''}"

    def to_dict(self) -> dict[str, int]:
        return {"looked_at": self.looked_at, "structures": self.structures, "structures_asked": self.covered}


def draw_rows(bench: Bench, count: int | None) -> DrawnRows:
    """`count` rows (None: all), with one of every structure as far as there is room; the most frequent first.

    Looked at are as many rows as a check looks at, or all. The rest are the first that are left.
    """
    chosen = choose_rows(bench, None if count is not None else "all")
    if count is not None and chosen.length is not None and chosen.length < count:
        chosen = choose_rows(bench, count)
    by_structure: dict[bytes, list[int]] = {}
    for number, structure in _structures(bench, chosen):
        by_structure.setdefault(structure, []).append(number)
    found = sorted(by_structure.values(), key=lambda rows: (-len(rows), rows[0]))
    numbers = sorted(number for rows in found for number in rows)
    firsts = [rows[0] for rows in found[:count]]
    rest = [number for number in numbers if number not in set(firsts)]
    rows = sorted(firsts + (rest if count is None else rest[: count - len(firsts)]))
    return DrawnRows(tuple(rows), len(numbers), bench.rows.known_length, len(found), len(firsts))


def _structures(bench: Bench, chosen: ChosenRows) -> Iterable[tuple[int, bytes]]:
    numbers, special = iter(chosen), _special_ids(bench)
    while rows := read_rows(bench, (number for number, _ in zip(numbers, range(_BLOCK), strict=False))):
        yield from zip((row.index for row in rows), _of_block(bench, rows, special), strict=True)


def _of_block(bench: Bench, rows: Sequence[Row], special: IntArray) -> list[bytes]:
    """The structure of each row: a digest; that of a row without a rendering says only that."""
    roles: list[str | None] = []
    plain: list[int] = []
    for place, row in enumerate(rows):
        try:
            talk = row.conversation
        except BenchError:
            roles.append(None)
            continue
        roles.append(repr([str(message.get("role")) for message in talk.messages]))
        if bench.renderer.is_fast and bench.path.shown and not talk.tools:
            plain.append(place)
    ids: dict[int, Any] = {}
    texts = prompts(bench.renderer, [rows[place].conversation.messages for place in plain])
    able = [(place, text) for place, text in zip(plain, texts, strict=True) if text is not None]
    if able:
        encodings = bench.renderer.encodings([text for _, text in able], add_special_tokens=False)
        ids = {place: encoding.ids for (place, _), encoding in zip(able, encodings, strict=True)}
    media = np.array(list(bench.renderer.media_kinds), dtype=np.int64)
    found = []
    for place, row in enumerate(rows):
        mine = ids.get(place)
        if mine is None and roles[place] is not None and place not in plain and row.error is None:
            mine = row.rendering.input_ids
        found.append(_digest(roles[place], mine, special, media))
    return found


def _digest(roles: str | None, ids: Any, special: IntArray, media: IntArray) -> bytes:
    written = np.array([] if ids is None else ids, dtype=np.int64)
    written = written[np.isin(written, special)]
    # A picture is one token or a thousand of them.
    again = (np.diff(written, prepend=-1) == 0) & np.isin(written, media)
    kind = b"none" if roles is None else b"refused" if ids is None else b"shown"
    return blake2b(
        kind + repr(roles).encode("utf-8", "surrogatepass") + written[~again].tobytes(), digest_size=12
    ).digest()


def _special_ids(bench: Bench) -> IntArray:
    tokenizer = bench.renderer.tokenizer
    added = getattr(tokenizer, "added_tokens_decoder", {})
    known = {*getattr(tokenizer, "all_special_ids", ()), *(key for key, token in added.items() if token.special)}
    return np.array(sorted(known), dtype=np.int64)
