"""The rows of a block about which a check may have something to say.

Each check of a row has a function here that names the rows it cannot be silent about, and perhaps some more: a row that
none names is clean, and the others are checked alone. A check without one has every row checked alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.blocks.facts import BlockFacts
from workbench.blocks.prompts import LocatedPrompt, prompts
from workbench.checks import data, grounding, handed_over, mask, roles, template, text_path, whole_text
from workbench.checks.registry import Check
from workbench.data.coordinates import holds_coordinates
from workbench.tokens.render import Renderer
from workbench.tokens.turns_ragged import FATES

BoolArray = npt.NDArray[np.bool_]
Suspects = Callable[[BlockFacts], BoolArray]
_WRITTEN_TYPE = re.compile("""['"]type['"]\\s*:""")
_KEPT = (FATES.index("kept"), FATES.index("cut"))
_QUOTES = frozenset(("'", '"'))
_SUSPECTS: dict[Callable[..., Any], Suspects] = {}


def suspects_of(*checks: Callable[..., Any]) -> Callable[[Suspects], Suspects]:
    """Declare a function as the one that names the suspects of these checks."""

    def declare(function: Suspects) -> Suspects:
        _SUSPECTS.update(dict.fromkeys(checks, function))
        return function

    return declare


def without_suspects(checks: Iterable[Check]) -> list[str]:
    """The names of the checks that no function here stands for."""
    return [check.function.__name__ for check in checks if check.function not in _SUSPECTS]


def named(facts: BlockFacts) -> BoolArray:
    """Per function and row of the block `[F, R]`: a check that it stands for may have something to say."""
    return np.stack([function(facts) for function in dict.fromkeys(_SUSPECTS.values())])


def _none(facts: BlockFacts) -> BoolArray:
    return np.zeros(len(facts), dtype=bool)


def _judges_spans(facts: BlockFacts) -> bool:
    masking = facts.bench.masking
    return not masking.train_on_inputs and bool(masking.boundaries)


@suspects_of(mask.nothing_trained)
def _untrained(facts: BlockFacts) -> BoolArray:
    untrained: BoolArray = (facts.trained == 0) & (facts.lengths > 0)
    return untrained


@suspects_of(mask.unmatched_starts, mask.misses, mask.leaks)
def _not_as_wanted(facts: BlockFacts) -> BoolArray:
    """Rows in which a text of a trained role is not trained whole, or one of another role is."""
    if not _judges_spans(facts):
        return _none(facts)
    wanted = np.isin(facts.part_key, facts.message_key[facts.message_trained])
    filled = facts.last > facts.first
    kept = facts.kept[np.maximum(facts.last, facts.first)] - facts.kept[facts.first]
    wrong = filled & (kept != np.where(wanted, facts.last - facts.first, 0))
    return facts.of_rows(facts.part_row[wrong])


@suspects_of(mask.injected)
def _marked_by_text(facts: BlockFacts) -> BoolArray:
    """Rows in which the text of a message opens or closes a span."""
    if not _judges_spans(facts) or not len(facts.ids):
        return _none(facts)
    end = np.minimum(facts.span_end, len(facts.ids) - 1)
    forged = facts.content[facts.span_start] | (facts.spans.terminated & facts.content[end])
    return facts.of_rows(facts.spans.row[forged])


@suspects_of(mask.never_ends, mask.never_closed, mask.template_words)
def _irregular_spans(facts: BlockFacts) -> BoolArray:
    """Rows with a trained span that holds more than one message, does not end or begins with other words, or with an
    untrained one that holds a trained message.

    Also those in which no span of its own begins right before a trained message.
    """
    if not _judges_spans(facts):
        return _none(facts)
    spans, mine = facts.spans, facts.span_message
    has_end = np.array([bool(boundary.end) for boundary in facts.bench.masking.boundaries], dtype=bool)
    trained = np.concatenate(([0], np.cumsum(facts.message_trained)))
    begins = np.searchsorted(facts.message_first, np.stack([facts.span_content, facts.span_stop]))
    wrong = np.where(spans.trained, begins[1] - begins[0] > 1, trained[begins[1]] > trained[begins[0]])
    wrong |= spans.trained & ~spans.terminated & has_end[spans.boundary]
    first = np.where(mine >= 0, np.append(facts.message_first, 0)[mine], facts.span_content)
    own = np.concatenate(([0], np.cumsum(~facts.shared)))
    wrong |= spans.trained & (first > facts.span_content) & (own[first] > own[facts.span_content])
    found = facts.of_rows(spans.row[wrong])
    names, of_message = facts.roles
    known = {name: number for number, name in enumerate(names)}
    role_of = np.array([known.get(name, -1) for name in spans.roles] or [-1], dtype=np.int64)[spans.boundary]
    before = np.concatenate(([0], facts.message_last[:-1]))
    good = (mine >= 0) & (role_of == np.append(of_message, -2)[mine]) & (facts.span_start >= np.append(before, 0)[mine])
    begun = np.zeros(len(facts.message_first), dtype=bool)
    begun[mine[good]] = True
    return found | facts.of_rows(facts.message_row[facts.message_trained & ~begun])


