"""D004, D006, D007 and per-part training (M013, M014, M015): the content of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.checks import handed_over
from workbench.checks.registry import check
from workbench.checks.row_facts import RowFacts
from workbench.data.remedies import CONVERT
from workbench.data.turns import TRAINING_DETAIL
from workbench.findings import Edit, Finding, Fix, Severity
from workbench.recipe.knobs import NO_EFFECT

if TYPE_CHECKING:
    from workbench.row import Row
    from workbench.tokens.render import Renderer

# What other models' data sets write where a picture stands.
_COMMON = ("<image>", "<video>", "<audio>")
_MEDIA_ATTRIBUTES = ("image_token", "video_token", "audio_token", "boi_token", "eoi_token")


def _multimodal(facts: RowFacts) -> bool:
    return facts.bench.recipe.multimodal


@check("D004", stage="unrendered row")
def literal_media(row: Row) -> Iterator[Finding]:
    """D004; needs no rendering, and explains rows that the processor refuses."""
    if row.bench.path.kind == "text":
        return
    own, pattern = _media_texts(row.bench.renderer)
    for number, message in enumerate(row.conversation.messages):
        parts = message.get("content")
        for part in parts if isinstance(parts, list) else [{"text": parts}]:
            text = part.get("text") if isinstance(part, dict) else None
            found = pattern.search(text) if isinstance(text, str) else None
            if found is None:
                continue
            place = row.where
            place = type(place)(place.file, place.line, place.column, place.row, row.raw_message(number))
            token = found[0]
            what = f"text of a {message.get('role')} message holds"
            kind = _kind_of(token, row.bench.renderer)
            part = f"{{type: {kind}, path: …}}"
            if token in own:
                text = f"{what} the media token {token!r}: the processor takes it for a placeholder"
                hint = f"Take it out of the text; a {kind} is a part of its own, {part}; {CONVERT} does."
                yield Finding("D004", "error", text, hint, place)
            elif not _told_of_column(row, kind):
                moved = [one for one in row.conversation.findings if one.code == "D003" and one.severity == "note"]
                where_to = f"; {moved[0].message}" if moved and kind == "image" else ""
                text = f"{what} {token!r}, which this model knows as mere text{where_to}"
                a = "a" if kind == "video" else "an"
                hint = f"If {a} {kind} belongs there, make it a part, {part}; {CONVERT} does."
                yield Finding("D004", "warning", text, hint, place)
            return


def _told_of_column(row: Row, kind: str) -> bool:
    """True where the finding about a column of such media says already that the text asks for them."""
    columns = [one for one in row.conversation.findings if one.code == "D003" and one.severity == "error"]
    return any(
        one.where.field and (kind in one.message or "a message asks for them" in one.message)
        for one in columns
        if one.where.message is None
    )


def _kind_of(token: str, renderer: Renderer) -> str:
    """The kind of media that a token stands for, by the model's own list or by its name."""
    kinds = {renderer.vocabulary.text(number): kind.split("_")[0] for number, kind in renderer.media_kinds.items()}
    named = next((kind for kind in ("video", "audio") if kind in token), "image")
    found = kinds.get(token, named)
    return found if found in ("image", "video", "audio") else named


@lru_cache(maxsize=8)
def _media_texts(renderer: Renderer) -> tuple[frozenset[str], re.Pattern[str]]:
    """The model's media tokens as texts, and a pattern for them and those of other models."""
    own = {renderer.vocabulary.text(token) for token in renderer.media_kinds}
    for name in _MEDIA_ATTRIBUTES:
        text = getattr(renderer.processor, name, None)
        if isinstance(text, str):
            own.add(text)
    own.discard("")
    tokens = sorted({*own, *_COMMON}, key=len, reverse=True)
    return frozenset(own), re.compile("|".join(map(re.escape, tokens)))


@check("D006", "D007")
def too_long(facts: RowFacts) -> Iterator[Finding]:
    """D006 and D007, where the recipe names a sequence_len."""
    text_path = facts.masking.text
    named = facts.bench.document.get(("sequence_len",))
    limit, length = named if text_path is None else text_path.limit, len(facts.ids)
    if not isinstance(limit, int) or length <= limit:
        return
    if text_path is not None:
        fate = {"truncate": "it is cut", "raise": "axolotl stops"}.get(text_path.excess, "it is dropped")
        unset = "" if isinstance(named, int) else " where the recipe names none"
        told = f"{length:,} tokens, sequence_len is {limit:,}{unset}: {fate}"
        bad: Severity = "error" if text_path.excess == "raise" else "warning"
        hint = "Shorten the row, or raise sequence_len."
        yield Finding("D006", bad, told, hint, facts.at_recipe(("sequence_len",), None, (limit, length)))
        return
    recipe, runs = facts.bench.recipe, facts.rendering.media
    whole = recipe.multimodal and bool(recipe.skip_prepare_dataset)
    cut = recipe.excess_length_strategy == "truncate"
    fate = "it is trained whole" if whole else "it is cut" if cut else "it is dropped"
    media = int(runs.soft.sum()) if len(runs) else 0
    of_media = f", {media:,} of them media" if media else ""
    text = f"{length:,} tokens{of_media}, sequence_len is {limit:,}: {fate}"
    hint = f"Shorten the row{_smaller(facts)}, or raise sequence_len."
    yield Finding("D006", "warning", text, hint, facts.at_recipe(("sequence_len",), None, (limit, length)))
    for index in range(len(runs) if cut and not whole else 0):
        start, stop = int(runs.start[index]), int(runs.stop[index])
        if start < limit < stop:
            what = f"sequence_len {limit:,} falls inside {runs.modality[index]} {index} (tokens {start:,}–{stop:,})"
            message = int(facts.trace.message[start])
            text = f"{what}: cut there, the model gets fewer placeholders than features and raises"
            hint = "Shorten the text before it, or raise sequence_len."
            where = facts.at_recipe(("sequence_len",), message, (start, stop))
            yield Finding("D007", "error", text, hint, where)


