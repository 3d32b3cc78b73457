"""Headers and ends of turns, read from the text between the contents of traced probes; candidates for markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.infer.probes import ROLES, Case, stable_length
from workbench.infer.proof import Layout
from workbench.tokens.boundaries import RoleBoundary, encode_marker
from workbench.tokens.render import Renderer


@dataclass(frozen=True, slots=True)
class MarkerMismatch:
    """A probe in front of which a candidate marker is not found: its ids alone, and those that stand there instead."""

    role: str
    marker: str
    content: str
    alone: tuple[int, ...]
    there: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A boundary that is being considered, with the fields of a recipe's."""

    role: str
    start: str
    end: str | None
    include_end: bool = True
    include_start: bool = False

    def row(self) -> dict[str, Any]:
        """The boundary as a row of `role_boundaries`; defaults are left out."""
        row: dict[str, Any] = {"role": self.role, "start": self.start}
        if self.end is not None:
            row["end"] = self.end
        return row if self.include_end else row | {"include_end": False}

    def resolve(self, tokenizer: Any) -> RoleBoundary:
        """The boundary with its markers encoded."""
        end = encode_marker(tokenizer, self.end) if self.end is not None else ()
        start = encode_marker(tokenizer, self.start)
        return RoleBoundary(self.role, start, end, self.include_start, self.include_end, self.start, self.end)


@dataclass
class TemplateReading:
    """The template's markers and layout, as the probes show them."""

    headers: dict[str, list[str]] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)
    unstable: dict[str, str] = field(default_factory=dict)


def read_template(cases: Sequence[Case], renderer: Renderer) -> TemplateReading:
    """The texts between the owners: ends first, then what is left of each gap is the next turn's header."""
    reading = TemplateReading()
    # A message that left nothing in the text has no place: its header would be taken for a part of its neighbour's.
    plain = [
        case for case in cases if len(case.turns) == len(case.messages) and not any(turn.media for turn in case.turns)
    ]
    reading.ends = _ends(plain, renderer)
    _read_headers(plain, reading, renderer)
    return reading


def _ends(cases: Sequence[Case], renderer: Renderer) -> dict[str, str]:
    """Per role the special token that ends its turns.

    A token that is missing after the last turn of a conversation ends nothing: it opens the next turn. Of a role that
    never comes last, the header of the next turn, where it is known by now, is left out of what is read.
    """
    vocabulary = renderer.vocabulary
    special = sorted(text for token, text in vocabulary.added.items() if token in vocabulary.special_ids)

    def marker(gap: str) -> str | None:
        found = min(((at, -len(text), text) for text in special if (at := gap.find(text)) >= 0), default=None)
        return found[2] if found else None

    gaps: dict[str, list[tuple[str, str | None]]] = {}
    for case in cases:
        for index, turn in enumerate(case.turns):
            following = case.turns[index + 1].role if index + 1 < len(case.turns) else None
            if following is None or case.gap(index + 1):
                gaps.setdefault(turn.role, []).append((case.gap(index + 1), following))
    ends: dict[str, str] = {}
    headers: dict[str, set[str]] = {}
    last = {role for role, seen in gaps.items() if any(following is None for _, following in seen)}
    for role in sorted(gaps, key=lambda role: role not in last):
        read = gaps[role]
        if role not in last:
            read = [(_without(gap, headers.get(following or "", ())), following) for gap, following in read]
        found = Counter(marker(gap) for gap, following in read if following is None) or Counter(
            marker(gap) for gap, _ in read
        )
        ((end, count),) = found.most_common(1)
        everywhere = sum(end is not None and end in gap for gap, _ in read)
        # Four in five: a template may leave the end out after some turns, and a text in a gap may hold it by chance.
        if end is not None and count > 0.8 * found.total() and everywhere > 0.8 * len(read):
            ends[role] = end
        if role in last:
            for gap, following in read:
                header = gap.partition(ends[role])[2] if role in ends else gap
                if following is not None and header.strip():
                    headers.setdefault(following, set()).add(header.lstrip())
    return ends


def _without(gap: str, headers: Iterable[str]) -> str:
    """A gap without the longest of these headers at its end."""
    return gap.removesuffix(max((header for header in headers if gap.endswith(header)), key=len, default=""))


