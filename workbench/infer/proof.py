"""Proof of a set of role boundaries: the mask is compared with the trace, role by role.

Each role is held to its own turns: every token of its content and its own end must be trained, and nothing else that
is content or template. The trace says which is which, without markers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.infer.probes import Case
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import scan
from workbench.tokens.trace import Owner

Bools = npt.NDArray[np.bool_]
_FAULTS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """Texts around turns in a template: before each role's content, after it, and what inference pre-fills.

    `headers`: per role the texts that were seen before its content, from the header's first character. `ends`: per role
    its own end marker; a role without one is ended by what comes next. `shared`: roles whose end marker opens the next
    turn, and so is not theirs. `prefilled`: what inference writes before an answer.
    """

    headers: Mapping[str, Sequence[str]]
    ends: Mapping[str, str]
    shared: Collection[str] = ()
    prefilled: Sequence[str] = ()

    def header_start(self, case: Case, index: int) -> int:
        """The character at which the header of a turn begins; its content's start where no header is known."""
        return self._header(case, index)[0]

    def own(self, case: Case, index: int) -> tuple[int, int]:
        """The characters [start, stop) that are the turn's own: its content, and what ends it."""
        turn = case.turns[index]
        begin, stop = self._header(case, index)
        if turn.role == "assistant":
            text = case.rendering.text
            lengths = [len(prefix) for prefix in self.prefilled if text.startswith(prefix, begin)]
            stop = max([stop, *(begin + length for length in lengths if begin + length < turn.stop)])
        return stop, self.end(case, index)[1]

    def end(self, case: Case, index: int) -> tuple[int, int]:
        """The end marker of a turn, [start, stop) in the text; empty where the turn has none of its own."""
        marked = self._marked_end(case, index)
        if marked is not None:
            return marked
        last = index + 1 == len(case.turns)
        following = len(case.rendering.text) if last else self.header_start(case, index + 1)
        return (max(following, case.turns[index].stop),) * 2

    def _marked_end(self, case: Case, index: int) -> tuple[int, int] | None:
        turns, text = case.turns, case.rendering.text
        marker = self.ends.get(turns[index].role)
        limit = turns[index + 1].start if index + 1 < len(turns) else len(text)
        at = text.find(marker, turns[index].stop, limit) if marker else -1
        if not marker or at < 0:
            return None
        return at, at if turns[index].role in self.shared else at + len(marker)

    def _header(self, case: Case, index: int) -> tuple[int, int]:
        turn, text = case.turns[index], case.rendering.text
        marked = self._marked_end(case, index - 1) if index else (0, 0)
        before = marked[1] if marked is not None else case.turns[index - 1].stop
        headers = sorted(self.headers.get(turn.role, ()), key=len, reverse=True)
        for header in headers:
            if not turn.media and text.endswith(header, before, turn.start):
                return turn.start - len(header), turn.start
        for header in headers:
            at = text.rfind(header, before, turn.start)
            if at < 0 and turn.media:
                header = header.rstrip()
                at = text.rfind(header, before, turn.start)
            if at >= 0:
                # What the processor writes around a picture belongs to the picture; other text there has no owner.
                return at, at + len(header) if turn.media else turn.start
        return turn.start, turn.start


@dataclass
class Figures:
    """Counts of one role, in tokens; `turns` and `stops` in turns.

    `stops` are ends that ought to be trained, `stopped` those that are, `unended` those that the template leaves out.
    `leaked_content` are tokens of other roles, `leaked_template` tokens that the template wrote and that are not the
    role's own end; `template_turns` tokens in turns that the template writes by itself. `split` tokens straddle the
    content and something else, and count as content.
    """

    turns: int = 0
    content: int = 0
    recalled: int = 0
    stops: int = 0
    stopped: int = 0
    unended: int = 0
    leaked_content: int = 0
    leaked_template: int = 0
    template_turns: int = 0
    split: int = 0
    faults: list[str] = field(default_factory=list)
    leaked_from: dict[str, int] = field(default_factory=dict)

    @property
    def leaked(self) -> int:
        return self.leaked_content + self.leaked_template

    @property
    def missed(self) -> int:
        """Content tokens and ends that are not trained."""
        return self.content - self.recalled + self.stops - self.stopped

    def fault(self, text: str) -> None:
        if len(self.faults) < _FAULTS:
            self.faults.append(text)


