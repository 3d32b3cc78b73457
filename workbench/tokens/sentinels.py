"""The place of every text part in a rendered prompt, found with sentinel characters and no knowledge of markers.

A range of a part is put between two rare characters that occur nowhere else, and the conversation is rendered again.
When that rendering without its brackets equals the clean one, what stands between them came from that range. The whole
conversation takes one extra rendering where the template leaves its texts alone, four or five where it trims them, and
some dozens at most where it rewrites parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from workbench.data.forms import text_key
from workbench.tokens.alignment import Piece, match

Message = dict[str, Any]
Render = Callable[[Sequence[Message]], str]
_RENDERS = 64
"""Renderings of one conversation at most; parts that are not found by then are searched for as plain text."""
# Rare ideographs first: unlike private-use characters they are printable, so a template that writes a list of parts as
# Python would leaves them as they are.
_RARE = re.compile("[\U00020000-\U0010fffd]")
_FREE = (range(0x20000, 0x2A6DE), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))
# What templates look for in a content and cut at: bracketing such a word would hide it from them.
_TAG = re.compile(r"<[^<>\n]{1,40}>|\[/?[A-Z_]{2,}\]")


@dataclass(frozen=True, slots=True)
class Part:
    """A part with a text: its message and place in the content (0 for a string), the text, and the key it has there."""

    message: int
    part: int
    text: str
    role: str = ""
    key: str = "text"

    @property
    def core(self) -> tuple[int, int]:
        """The range inside the leading and trailing white space; empty for a blank text."""
        lead = len(self.text) - len(self.text.lstrip())
        return lead, max(lead, len(self.text.rstrip()))


@dataclass(frozen=True, slots=True)
class LocatedParts:
    """A part's pieces in the prompt, none where its text never got there. Not exact: the template rewrote it."""

    part: Part
    pieces: tuple[Piece, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True)
class _Range:
    """A range of the text of parts[index], to be put between brackets."""

    index: int
    first: int
    last: int


_Found = dict[_Range, list[tuple[int, int]]]


def text_parts(messages: Sequence[Message]) -> Iterator[Part]:
    """The texts of a conversation, in order; the content of a message is a text or a list of parts.

    A part of any type may hold one: templates take the text of `input_text`, or the `thinking` of a thinking part.
    """
    for index, message in enumerate(messages):
        content, role = message.get("content"), str(message.get("role"))
        if isinstance(content, str):
            yield Part(index, 0, content, role)
        elif isinstance(content, list):
            for number, part in enumerate(content):
                if isinstance(part, dict) and (key := text_key(part)) is not None:
                    yield Part(index, number, part[key], role, key)


def locate(messages: Sequence[Message], render: Render, prompt: str) -> list[LocatedParts]:
    """Find every text part of a conversation in its prompt.

    `render` gives the prompt of a conversation, with the template and options that produced `prompt`.
    """
    parts = list(text_parts(messages))
    trial = _BracketTrial(messages, parts, render, prompt)
    whole = trial.whole()
    located = [_exactly(part, whole.get(index, {}), prompt) for index, part in enumerate(parts)]
    lost = [index for index, found in enumerate(located) if not found.pieces and found.part.text.strip()]
    for split in (_between_tags, _words):
        if lost:
            for index, ranges in trial.split(lost, split).items():
                located[index] = _joined(parts[index], ranges, prompt)
            lost = [index for index in lost if not located[index].pieces]
    if lost:
        _search(located, prompt)
    return located


def _exactly(part: Part, ranges: _Found, prompt: str) -> LocatedParts:
    """A part from where its ranges stand."""
    pieces: list[Piece] = []
    exact = True
    for span, places in ranges.items():
        for start, stop in places:
            if prompt[start:stop] == part.text[span.first : span.last]:
                pieces.append(Piece(start, stop, span.first, span.last))
            else:
                exact = False
                pieces += match(part.text, span.first, span.last, prompt, start, stop)
    return LocatedParts(part, tuple(pieces), exact)


