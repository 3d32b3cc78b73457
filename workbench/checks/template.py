"""T001 to T005, T007, T008: what the chat template makes of a row, and of the same row rendered another way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime as _datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from workbench.checks.row_facts import Scene, counted, shorten
from workbench.findings import Finding
from workbench.tokens.render import Renderer
from workbench.tokens.trace import Owner

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.tokens.render import Message

# Rendering the beginnings of a row again costs more than all other checks: rows of a form that has been clean this
# often are taken to be clean. A form is the roles, the kinds of parts, and the tags that the texts hold.
_ENOUGH = 3
_ANSWERS = 4
_TAG = re.compile(r"</?[a-z_|]{2,24}>")
_DAYS = (_datetime(2021, 3, 4, 5, 6, 7), _datetime(2033, 11, 12, 13, 14, 15))
_clean: WeakKeyDictionary[Renderer, dict[Any, int]] = WeakKeyDictionary()


def check(scene: Scene) -> Iterator[Finding]:
    """Every finding about how the template renders this row."""
    yield from rewritten(scene)
    yield from doubled_bos(scene)
    yield from other_template(scene)
    seen = _clean.setdefault(scene.bench.renderer, {})
    form = _form(scene.row.conversation.messages)
    if seen.get(form, 0) >= _ENOUGH:
        return
    found = [*prefixes(scene), *generation(scene)]
    if not found:
        seen[form] = seen.get(form, 0) + 1
    yield from found


def _form(messages: Sequence[Message]) -> tuple[Any, ...]:
    form = []
    for message in messages:
        parts = message.get("content")
        kinds = [
            (part.get("type"), frozenset(_TAG.findall(part["text"])), not part["text"].strip())
            if isinstance(part.get("text"), str)
            else part.get("type")
            for part in (parts if isinstance(parts, list) else [{"type": "text", "text": str(parts)}])
            if isinstance(part, dict)
        ]
        form.append((message.get("role"), tuple(kinds)))
    return tuple(form)


def rewritten(scene: Scene) -> Iterator[Finding]:
    """T001: text that never reaches the rendering, or only changed."""
    trace = scene.trace
    for message in dict.fromkeys(message for message, _ in trace.missing):
        role, trained = scene.roles[message], bool(scene.role_trained[message])
        text = f"text of the {role} message does not reach the rendering: the template drops or rewrites it"
        hint = "Write it where the template keeps it, or change the template."
        yield Finding("T001", "error" if trained else "warning", text, hint, scene.where(message))
    inexact = np.unique(trace.message[scene.content & ~trace.exact])
    for message in inexact.tolist():
        parts = scene.row.conversation.messages[message].get("content")
        texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else [parts]
        total = sum(len(text.strip()) for text in texts if isinstance(text, str))
        kept = sum(piece.stop - piece.start for piece in trace.places if piece.message == message and not piece.media)
        at = np.flatnonzero(scene.content & (trace.message == message))
        where = scene.where(message, (int(at[0]), int(at[-1]) + 1))
        role, lost = scene.roles[message], total - kept
        if lost > 0:
            text = f"the template drops or rewrites {lost:,} of {total:,} characters of the {role} message"
            hint = "Write them where the template keeps them, split the row, or change the template."
            yield Finding("T001", "warning", text, hint, where)
        else:
            text = f"the template changes text around what the {role} message says"
            yield Finding("T001", "note", text, "Compare the tokens in `vlmbench inspect`.", where)


def doubled_bos(scene: Scene) -> Iterator[Finding]:
    """T003."""
    bos = getattr(scene.bench.renderer.tokenizer, "bos_token_id", None)
    if bos is None or len(scene.ids) < 2 or not (scene.ids[:2] == bos).all():
        return
    text = f"the row begins with two beginning-of-sequence tokens ({bos} {bos}): template and tokenizer write one each"
    hint = "Take the token out of the template, or set add_bos_token: false in the tokenizer's configuration."
    yield Finding("T003", "warning", text, hint, scene.where(None, (0, 2)))


def prefixes(scene: Scene) -> Iterator[Finding]:
    """T002, at the first answer whose conversation up to it renders otherwise."""
    messages, full = scene.row.conversation.messages, scene.rendering.prompt
    answers = [index for index in np.flatnonzero(scene.role_trained[:-1]).tolist() if index + 1 < len(messages)]
    for index in [*answers[: _ANSWERS - 1], *answers[_ANSWERS - 1 :][-1:]]:
        part = _prompt(scene.bench, messages[: index + 1])
        if part is None or full.startswith(part):
            continue
        at = _difference(part, full)
        name = scene.row.raw_message(index)
        text = (
            f"up to message {name} the row renders otherwise than as part of the whole: "
            f"alone “{_excerpt(part, at)}”, in the row “{_excerpt(full, at)}”"
        )
        hint = "Split the conversation into a row for each answer, or use a template that writes every turn alike."
        yield Finding("T002", "warning", text, hint, scene.where(index, _token_at(scene, at)))
        return


def generation(scene: Scene) -> Iterator[Finding]:
    """T004, for the last answer."""
    messages, full = scene.row.conversation.messages, scene.rendering.prompt
    answers = np.flatnonzero(scene.role_trained[:-1])
    if not len(answers) or not answers[-1]:
        return
    last = int(answers[-1])
    asked = _prompt(scene.bench, messages[:last], add_generation_prompt=True)
    if asked is None or full.startswith(asked):
        return
    at = _difference(asked, full)
    text = (
        f"inference asks for the answer with “{_excerpt(asked, at)}”, training has “{_excerpt(full, at)}” there: "
        "the generation prompt is not how the answer begins"
    )
    hint = "Serve with the switch that fits the data (thinking on or off), or change one of the two in the template."
    yield Finding("T004", "warning", text, hint, scene.where(last, _token_at(scene, at)))


def other_template(scene: Scene) -> Iterator[Finding]:
    """T007: the bundled template of that name against the model's own, on this row."""
    bench = scene.bench
    if not bench.template.source.startswith("axolotl's "):
        return
    own = bench.loaded.tokenizer_template or bench.loaded.processor_template
    if own is None or own == bench.template.text:
        return
    trained, tokens = scene.rendering.prompt, None
    try:
        served = Renderer(bench.loaded.tokenizer, bench.loaded.processor, own).prompt(scene.row.conversation.messages)
    except Exception as problem:
        text = f"{bench.template.source} renders this row, the model's own template refuses it: “{problem}”"
    else:
        if served == trained:
            return
        at = _difference(trained, served)
        tokens = _token_at(scene, at)
        told = f"“{_excerpt(trained, at)}” is “{_excerpt(served, at)}” there"
        text = f"{bench.template.source} is not the model's own template: {told}"
    hint = "Write chat_template: tokenizer_default with role_boundaries, or serve with the text you train on."
    yield Finding("T007", "warning", text, hint, scene.at_recipe(("chat_template",), None, tokens))