def measure(boundaries: Sequence[RoleBoundary], cases: Sequence[Case], layout: Layout) -> dict[str, Figures]:
    """Scan every case with these boundaries, each role trained, and compare with the trace.

    A span belongs to one role whatever is trained, so training one role trains its part of this, and nothing else.
    """
    found: dict[str, Figures] = {}
    roles = {boundary.role for boundary in boundaries} | {turn.role for case in cases for turn in case.turns}
    for case in cases:
        mask = scan(case.rendering.input_ids, boundaries, roles_to_train=roles, train_on_eos="turn")
        owner = _Owners(case, layout)
        span_role = np.array([*mask.spans.roles, ""], dtype=object)
        of_span = np.append(mask.spans.boundary, len(mask.spans.roles))
        role_of = span_role[of_span[mask.span]]
        for role in sorted(roles):
            kept = mask.keep & (role_of == role)
            _count(found.setdefault(role, Figures()), case, role, kept, owner, mask.span)
    return found


class _Owners:
    """Per token, whose content it touches (index of the turn, or -1), and which turn's own it is."""

    def __init__(self, case: Case, layout: Layout) -> None:
        count = len(case.rendering)
        offsets = case.trace.offsets
        begins, ends = offsets[:, 0], offsets[:, 1]
        self.content: list[npt.NDArray[np.int64]] = []
        self.end: list[Bools] = []
        self.touched = np.full(count, -1, dtype=np.int64)
        self.own = np.full(count, -1, dtype=np.int64)
        self.header = np.full(count, -1, dtype=np.int64)
        self.has_end: list[bool] = []
        self.wants_end: list[bool] = []
        for index, turn in enumerate(case.turns):
            start, stop = layout.own(case, index)
            mark, _ = layout.end(case, index)
            mine = np.zeros(count, dtype=bool)
            for place in case.trace.places:
                if place.message == turn.message:
                    mine[place.first : place.last] = True
            mine &= ends > start
            self.content.append(np.flatnonzero(mine))
            self.touched[mine] = index
            self.own[(begins < stop) & (ends > start)] = index
            self.header[(begins < start) & (ends > layout.header_start(case, index)) & (self.own != index)] = index
            ending = (begins < stop) & (ends > mark)
            self.end.append(ending)
            self.has_end.append(stop > mark)
            # Messages of one role in a row may be one turn to the template; else a turn that the model writes must end.
            goes_on = index + 1 < len(case.turns) and case.turns[index + 1].role == turn.role
            own_end = turn.role in layout.ends and turn.role not in layout.shared
            self.wants_end.append((own_end or turn.role == "assistant") and not goes_on)


def _count(figures: Figures, case: Case, role: str, kept: Bools, owner: _Owners, span: npt.NDArray[np.int32]) -> None:
    mine = np.zeros(len(kept), dtype=bool)
    for index, turn in enumerate(case.turns):
        if turn.role != role:
            continue
        mine |= owner.own == index
        mine[owner.content[index]] = True
        figures.turns += 1
        content = owner.content[index]
        figures.content += len(content)
        hit = int(kept[content].sum())
        figures.recalled += hit
        figures.split += int((case.trace.kind[content] == Owner.SPLIT).sum())
        if hit < len(content):
            figures.fault(f"{case.label}: {_quote(case, content[~kept[content]])} of the {role} is not trained")
        if owner.has_end[index]:
            figures.stops += 1
            whole = bool(kept[owner.end[index]].all())
            figures.stopped += whole
            if not whole:
                figures.fault(f"{case.label}: the end of message {turn.message} is not trained")
        elif owner.wants_end[index]:
            figures.stops += 1
            figures.unended += 1
    leaked = np.flatnonzero(kept & ~mine)
    if not len(leaked):
        return
    occupied = set(span[owner.touched >= 0].tolist())
    for token in leaked.tolist():
        if int(span[token]) not in occupied:
            figures.template_turns += 1
            continue
        theirs = int(owner.touched[token])
        if theirs >= 0:
            figures.leaked_content += 1
            source = f"content of {case.turns[theirs].role}"
        else:
            figures.leaked_template += 1
            heading = int(owner.header[token])
            own = heading >= 0 and case.turns[heading].role == role
            source = "its header" if own else "the template"
        figures.leaked_from[source] = figures.leaked_from.get(source, 0) + 1
        figures.fault(f"{case.label}: {_quote(case, np.array([token]))} of {source} is trained as {role}")


def _quote(case: Case, tokens: npt.NDArray[Any]) -> str:
    text = "".join(case.rendering.token_text(int(token)) for token in tokens[:8])
    return repr(text if len(text) <= 40 else text[:40] + "…")