@dataclass
class _BracketTrial:
    """A conversation under test: renders it with brackets, as seldom as it can."""

    messages: Sequence[Message]
    parts: Sequence[Part]
    render: Render
    prompt: str
    renders: int = 0
    _pool: list[str] = field(default_factory=list)

    def whole(self) -> dict[int, _Found]:
        """The places of whole parts; where the template trims, of what it leaves of them."""
        everything = [_Range(i, 0, len(part.text)) for i, part in enumerate(self.parts) if part.text]
        found = self.attempt(everything)
        if found is None:
            # A bracket outside of the white space keeps a template's trimming from reaching it, and the rendering
            # changes. Brackets around the core leave the margins where the template trims them.
            cores = [_Range(i, *part.core) for i, part in enumerate(self.parts) if part.text.strip()]
            blank = [span for span in everything if not self.parts[span.index].text.strip()]
            found = self.attempt(cores)
            if found is None:
                # Templates rewrite by role (thinking is cut from the assistant's turns, say): apart, the other roles
                # need one rendering each.
                roles = dict.fromkeys(self.parts[span.index].role for span in cores)
                groups = [[[span] for span in cores if self.parts[span.index].role == role] for role in roles]
                found = self.bisect(groups)
            found = self.with_margins(found)
            # A template may leave out a message that is blank, and does not with a bracket in it: each by itself.
            if blank:
                found |= self.bisect([[[span] for span in blank]])
        return _by_part(found)

    def split(self, lost: Sequence[int], how: Callable[[int, Part], list[list[_Range]]]) -> dict[int, _Found]:
        """The places of what is left of parts from which the template cuts something away."""
        groups = [how(index, self.parts[index]) for index in lost]
        if how is _between_tags:
            groups = [[unit for group in groups for unit in group]]
        return _by_part(self.bisect(groups))

    def bisect(self, groups: Sequence[list[list[_Range]]]) -> _Found:
        """Attempt groups of units, and halves of a group that fails: one bad part costs a logarithm, not a rendering
        for each part."""
        found: _Found = {}
        waiting = [group for group in reversed(groups) if group]
        while waiting and self.renders < _RENDERS:
            group = waiting.pop()
            got = self.attempt([span for unit in group for span in unit])
            if got is not None:
                found |= got
            elif len(group) > 1:
                half = len(group) // 2
                waiting += [group[half:], group[:half]]
        return found

    def with_margins(self, found: _Found) -> _Found:
        """Give each trimmed range back the white space that the template left around it.

        What stands between two parts is compared with a rendering of the same parts without their margins.
        """
        parts = self.parts
        order = sorted(
            ((places[0], span) for span, places in found.items() if len(places) == 1), key=lambda pair: pair[0]
        )
        if not any(parts[span.index].core != (0, len(parts[span.index].text)) for _, span in order):
            return found
        bare = self._bare([span for _, span in order])
        if bare is None or list(bare) != [span for _, span in order]:
            return found
        lead = dict.fromkeys(bare, 0)
        trail = dict(lead)
        ends: list[_Range | None] = [None, *bare, None]
        starts = {None: (0, 0)} | {span: place for place, span in order}
        for left, right in pairwise(ends):
            clean = self.prompt[starts[left][1] : starts[right][0] if right else len(self.prompt)]
            after = parts[left.index].text[left.last :] if left else ""
            before = parts[right.index].text[: right.first] if right else ""
            plain = bare[left][1] if left else next(iter(bare.values()))[0]
            more = len(clean) - len(plain)
            # Of the white space between two parts, what either's margins can account for is theirs, the first's first.
            for kept in range(min(more, len(after)), -1, -1):
                rest = more - kept
                if rest <= len(before) and clean == after[:kept] + plain + before[len(before) - rest :]:
                    if left:
                        trail[left] = kept
                    if right:
                        lead[right] = rest
                    break
        wide = {span: _Range(span.index, span.first - lead[span], span.last + trail[span]) for span in bare}
        changed = [[new] for old, new in wide.items() if new != old]
        if not changed:
            return found
        got = self.bisect([changed])
        grown = {old: new for old, new in wide.items() if new in got}
        return {grown.get(span, span): got.get(grown.get(span, span), places) for span, places in found.items()}

    def _bare(self, ranges: Sequence[_Range]) -> dict[_Range, tuple[str, str]] | None:
        """For each range, in the order of the prompt, what stands before and after it when no part has margins."""
        parts = list(self.parts)
        for span in ranges:
            part = parts[span.index]
            parts[span.index] = replace(part, text=part.text[span.first : span.last])
        shifted = [_Range(span.index, 0, span.last - span.first) for span in ranges]
        texts, opens, closes = self._bracketed(parts, shifted)
        try:
            marked = self._render(texts)
        except Exception:
            return None
        around: dict[_Range, tuple[str, str]] = {}
        original = dict(zip(shifted, ranges, strict=True))
        hits = [hit for hit in _RARE.finditer(marked) if hit[0] in opens or hit[0] in closes]
        edges = [0, *(hit.start() for hit in hits), len(marked)]
        for number in range(0, len(hits) - 1, 2):
            first, second = hits[number][0], hits[number + 1][0]
            if first not in opens or closes.get(second) != opens[first]:
                return None
            before = marked[edges[number] + bool(number) : edges[number + 1]]
            after = marked[edges[number + 2] + 1 : edges[number + 3]]
            around[original[opens[first]]] = before, after
        return around

    def attempt(self, ranges: Sequence[_Range]) -> _Found | None:
        """Render with these ranges in brackets: where each stands; None when that is not the clean rendering.

        A template can test a text, for a tag or its first characters, and write something else where a bracket is in
        the way. Only a rendering that equals the clean one but for the brackets shows that none did.
        """
        if not ranges:
            return {}
        texts, opens, closes = self._bracketed(self.parts, ranges)
        try:
            marked = self._render(texts)
        except Exception:
            return None
        clean: list[str] = []
        begun: dict[_Range, int] = {}
        found: _Found = {span: [] for span in ranges}
        position = last = 0
        for hit in _RARE.finditer(marked):
            opened, closed = opens.get(hit[0]), closes.get(hit[0])
            if opened is None and closed is None:
                continue
            clean.append(marked[last : hit.start()])
            position += hit.start() - last
            last = hit.end()
            if opened is not None:
                begun[opened] = position
            elif closed in begun:
                found[closed].append((begun.pop(closed), position))
        clean.append(marked[last:])
        return found if "".join(clean) == self.prompt else None

    def _bracketed(
        self, parts: Sequence[Part], ranges: Sequence[_Range]
    ) -> tuple[list[str], dict[str, _Range], dict[str, _Range]]:
        opens: dict[str, _Range] = {}
        closes: dict[str, _Range] = {}
        texts = [part.text for part in parts]
        pool = iter(self._brackets(2 * len(ranges)))
        inserts: dict[int, list[tuple[int, str]]] = {}
        for span in sorted(ranges, key=lambda span: (span.index, span.first)):
            opened, closed = next(pool), next(pool)
            opens[opened], closes[closed] = span, span
            inserts.setdefault(span.index, []).extend([(span.first, opened), (span.last, closed)])
        for index, marks in inserts.items():
            text, last, out = texts[index], 0, []
            for at, char in marks:
                out += [text[last:at], char]
                last = at
            texts[index] = "".join([*out, text[last:]])
        return texts, opens, closes

    def _brackets(self, count: int) -> list[str]:
        """Characters that occur nowhere in the conversation or its prompt."""
        if len(self._pool) < count:
            taken = set(_RARE.findall(self.prompt))
            for part in self.parts:
                taken.update(_RARE.findall(part.text))
            free = (chr(code) for block in _FREE for code in block)
            self._pool = [char for char, _ in zip((c for c in free if c not in taken), range(count), strict=False)]
        if len(self._pool) < count:
            raise ValueError("more ranges than there are free characters")
        return self._pool[:count]

    def _render(self, texts: Sequence[str]) -> str:
        self.renders += 1
        return self.render(with_texts(self.messages, self.parts, texts))