def dated(bench: Bench) -> Iterator[Finding]:
    """T005: the same conversation under two dates. Only a template that asks for the date is rendered again."""
    text = bench.template.text
    if text is None:
        text = bench.loaded.processor_template or ""
    if "strftime_now" not in text:
        return
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    ]
    for probe in (messages, messages[1:]):
        with _on(_DAYS[0]):
            first = _prompt(bench, probe)
        with _on(_DAYS[1]):
            second = _prompt(bench, probe)
        if first is None or second is None or first == second:
            continue
        at = _difference(first, second)
        days = f"{_excerpt(first, at)!r} on one day, {_excerpt(second, at)!r} on another"
        message = f"the template writes the day's date: {days}"
        hint = "Copy the template into chat_template_jinja with the date you will serve with."
        yield Finding("T005", "warning", message, hint, bench.document.where(("chat_template",), key=True))
        return


@contextmanager
def _on(day: _datetime) -> Iterator[None]:
    """Render as if it were that day: transformers' `strftime_now` asks this module's `datetime`."""
    from transformers.utils import chat_template_utils as place

    class Frozen(_datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return day

    before = place.datetime
    place.datetime = Frozen
    try:
        yield
    finally:
        place.datetime = before


def third_opinion(scene: Scene) -> tuple[int, int] | None:
    """(tokens on which transformers' own assistant mask agrees with ours, all tokens), or None where it has none.

    Only the answers' own text is compared: ends of turns are counted in one and not in the other by design.
    """
    bench = scene.bench
    template = bench.template.text or bench.loaded.processor_template or ""
    if not re.search(r"{%-?\s*generation\b", template) or list(scene.masking.roles_to_train) != ["assistant"]:
        return None
    speaker = bench.loaded.processor if bench.loaded.processor is not None else bench.loaded.tokenizer
    options = {} if bench.template.text is None else {"chat_template": bench.template.text}
    try:
        told = speaker.apply_chat_template(
            [list(scene.row.conversation.messages)],
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            **options,
        )
        theirs = np.asarray(told["assistant_masks"][0], dtype=bool)
    except Exception:
        return None
    if theirs.shape != scene.ids.shape:
        return 0, len(scene.ids)
    compared = scene.content | (scene.trace.kind == Owner.MEDIA)
    same = (theirs == scene.mask.keep)[compared]
    return int(np.count_nonzero(same)), len(same)


def opinion(scene: Scene) -> Iterator[Finding]:
    """T008."""
    told = third_opinion(scene)
    if told is None or told[0] == told[1]:
        return
    text = f"transformers' own assistant mask differs on {counted(told[1] - told[0], 'token')} of content"
    hint = "It is not what axolotl trains on; look at the tokens in `vlmbench inspect`."
    yield Finding("T008", "note", text, hint, scene.where())


def _prompt(bench: Bench, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> str | None:
    """A rendering, or None where the template refuses such a conversation."""
    try:
        return bench.renderer.prompt(messages, add_generation_prompt=add_generation_prompt)
    except Exception:
        return None


def _difference(one: str, other: str) -> int:
    """The first character in which two texts differ."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(text: str, at: int) -> str:
    return shorten(text[max(0, at - 12) : at + 28], 48) or "nothing"


def _token_at(scene: Scene, at: int) -> tuple[int, int] | None:
    """The token at a character of the prompt, where the prompt is what was tokenized."""
    offsets = scene.offsets
    if scene.rendering.text != scene.rendering.prompt or not len(offsets):
        return None
    token = min(int(np.searchsorted(offsets[:, 1], at, side="right")), len(offsets) - 1)
    return token, token + 1
