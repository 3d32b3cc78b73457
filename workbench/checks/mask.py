"""M001 to M008 and M011: one row's mask compared with its trace.

Everything is counted over arrays; the only loops are over spans, messages and boundaries.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.checks import roles, unmatched_markers
from workbench.checks.markers import find, stable_prefix
from workbench.checks.registry import check
from workbench.checks.row_facts import BoolArray, RowFacts, as_rows, counted, shorten
from workbench.findings import Edit, Emitter, Finding, Fix, Severity
from workbench.recipe import plugin
from workbench.tokens.boundaries import encode_marker
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner

STOP_TOKEN = Emitter("M006", __name__)


def _has_spans(facts: RowFacts) -> bool:
    """False where everything is trained, because the recipe says so or by M010: there are no spans to judge."""
    return not facts.masking.train_on_inputs and bool(facts.masking.boundaries)


def _on_multimodal_path(facts: RowFacts) -> bool:
    return facts.masking.text is None


def _may_train_nothing(facts: RowFacts) -> bool:
    """False where everything is trained, and where axolotl drops the row, which has findings of its own."""
    text = facts.masking.text
    if text is None:
        return _has_spans(facts)
    return not text.train_on_inputs and facts.row.text_mask_under(text).fate in ("kept", "cut")


@check("M001", when=_may_train_nothing)
def nothing_trained(facts: RowFacts) -> Iterator[Finding]:
    """M001: no token of the row has a label."""
    mask, wanted = facts.mask, facts.masking.roles_to_train
    if mask.trained or not len(facts.ids):
        return
    mine = np.flatnonzero(facts.role_trained[:-1])
    trained = ", ".join(wanted)
    message: int | None = int(mine[0]) if len(mine) else None
    if not wanted:
        cause, hint = "roles_to_train is empty", "Name the roles to train in the first dataset."
    elif not len(mine):
        # Roles that nobody knows, one of which is meant to be this one, are D012's.
        if set(wanted) & roles.answers_to(facts.row):
            return
        there = ", ".join(dict.fromkeys(facts.roles)) or "no message"
        cause = f"no message has a role that is trained ({trained}); the row has {there}"
        hint = "Write the answer, or drop the row: there is nothing in it to learn."
        if len(set(facts.roles)) > 1:
            hint = f"Write the answer as a message of {wanted[0]}, or drop the row."
    elif facts.unmatched:
        cause = f"no start marker of {trained} matched ({counted(len(facts.unmatched), 'turn')})"
        hint = "M002 shows the ids; correct the start marker."
    elif (mask.reason == Reason.PART_NOT_TRAINED).any():
        cause, hint = "the row itself asks not to train it", "Take train, weight or the training key off, or the row."
    elif not facts.wanted.any():
        cause, hint = f"the messages of {trained} have no content", "Write the answer, or drop the row."
    elif np.isin(mask.reason[facts.wanted], (Reason.PAD, Reason.MEDIA)).all():
        cause = f"all {np.count_nonzero(facts.wanted)} tokens of {trained} are media or padding ids"
        hint = "Answers of media alone cannot be learned; look at the pad token (M012)."
    elif facts.masking.text is not None:
        cause, hint = f"axolotl finds no turn of {trained}, or cuts it off", "See M017 and D006."
    else:
        cause = f"the tokens of {trained} lie outside its spans"
        hint = "See where the spans begin and end with `vlmbench inspect`."
    yield Finding("M001", "error", f"no token is trained: {cause}", hint, facts.where(message, (0, len(facts.ids))))


@check("M002", when=_has_spans)
def unmatched_starts(facts: RowFacts) -> Iterator[Finding]:
    """M002: start markers that match no turn although the trace has it, one finding for each boundary."""
    for index, messages in unmatched_markers.by_boundary(facts).items():
        text, hint, where, fix = unmatched_markers.explained(facts, index, messages)
        yield Finding("M002", "error", text, hint, where, fix)


@check("M008", when=_has_spans)
def injected(facts: RowFacts) -> Iterator[Finding]:
    """M008: spans that text of a message opens or closes."""
    spans, trace = facts.spans, facts.trace
    if not len(spans):
        return
    opened, _ = facts.by_content
    at = np.flatnonzero(facts.forged)
    if not len(at):
        return
    # What it does to the labels decides how bad it is.
    harmful = at[spans.trained[at]]
    span = int((harmful if len(harmful) else at)[0])
    boundary = facts.masking.boundaries[int(spans.boundary[span])]
    place = (int(spans.start[span]), int(spans.content[span]))
    what, marker = "opens a turn of", boundary.start_text
    if not opened[span]:
        place = (int(spans.end[span]), int(spans.end[span]) + len(boundary.end))
        what, marker = "closes a turn of", boundary.end_text or ""
    message = int(trace.message[place[0]])
    text = f"text of a {facts.roles[message]} message holds {marker!r} and {what} {boundary.role}"
    foreign = int(np.count_nonzero(facts.mask.keep & np.isin(facts.mask.span, at[opened[at]])))
    if foreign and opened[span]:
        text += f": {foreign} tokens are trained because of it"
    elif len(harmful):
        lost = int(np.count_nonzero((trace.message == message) & facts.wanted & ~facts.mask.keep))
        text += f": {lost} tokens after it are not trained"
    hint = "Break the marker up in the data, or drop the row."
    severity: Severity = "error" if len(harmful) else "warning"
    yield Finding("M008", severity, text, hint, facts.where(message, place))


@check("M003", when=_has_spans)
def never_ends(facts: RowFacts) -> Iterator[Finding]:
    """M003, one for each boundary; a boundary without an end is meant to run on."""
    spans = facts.spans
    ends = np.array([bool(boundary.end) for boundary in facts.masking.boundaries], dtype=bool)
    opened, _ = facts.by_content
    runaway = np.flatnonzero(facts.runaway & ends[spans.boundary] & ~opened)
    for index in np.unique(spans.boundary[runaway]):
        first = int(runaway[spans.boundary[runaway] == index][0])
        boundary, message = facts.masking.boundaries[index], int(facts.own[first])
        turns, stop = int(facts.swallowed[first]), int(spans.stop[first])
        name = facts.row.raw_message(message)
        how = "closes only later" if spans.terminated[first] else "never comes"
        span = slice(int(spans.start[first]), stop)
        foreign = int(np.count_nonzero(facts.mask.keep[span] & (facts.trace.message[span] != message)))
        text = (
            f"the {boundary.role} span of message {name} swallows {counted(turns, 'later turn')}: end "
            f"{boundary.end_text!r} ({' '.join(map(str, boundary.end))}) {how}; {foreign} tokens trained beyond it"
        )
        fix, hint = _right_end(facts, int(index), message)
        where = facts.at_boundary(int(index), "end", message, (span.start, stop))
        yield Finding("M003", "error", text, hint, where, fix)


def _right_end(facts: RowFacts, index: int, message: int) -> tuple[Fix | None, str]:
    """The control token that the template writes after the message, as the end of its boundary."""
    hint = "Give the text that the template writes after this role's content."
    at = int(facts.stops[message]) if message >= 0 else -1
    if at < 0:
        return None, hint
    token = int(facts.ids[at])
    text = facts.rendering.vocabulary.text(token)
    if encode_marker(facts.bench.renderer.tokenizer, text) != (token,):
        return None, hint
    if facts.bench.recipe.effective_boundaries is not None:
        edits: tuple[Edit, ...] = (Edit(("role_boundaries", index, "end"), text),)
    else:
        rows = as_rows(facts.masking.boundaries)
        rows[index]["end"] = text
        edits = plugin.boundary_edits(facts.bench.document.data, rows)
    return Fix(f"end: {text!r}", edits), f"Write end: {text!r} ({token}), which the template writes after the content."


@check("M004", when=_has_spans)
def leaks(facts: RowFacts) -> Iterator[Finding]:
    """M004: what M003 and M008 have not told already."""
    mask, spans, trace = facts.mask, facts.spans, facts.trace
    trained = mask.reason == Reason.CONTENT
    other = trained & facts.content & ~facts.role_trained[trace.message]
    ends = np.array([bool(boundary.end) for boundary in facts.masking.boundaries], dtype=bool)
    opened, _ = facts.by_content
    known = np.append(opened | (facts.runaway & ends[spans.boundary]) | _unclosed(facts), False)
    beyond = np.append((facts.swallowed > 0) & ~known[:-1], False)
    last_own = np.append(facts.last, len(facts.ids))[np.append(facts.own, -1)]
    template = trained & (trace.kind == Owner.TEMPLATE) & beyond[mask.span]
    template &= np.arange(len(facts.ids)) > last_own[mask.span]
    at = np.flatnonzero((other | template) & ~known[mask.span])
    if not len(at):
        return
    owners = trace.message[at]
    owners = owners[owners >= 0]
    whose = ", ".join(dict.fromkeys(facts.roles[int(owner)] for owner in np.unique(owners)))
    words = int(np.count_nonzero(trace.kind[at] == Owner.TEMPLATE))
    parts = [f"{len(at) - words} of {whose}"] if len(owners) else []
    parts += [f"{words} of the template"] if words else []
    span = int(mask.span[at[0]])
    boundary = int(spans.boundary[span])
    declared = facts.masking.boundaries[boundary]
    text = f"{len(at)} trained tokens are not {declared.role}'s: {' and '.join(parts)}"
    hint = (
        f"The {declared.role} boundary has no end: give the text that closes the turn."
        if not declared.end
        else f"See what the {declared.role} boundary's markers match there."
    )
    place = (int(at[0]), int(at[-1]) + 1)
    message = int(trace.message[at[0]]) if trace.message[at[0]] >= 0 else int(facts.own[span])
    fix = None
    if not declared.end and facts.own[span] >= 0:
        fix, better = _right_end(facts, boundary, int(facts.own[span]))
        hint = better if fix is not None else hint
    yield Finding("M004", "error", text, hint, facts.at_boundary(boundary, "end", message, place), fix)


@check("M005", when=_has_spans)
def misses(facts: RowFacts) -> Iterator[Finding]:
    """M005: content of trained roles that no other finding of this row explains."""
    mask, trace = facts.mask, facts.trace
    if not mask.trained:
        return
    lost = facts.wanted & ~mask.keep & ~np.isin(mask.reason, (Reason.PAD, Reason.MEDIA))
    _, closed = facts.by_content
    cut = np.unique(trace.message[facts.spans.end[closed & facts.forged & facts.spans.trained]])
    swallowing = np.flatnonzero((facts.swallowed > 0) & ~facts.spans.trained)
    inside = np.isin(mask.span, swallowing)
    lost &= ~np.isin(trace.message, [*facts.unmatched, *cut.tolist()]) & ~inside
    at = np.flatnonzero(lost)
    if not len(at):
        return
    message = int(trace.message[at[0]])
    of = int(np.count_nonzero(facts.wanted))
    role = facts.roles[message]
    declared = facts.boundaries_of(role)
    text = f"{len(at)} of {of} content tokens of {role} ({100 * len(at) / of:.0f}%) are not trained"
    place = (int(at[0]), int(at[-1]) + 1)
    if not declared:
        hint = f"No boundary has the role {role} (M009)."
        yield Finding("M005", "error", text, hint, facts.where(message, place))
        return
    ending = facts.spans.end[closed & np.isin(facts.spans.boundary, declared)]
    if np.isin(trace.message[ending], message).any():
        reason = f"the end {facts.masking.boundaries[declared[0]].end_text!r} is in the content"
    elif mask.span[at[0]] < 0:
        reason = "they are outside any span"
    else:
        reason = f"they are in a span of {facts.spans.role(int(mask.span[at[0]]))}"
    hint = "Choose a start and an end that only the template can write, best control tokens."
    yield Finding("M005", "error", f"{text}: {reason}", hint, facts.at_boundary(declared[0], "end", message, place))


def _unclosed(facts: RowFacts) -> BoolArray:
    """Per span: its end never comes, though the template ends the turn. Spans that run on are M003's."""
    spans = facts.spans
    ends = np.array([bool(boundary.end) for boundary in facts.masking.boundaries], dtype=bool)
    stops = np.append(facts.stops, -1)[facts.own]
    # Some strategies let a span run to the next turn, with the end that the template writes as its content.
    content = np.isin(np.append(facts.ids, -1)[stops], facts.masking.terminator_ids)
    ended = (stops >= 0) & ~content
    unclosed: BoolArray = spans.trained & ~spans.terminated & ends[spans.boundary] & ended & ~facts.runaway
    return unclosed