def with_texts(messages: Sequence[Message], parts: Sequence[Part], texts: Sequence[str]) -> list[Message]:
    """The conversation with other texts in its text parts; everything else is shared, not copied."""
    changed: list[Message] = [dict(message) for message in messages]
    for message in changed:
        if isinstance(message.get("content"), list):
            message["content"] = list(message["content"])
    for part, text in zip(parts, texts, strict=True):
        content: Any = changed[part.message]["content"]
        if isinstance(content, str):
            changed[part.message]["content"] = text
        else:
            content[part.part] = {**content[part.part], part.key: text}
    return changed


def _by_part(found: _Found) -> dict[int, _Found]:
    grouped: dict[int, _Found] = {}
    for span, places in found.items():
        grouped.setdefault(span.index, {})[span] = places
    return grouped


def _between_tags(index: int, part: Part) -> list[list[_Range]]:
    """The ranges between the tags of a text, inside their own white space, to be attempted together."""
    edges = [0, *(at for hit in _TAG.finditer(part.text) for at in hit.span()), len(part.text)]
    ranges = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        text = part.text[first:last]
        if len(edges) > 2 and text.strip():
            ranges.append(_Range(index, first + len(text) - len(text.lstrip()), first + len(text.rstrip())))
    return [ranges] if ranges else []


