"""Facts of one row that its checks share: ids, mask and trace, and the place of each message in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from workbench.checks.markers import find
from workbench.errors import Where
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Masking, Row
    from workbench.tokens.boundaries import RoleBoundary
    from workbench.tokens.mask import Mask, Spans
    from workbench.tokens.render import Rendering
    from workbench.tokens.trace import Trace

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RowFacts:
    """A row that renders. Every array is over its tokens `[L]` or its messages `[M]`."""

    row: Row

    @cached_property
    def bench(self) -> Bench:
        # A row knows its bench by what it needs of it; the checks stand above both and need more.
        return cast("Bench", self.row.bench)

    @cached_property
    def masking(self) -> Masking:
        return self.bench.masking

    @cached_property
    def rendering(self) -> Rendering:
        return self.row.rendering

    @cached_property
    def ids(self) -> IntArray:
        return self.rendering.input_ids

    @cached_property
    def mask(self) -> Mask:
        return self.row.mask

    @property
    def spans(self) -> Spans:
        return self.mask.spans

    @cached_property
    def trace(self) -> Trace:
        return self.row.trace

    @cached_property
    def roles(self) -> list[str]:
        """The role of every message, as the row names it."""
        return [str(message.get("role")) for message in self.row.conversation.messages]

    @cached_property
    def role_trained(self) -> BoolArray:
        """Per message: its role is trained. One more entry, false, for tokens of no message."""
        if self.masking.text is not None:
            # There a message's own flag comes before its role.
            return np.append(self.row.turns.wanted(self.masking.text), False)
        wanted = self.masking.roles_to_train
        return np.array([role in wanted for role in self.roles] + [False], dtype=bool)

    @cached_property
    def content(self) -> BoolArray:
        """Tokens of a message's text."""
        content: BoolArray = self.trace.kind == Owner.CONTENT
        return content

    @cached_property
    def offsets(self) -> npt.NDArray[np.int32]:
        """Characters of the rendering's text under each token, `[L, 2]`; empty where they are not known."""
        return self.trace.offsets if self.rendering.offsets is None else self.rendering.offsets

    @cached_property
    def wanted(self) -> BoolArray:
        """Text of messages whose role is to be trained, but for what the row asks not to train."""
        wanted: BoolArray = self.content & self.role_trained[self.trace.message]
        wanted &= self.mask.reason != Reason.PART_NOT_TRAINED
        return wanted

    @cached_property
    def _extent(self) -> tuple[IntArray, IntArray]:
        count, length = len(self.roles), len(self.ids)
        first = np.full(count + 1, length, dtype=np.int64)
        last = np.full(count + 1, -1, dtype=np.int64)
        at = np.flatnonzero(self.trace.message >= 0)
        owner = self.trace.message[at]
        np.minimum.at(first, owner, at)
        np.maximum.at(last, owner, at)
        return first[:count], last[:count]

    @property
    def first(self) -> IntArray:
        """Per message, its first text or media token; the row's length where it has none."""
        return self._extent[0]

    @property
    def last(self) -> IntArray:
        """Per message, its last text or media token; -1 where it has none."""
        return self._extent[1]

    @cached_property
    def shown(self) -> IntArray:
        """The messages that have tokens, in the order of the sequence."""
        present = np.flatnonzero(self.last >= 0)
        order: IntArray = present[np.argsort(self.first[present], kind="stable")]
        return order

    @cached_property
    def begins(self) -> IntArray:
        """Per message, the first token after the text of the messages before it: there its header can begin."""
        begins = np.zeros(len(self.roles), dtype=np.int64)
        order = self.shown
        begins[order[1:]] = np.maximum.accumulate(self.last[order])[:-1] + 1
        return begins

    @cached_property
    def stops(self) -> IntArray:
        """Per message, the control token with which the template ends its turn; -1 where it writes none.

        By the trace alone: the first control token between its text and the next message's. One that stands before the
        first text, and not after the last, begins turns and is no end.
        """
        stops = np.full(len(self.roles), -1, dtype=np.int64)
        order = self.shown
        special = self.rendering.vocabulary.are_special(self.ids) & (self.trace.kind == Owner.TEMPLATE)
        at = np.flatnonzero(special)
        if not len(order) or not len(at):
            return stops
        opening = np.setdiff1d(self.ids[at[at < self.first[order[0]]]], self.ids[at[at > self.last[order].max()]])
        following = np.append(self.first[order[1:]], len(self.ids))
        index = np.searchsorted(at, self.last[order] + 1)
        token = np.append(at, len(self.ids))[index]
        good = (token < following) & ~np.isin(np.append(self.ids, -1)[token], opening)
        stops[order[good]] = token[good]
        return stops

    def under(self, mask: Mask) -> RowFacts:
        """The same row, judged by the same roles, with another mask."""
        other = RowFacts(self.row)
        other.__dict__["mask"] = mask
        return other

    @cached_property
    def begun(self) -> BoolArray:
        """Per message: a span of its role begins between the message before and its text."""
        begun = np.zeros(len(self.roles) + 1, dtype=bool)
        spans = self.spans
        if not len(spans) or not self.roles:
            return begun[:-1]
        names = {name: number for number, name in enumerate(dict.fromkeys((*spans.roles, *self.roles)))}
        of_span = np.array([names[name] for name in spans.roles], dtype=np.int64)[spans.boundary]
        of_message = np.array([*(names[name] for name in self.roles), -1], dtype=np.int64)
        mine = (of_message[self.own] == of_span) & (spans.start >= np.append(self.begins, 0)[self.own])
        begun[self.own[mine]] = True
        return begun[:-1]

    @cached_property
    def own(self) -> IntArray:
        """Per span, the message of the first text or media at or after its content; -1 where nothing follows."""
        at = np.flatnonzero(self.trace.message >= 0)
        if not len(at):
            return np.full(len(self.spans), -1, dtype=np.int64)
        index = np.searchsorted(at, self.spans.content)
        found = np.append(self.trace.message[at].astype(np.int64), -1)[index]
        return np.where(np.append(at, len(self.ids))[index] < self.spans.stop, found, -1)

    @cached_property
    def swallowed(self) -> IntArray:
        """Per span, how many messages besides its own begin inside it."""
        return self._inside(self.shown)

    @cached_property
    def runaway(self) -> BoolArray:
        """Per span: it swallows messages that must be treated otherwise.

        A trained span that swallows messages of untrained roles, or the reverse. A system text that the template writes
        into the user's turn is swallowed too, and nothing is wrong with that.
        """
        trained = self._inside(self.shown[self.role_trained[self.shown]])
        untrained = self._inside(self.shown[~self.role_trained[self.shown]])
        runaway: BoolArray = np.where(self.spans.trained, untrained, trained) > 0
        return runaway

    def _inside(self, messages: IntArray) -> IntArray:
        """Per span, how many of these messages besides its own begin inside it."""
        begins = np.sort(self.first[messages])
        inside = np.searchsorted(begins, self.spans.stop) - np.searchsorted(begins, self.spans.content)
        starts = np.append(self.first, -1)[self.own]
        mine = (starts >= self.spans.content) & np.isin(self.own, messages)
        others: IntArray = np.maximum(0, inside - mine)
        return others

    @cached_property
    def unmatched(self) -> list[int]:
        """The messages of trained roles whose turn no span of that role begins, though the role has a boundary."""
        found = []
        boundaries = self.masking.boundaries
        suspects = self.role_trained[:-1] & (self.last >= 0) & ~self.begun
        for message in np.flatnonzero(suspects).tolist():
            declared = self.boundaries_of(self.roles[message])
            window = (int(self.begins[message]), int(self.first[message]) + 1)
            # A marker that is there and opened nothing lies inside another span: that is not its own fault.
            if not declared or any(find(self.ids, boundaries[index].start, *window) >= 0 for index in declared):
                continue
            if not self._joined(message, declared):
                found.append(message)
        return found

    def _joined(self, message: int, declared: list[int]) -> bool:
        """True where the template writes a message into the turn before it, of the same role, and no marker is due."""
        at = np.flatnonzero(self.content & (self.trace.message == message))
        spans = np.unique(self.mask.span[at]) if len(at) else np.zeros(0, dtype=np.int64)
        inside = len(spans) and spans[0] >= 0 and np.isin(self.spans.boundary[spans], declared).all()
        return bool(inside) and not self.runaway[spans].any()

    @cached_property
    def shared_end(self) -> BoolArray:
        """Per boundary: its end is how another turn starts, and such a turn has no end token of its own."""
        all_of_them = self.masking.boundaries
        return np.array(
            [
                bool(boundary.end) and any(other.start[: len(boundary.end)] == boundary.end for other in all_of_them)
                for boundary in all_of_them
            ],
            dtype=bool,
        )

    @cached_property
    def by_content(self) -> tuple[BoolArray, BoolArray]:
        """Per span: text of a message opened it; text of a message closed it."""
        spans, count = self.spans, len(self.ids)
        opened = self.content[spans.start] if count else np.zeros(len(spans), dtype=bool)
        end = np.minimum(spans.end, max(0, count - 1))
        closed = spans.terminated & self.content[end] if count else np.zeros(len(spans), dtype=bool)
        return opened, closed

    @cached_property
    def forged(self) -> BoolArray:
        """Per span: text of a message opened it, or closed it with a control token.

        An end made of plain words that content holds is a badly chosen end, and no forgery.
        """
        opened, closed = self.by_content
        special = self.rendering.vocabulary.special_ids
        control = np.array(
            [bool(special.intersection(boundary.end)) for boundary in self.masking.boundaries] or [False]
        )
        forged: BoolArray = opened | (closed & (control[self.spans.boundary] | ~self.spans.trained))
        return forged

    def boundaries_of(self, role: str) -> list[int]:
        """The boundaries of a role, by index."""
        return [index for index, boundary in enumerate(self.masking.boundaries) if boundary.role == role]

    def blank(self, tokens: IntArray) -> BoolArray:
        """Per token of these positions: it is nothing but white space."""
        kinds, inverse = np.unique(self.ids[tokens], return_inverse=True)
        texts = [self.rendering.vocabulary.text(int(token)) for token in kinds]
        return np.array([not text.strip() for text in texts] or [False], dtype=bool)[inverse]

    def text(self, start: int, stop: int, limit: int = 60) -> str:
        """The text under tokens [start, stop), shortened."""
        return shorten("".join(self.rendering.token_texts(start, min(stop, start + 200))), limit)

    def where(self, message: int | None = None, tokens: tuple[int, int] | None = None) -> Where:
        """A place in this row; `message` counts as in the raw row."""
        place = replace(self.row.where, tokens=tokens)
        if message is not None and message >= 0 and self.row.raw_message(message) >= 0:
            place = replace(place, message=self.row.raw_message(message))
        return place

    def at_boundary(
        self, index: int, key: str, message: int | None = None, tokens: tuple[int, int] | None = None
    ) -> Where:
        """A place in this row that a boundary is to blame for: the recipe's line, with row, message and tokens."""
        return self._with_line(boundary_place(self.bench, index, key), message, tokens)

    def at_recipe(
        self, path: tuple[str | int, ...], message: int | None = None, tokens: tuple[int, int] | None = None
    ) -> Where:
        """A place in this row that a key of the recipe is to blame for."""
        return self._with_line(self.bench.document.where(path, key=True), message, tokens)

    def _with_line(self, line: Where, message: int | None, tokens: tuple[int, int] | None) -> Where:
        here = self.where(message, tokens)
        return replace(line, row=here.row, message=here.message, tokens=here.tokens)