@check(when=_has_spans)
def never_closed(facts: RowFacts) -> Iterator[Finding]:
    """M006, one for each boundary whose end is not that with which the template ends the turn."""
    reported: set[int] = set()
    for span in np.flatnonzero(_unclosed(facts)).tolist():
        index, message = int(facts.spans.boundary[span]), int(facts.own[span])
        if index in reported:
            continue
        reported.add(index)
        boundary, at = facts.masking.boundaries[index], int(facts.stops[message])
        stop = facts.rendering.token_text(at)
        trained = "is trained as if it were text" if facts.mask.keep[at] else "is not trained"
        text = (
            f"end {boundary.end_text!r} ({' '.join(map(str, boundary.end))}) never comes: the template ends "
            f"{boundary.role}'s turn with “{stop}” ({int(facts.ids[at])}), which {trained}"
        )
        fix, hint = _right_end(facts, index, message)
        yield STOP_TOKEN("error", text, hint, facts.at_boundary(index, "end", message, (at, at + 1)), fix)


@check(when=_has_spans)
def stop_token(facts: RowFacts) -> Iterator[Finding]:
    """M006: no trained turn of the row has a trained end; M012 tells of ends that are padding."""
    spans, mask = facts.spans, facts.mask
    lengths = np.array([len(boundary.end) for boundary in facts.masking.boundaries], dtype=np.int64)
    mine = np.flatnonzero(spans.trained & (lengths[spans.boundary] > 0) & (spans.content < len(facts.ids)))
    if not len(mine) or not mask.trained:
        return
    total = np.concatenate(([0], np.cumsum(mask.keep)))
    stop = np.minimum(spans.end[mine] + lengths[spans.boundary[mine]], len(facts.ids))
    kept = spans.terminated[mine] & (total[stop] > total[spans.end[mine]])
    if kept.any() or (mask.keep & np.isin(facts.ids, facts.masking.terminator_ids)).any():
        return
    first = int(mine[0])
    index, message = int(spans.boundary[first]), int(facts.own[first])
    boundary = facts.masking.boundaries[index]
    closed = mine[spans.terminated[mine]]
    inside = np.flatnonzero(np.isin(facts.ids, facts.masking.terminator_ids) & np.isin(mask.span, mine))
    if len(inside):
        place, named = (int(inside[0]), int(inside[0]) + 1), facts.rendering.token_text(int(inside[0]))
        first = int(mask.span[place[0]])
    elif not len(closed) or facts.shared_end[index]:
        # The trace is asked: a stop token that stands in the row is told of by its own finding, or trained as text.
        if not facts.runaway[mine].any() and not (np.append(facts.stops, -1)[facts.own[mine]] >= 0).any():
            text = f"the template writes no stop token after {boundary.role}: the model never learns to stop"
            hint = "Use a template that ends the turn, or write the end token into the answers."
            place = (max(0, len(facts.ids) - 1), len(facts.ids))
            yield STOP_TOKEN("warning", text, hint, facts.at_boundary(index, "end", message, place))
        return
    else:
        first = int(closed[0])
        place = (int(spans.end[first]), int(spans.end[first]) + int(lengths[spans.boundary[first]]))
        named = boundary.end_text or ""
    if mask.reason[place[0]] == Reason.PAD:
        return
    text = f"the stop token {named!r} of {boundary.role} is not trained in any of its turns"
    own = int(facts.own[first])
    if facts.masking.train_on_eos == "none":
        path = ("datasets", 0, "train_on_eos")
        fix = Fix("train_on_eos: turn", (Edit(path, "turn"),))
        hint = "Write train_on_eos: turn in the first dataset."
        yield STOP_TOKEN("error", f"{text}: train_on_eos is none", hint, facts.at_recipe(path, own, place), fix)
    elif not boundary.include_end:
        edits = (Edit(("role_boundaries", index, "include_end"), True),)
        written = facts.bench.recipe.effective_boundaries is not None
        where = facts.at_boundary(index, "include_end", own, place)
        hint = "Write include_end: true."
        offered = Fix("include_end: true", edits) if written else None
        yield STOP_TOKEN("error", f"{text}: include_end is false", hint, where, offered)