# One pass fills seven counters, and their order decides the form of a header: split up, it would pass all of them on.
def _read_headers(cases: Sequence[Case], reading: TemplateReading, renderer: Renderer) -> None:  # noqa: C901
    inner: dict[str, Counter[str]] = {}
    first: dict[str, Counter[str]] = {}
    joins: dict[str, Counter[str]] = {}
    nexts: dict[str, Counter[str]] = {}
    opened: dict[str, Counter[str]] = {}
    changing: dict[str, str] = {}
    stable = _stable(cases, renderer)
    for case in cases:
        for index, turn in enumerate(case.turns):
            gap = case.gap(index)
            before = case.turns[index - 1] if index else None
            if before is None:
                known = stable.get(case.label.partition(":")[0], len(gap))
                if known < len(gap):
                    changing[turn.role] = gap[known:]
                first.setdefault(turn.role, Counter())[gap[:known]] += 1
                continue
            end = reading.ends.get(before.role)
            _, found, header = gap.partition(end) if end else ("", "", gap)
            if not found:
                header = gap
            header = _after_ends(header, reading.ends.values())
            if not gap or header.strip():
                if header.strip():
                    inner.setdefault(turn.role, Counter())[header.lstrip()] += 1
                    nexts.setdefault(before.role, Counter())[turn.role] += 1
            elif found:
                # One token ends the turn before and opens this one.
                opened.setdefault(before.role, Counter())[turn.role] += 1
            else:
                joins.setdefault(before.role, Counter())[turn.role] += 1
    for role, seen in opened.items():
        # A turn that merely lacks a header now and then is no reason to take the end from the one before.
        if seen.total() > nexts.get(role, Counter()).total():
            reading.shared[role] = reading.ends[role]
            for other, count in seen.items():
                inner.setdefault(other, Counter())[reading.ends[role]] += count
    reading.unstable.update((role, text) for role, text in changing.items() if role not in inner)
    pure = {text for seen in inner.values() for text in seen}
    bos = getattr(renderer.tokenizer, "bos_token", None) or ""
    for role in dict.fromkeys([*first, *inner]):
        headers = Counter(inner.get(role, ()))
        for text, count in first.get(role, Counter()).items():
            headers[_own_header(text, headers, pure, bos, role in inner)] += count
        reading.headers[role] = [text for text, _ in headers.most_common() if text.strip()]
    for role, seen in joins.items():
        (host, _) = seen.most_common(1)[0]
        mine = set(reading.headers.get(role, ()))
        if role not in reading.ends and (not mine or mine & set(reading.headers.get(host, ()))):
            reading.folded[role] = host
            reading.headers[role] = []
    for role in reading.headers:
        if role not in reading.ends and role not in reading.folded and nexts.get(role):
            follower = next((other for other, _ in nexts[role].most_common() if other != role), role)
            reading.shared[role] = next(iter(reading.headers.get(follower, ())), "")


def _after_ends(header: str, ends: Iterable[str]) -> str:
    """A header without the ends of other turns that stand before it: some turns are nested in others."""
    for end in ends:
        rest = header.lstrip().removeprefix(end)
        if rest.strip() and len(rest) < len(header.lstrip()):
            return rest
    return header


def _stable(cases: Sequence[Case], renderer: Renderer) -> dict[str, int]:
    """Per order of roles whose prompt is another one tomorrow, the length that both have in common."""
    found: dict[str, int] = {}
    for case in cases:
        order = case.label.partition(":")[0]
        if order not in found and case.rendering.text == case.rendering.prompt:
            found[order] = stable_length(case, renderer.prompt)
    return found


def _own_header(text: str, known: Iterable[str], pure: Iterable[str], bos: str, inside: bool) -> str:
    """The header in what a conversation begins with: a header seen inside one, or all but the begin token."""
    places = [(text.rfind(header), -len(header)) for header in known if header.strip() and header in text]
    if places:
        return text[max(places)[0] :]
    if bos and text.startswith(bos) and not any(header.startswith(bos) for header in pure):
        text = text[len(bos) :]
    return "" if inside else text.lstrip()


def candidates(
    reading: TemplateReading, cases: Sequence[Case], layout: Layout, tokenizer: Any
) -> tuple[list[Candidate], dict[str, list[MarkerMismatch]]]:
    """For every header, the longest beginnings of it whose ids stand in front of each content."""
    starts: dict[str, Counter[str]] = {}
    broken: dict[str, list[MarkerMismatch]] = {}
    encoded: dict[str, tuple[int, ...]] = {}
    for case in cases:
        ids = tuple(case.rendering.input_ids.tolist())
        for index, turn in enumerate(case.turns):
            begin = layout.header_start(case, index)
            stop = layout.own(case, index)[0]
            header = case.rendering.text[begin:stop]
            if not header.strip():
                continue
            # The last token may be the content's too: then no marker can hold it.
            low = max((case.turns[index - 1].last - 1) if index else 0, 0)
            high = int((case.trace.offsets[:, 1] <= stop).sum()) if not turn.media else turn.first
            before = ids[low:high]
            # What the processor writes around a picture, and what changes from day to day, is no part of a marker.
            known = [text for text in layout.headers.get(turn.role, ()) if header.startswith(text)]
            if header not in known:
                header = max(
                    [*known, *(text for text in layout.prefilled if header.startswith(text))], key=len, default=""
                )
            for length in range(len(header), 0, -1):
                marker = header[:length]
                if marker not in encoded:
                    encoded[marker] = encode_marker(tokenizer, marker)
                if encoded[marker] and _inside(encoded[marker], before):
                    starts.setdefault(turn.role, Counter())[marker] += 1
                    break
                if length == len(header):
                    content = case.rendering.text[turn.start : min(turn.stop, turn.start + 12)]
                    width = len(encoded[marker]) + 1
                    there = ids[max(high - width + 1, 0) : high + 1]
                    failure = MarkerMismatch(turn.role, marker, content, encoded[marker], there)
                    if not any(b.marker == marker and b.content == content for b in broken.setdefault(turn.role, [])):
                        broken[turn.role].append(failure)
    found = []
    for role in dict.fromkeys([*ROLES, *starts]):
        end, include = reading.ends.get(role), role not in reading.shared
        if end is None and role in reading.shared:
            end = _shortest(reading.shared[role], starts) or None
        found += [
            Candidate(role, start, end, include)
            for start in sorted(starts.get(role, ()), key=len, reverse=True)
            if start.strip()
        ]
    return found, broken


def _shortest(header: str, starts: Mapping[str, Counter[str]]) -> str:
    """The shortest marker that was found for a header: what ends the turn before wherever that header stands."""
    known = [start for seen in starts.values() for start in seen if header.startswith(start) and start.strip()]
    return min(known, key=len, default=header.strip())


def _inside(marker: tuple[int, ...], ids: tuple[int, ...]) -> bool:
    return any(ids[at : at + len(marker)] == marker for at in range(len(ids) - len(marker) + 1))
