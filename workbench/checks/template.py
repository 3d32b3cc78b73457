"""T002 to T005, T007, T008: what the chat template makes of a row, and of the same row rendered another way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime as _datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.checks.recipe_facts import RecipeFacts
from workbench.checks.registry import check
from workbench.checks.row_facts import RowFacts, counted, shorten
from workbench.checks.whole_text import missing_messages, moved_messages, thoughts_lost
from workbench.findings import Finding, Severity, emits
from workbench.tokens.render import Renderer
from workbench.tokens.template import OTHER_TEMPLATE
from workbench.tokens.trace import Owner

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.tokens.render import Message

_ANSWERS = 4
_TAG = re.compile(r"</?[a-z_|]{2,24}>")
_THINKING = re.compile(r"think|thought|reason|channel", re.IGNORECASE)
_DAYS = (_datetime(2021, 3, 4, 5, 6, 7), _datetime(2033, 11, 12, 13, 14, 15))


@check("T003")
def doubled_bos(facts: RowFacts) -> Iterator[Finding]:
    """T003: two beginning-of-sequence tokens."""
    bos = getattr(facts.bench.renderer.tokenizer, "bos_token_id", None)
    if bos is None or len(facts.ids) < 2 or not (facts.ids[:2] == bos).all():
        return
    text = f"the row begins with two beginning-of-sequence tokens ({bos} {bos}): template and tokenizer write one each"
    hint = "Take the token out of the template, or set add_bos_token: false in the tokenizer's configuration."
    yield Finding("T003", "warning", text, hint, facts.where(None, (0, 2)))


@check()
def other_template(facts: RowFacts) -> Iterator[Finding]:
    """T007: the bundled template of that name against the model's own, on this row."""
    bench, own = facts.bench, served_template(facts.bench)
    if own is None:
        return
    trained, tokens = facts.rendering.prompt, None
    try:
        mine, talk = bench.renderer, facts.row.conversation
        theirs = Renderer(mine.tokenizer, mine.processor, own, template_options=mine.template_options)
        served = theirs.prompt(talk.messages, tools=talk.tools)
    except Exception as problem:
        text = f"{bench.template.source} renders this row, the model's own template refuses it: “{problem}”"
    else:
        if served == trained:
            return
        at = _difference(trained, served)
        tokens = _token_at(facts, at)
        change = f"“{_excerpt(trained, at)}” is “{_excerpt(served, at)}” there"
        text = f"{bench.template.source} is not the model's own template: {change}"
    hint = "Write chat_template: tokenizer_default with role_boundaries, or serve with the text you train on."
    yield OTHER_TEMPLATE("warning", text, hint, facts.at_recipe(("chat_template",), None, tokens))


def served_template(bench: Bench) -> str | None:
    """The model's own template, where the recipe trains with one that axolotl bundles and that is another."""
    if not bench.template.source.startswith("axolotl's "):
        return None
    own = bench.loaded.tokenizer_template or bench.loaded.processor_template
    return None if own == bench.template.text else own


@check()
def rendered_in_parts(facts: RowFacts) -> Iterator[Finding]:
    """T002 and T004, which render the beginnings of the row again.

    That costs more than all other checks: where many rows are read, `workbench.blocks` asks for a few of each form.
    """
    # Where messages are lost or moved, everything after them differs: T001 tells of it.
    if missing_messages(facts) or moved_messages(facts):
        return
    found = list(prefixes(facts))
    # An answer that is part of an earlier turn has no header of its own: that is the same difference.
    found += [] if found and _joined(facts, found[0]) else generation(facts)
    yield from found


def _joined(facts: RowFacts, found: Finding) -> bool:
    """True where the message of a T002 and the next are of one role."""
    roles, message = facts.roles, found.where.message
    rendered = [index for index in range(len(roles) - 1) if facts.row.raw_message(index) == message]
    return bool(rendered) and roles[rendered[0]] == roles[rendered[0] + 1]


def form_of(messages: Sequence[Message]) -> tuple[Any, ...]:
    """The roles of a conversation, the kinds of its parts, and the tags that its texts hold."""
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


@emits("T002")
def prefixes(facts: RowFacts) -> Iterator[Finding]:
    """T002, at the first answer whose conversation up to it renders otherwise."""
    messages, full = facts.row.conversation.messages, facts.rendering.prompt
    answers = [index for index in np.flatnonzero(facts.role_trained[:-1]).tolist() if index + 1 < len(messages)]
    for index in [*answers[: _ANSWERS - 1], *answers[_ANSWERS - 1 :][-1:]]:
        part = facts.row.beginning(index + 1)
        if part is None or full.startswith(part):
            continue
        at = _difference(part, full)
        name = facts.row.raw_message(index)
        text = (
            f"up to message {name} the row renders otherwise than as part of the whole: "
            f"alone “{_excerpt(part, at)}”, in the row “{_excerpt(full, at)}”"
        )
        hint = f"Use a template that writes every turn alike, or end the row at message {name}."
        if facts.roles[index] == facts.roles[index + 1]:
            hint = (
                f"Join messages {name} and {facts.row.raw_message(index + 1)} into one: the template writes one turn."
            )
        if index in thoughts_lost(facts):
            # T001 names the thinking that is gone.
            continue
        yield Finding("T002", "warning", text, hint, facts.where(index, _token_at(facts, at)))
        return