@suspects_of(mask.stop_token)
def _endless(facts: BlockFacts) -> BoolArray:
    """Rows in which no trained span has a trained end."""
    if not _judges_spans(facts):
        return _none(facts)
    spans = facts.spans
    width = np.array([len(boundary.end) for boundary in facts.bench.masking.boundaries], dtype=np.int64)[spans.boundary]
    mine = spans.trained & (width > 0) & (facts.span_content < facts.edges[spans.row + 1])
    stop = np.minimum(facts.span_end + width, facts.edges[spans.row + 1])
    good = mine & spans.terminated & (facts.kept[stop] > facts.kept[np.minimum(facts.span_end, stop)])
    return facts.of_rows(spans.row[mine]) & ~facts.of_rows(spans.row[good])


@suspects_of(mask.media_trained)
def _media(facts: BlockFacts) -> BoolArray:
    """Rows with a media id that the strategy does not mask and that is trained outside of a text."""
    known = [token for token in facts.bench.renderer.media_kinds if token not in facts.bench.masking.media_ids]
    if not known:
        return _none(facts)
    return facts.of_rows(facts.rows_of(np.flatnonzero(np.isin(facts.ids, known) & facts.mask.keep)))


@suspects_of(template.doubled_bos)
def _two_beginnings(facts: BlockFacts) -> BoolArray:
    bos = getattr(facts.bench.renderer.tokenizer, "bos_token_id", None)
    long = np.flatnonzero(facts.lengths >= 2)
    if bos is None or not len(long):
        return _none(facts)
    start = facts.edges[long]
    return facts.of_rows(long[(facts.ids[start] == bos) & (facts.ids[start + 1] == bos)])


@suspects_of(template.other_template)
def _served_otherwise(facts: BlockFacts) -> BoolArray:
    """Rows that the model's own template writes otherwise than the one that is trained with."""
    own = template.served_template(facts.bench)
    if own is None:
        return _none(facts)
    mine = facts.bench.renderer
    theirs = Renderer(mine.tokenizer, mine.processor, own, template_options=mine.template_options)
    served = prompts(theirs, [row.conversation.messages for row in facts.rows])
    return np.array([text != talk.prompt for text, talk in zip(served, facts.located, strict=True)], dtype=bool)


@suspects_of(data.too_long)
def _long(facts: BlockFacts) -> BoolArray:
    text = facts.bench.masking.text
    limit = facts.bench.document.get(("sequence_len",)) if text is None else text.limit
    return facts.lengths > limit if isinstance(limit, int) else _none(facts)


@suspects_of(data.ignored_parts)
def _asks_not_to_train(facts: BlockFacts) -> BoolArray:
    """Rows of the multimodal path in which a message or a part says that it is not to be trained."""
    if facts.turns is not None:
        return _none(facts)
    return np.array([data.asks_not_to_train(row) for row in facts.rows], dtype=bool)


@suspects_of(whole_text.rewritten)
def _rewritten(facts: BlockFacts) -> BoolArray:
    """None: a row of a block has every text in its place, unchanged."""
    return _none(facts)


@suspects_of(whole_text.written_out)
def _quoted(facts: BlockFacts) -> BoolArray:
    """Rows with a part that stands behind a quotation mark, as in a list that is written out."""
    return np.array([any(talk.text[max(0, at - 1) : at] in _QUOTES for at in talk.start) for talk in facts.located])