@check("M007", when=_on_multimodal_path)
def media_trained(facts: RowFacts) -> Iterator[Finding]:
    """M007: media ids that the family has and the selected strategy does not mask."""
    kinds = facts.bench.renderer.media_kinds
    known = [token for token in kinds if token not in facts.masking.media_ids]
    at = np.flatnonzero(np.isin(facts.ids, known) & facts.mask.keep & ~facts.content) if known else np.zeros(0, int)
    if not len(at):
        return
    bench = facts.bench
    tokens, counts = np.unique(facts.ids[at], return_counts=True)
    named = ", ".join(
        f"{facts.rendering.vocabulary.text(int(token))} ({int(token)}) × {count}"
        for token, count in zip(tokens, counts, strict=True)
    )
    text = (
        f"media ids are trained: {named}; the strategy {bench.strategy.name} masks {len(bench.media)} of {len(kinds)}"
    )
    template = bench.family.axolotl.chat_template if bench.family is not None else None
    another = template is not None and template != bench.recipe.chat_template
    hint = "Train only roles without pictures" + (
        f", or write chat_template: {template}, whose strategy masks them." if another else " (roles_to_train)."
    )
    tokens_at = (int(at[0]), int(at[-1]) + 1)
    place = facts.at_recipe(("chat_template",), int(facts.trace.message[at[0]]), tokens_at)
    yield Finding("M007", "error", text, hint, place)


