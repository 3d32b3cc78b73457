"""M002: start markers that never match a turn which, by the trace, is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.checks.markers import find, stable_prefix, tokens_under
from workbench.checks.row_facts import RowFacts, as_rows, counted, shorten
from workbench.findings import Edit, Fix
from workbench.recipe import plugin
from workbench.tokens.boundaries import encode_marker
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner

if TYPE_CHECKING:
    from workbench.errors import Where
    from workbench.tokens.boundaries import RoleBoundary


_CHOICES = 3


def by_boundary(facts: RowFacts) -> dict[int, list[int]]:
    """The unmatched messages by the boundary whose start is to blame."""
    found: dict[int, list[int]] = {}
    for message in facts.unmatched:
        declared = facts.boundaries_of(facts.roles[message])
        header, _ = _header(facts, message, int(facts.begins[message]))
        written = [index for index in declared if facts.masking.boundaries[index].start_text in header]
        found.setdefault(written[0] if written else declared[0], []).append(message)
    return found


def _opening(facts: RowFacts, message: int) -> int:
    """The token with which a message's header begins: what ends the turn before, and its line, is not part of it."""
    begin, first = int(facts.begins[message]), int(facts.first[message])
    ends = np.unique(facts.ids[facts.stops[facts.stops >= 0]])
    before = np.flatnonzero(np.isin(facts.ids[begin:first], ends) & (facts.trace.kind[begin:first] == Owner.TEMPLATE))
    if len(before):
        begin += int(before[-1]) + 1
        words = np.flatnonzero(~facts.blank(np.arange(begin, first))) if begin < first else before[:0]
        begin = begin + int(words[0]) if len(words) else first
    elif not begin and first > 1 and facts.ids[0] == getattr(facts.bench.renderer.tokenizer, "bos_token_id", None):
        begin = 1
    return begin


def _header(facts: RowFacts, message: int, begin: int, *, shared: bool = True) -> tuple[str, int]:
    """The text from a token to a message's first token, and its place in the rendering's text.

    Without `shared` it stops at tokens that template and text share.
    """
    offsets, first = facts.offsets, int(facts.first[message])
    if first >= len(offsets):
        return "", 0
    while not shared and begin < first and facts.trace.kind[first - 1] == Owner.SPLIT:
        first -= 1
    start = int(offsets[begin - 1, 1]) if begin else 0
    stop = int(offsets[first, 0])
    return facts.rendering.text[start:stop], start


def explained(facts: RowFacts, index: int, mine: list[int]) -> tuple[str, str, Where, Fix | None]:
    """(message, hint, place, fix) for a boundary whose start matches none of the messages `mine`.

    The place is in the first of them. Without offsets only the ids in front of its text are shown.
    """
    boundary, message = facts.masking.boundaries[index], mine[0]
    begin, first = int(facts.begins[message]), int(facts.first[message])
    header, at = _header(facts, message, begin)
    turns = counted(len(mine), "turn")
    lost = int(np.count_nonzero(np.isin(facts.trace.message, mine) & facts.content))
    place = header.rfind(boundary.start_text)
    alone = " ".join(map(str, boundary.start))
    cost = f"{turns} not found, {lost} tokens of content not trained"
    marker = f"{boundary.role}'s start {boundary.start_text!r}"
    if place < 0:
        opening = _opening(facts, message)
        # The two texts come first: a line that has room for little more shows both.
        wrong, rest = f"{marker} is not there", f"{cost} (start is {alone})"
        if opening >= first:
            text = f"{wrong}: nothing here begins a turn; {rest}"
            hint = "Join the message with the one before it, or use a template that writes a header before each."
            where = facts.at_boundary(index, "start", message, (first, first + 1))
            return text, hint, where, None
        header, _ = _header(facts, message, opening)
        text = f"{wrong}: here stands “{shorten(header[-60:])}”; {rest}"
        fix, hint = _written(facts, boundary, index, mine)
        where = facts.at_boundary(index, "start", message, (opening, max(opening + 1, first)))
        return text, hint, where, fix
    tokens = tokens_under(facts.offsets, at + place, at + place + len(boundary.start_text))
    context = facts.ids[tokens[0] : tokens[1]]
    text = (
        f"{marker} alone is {alone}, in the row “{' '.join(map(str, context))}” "
        f"(its end joins with the content): {cost}"
    )
    fix, hint = _shorter(facts, boundary, index, (begin, first + 1))
    return text, hint, facts.at_boundary(index, "start", message, tokens), fix