@suspects_of(whole_text.elsewhere)
def _out_of_order(facts: BlockFacts) -> BoolArray:
    """Rows whose messages stand in another order, or with nothing but white space between two of them."""
    vocabulary = facts.bench.renderer.vocabulary
    tokens = filter(None, (vocabulary.text(token) for token in facts.bench.renderer.media_kinds))
    media = re.compile("|".join(map(re.escape, tokens)) or "(?!)")
    return np.array([_moved_or_merged(talk, media) for talk in facts.located], dtype=bool)


def _moved_or_merged(talk: LocatedPrompt, media: re.Pattern[str]) -> bool:
    places = sorted((*zip(talk.start, talk.stop, talk.message, strict=True), *talk.pictures))
    for (_, stop, left), (start, _, right) in pairwise(places):
        if right < left:
            return True
        between = talk.text[stop:start]
        # The ends of a picture belong to it, and may stand around what is written for it.
        if right > left and not (media.sub("", between) if talk.pictures else between).strip():
            return True
    return False


@suspects_of(handed_over.lost_parts)
def _listed(facts: BlockFacts) -> BoolArray:
    """Rows with pictures whose prompt may hold a part written out: every other picture of a block has its place."""
    return np.array(
        [
            bool(count) and _WRITTEN_TYPE.search(talk.prompt) is not None
            for count, talk in zip(facts.pictures, facts.located, strict=True)
        ],
        dtype=bool,
    )


@suspects_of(grounding.other_convention)
def _pointing(facts: BlockFacts) -> BoolArray:
    """Rows with pictures whose text holds a box or a point, of families whose unit is known."""
    family = facts.bench.family
    if family is None or family.grounding is None:
        return _none(facts)
    return np.array(
        [
            bool(count) and holds_coordinates(talk.prompt)
            for count, talk in zip(facts.pictures, facts.located, strict=True)
        ],
        dtype=bool,
    )


@suspects_of(roles.invented_headers)
def _unknown_roles(facts: BlockFacts) -> BoolArray:
    """Rows with a role that nothing knows."""
    return np.array([bool(roles.unknown_roles(row)) for row in facts.rows], dtype=bool)


@suspects_of(template.rendered_in_parts, template.other_mask)
def _by_form(facts: BlockFacts) -> BoolArray:
    """None: these are looked for in the first rows of every form; see `workbench.blocks.path`."""
    return _none(facts)


@suspects_of(data.unread_flags)
def _asks_under_some_key(facts: BlockFacts) -> BoolArray:
    """Rows of the text path in which a message says under any key that it is not to be trained."""
    if facts.turns is None:
        return _none(facts)
    return np.array([any(map(data.off_key, row.raw_messages)) for row in facts.rows], dtype=bool)


@suspects_of(data.cut_parts)
def _parted(facts: BlockFacts) -> BoolArray:
    """None: a row whose parts have flags of their own is no row of a block."""
    return _none(facts)


@suspects_of(text_path.turns_not_found, text_path.dropped)
def _lost_turns(facts: BlockFacts) -> BoolArray:
    """Rows that axolotl does not keep, and those with a turn to be trained that it does not find."""
    turns, text = facts.turns, facts.bench.masking.text
    if turns is None or text is None or facts.fate is None:
        return _none(facts)
    gone = ~np.isin(facts.fate, _KEPT)
    return gone | facts.of_rows(turns.row[turns.wanted(text) & (turns.start < 0)])


@suspects_of(text_path.untrained_end)
def _open_ends(facts: BlockFacts) -> BoolArray:
    """Rows in which the control token after a trained turn is not trained."""
    turns, text = facts.turns, facts.bench.masking.text
    if turns is None or text is None or facts.fate is None or not len(facts.ids):
        return _none(facts)
    row, token = facts.message_row, facts.stops
    of_turn = np.searchsorted(turns.row, row) + facts.message_number
    trained = turns.wanted(text)[of_turn] & (turns.start[of_turn] >= 0)
    at = np.maximum(token, 0)
    lost = trained & (token >= 0) & ~facts.mask.keep[at]
    if text.limit is not None:
        lost &= at - facts.edges[row] < text.limit
    by_last = [text.eos_id] if text.train_on_eos == "last" and text.eos_id not in text.eot_ids else []
    by_last += text.eot_ids if text.train_on_eot == "last" else ()
    lost &= ~np.isin(facts.ids[at], [token for token in by_last if token is not None])
    return facts.of_rows(row[lost]) & np.isin(facts.fate, _KEPT)
