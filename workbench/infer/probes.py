"""Conversations to find role boundaries with, and others, with other contents, to prove them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.errors import BenchError
from workbench.tokens.render import Message, Renderer, Rendering
from workbench.tokens.trace import Place, Trace, trace

ROLES = ("system", "user", "assistant", "tool")

# Contents whose first and last characters may merge with a header or an end; boundaries are found with them.
PROBES = (
    "Word",
    "the table",
    "A picture",
    "\nline",
    "\n\ntwo lines",
    " space",
    "7 days",
    "图片里有一张桌子",
    "🙂 face",
    "```py\nx = 1\n```",
    "<think>\nFirst this.\n</think>\n\nFour.",
    "",
    "- item\n",
    "“quoted” ",
    "{'a': 1}\n\n",
    "\n- list",
)

# The texts of the proof begin and end differently.
CORPUS = (
    "\tA tab first\t",
    "\n\n\n\nFour line breaks, then text",
    "\r\nA carriage return first\r\n",
    "\n \nA line of one space",
    "  \nTwo spaces and a line break",
    "   three spaces",
    "\n\tindented",
    "\n7",
    "\n图",
    "\n\n🙂",
    "\n```\n\n```\n",
    "* starred\n* list",
    "# Title\n\nText.",
    "| a | b |\n|---|---|",
    "(in brackets)",
    '"double" quotes',
    "'single' quotes",
    "$x^2$",
    "…and so on…",
    "— a dash",
    "Ünder den Linden",
    "العربية",
    "ภาษาไทย",
    "한국어 문장입니다.",
    "日本語の文",
    "\u3000an ideographic space",
    "\u00a0no break",
    "\u200bzero width",
    "_under_ and **bold**",
    "@name: #tag",
    "&amp; <b>html</b>",
    "100%",
    "\\frac{1}{2}",
    "/usr/bin",
    ": a colon",
    "; , . ! ?",
    "= + ~ ^ %",
    '{"json": [1, 2, {"a": null}]}',
    "[a list]",
    "> quoted line",
    "½ and Ⅳ",
    "٣ and ३",
    "👩‍👩‍👧 🏳️‍🌈",
    "a",
    "ALL CAPS HERE",
    "camelCaseWord",
    "assistant",
    "user\nsystem",
    "The quick brown fox jumps over the lazy dog. " * 3,
    "ends with line breaks\n\n\n",
)

# The orders of roles; those that the template refuses are left out.
SHAPES: tuple[tuple[str, ...], ...] = (
    ("user", "assistant"),
    ("user", "assistant", "user", "assistant"),
    ("system", "user", "assistant"),
    ("system", "user", "assistant", "user", "assistant"),
    ("user", "assistant", "tool", "assistant"),
    ("user", "assistant", "tool", "tool", "assistant", "user", "assistant"),
    ("user",),
    ("user", "assistant", "user"),
    ("user", "user", "assistant"),
    ("assistant", "user", "assistant"),
)


@dataclass(frozen=True, slots=True)
class ProbeTurn:
    """A message in a rendering: its content is text[start:stop] and touches the tokens [first, last)."""

    message: int
    role: str
    start: int
    stop: int
    first: int
    last: int
    media: bool


@dataclass(frozen=True)
class Case:
    """A conversation, rendered and traced. `label` says what it tries."""

    label: str
    messages: list[Message]
    rendering: Rendering
    trace: Trace

    @cached_property
    def turns(self) -> tuple[ProbeTurn, ...]:
        """The messages that reached the rendering, in the order in which they stand there."""
        mine: dict[int, list[Place]] = {}
        for place in self.trace.places:
            if place.message >= 0:
                mine.setdefault(place.message, []).append(place)
        turns = [
            ProbeTurn(
                message,
                str(self.messages[message]["role"]),
                min(place.start for place in places),
                max(place.stop for place in places),
                min(place.first for place in places),
                max(place.last for place in places),
                _has_media(self.messages[message]),
            )
            for message, places in mine.items()
        ]
        return tuple(sorted(turns, key=lambda turn: turn.start))

    def gap(self, index: int) -> str:
        """The text between turn index - 1 and turn index; before the first and after the last the text's edges."""
        start = self.turns[index - 1].stop if index else 0
        return self.rendering.text[start : self.turns[index].start if index < len(self.turns) else None]


def _has_media(message: Message) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part.get("type") != "text" for part in content)


def shapes_for(more: Iterable[str]) -> list[tuple[str, ...]]:
    """The orders to try, with further roles that the user's rows have."""
    extra = [role for role in dict.fromkeys(more) if role not in ROLES]
    return [*SHAPES, *(("user", "assistant", role, "assistant") for role in extra)]


