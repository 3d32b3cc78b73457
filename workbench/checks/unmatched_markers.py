"""M002: start markers that never match a turn which, by the trace, is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.checks.markers import find, stable_prefix, tokens_under
from workbench.checks.row_facts import Scene, as_rows, counted, shorten
from workbench.findings import Edit, Finding, Fix
from workbench.recipe import plugin
from workbench.tokens.boundaries import encode_marker
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner

if TYPE_CHECKING:
    from workbench.tokens.boundaries import RoleBoundary


_CHOICES = 3


def missed(scene: Scene) -> list[int]:
    """The messages of trained roles whose turn no span of that role begins, though a boundary is declared for it."""
    found = []
    boundaries = scene.masking.boundaries
    suspects = scene.role_trained[:-1] & (scene.last >= 0) & ~scene.begun
    for message in np.flatnonzero(suspects).tolist():
        declared = scene.boundaries_of(scene.roles[message])
        window = (int(scene.begins[message]), int(scene.first[message]) + 1)
        # A marker that is there and opened nothing lies inside another span: that is not its own fault.
        if not declared or any(find(scene.ids, boundaries[index].start, *window) >= 0 for index in declared):
            continue
        if not _joined(scene, message, declared):
            found.append(message)
    return found


def _joined(scene: Scene, message: int, declared: list[int]) -> bool:
    """Whether the template writes a message into the turn before it, of the same role: it needs no marker there."""
    at = np.flatnonzero(scene.content & (scene.trace.message == message))
    spans = np.unique(scene.mask.span[at]) if len(at) else np.zeros(0, dtype=np.int64)
    inside = len(spans) and spans[0] >= 0 and np.isin(scene.spans.boundary[spans], declared).all()
    return bool(inside) and not scene.runaway[spans].any()


def check(scene: Scene, messages: list[int]) -> Iterator[Finding]:
    """One finding for each boundary, at its first turn. Without offsets only the ids in front of the text are shown."""
    seen: dict[int, list[int]] = {}
    for message in messages:
        declared = scene.boundaries_of(scene.roles[message])
        header, _ = _header(scene, message, int(scene.begins[message]))
        written = [index for index in declared if scene.masking.boundaries[index].start_text in header]
        seen.setdefault(written[0] if written else declared[0], []).append(message)
    for index, mine in seen.items():
        yield _finding(scene, index, mine)


def _opening(scene: Scene, message: int) -> int:
    """The token with which a message's header begins: what ends the turn before, and its line, is not part of it."""
    begin, first = int(scene.begins[message]), int(scene.first[message])
    ends = np.unique(scene.ids[scene.stops[scene.stops >= 0]])
    before = np.flatnonzero(np.isin(scene.ids[begin:first], ends) & (scene.trace.kind[begin:first] == Owner.TEMPLATE))
    if len(before):
        begin += int(before[-1]) + 1
        words = np.flatnonzero(~scene.blank(np.arange(begin, first))) if begin < first else before[:0]
        begin = begin + int(words[0]) if len(words) else first
    elif not begin and first > 1 and scene.ids[0] == getattr(scene.bench.renderer.tokenizer, "bos_token_id", None):
        begin = 1
    return begin


def _header(scene: Scene, message: int, begin: int, *, shared: bool = True) -> tuple[str, int]:
    """The text from a token to a message's first token, and its place in the rendering's text.

    Without `shared` it stops at tokens that template and text share.
    """
    offsets, first = scene.offsets, int(scene.first[message])
    if first >= len(offsets):
        return "", 0
    while not shared and begin < first and scene.trace.kind[first - 1] == Owner.SPLIT:
        first -= 1
    start = int(offsets[begin - 1, 1]) if begin else 0
    stop = int(offsets[first, 0])
    return scene.rendering.text[start:stop], start


def _finding(scene: Scene, index: int, mine: list[int]) -> Finding:
    boundary, message = scene.masking.boundaries[index], mine[0]
    begin, first = int(scene.begins[message]), int(scene.first[message])
    header, at = _header(scene, message, begin)
    turns = counted(len(mine), "turn")
    lost = int(np.count_nonzero(np.isin(scene.trace.message, mine) & scene.content))
    place = header.rfind(boundary.start_text)
    alone = " ".join(map(str, boundary.start))
    cost = f"{turns} of {boundary.role} not found, {lost} tokens of content not trained"
    if place < 0:
        opening = _opening(scene, message)
        wrong = (
            f"start {boundary.start_text!r} ({alone}) is not what the template writes before {boundary.role}: {cost}"
        )
        if opening >= first:
            text = f"{wrong}; it writes nothing there that begins a turn"
            hint = "Join the message with the one before it, or use a template that writes a header before each."
            where = scene.at_boundary(index, "start", message, (first, first + 1))
            return Finding("M002", "error", text, hint, where)
        header, _ = _header(scene, message, opening)
        text = f"{wrong}; there stands “{shorten(header[-60:])}”"
        fix, hint = _written(scene, boundary, index, mine)
        where = scene.at_boundary(index, "start", message, (opening, max(opening + 1, first)))
        return Finding("M002", "error", text, hint, where, fix)
    tokens = tokens_under(scene.offsets, at + place, at + place + len(boundary.start_text))
    context = scene.ids[tokens[0] : tokens[1]]
    text = (
        f"start {boundary.start_text!r} alone is {alone}, in the row “{' '.join(map(str, context))}” "
        f"(its end joins with the content): {cost}"
    )
    fix, hint = _shorter(scene, boundary, index, (begin, first + 1))
    return Finding("M002", "error", text, hint, scene.at_boundary(index, "start", message, tokens), fix)