@emits("T004")
def generation(facts: RowFacts) -> Iterator[Finding]:
    """T004, for the last answer."""
    full = facts.rendering.prompt
    answers = np.flatnonzero(facts.role_trained[:-1])
    if not len(answers) or not answers[-1]:
        return
    last = int(answers[-1])
    asked = facts.row.beginning(last, add_generation_prompt=True)
    if asked is None or full.startswith(asked):
        return
    at = _difference(asked, full)
    text = (
        f"inference asks for the answer with “{_excerpt(asked, at)}”, training has “{_excerpt(full, at)}” there: "
        "the generation prompt is not how the answer begins"
    )
    hint = "Change one of the two in the template, or write into the answers what the generation prompt has."
    around = slice(max(0, at - 24), at + 48)
    if _THINKING.search(asked[around]) or _THINKING.search(full[around]):
        hint = (
            "Serve with the switch that fits the data (thinking on or off), or change one of the two in the template."
        )
    yield Finding("T004", "warning", text, hint, facts.where(last, _token_at(facts, at)))


@check("T005", stage="recipe")
def dated(recipe: RecipeFacts) -> Iterator[Finding]:
    """T005: the same conversation under two dates. Only a template that asks for the date is rendered again."""
    bench = recipe.bench
    text = bench.template.text
    if text is None:
        text = bench.loaded.processor_template or ""
    if "strftime_now" not in text:
        return
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    ]
    shown = [list(row.conversation.messages) for row in recipe.rows()]
    probes = (messages, messages[1:])
    for number, talk in enumerate((*shown, *probes)):
        with _on(_DAYS[0]):
            first = _prompt(bench, talk)
        with _on(_DAYS[1]):
            second = _prompt(bench, talk)
        if first is None or second is None or first == second:
            continue
        at = _difference(first, second)
        days = f"{_excerpt(first, at)!r} on one day, {_excerpt(second, at)!r} on another"
        message = f"the template writes the day's date: {days}"
        severity: Severity = "warning"
        if shown and number >= len(shown):
            # Llama 3.2's, for one, leaves the system turn out where there are pictures.
            message, severity = f"{message}; not in the first {counted(len(shown), 'row')}", "note"
        hint = "Copy the template into chat_template_jinja with the date you will serve with."
        yield Finding("T005", severity, message, hint, bench.document.where(("chat_template",), key=True))
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


def third_opinion(facts: RowFacts) -> tuple[int, int] | None:
    """(tokens on which transformers' own assistant mask agrees with ours, all tokens), or None where it has none.

    Only the answers' own text is compared: ends of turns are counted in one and not in the other by design.
    """
    bench = facts.bench
    template = bench.template.text or bench.loaded.processor_template or ""
    if not re.search(r"{%-?\s*generation\b", template) or list(facts.masking.roles_to_train) != ["assistant"]:
        return None
    speaker = bench.renderer.processor if bench.renderer.processor is not None else bench.renderer.tokenizer
    options = dict(bench.renderer.template_options)
    options |= {} if bench.template.text is None else {"chat_template": bench.template.text}
    try:
        encoded = speaker.apply_chat_template(
            [list(facts.row.conversation.messages)],
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            **options,
        )
        theirs = np.asarray(encoded["assistant_masks"][0], dtype=bool)
    except Exception:
        return None
    if theirs.shape != facts.ids.shape:
        return 0, len(facts.ids)
    compared = facts.content | (facts.trace.kind == Owner.MEDIA)
    same = (theirs == facts.mask.keep)[compared]
    return int(np.count_nonzero(same)), len(same)


@check("T008")
def other_mask(facts: RowFacts) -> Iterator[Finding]:
    """T008: transformers' own assistant mask differs."""
    agreement = third_opinion(facts)
    if agreement is None or agreement[0] == agreement[1]:
        return
    agreed, compared = agreement
    text = f"transformers' own assistant mask differs on {counted(compared - agreed, 'token')} of content"
    hint = "It is not what axolotl trains on; look at the tokens in `vlmbench inspect`."
    yield Finding("T008", "note", text, hint, facts.where())


def _prompt(bench: Bench, messages: Sequence[Message]) -> str | None:
    """A rendering, or None where the template refuses such a conversation."""
    try:
        return bench.renderer.prompt(messages)
    except Exception:
        return None


def _difference(text: str, other: str) -> int:
    """The first character in which two texts differ."""
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if text[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(text: str, at: int) -> str:
    return shorten(text[max(0, at - 12) : at + 28], 48) or "nothing"


def _token_at(facts: RowFacts, at: int) -> tuple[int, int] | None:
    """The token at a character of the prompt, where the prompt is what was tokenized."""
    offsets = facts.offsets
    if facts.rendering.text != facts.rendering.prompt or not len(offsets):
        return None
    token = min(int(np.searchsorted(offsets[:, 1], at, side="right")), len(offsets) - 1)
    return token, token + 1