@check("M011", when=_has_spans)
def template_words(facts: RowFacts) -> Iterator[Finding]:
    """M011: words that the template writes between a start marker and the content, once for each boundary.

    A strategy with turn ends inside its spans trains whole messages on purpose, the rest of their headers too: the
    model writes those itself.
    """
    if facts.masking.terminator_ids:
        return
    spans, mask = facts.spans, facts.mask
    words = (mask.reason == Reason.CONTENT) & (facts.trace.kind == Owner.TEMPLATE)
    begins = np.append(facts.first, len(facts.ids))[facts.own]
    total = np.concatenate(([0], np.cumsum(words)))
    stop = np.minimum(np.maximum(begins, spans.content), spans.end)
    many = total[stop] - total[np.minimum(spans.content, stop)]
    reported: set[int] = set()
    for span in np.flatnonzero((many > 0) & spans.trained & (facts.own >= 0)):
        index = int(spans.boundary[span])
        between = np.arange(int(spans.content[span]), int(stop[span]))
        between = between[words[between]]
        if index in reported or facts.blank(between).all():
            continue
        reported.add(index)
        boundary, message = facts.masking.boundaries[index], int(facts.own[span])
        place = (int(between[0]), int(between[-1]) + 1)
        written = "".join(facts.rendering.token_texts(*place))
        text = f"{counted(len(between), 'token')} that the template writes before {boundary.role}'s text are trained: "
        text += repr(shorten(written))
        fix, hint = _second_boundary(facts, index, message, written, place[1])
        yield Finding("M011", "warning", text, hint, facts.at_boundary(index, "start", message, place), fix)


def _second_boundary(facts: RowFacts, index: int, message: int, written: str, stop: int) -> tuple[Fix | None, str]:
    """One more boundary for the role, whose start includes the template's words; the longest start wins."""
    boundaries, tokenizer = facts.masking.boundaries, facts.bench.renderer.tokenizer
    others = tuple(boundary.start for boundary in boundaries if boundary.role != boundaries[index].role)
    whole = boundaries[index].start_text + written
    longer = stable_prefix(tokenizer, whole, others)
    begin = int(facts.begins[message])
    if longer is None or len(longer) <= len(boundaries[index].start_text):
        return None, "Let the role's start marker include that text."
    if find(facts.ids, encode_marker(tokenizer, longer), begin, stop) < 0:
        return None, "Let the role's start marker include that text."
    fix = unmatched_markers.one_more(facts, index, longer)
    return fix, f"Add {fix.title}: where it matches it wins, being longer."