def _written(facts: RowFacts, boundary: RoleBoundary, index: int, mine: list[int]) -> tuple[Fix | None, str]:
    """The edit to the marker that the template writes, if in this very row it finds all these turns and no other."""
    found = []
    for start in _starts(facts, boundary, mine[0]):
        ids = encode_marker(facts.bench.renderer.tokenizer, start)
        if ids and _finds(facts, replace(boundary, start=ids, start_text=start), index, mine):
            found.append((start, ids))
    fix = None
    for start, _ in reversed(found[:_CHOICES]):
        fix = Fix(f"start: {start!r}", set_start(facts, index, start), instead=fix)
    if fix is None:
        return None, "Give the text that the template writes before the role's content; `vlmbench infer` finds it."
    start, ids = found[0]
    hint = f"Write start: {start!r} ({' '.join(map(str, ids))}); here it finds {counted(len(mine), 'turn')}."
    return fix, hint


def _starts(facts: RowFacts, boundary: RoleBoundary, message: int) -> list[str]:
    """Candidates for a message's marker: the family's own, then its header from each control token on, then whole.

    A blank at the end, which may join with the content, is tried without too.
    """
    begin = _opening(facts, message)
    header, at = _header(facts, message, begin, shared=False)
    family = facts.bench.family
    known = [known.start for known in family.boundaries if known.role == boundary.role] if family is not None else []
    before = range(begin, int(facts.first[message]))
    # How a turn ends is no beginning of one.
    ends = {token for other in facts.masking.boundaries for token in other.end}
    special = facts.rendering.vocabulary.special_ids
    known_ids = ((token, int(facts.ids[token])) for token in reversed(before))
    control = [token for token, number in known_ids if header and number in special and number not in ends]
    texts = known + [header[int(facts.offsets[token, 0]) - at :] for token in control]
    texts += [header[header.rstrip().rfind("\n") + 1 :].lstrip(" ")]
    return [
        text for text in dict.fromkeys(start for text in texts for start in (text, text.rstrip(" "))) if text.strip()
    ]


def _finds(facts: RowFacts, boundary: RoleBoundary, index: int, mine: list[int]) -> bool:
    """True where a boundary trains all the text of these messages, and beside their ends nothing more than before."""
    known = facts.masking.boundaries
    mask = replace(facts.masking, boundaries=(*known[:index], boundary, *known[index + 1 :])).scan(facts.ids)
    own = np.isin(facts.trace.message, mine)
    # A blank of the template may share a token with the first word.
    shared = facts.trace.kind == Owner.SPLIT
    more = mask.keep & ~facts.mask.keep & ~own & ~shared & (mask.reason != Reason.END)
    return bool(mask.keep[own & facts.content].all()) and not more.any()


def _shorter(facts: RowFacts, boundary: RoleBoundary, index: int, window: tuple[int, int]) -> tuple[Fix | None, str]:
    """The edit to the longest stable beginning of the marker, if it is found in this very row."""
    others = tuple(other.start for other in facts.masking.boundaries if other.role != boundary.role)
    tokenizer = facts.bench.renderer.tokenizer
    shorter = stable_prefix(tokenizer, boundary.start_text, others)
    if shorter is None or find(facts.ids, encode_marker(tokenizer, shorter), *window) < 0:
        return None, "No shorter beginning of the marker is stable: look at the ids, and choose another marker."
    ids = " ".join(map(str, encode_marker(tokenizer, shorter)))
    # Where the whole marker is found in other turns, the shorter one would train what it leaves out of them.
    fix = Fix(f"start: {shorter!r}", set_start(facts, index, shorter), instead=one_more(facts, index, shorter))
    return fix, f"Write start: {shorter!r} ({ids}), the longest beginning whose ids stay the same whatever follows."


def one_more(facts: RowFacts, index: int, start: str) -> Fix:
    """One more boundary like this one with another start, beside it; where both match, the longer one wins."""
    rows = as_rows(facts.masking.boundaries)
    extra = {**rows[index], "start": start}
    if facts.bench.recipe.effective_boundaries is not None:
        edits: tuple[Edit, ...] = (Edit(("role_boundaries", len(rows)), extra),)
    else:
        edits = plugin.boundary_edits(facts.bench.document.data, [*rows, extra])
    return Fix(f"one more {rows[index]['role']} boundary, start: {start!r}", edits)


def set_start(facts: RowFacts, index: int, start: str) -> tuple[Edit, ...]:
    """The edit that gives a boundary another start; built-in ones are written out for it."""
    if facts.bench.recipe.effective_boundaries is not None:
        return (Edit(("role_boundaries", index, "start"), start),)
    rows = as_rows(facts.masking.boundaries)
    rows[index]["start"] = start
    return plugin.boundary_edits(facts.bench.document.data, rows)