def _words(index: int, part: Part) -> list[list[_Range]]:
    """The words of a text, each to be attempted alone if need be."""
    return [[_Range(index, *hit.span())] for hit in re.finditer(r"\S+", part.text)]


def _joined(part: Part, ranges: _Found, prompt: str) -> LocatedParts:
    """The pieces that are left of a part, and the tags between and around them that are there too."""
    placed = sorted((span.first, span, places[0]) for span, places in ranges.items() if places)
    pieces: list[Piece] = []
    order = sorted(ranges, key=lambda span: span.first)
    for number, (_, span, (start, stop)) in enumerate(placed):
        pieces += _exactly(part, {span: [(start, stop)]}, prompt).pieces
        if number + 1 < len(placed):
            following, (begin, _) = placed[number + 1][1:]
            gap = part.text[span.last : following.first]
            if order.index(following) == order.index(span) + 1 and prompt[stop:begin] == gap:
                pieces.append(Piece(stop, begin, span.last, following.first))
    if placed:
        _, span, (start, _) = placed[0]
        # Tags stay outside of the brackets, so those at the ends of the part are compared as text.
        opening = _TAG.search(part.text, 0, span.first)
        if opening and not part.text[: opening.start()].strip():
            ahead = part.text[opening.start() : span.first]
            if prompt.endswith(ahead, 0, start):
                pieces.insert(0, Piece(start - len(ahead), start, opening.start(), span.first))
        _, span, (_, stop) = placed[-1]
        behind = part.text[span.last :].rstrip()
        if behind and behind.endswith((">", "]")) and prompt.startswith(behind, stop):
            pieces.append(Piece(stop, stop + len(behind), span.last, span.last + len(behind)))
    return LocatedParts(part, tuple(pieces), False)


def _search(located: list[LocatedParts], prompt: str) -> None:
    """Look for what no bracket reached, in order, between its placed neighbours."""
    position = 0
    for index, placed in enumerate(located):
        if placed.pieces:
            position = max(position, *(piece.stop for piece in placed.pieces))
            continue
        first, last = placed.part.core
        core = placed.part.text[first:last]
        following = [piece.start for other in located[index + 1 :] for piece in other.pieces[:1]]
        limit = min((start for start in following if start >= position), default=len(prompt))
        at = prompt.find(core, position, limit) if core else -1
        if at >= 0:
            located[index] = LocatedParts(placed.part, (Piece(at, at + len(core), first, last),), False)
            position = at + len(core)
