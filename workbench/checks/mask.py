"""M001 to M008 and M011: one row's mask held against its trace.

Everything is counted over arrays; the only loops are over spans, messages and boundaries.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.checks import unmatched_markers
from workbench.checks.markers import find, stable_prefix
from workbench.checks.row_facts import BoolArray, Scene, as_rows, counted, shorten
from workbench.findings import Edit, Finding, Fix, Severity
from workbench.recipe import plugin
from workbench.tokens.boundaries import encode_marker
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner


def check(scene: Scene) -> Iterator[Finding]:
    """Every finding about the mask of a row, the worst first."""
    masking = scene.masking
    if masking.train_on_inputs or not masking.boundaries:
        # All of it is trained because the recipe says so, or because of M010; there are no spans to judge.
        yield from media_trained(scene)
        return
    unmatched = unmatched_markers.missed(scene)
    yield from nothing_trained(scene, unmatched)
    yield from unmatched_markers.check(scene, unmatched)
    yield from injected(scene)
    yield from never_ends(scene)
    yield from leaks(scene)
    yield from misses(scene, unmatched)
    yield from never_closed(scene)
    yield from stop_token(scene)
    yield from media_trained(scene)
    yield from template_words(scene)


def nothing_trained(scene: Scene, unmatched: list[int]) -> Iterator[Finding]:
    """M001."""
    mask, wanted = scene.mask, scene.masking.roles_to_train
    if mask.trained or not len(scene.ids):
        return
    mine = np.flatnonzero(scene.role_trained[:-1])
    said = ", ".join(wanted)
    message: int | None = int(mine[0]) if len(mine) else None
    if not wanted:
        cause, hint = "roles_to_train is empty", "Name the roles to train in the first dataset."
    elif not len(mine):
        there = ", ".join(dict.fromkeys(scene.roles)) or "no message"
        cause = f"no message has a role that is trained ({said}); the row has {there}"
        hint = "Name the row's role in roles_to_train, and give it a boundary; or drop the row."
    elif unmatched:
        cause = f"no start marker of {said} matched ({counted(len(unmatched), 'turn')})"
        hint = "M002 shows the ids; correct the start marker."
    elif (mask.reason == Reason.PART_NOT_TRAINED).any():
        cause, hint = "the row itself asks not to train it", "Take train, weight or the training key off, or the row."
    elif not scene.wanted.any():
        cause, hint = f"the messages of {said} have no content", "Write the answer, or drop the row."
    elif np.isin(mask.reason[scene.wanted], (Reason.PAD, Reason.MEDIA)).all():
        cause = f"all {np.count_nonzero(scene.wanted)} tokens of {said} are media or padding ids"
        hint = "Answers of media alone cannot be learned; look at the pad token (M012)."
    else:
        cause = f"the tokens of {said} lie outside its spans"
        hint = "See where the spans begin and end with `vlmbench inspect`."
    yield Finding("M001", "error", f"no token is trained: {cause}", hint, scene.where(message, (0, len(scene.ids))))


def never_ends(scene: Scene) -> Iterator[Finding]:
    """M003, one for each boundary; a boundary without an end is meant to run on."""
    spans = scene.spans
    ends = np.array([bool(one.end) for one in scene.masking.boundaries], dtype=bool)
    opened, _ = scene.by_content
    runaway = np.flatnonzero(scene.runaway & ends[spans.boundary] & ~opened)
    for index in np.unique(spans.boundary[runaway]):
        first = int(runaway[spans.boundary[runaway] == index][0])
        boundary, message = scene.masking.boundaries[index], int(scene.own[first])
        turns, stop = int(scene.swallowed[first]), int(spans.stop[first])
        name = scene.row.raw_message(message)
        how = "closes only later" if spans.terminated[first] else "never comes"
        span = slice(int(spans.start[first]), stop)
        foreign = int(np.count_nonzero(scene.mask.keep[span] & (scene.trace.message[span] != message)))
        text = (
            f"the {boundary.role} span of message {name} swallows {counted(turns, 'later turn')}: end "
            f"{boundary.end_text!r} ({' '.join(map(str, boundary.end))}) {how}; {foreign} tokens trained beyond it"
        )
        fix, hint = _right_end(scene, int(index), message)
        where = scene.at_boundary(int(index), "end", message, (span.start, stop))
        yield Finding("M003", "error", text, hint, where, fix)


def _right_end(scene: Scene, index: int, message: int) -> tuple[Fix | None, str]:
    """The control token that the template writes after the message, as the end of its boundary."""
    hint = "Give the text that the template writes after this role's content."
    at = int(scene.stops[message]) if message >= 0 else -1
    if at < 0:
        return None, hint
    token = int(scene.ids[at])
    text = scene.rendering.vocabulary.text(token)
    if encode_marker(scene.bench.renderer.tokenizer, text) != (token,):
        return None, hint
    if scene.bench.recipe.effective_boundaries is not None:
        edits: tuple[Edit, ...] = (Edit(("role_boundaries", index, "end"), text),)
    else:
        rows = as_rows(scene.masking.boundaries)
        rows[index]["end"] = text
        edits = plugin.boundary_edits(scene.bench.document.data, rows)
    return Fix(f"end: {text!r}", edits), f"Write end: {text!r} ({token}), which the template writes after the content."


def leaks(scene: Scene) -> Iterator[Finding]:
    """M004: what M003 and M008 have not told already."""
    mask, spans, trace = scene.mask, scene.spans, scene.trace
    trained = mask.reason == Reason.CONTENT
    other = trained & scene.content & ~scene.role_trained[trace.message]
    ends = np.array([bool(one.end) for one in scene.masking.boundaries], dtype=bool)
    opened, _ = scene.by_content
    told = np.append(opened | (scene.runaway & ends[spans.boundary]) | _unclosed(scene), False)
    beyond = np.append((scene.swallowed > 0) & ~told[:-1], False)
    last_own = np.append(scene.last, len(scene.ids))[np.append(scene.own, -1)]
    template = trained & (trace.kind == Owner.TEMPLATE) & beyond[mask.span]
    template &= np.arange(len(scene.ids)) > last_own[mask.span]
    at = np.flatnonzero((other | template) & ~told[mask.span])
    if not len(at):
        return
    owners = trace.message[at]
    owners = owners[owners >= 0]
    whose = ", ".join(dict.fromkeys(scene.roles[int(one)] for one in np.unique(owners)))
    words = int(np.count_nonzero(trace.kind[at] == Owner.TEMPLATE))
    parts = [f"{len(at) - words} of {whose}"] if len(owners) else []
    parts += [f"{words} of the template"] if words else []
    span = int(mask.span[at[0]])
    boundary = int(spans.boundary[span])
    declared = scene.masking.boundaries[boundary]
    text = f"{len(at)} trained tokens are not {declared.role}'s: {' and '.join(parts)}"
    hint = (
        f"The {declared.role} boundary has no end: give the text that closes the turn."
        if not declared.end
        else f"See what the {declared.role} boundary's markers match there."
    )
    place = (int(at[0]), int(at[-1]) + 1)
    message = int(trace.message[at[0]]) if trace.message[at[0]] >= 0 else int(scene.own[span])
    fix = None
    if not declared.end and scene.own[span] >= 0:
        fix, better = _right_end(scene, boundary, int(scene.own[span]))
        hint = better if fix is not None else hint
    yield Finding("M004", "error", text, hint, scene.at_boundary(boundary, "end", message, place), fix)


def misses(scene: Scene, unmatched: list[int]) -> Iterator[Finding]:
    """M005: content of trained roles that no other finding of this row explains."""
    mask, trace = scene.mask, scene.trace
    if not mask.trained:
        return
    lost = scene.wanted & ~mask.keep & ~np.isin(mask.reason, (Reason.PAD, Reason.MEDIA))
    _, closed = scene.by_content
    cut = np.unique(trace.message[scene.spans.end[closed & scene.forged & scene.spans.trained]])
    swallowing = np.flatnonzero((scene.swallowed > 0) & ~scene.spans.trained)
    inside = np.isin(mask.span, swallowing)
    lost &= ~np.isin(trace.message, [*unmatched, *cut.tolist()]) & ~inside
    at = np.flatnonzero(lost)
    if not len(at):
        return
    message = int(trace.message[at[0]])
    of = int(np.count_nonzero(scene.wanted))
    role = scene.roles[message]
    declared = scene.boundaries_of(role)
    text = f"{len(at)} of {of} content tokens of {role} ({100 * len(at) / of:.0f}%) are not trained"
    place = (int(at[0]), int(at[-1]) + 1)
    if not declared:
        hint = f"No boundary has the role {role} (M009)."
        yield Finding("M005", "error", text, hint, scene.where(message, place))
        return
    ending = scene.spans.end[closed & np.isin(scene.spans.boundary, declared)]
    if np.isin(trace.message[ending], message).any():
        reason = f"the end {scene.masking.boundaries[declared[0]].end_text!r} is in the content"
    elif mask.span[at[0]] < 0:
        reason = "they are outside any span"
    else:
        reason = f"they are in a span of {scene.spans.role(int(mask.span[at[0]]))}"
    hint = "Choose a start and an end that only the template can write, best control tokens."
    yield Finding("M005", "error", f"{text}: {reason}", hint, scene.at_boundary(declared[0], "end", message, place))


def _unclosed(scene: Scene) -> BoolArray:
    """Per span, whether its end never comes, though the template ends the turn; M003 tells of those that run on."""
    spans = scene.spans
    ends = np.array([bool(one.end) for one in scene.masking.boundaries], dtype=bool)
    ended = np.append(scene.stops, -1)[scene.own] >= 0
    unclosed: BoolArray = spans.trained & ~spans.terminated & ends[spans.boundary] & ended & ~scene.runaway
    return unclosed


def never_closed(scene: Scene) -> Iterator[Finding]:
    """M006, one for each boundary whose end is not that with which the template ends the turn."""
    told: set[int] = set()
    for span in np.flatnonzero(_unclosed(scene)).tolist():
        index, message = int(scene.spans.boundary[span]), int(scene.own[span])
        if index in told:
            continue
        told.add(index)
        boundary, at = scene.masking.boundaries[index], int(scene.stops[message])
        stop = scene.rendering.token_text(at)
        trained = "is trained as if it were text" if scene.mask.keep[at] else "is not trained"
        text = (
            f"end {boundary.end_text!r} ({' '.join(map(str, boundary.end))}) never comes: the template ends "
            f"{boundary.role}'s turn with “{stop}” ({int(scene.ids[at])}), which {trained}"
        )
        fix, hint = _right_end(scene, index, message)
        yield Finding("M006", "error", text, hint, scene.at_boundary(index, "end", message, (at, at + 1)), fix)


def stop_token(scene: Scene) -> Iterator[Finding]:
    """M006: no trained turn of the row has a trained end; M012 tells of ends that are padding."""
    spans, mask = scene.spans, scene.mask
    lengths = np.array([len(one.end) for one in scene.masking.boundaries], dtype=np.int64)
    mine = np.flatnonzero(spans.trained & (lengths[spans.boundary] > 0) & (spans.content < len(scene.ids)))
    if not len(mine) or not mask.trained:
        return
    total = np.concatenate(([0], np.cumsum(mask.keep)))
    stop = np.minimum(spans.end[mine] + lengths[spans.boundary[mine]], len(scene.ids))
    kept = spans.terminated[mine] & (total[stop] > total[spans.end[mine]])
    if kept.any():
        return
    first = int(mine[0])
    index, message = int(spans.boundary[first]), int(scene.own[first])
    boundary = scene.masking.boundaries[index]
    closed = mine[spans.terminated[mine]]
    if not len(closed) or scene.shared_end[index]:
        # The trace is asked: a stop token that stands in the row is told of by its own finding, or trained as text.
        if not scene.runaway[mine].any() and not (np.append(scene.stops, -1)[scene.own[mine]] >= 0).any():
            text = f"the template writes no stop token after {boundary.role}: the model never learns to stop"
            hint = "Use a template that ends the turn, or write the end token into the answers."
            place = (max(0, len(scene.ids) - 1), len(scene.ids))
            yield Finding("M006", "warning", text, hint, scene.at_boundary(index, "end", message, place))
        return
    first = int(closed[0])
    place = (int(spans.end[first]), int(spans.end[first]) + int(lengths[spans.boundary[first]]))
    if mask.reason[place[0]] == Reason.PAD:
        return
    text = f"the stop token {boundary.end_text!r} of {boundary.role} is not trained in any of its turns"
    own = int(scene.own[first])
    if scene.masking.train_on_eos == "none":
        path = ("datasets", 0, "train_on_eos")
        fix = Fix("train_on_eos: turn", (Edit(path, "turn"),))
        hint = "Write train_on_eos: turn in the first dataset."
        yield Finding("M006", "error", f"{text}: train_on_eos is none", hint, scene.at_recipe(path, own, place), fix)
    elif not boundary.include_end:
        edits = (Edit(("role_boundaries", index, "include_end"), True),)
        written = scene.bench.recipe.effective_boundaries is not None
        where = scene.at_boundary(index, "include_end", own, place)
        hint = "Write include_end: true."
        offered = Fix("include_end: true", edits) if written else None
        yield Finding("M006", "error", f"{text}: include_end is false", hint, where, offered)


def media_trained(scene: Scene) -> Iterator[Finding]:
    """M007: media ids that the family has and the selected strategy does not mask."""
    kinds = scene.bench.renderer.media_kinds
    known = [token for token in kinds if token not in scene.masking.media_ids]
    at = np.flatnonzero(np.isin(scene.ids, known) & scene.mask.keep & ~scene.content) if known else np.zeros(0, int)
    if not len(at):
        return
    bench = scene.bench
    tokens, counts = np.unique(scene.ids[at], return_counts=True)
    named = ", ".join(
        f"{scene.rendering.vocabulary.text(int(token))} ({int(token)}) × {count}"
        for token, count in zip(tokens, counts, strict=True)
    )
    text = (
        f"media ids are trained: {named}; the strategy {bench.strategy.name} masks {len(bench.media)} of {len(kinds)}"
    )
    template = bench.family.axolotl.chat_template if bench.family is not None else None
    hint = "Train only roles without pictures" + (
        f", or write chat_template: {template}, whose strategy masks them." if template else "."
    )
    tokens_at = (int(at[0]), int(at[-1]) + 1)
    place = scene.at_recipe(("chat_template",), int(scene.trace.message[at[0]]), tokens_at)
    yield Finding("M007", "error", text, hint, place)


def injected(scene: Scene) -> Iterator[Finding]:
    """M008: spans that text of a message opens or closes."""
    spans, trace = scene.spans, scene.trace
    if not len(spans):
        return
    opened, _ = scene.by_content
    at = np.flatnonzero(scene.forged)
    if not len(at):
        return
    # What it does to the labels decides how bad it is.
    harmful = at[spans.trained[at]]
    span = int((harmful if len(harmful) else at)[0])
    boundary = scene.masking.boundaries[int(spans.boundary[span])]
    place = (int(spans.start[span]), int(spans.content[span]))
    what, marker = "opens a turn of", boundary.start_text
    if not opened[span]:
        place = (int(spans.end[span]), int(spans.end[span]) + len(boundary.end))
        what, marker = "closes a turn of", boundary.end_text or ""
    message = int(trace.message[place[0]])
    text = f"text of a {scene.roles[message]} message holds {marker!r} and {what} {boundary.role}"
    foreign = int(np.count_nonzero(scene.mask.keep & np.isin(scene.mask.span, at[opened[at]])))
    if foreign and opened[span]:
        text += f": {foreign} tokens are trained because of it"
    elif len(harmful):
        lost = int(np.count_nonzero((trace.message == message) & scene.wanted & ~scene.mask.keep))
        text += f": {lost} tokens after it are not trained"
    hint = "Break the marker up in the data, or drop the row."
    severity: Severity = "error" if len(harmful) else "warning"
    yield Finding("M008", severity, text, hint, scene.where(message, place))


def template_words(scene: Scene) -> Iterator[Finding]:
    """M011: words that the template writes between a start marker and the content, once for each boundary."""
    spans, mask = scene.spans, scene.mask
    words = (mask.reason == Reason.CONTENT) & (scene.trace.kind == Owner.TEMPLATE)
    begins = np.append(scene.first, len(scene.ids))[scene.own]
    total = np.concatenate(([0], np.cumsum(words)))
    stop = np.minimum(np.maximum(begins, spans.content), spans.end)
    many = total[stop] - total[np.minimum(spans.content, stop)]
    told: set[int] = set()
    for span in np.flatnonzero((many > 0) & spans.trained & (scene.own >= 0)):
        index = int(spans.boundary[span])
        between = np.arange(int(spans.content[span]), int(stop[span]))
        between = between[words[between]]
        if index in told or scene.blank(between).all():
            continue
        told.add(index)
        boundary, message = scene.masking.boundaries[index], int(scene.own[span])
        place = (int(between[0]), int(between[-1]) + 1)
        written = "".join(scene.rendering.token_texts(*place))
        text = f"{counted(len(between), 'token')} that the template writes before {boundary.role}'s text are trained: "
        text += repr(shorten(written))
        fix, hint = _second_boundary(scene, index, message, written, place[1])
        yield Finding("M011", "warning", text, hint, scene.at_boundary(index, "start", message, place), fix)


def _second_boundary(scene: Scene, index: int, message: int, written: str, stop: int) -> tuple[Fix | None, str]:
    """One more boundary for the role, whose start includes the template's words; the longest start wins."""
    boundaries, tokenizer = scene.masking.boundaries, scene.bench.renderer.tokenizer
    others = tuple(one.start for one in boundaries if one.role != boundaries[index].role)
    whole = boundaries[index].start_text + written
    longer = stable_prefix(tokenizer, whole, others)
    begin = int(scene.begins[message])
    if longer is None or len(longer) <= len(boundaries[index].start_text):
        return None, "Let the role's start marker include that text."
    if find(scene.ids, encode_marker(tokenizer, longer), begin, stop) < 0:
        return None, "Let the role's start marker include that text."
    fix = unmatched_markers.one_more(scene, index, longer)
    return fix, f"Add {fix.title}: where it matches it wins, being longer."