def accepted(renderer: Renderer, shapes: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The orders that the template takes."""
    words = ("Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf")
    return [shape for shape in shapes if make_case(renderer, "", _conversation(shape, words)) is not None]


def probe_cases(renderer: Renderer, shapes: Sequence[tuple[str, ...]]) -> list[Case]:
    """The conversations that boundaries are found with: every order, and every probe in every role."""
    found = [
        made
        for shape in shapes
        for label, texts in _fillings(shape, PROBES)
        if (made := make_case(renderer, label, _conversation(shape, texts))) is not None
    ]
    return found + list(_with_pictures(renderer, ("Word", "\nline", "7 days"), "probe"))


def proof_cases(renderer: Renderer, shapes: Sequence[tuple[str, ...]]) -> list[Case]:
    """The conversations that boundaries are proved on; no content of theirs is a probe."""
    found = [
        made
        for shape in shapes
        for label, texts in _fillings(shape, CORPUS)
        if (made := make_case(renderer, label, _conversation(shape, texts))) is not None
    ]
    return found + list(_with_pictures(renderer, CORPUS[::10], "corpus"))


def same_prompts(first: Renderer, other: Renderer) -> bool:
    """True where two templates write the same of every order of roles and every text of the proof, pictures included.

    A conversation that one of them refuses, the other must refuse too.
    """
    talks = [_conversation(shape, texts) for shape in SHAPES for _, texts in _fillings(shape, CORPUS)]
    for shape in SHAPES:
        shown = _conversation(shape, CORPUS)
        for message in shown:
            if message["role"] == "user":
                message["content"] = [{"type": "image"}, *message["content"]]
        talks.append(shown)
    return all(_prompt(first, talk) == _prompt(other, talk) for talk in talks)


def _prompt(renderer: Renderer, messages: list[Message]) -> str | None:
    try:
        return renderer.prompt(messages)
    except Exception:
        # A template can raise any exception.
        return None


def make_case(renderer: Renderer, label: str, messages: list[Message]) -> Case | None:
    """A conversation, rendered and traced; None where the template or the processor refuses it."""
    try:
        rendering = renderer.render(messages)
    except BenchError:
        return None
    return Case(label, messages, rendering, trace(rendering, messages, renderer.prompt))


def _fillings(shape: tuple[str, ...], texts: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Contents for an order of roles, such that every text comes into every role."""
    most = max(shape.count(role) for role in shape)
    least = min(shape.count(role) for role in shape)
    for number in range(-(-len(texts) // least)):
        slots: dict[str, int] = {}
        chosen = []
        for role in shape:
            turn = slots[role] = slots.get(role, -1) + 1
            # Each role begins at another text, so that neighbours differ.
            chosen.append(texts[(number * most + turn + 5 * list(dict.fromkeys(shape)).index(role)) % len(texts)])
        yield f"{' '.join(shape)}: {number}", tuple(chosen)


def _conversation(shape: Sequence[str], texts: Sequence[str]) -> list[Message]:
    return [
        {"role": role, "content": [{"type": "text", "text": text}]} for role, text in zip(shape, texts, strict=False)
    ]


def _with_pictures(renderer: Renderer, texts: Sequence[str], label: str) -> Iterator[Case]:
    """Conversations with a picture before and after the text, where the model takes one."""
    if renderer.processor is None:
        return
    from PIL import Image

    part = {"type": "image", "image": Image.new("RGB", (32, 32), "#808080")}
    for number, text in enumerate(texts):
        messages = _conversation(("user", "assistant", "user", "assistant"), (text, text, text, text))
        messages[0]["content"].insert(0, part)
        messages[2]["content"].insert(number % 2, part)
        made = make_case(renderer, f"{label}, a picture: {number}", messages)
        if made is None:
            return
        yield made


def generation_prompts(renderer: Renderer) -> list[str]:
    """Texts that inference writes before an answer: by default, with thinking on and off; no leading line breaks."""
    messages = _conversation(("user",), ("Word",))
    speaker = renderer.processor if renderer.processor is not None else renderer.tokenizer
    template = {} if renderer.template is None else {"chat_template": renderer.template}
    found = []
    for options in ({}, {"enable_thinking": True}, {"enable_thinking": False}):
        texts = []
        for ready in (False, True):
            try:
                with renderer.in_time():
                    text = speaker.apply_chat_template(
                        messages, tokenize=False, add_generation_prompt=ready, **template, **options
                    )
            except Exception:
                break
            texts.append(text if isinstance(text, str) else text[0])
        if len(texts) == 2 and texts[1].startswith(texts[0]):
            found.append(texts[1][len(texts[0]) :].lstrip())
    return [text for text in dict.fromkeys(found) if text]


@contextmanager
def future_date() -> Iterator[None]:
    """A context in which templates that ask for the date get one in the future."""
    from transformers.utils import chat_template_utils as module

    real: Any = getattr(module, "datetime", None)
    if real is None:
        yield
        return

    class Later(real):  # type: ignore[misc,unused-ignore]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real(2043, 10, 17, 3, 44, 55, tzinfo=tz)

    module.datetime = Later
    try:
        yield
    finally:
        module.datetime = real


def stable_length(case: Case, prompt: Callable[[Sequence[Message]], str]) -> int:
    """The number of leading characters of the prompt that do not change with the date."""
    with future_date():
        later = prompt(case.messages)
    now = case.rendering.prompt
    if later == now:
        return len(now)
    return next((i for i, (a, b) in enumerate(zip(now, later, strict=False)) if a != b), min(len(now), len(later)))