def boundary_place(bench: Bench, index: int, key: str = "start") -> Where:
    """The place of a boundary in the recipe; the template's line where it is one of the built-in ones."""
    if bench.recipe.effective_boundaries is None:
        return bench.document.where(("chat_template",), key=True)
    path = ("role_boundaries", index, key)
    if bench.document.get(path) is None:
        path = path[:2]  # type: ignore[assignment]
    return bench.document.where(path, key=True)


def as_rows(boundaries: tuple[RoleBoundary, ...]) -> list[dict[str, Any]]:
    """Boundaries as `role_boundaries` takes them; values that are axolotl's defaults are left out."""
    rows = []
    for boundary in boundaries:
        row: dict[str, Any] = {"role": boundary.role, "start": boundary.start_text}
        if boundary.end:
            row["end"] = boundary.end_text
        if boundary.include_start:
            row["include_start"] = True
        if not boundary.include_end:
            row["include_end"] = False
        rows.append(row)
    return rows


def shorten(text: str, limit: int = 60) -> str:
    """A text in one line, with its control characters spelled out, cut to `limit` characters."""
    spelled = text.replace("\n", "\\n").replace("\t", "\\t")
    return spelled if len(spelled) <= limit else spelled[: limit - 1] + "…"


def counted(number: int, what: str) -> str:
    """A number with its noun."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
