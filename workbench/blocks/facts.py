"""Facts of a block of rows that its judges share: ids, mask and text parts, as arrays over all tokens, parts and spans.

Positions count over the whole block; `edges[r]` is where row r begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.blocks.prompts import LocatedPrompt
    from workbench.findings import Finding
    from workbench.row import Row
    from workbench.tokens.mask import Mask, Spans
    from workbench.tokens.turns_ragged import RaggedTurns

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BlockFacts:
    """Rows `[R]` of a block whose every text part `[P]` is in its place, with their tokens `[N]`.

    `rows`, `located`, `encodings`: per row; a row with pictures is located and encoded with each run of their token
    once. `ids` int64 `[N]`, `edges` int64 `[R + 1]`. `mask` is over `[N]`.
    """

    bench: Bench
    rows: Sequence[Row]
    located: Sequence[LocatedPrompt]
    encodings: Sequence[Any]
    ids: IntArray
    edges: IntArray
    mask: Mask
    first: IntArray
    """Per part, its first token; a token that a part shares with what stands beside it belongs to neither."""
    last: IntArray
    """Per part, the token after its last."""
    shared: BoolArray
    """`[N]`: tokens that a part shares with what stands beside it."""
    part_row: IntArray
    part_message: IntArray
    pictures: Sequence[int]
    """Per row, the pictures that the processor gets."""
    findings: Sequence[tuple[Finding, ...]]
    """Per row, what is found in it before it is rendered."""
    turns: RaggedTurns | None = None
    """On the text path, the turns that axolotl finds."""
    fate: npt.NDArray[np.uint8] | None = None
    """On the text path, what axolotl does with each row, an index into `workbench.tokens.turns_ragged.FATES`."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def lengths(self) -> IntArray:
        """Per row, its tokens."""
        lengths: IntArray = np.diff(self.edges)
        return lengths

    @property
    def spans(self) -> Spans:
        return self.mask.spans

    @cached_property
    def kept(self) -> IntArray:
        """`[N + 1]`: trained tokens before each position."""
        return np.concatenate(([0], np.cumsum(self.mask.keep, dtype=np.int64)))

    @cached_property
    def trained(self) -> IntArray:
        """Per row, its trained tokens."""
        trained: IntArray = self.kept[self.edges[1:]] - self.kept[self.edges[:-1]]
        return trained

    @cached_property
    def content(self) -> BoolArray:
        """Tokens of a message's text."""
        filled = self.last > self.first
        turns = np.empty(2 * int(np.count_nonzero(filled)) + 2, dtype=np.int64)
        turns[0], turns[-1] = 0, len(self.ids)
        turns[1:-1:2], turns[2:-1:2] = self.first[filled], self.last[filled]
        inside = np.zeros(len(turns) - 1, dtype=bool)
        inside[1::2] = True
        content: BoolArray = np.repeat(inside, np.diff(turns))
        return content

    @cached_property
    def _messages(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        filled = self.last > self.first
        row, number = self.part_row[filled], self.part_message[filled]
        first, last = self.first[filled], self.last[filled]
        new = np.ones(len(row), dtype=bool)
        new[1:] = (row[1:] != row[:-1]) | (number[1:] != number[:-1])
        starts = np.flatnonzero(new)
        if not len(starts):
            return row, number, first, last
        return row[starts], number[starts], first[starts], np.maximum.reduceat(last, starts)

    @property
    def message_row(self) -> IntArray:
        """Per message with tokens `[M]`, in the order of the sequence: its row."""
        return self._messages[0]

    @property
    def message_number(self) -> IntArray:
        """Per message with tokens, its index in the conversation."""
        return self._messages[1]

    @property
    def message_first(self) -> IntArray:
        """Per message with tokens, the first of them."""
        return self._messages[2]

    @property
    def message_last(self) -> IntArray:
        """Per message with tokens, the position after the last of them."""
        return self._messages[3]

    @property
    def part_key(self) -> IntArray:
        """Per part, a number that its message alone has in the block."""
        key: IntArray = (self.part_row << 32) + self.part_message
        return key

    @property
    def message_key(self) -> IntArray:
        """Per message with tokens, the same number."""
        key: IntArray = (self.message_row << 32) + self.message_number
        return key

    @cached_property
    def roles(self) -> tuple[list[str], IntArray]:
        """The names of the roles in the block, and per message with tokens the index of its own."""
        names: dict[str, int] = {}
        of_message = np.zeros(len(self.message_row), dtype=np.int64)
        talks = [row.conversation.messages for row in self.rows]
        pairs = zip(self.message_row.tolist(), self.message_number.tolist(), strict=True)
        for place, (row, number) in enumerate(pairs):
            of_message[place] = names.setdefault(str(talks[row][number].get("role")), len(names))
        return list(names), of_message

    @cached_property
    def message_trained(self) -> BoolArray:
        """Per message with tokens: its role is trained."""
        names, of_message = self.roles
        wanted = self.bench.masking.roles_to_train
        trained: BoolArray = np.array([name in wanted for name in names] or [False], dtype=bool)[of_message]
        return trained

    @cached_property
    def span_start(self) -> IntArray:
        """Per span, the position of its start marker; `span_content`, `span_end` and `span_stop` likewise."""
        start: IntArray = self.spans.start + self.edges[self.spans.row]
        return start

    @cached_property
    def span_content(self) -> IntArray:
        content: IntArray = self.spans.content + self.edges[self.spans.row]
        return content

    @cached_property
    def span_end(self) -> IntArray:
        end: IntArray = self.spans.end + self.edges[self.spans.row]
        return end

    @cached_property
    def span_stop(self) -> IntArray:
        stop: IntArray = self.spans.stop + self.edges[self.spans.row]
        return stop

    @cached_property
    def span_message(self) -> IntArray:
        """Per span, the message (of those with tokens) whose text begins first inside it; -1 where none does."""
        if not len(self.message_first):
            return np.full(len(self.spans), -1, dtype=np.int64)
        at = np.searchsorted(self.message_first, self.span_content)
        inside = at < len(self.message_first)
        at = np.minimum(at, len(self.message_first) - 1)
        mine: IntArray = np.where(inside & (self.message_first[at] < self.span_stop), at, -1)
        return mine

    @cached_property
    def matched(self) -> list[frozenset[str]]:
        """Per row, the roles whose markers are in it."""
        names = list(dict.fromkeys(self.spans.roles))
        role_of = np.array([names.index(name) for name in self.spans.roles] or [0], dtype=np.int64)
        table = np.zeros((len(self), max(1, len(names))), dtype=bool)
        table[self.spans.row, role_of[self.spans.boundary]] = True
        sets: dict[bytes, frozenset[str]] = {}
        found = []
        for row in table:
            key = row.tobytes()
            if key not in sets:
                sets[key] = frozenset(names[number] for number in np.flatnonzero(row))
            found.append(sets[key])
        return found

    @cached_property
    def stops(self) -> IntArray:
        """Per message with tokens, the control token with which the template ends its turn; -1 where it writes none.

        As in `workbench.checks.row_facts.RowFacts.stops`, over the block.
        """
        last = self.message_last
        if not len(last):
            return last
        control = self.bench.renderer.vocabulary.are_special(self.ids) & ~self.content & ~self.shared
        at = np.flatnonzero(control)
        new = np.append(True, self.message_row[1:] != self.message_row[:-1])
        begins = np.full(len(self), len(self.ids), dtype=np.int64)
        begins[self.message_row[new]] = self.message_first[new]
        ends = np.full(len(self), -1, dtype=np.int64)
        np.maximum.at(ends, self.message_row, last)
        row = self.rows_of(at)
        key = (row << 32) + self.ids[at]
        # Those that stand before the first text, and not after the last, begin turns.
        opening = np.setdiff1d(key[at < begins[row]], key[at >= ends[row]])
        following = np.where(
            np.append(new[1:], True), self.edges[self.message_row + 1], np.append(self.message_first[1:], 0)
        )
        place = np.searchsorted(at, last)
        found = np.append(at, len(self.ids))[place]
        good = (found < following) & ~np.isin(np.append(key, -1)[place], opening)
        stops: IntArray = np.where(good, found, -1)
        return stops

    def of_rows(self, rows: IntArray) -> BoolArray:
        """Per row of the block: it is one of these."""
        found = np.zeros(len(self), dtype=bool)
        found[rows] = True
        return found

    def rows_of(self, positions: IntArray) -> IntArray:
        """The row of each token position."""
        rows: IntArray = np.searchsorted(self.edges, positions, side="right") - 1
        return rows

    @cached_property
    def structures(self) -> list[bytes | None]:
        """Per row, its tokens and their reasons, each text run taken together; None where a run is masked in parts.

        Rows of one structure differ in the words of their texts alone: what the template writes, who speaks and what
        is trained are the same.
        """
        content, reason = self.content, self.mask.reason
        inside = np.zeros(len(self.ids), dtype=bool)
        inside[1:] = content[1:] & content[:-1]
        # Two messages without a token between them are two runs.
        inside[self.message_first[self.message_first < len(self.ids)]] = False
        broken = inside.copy()
        broken[1:] &= reason[1:] != reason[:-1]
        uneven = self.of_rows(self.rows_of(np.flatnonzero(broken)))
        shown = np.where(content | self.shared, -1, self.ids)
        names, of_message = self.roles
        codes = np.array([_code(name) for name in names] or [0], dtype=np.int64)
        shown[self.message_first] = codes[of_message]
        about = reason.astype(np.int64) + (self.shared.astype(np.int64) << 8)
        table = np.stack([shown, about], axis=1)[~inside]
        edges = np.concatenate(([0], np.cumsum(~inside)))[self.edges]
        return [None if uneven[row] else table[edges[row] : edges[row + 1]].tobytes() for row in range(len(self))]


def _code(role: str) -> int:
    """A number below -1 for a role's name, the same in every process."""
    return -2 - int.from_bytes(blake2b(role.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big")