def _written(scene: Scene, boundary: RoleBoundary, index: int, mine: list[int]) -> tuple[Fix | None, str]:
    """The edit to the marker that the template writes, if in this very row it finds all these turns and no other."""
    found = []
    for start in _starts(scene, boundary, mine[0]):
        ids = encode_marker(scene.bench.renderer.tokenizer, start)
        if ids and _finds(scene, replace(boundary, start=ids, start_text=start), index, mine):
            found.append((start, ids))
    fix = None
    for start, _ in reversed(found[:_CHOICES]):
        fix = Fix(f"start: {start!r}", set_start(scene, index, start), instead=fix)
    if fix is None:
        return None, "Give the text that the template writes before the role's content; `vlmbench infer` finds it."
    start, ids = found[0]
    said = f"Write start: {start!r} ({' '.join(map(str, ids))}); here it finds {counted(len(mine), 'turn')}."
    return fix, said


def _starts(scene: Scene, boundary: RoleBoundary, message: int) -> list[str]:
    """What could be the marker of a message: the family's own, then its header from each control token on, then whole.

    A blank at the end, which may join with the content, is tried without too.
    """
    begin = _opening(scene, message)
    header, at = _header(scene, message, begin, shared=False)
    family = scene.bench.family
    known = [one.start for one in family.boundaries if one.role == boundary.role] if family is not None else []
    before = range(begin, int(scene.first[message]))
    # How a turn ends is no beginning of one.
    special = scene.rendering.vocabulary.special_ids.difference(*(one.end for one in scene.masking.boundaries))
    control = [token for token in reversed(before) if header and int(scene.ids[token]) in special]
    texts = known + [header[int(scene.offsets[token, 0]) - at :] for token in control]
    texts += [header[header.rstrip().rfind("\n") + 1 :].lstrip(" ")]
    return [text for text in dict.fromkeys(one for text in texts for one in (text, text.rstrip(" "))) if text.strip()]


def _finds(scene: Scene, boundary: RoleBoundary, index: int, mine: list[int]) -> bool:
    """Whether a boundary trains all the text of these messages, and besides their ends nothing that was not trained."""
    known = scene.masking.boundaries
    mask = replace(scene.masking, boundaries=(*known[:index], boundary, *known[index + 1 :])).scan(scene.ids)
    own = np.isin(scene.trace.message, mine)
    # A blank of the template may share a token with the first word.
    shared = scene.trace.kind == Owner.SPLIT
    more = mask.keep & ~scene.mask.keep & ~own & ~shared & (mask.reason != Reason.END)
    return bool(mask.keep[own & scene.content].all()) and not more.any()


def _shorter(scene: Scene, boundary: RoleBoundary, index: int, window: tuple[int, int]) -> tuple[Fix | None, str]:
    """The edit to the longest stable beginning of the marker, if it is found in this very row."""
    others = tuple(one.start for i, one in enumerate(scene.masking.boundaries) if one.role != boundary.role)
    tokenizer = scene.bench.renderer.tokenizer
    shorter = stable_prefix(tokenizer, boundary.start_text, others)
    if shorter is None or find(scene.ids, encode_marker(tokenizer, shorter), *window) < 0:
        return None, "No shorter beginning of the marker is stable: look at the ids, and choose another marker."
    ids = " ".join(map(str, encode_marker(tokenizer, shorter)))
    # Where the whole marker is found in other turns, the shorter one would train what it leaves out of them.
    fix = Fix(f"start: {shorter!r}", set_start(scene, index, shorter), instead=one_more(scene, index, shorter))
    return fix, f"Write start: {shorter!r} ({ids}), the longest beginning whose ids stay the same whatever follows."


def one_more(scene: Scene, index: int, start: str) -> Fix:
    """One more boundary like this one with another start, beside it; where both match, the longer one wins."""
    rows = as_rows(scene.masking.boundaries)
    extra = {**rows[index], "start": start}
    if scene.bench.recipe.effective_boundaries is not None:
        edits: tuple[Edit, ...] = (Edit(("role_boundaries", len(rows)), extra),)
    else:
        edits = plugin.boundary_edits(scene.bench.document.data, [*rows, extra])
    return Fix(f"one more {rows[index]['role']} boundary, start: {start!r}", edits)


def set_start(scene: Scene, index: int, start: str) -> tuple[Edit, ...]:
    """The edit that gives a boundary another start; built-in ones are written out for it."""
    if scene.bench.recipe.effective_boundaries is not None:
        return (Edit(("role_boundaries", index, "start"), start),)
    rows = as_rows(scene.masking.boundaries)
    rows[index]["start"] = start
    return plugin.boundary_edits(scene.bench.document.data, rows)