def _smaller(facts: RowFacts) -> str:
    """A way to make the pictures of a row smaller, where it has some: `image_size` acts on a column's alone."""
    if not len(facts.rendering.media):
        return ""
    raw = facts.row.conversation.raw
    if raw.get("images") or raw.get("image"):
        return ", make its pictures smaller (image_size)"
    if "max_pixels" in handed_over.arguments(facts.row):
        return ", make its pictures smaller (processor_kwargs: {max_pixels: …})"
    return ", make its pictures smaller in the data"


def _off(thing: Any) -> str | None:
    """`train: false` or `weight: 0` as the row says it, or None."""
    if not isinstance(thing, dict):
        return None
    if thing.get("train") is False or thing.get("training") is False:
        return "train: false"
    weight = thing.get("weight")
    return "weight: 0" if isinstance(weight, (int, float)) and not isinstance(weight, bool) and weight == 0 else None


def asks_not_to_train(row: Row) -> bool:
    """True where a message of the row, or a part of one, says that it is not to be trained."""
    parts = (message.get("content") for message in row.conversation.messages)
    return any(map(_off, row.raw_messages)) or any(
        _off(part) for some in parts if isinstance(some, list) for part in some
    )


@check(when=_multimodal)
def ignored_parts(facts: RowFacts) -> Iterator[Finding]:
    """M013: messages and parts that ask not to be trained, and are."""
    trace, keep = facts.trace, facts.mask.keep
    raw = facts.row.raw_messages
    for number, message in enumerate(facts.row.conversation.messages):
        asked = _off(raw[number]) if number < len(raw) else None
        parts = message.get("content")
        which: list[tuple[int | None, str]] = [(None, asked)] if asked else []
        which += [(i, off) for i, part in enumerate(parts if isinstance(parts, list) else []) if (off := _off(part))]
        for part, key in which:
            mine = (trace.message == number) & (True if part is None else trace.part == part)
            at = np.flatnonzero(mine & keep)
            if not len(at):
                continue
            what = "the message" if part is None else "a part"
            text = f"{key} on {what} has no effect: {len(at)} tokens of it are trained (multimodal path)"
            hint = "Give what must not be trained a role of its own, outside roles_to_train."
            place = facts.where(number, (int(at[0]), int(at[-1]) + 1))
            yield NO_EFFECT("warning", text, hint, place)
            return


@check(when=lambda facts: facts.masking.text is not None)
def unread_flags(facts: RowFacts) -> Iterator[Finding]:
    """M013, on the text path: messages that ask not to be trained under a key that the recipe does not name."""
    bench, found = facts.bench, facts.row.turns
    for number, raw in enumerate(facts.row.raw_messages):
        key = off_key(raw)
        start, stop = int(found.start[number]), int(found.stop[number])
        if key is None or key == bench.turn_keys.training or start < 0 or not facts.mask.keep[start:stop].any():
            continue
        trained = int(np.count_nonzero(facts.mask.keep[start:stop]))
        path = ("datasets", int(bench.options["dataset"]), "message_field_training")
        text = f"{key} on the message has no effect: {trained} tokens of it are trained (text path)"
        hint = f"Write message_field_training: {key} in the dataset's entry, which names the key that is read."
        fix = Fix(f"message_field_training: {key}", (Edit(path, key),), retrains=True)
        unnamed = bench.turn_keys.training is None and bench.entry_of(bench.recipe) is not None
        yield NO_EFFECT("warning", text, hint, facts.where(number, (start, stop)), fix if unnamed else None)
        return


def off_key(message: Any) -> str | None:
    """The key under which a message says that it is not to be trained, or None."""
    return next((key for key in ("train", "training", "weight") if _is_off(message, key)), None)


def _is_off(message: Any, key: str) -> bool:
    value = message.get(key) if isinstance(message, dict) else None
    return value is False or (key == "weight" and isinstance(value, (int, float)) and value == 0)


@check("M014", "M015", when=lambda facts: facts.masking.text is not None)
def cut_parts(facts: RowFacts) -> Iterator[Finding]:
    """M014 and M015, on the text path: a part that is trained beside one that is not."""
    found = facts.row.turns
    for number, turn in enumerate(facts.row.conversation.messages):
        details, content = turn.get(TRAINING_DETAIL), turn.get("content")
        start = int(found.start[number])
        if not details or not isinstance(content, str) or not facts.role_trained[number] or start < 0:
            continue
        begins = np.array(facts.bench.renderer.pieces(content))
        for left in range(len(details) - 1):
            if bool(details[left]["train"]) == bool(details[left + 1]["train"]):
                continue
            edge = int(details[left + 1]["begin_offset"])
            token = int(np.searchsorted(begins, edge, side="right")) - 1
            place = (start + token, start + token + 1)
            if token >= 0 and begins[token] < edge and place[1] <= len(facts.ids):
                written = facts.rendering.token_text(place[0])
                text = (
                    f"the token “{written}” belongs to two parts of which one is not trained (parts {left}, {left + 1})"
                )
                hint = "Cut parts between words, with the space at the beginning of the second."
                yield Finding("M014", "warning", text, hint, facts.where(number, place))
            if content[:edge] != content[:edge].rstrip():
                text = f"part {left} ends in white space, part {left + 1} is trained otherwise"
                hint = "Move the white space to the beginning of the next part."
                yield Finding("M015", "warning", text, hint, facts.where(number, place))
