"""A conversation after the chat template and the processor: text, token ids, offsets and media runs.

The ids are those of the call that axolotl's multimodal collator makes. The text and the offsets come from that same
call: the tokenizer is watched while the processor uses it, so nothing is tokenized twice and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import BenchError, InputError, Where
from workbench.time_limit import time_limit
from workbench.tokens.refusals import refusal
from workbench.tokens.vocabulary import Vocabulary

Message = dict[str, Any]
TEMPLATE_SECONDS = 5.0
"""Of one conversation: the longest real ones take a tenth of a second."""
_MORE_SECONDS = 0.01
"""For each conversation of a block."""
_OFTEN_ENOUGH = 2
_SHARED = "vision"
MODALITIES = ("image", "audio", "video", _SHARED)


class EndlessTemplate(InputError):
    """A chat template that loops, for ever or nearly so."""

    def __init__(self) -> None:
        super().__init__(
            "The chat template does not end",
            f"It ran for more than {TEMPLATE_SECONDS:g} s on one conversation.",
            "Look for loops inside loops, and macros that call themselves, in the template.",
        )


@dataclass(frozen=True, slots=True)
class MediaRuns:
    """Unbroken runs of media tokens, as columns: modality (`image`, `audio`, `video`), [start, stop), soft tokens."""

    modality: tuple[str, ...]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]
    soft: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.modality)


@dataclass(frozen=True)
class Rendering:
    """One conversation as the trainer will feed it.

    `prompt` is what the chat template wrote, `text` what was tokenized (after media expansion; equal to `prompt`
    without media), `input_ids` int64 `[L]`, `offsets` int32 `[L, 2]` into `text`, or None where there are none.
    """

    prompt: str
    text: str
    input_ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int32] | None
    media: MediaRuns
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.input_ids)

    def token_text(self, index: int) -> str:
        """The text under a token, empty for the later pieces of one character that several tokens share."""
        if self.offsets is None:
            return self.vocabulary.text(int(self.input_ids[index]))
        start, stop = (int(value) for value in self.offsets[index])
        if start == stop:
            return self.vocabulary.text(int(self.input_ids[index]))
        if index:
            start = max(start, int(self.offsets[index - 1][1]))
        return self.text[start:stop]

    def token_texts(self, start: int = 0, stop: int | None = None) -> list[str]:
        """The texts under tokens [start, stop)."""
        return [self.token_text(index) for index in range(start, len(self) if stop is None else min(stop, len(self)))]


class Renderer:
    """Renders conversations with one processor (or bare tokenizer) and one chat template."""

    def __init__(
        self,
        tokenizer: Any,
        processor: Any | None,
        template: str | None,
        media_kinds: Mapping[int, str] | None = None,
        template_options: Mapping[str, Any] | None = None,
    ) -> None:
        """`template` None means the processor's own. `media_kinds` gives each media id's kind, e.g. `image_start`.

        `template_options` are variables of the template, on the text path the recipe's `chat_template_kwargs`.
        """
        self.tokenizer = tokenizer
        self.processor = processor
        self.template = template
        self.media_kinds = dict(media_kinds or {})
        self.template_options = dict(template_options or {})
        self.vocabulary = Vocabulary(tokenizer)
        self._lock = RLock()
        self._endless = 0

    @property
    def is_fast(self) -> bool:
        """True where the tokenizer gives the characters under each token."""
        return bool(getattr(self.tokenizer, "is_fast", False))

    def _options(self, tools: Sequence[Any] | None, add_generation_prompt: bool) -> dict[str, Any]:
        # As axolotl orders them: the recipe's variables may overrule the prompt's.
        options: dict[str, Any] = {} if self.template is None else {"chat_template": self.template}
        options |= {"add_generation_prompt": add_generation_prompt, **self.template_options}
        return options | ({"tools": list(tools)} if tools else {})

    def prompt(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = False, tools: Sequence[Any] | None = None
    ) -> str:
        """The text that the chat template writes. Raises what the template raises."""
        with self._lock, self.in_time():
            # A batch of one, as the collator renders: a row without messages is no error there.
            (text,) = self._written([self._spoken(messages)], self._options(tools, add_generation_prompt))
        return str(text)

    def prompts(self, conversations: Sequence[Sequence[Message]], *, add_generation_prompt: bool = False) -> list[str]:
        """The texts that the chat template writes for many conversations. Raises what it raises for any of them."""
        if self._endless >= _OFTEN_ENOUGH:
            raise EndlessTemplate
        # Not counted as the template's own: one row of them may be to blame, and is found when it is rendered alone.
        seconds = TEMPLATE_SECONDS + _MORE_SECONDS * len(conversations)
        batch = [self._spoken(messages) for messages in conversations]
        with self._lock, time_limit(seconds, EndlessTemplate):
            return list(self._written(batch, self._options(None, add_generation_prompt)))

    def _written(self, batch: list[Any], options: dict[str, Any]) -> Any:
        """The text of each conversation of a batch."""
        speaker = self.processor if self.processor is not None else self.tokenizer
        made = speaker.apply_chat_template(batch, tokenize=False, **options)
        if isinstance(made, Mapping) and self.tokenizer is not speaker:
            # Voxtral's processor knows no texts: it gives ids and sound, whatever it is asked for.
            made = self.tokenizer.apply_chat_template(batch, tokenize=False, **options)
        return made

    def encodings(self, texts: Sequence[str], *, add_special_tokens: bool) -> list[Any]:
        """The encoding of each text by the tokenizer's own backend, on all cores, without padding.

        Raises:
            AttributeError: the tokenizer has no such backend; see `is_fast`.
        """
        backend = self.tokenizer.backend_tokenizer
        with self._lock:
            # Every call of the tokenizer itself sets these anew.
            backend.no_padding()
            backend.no_truncation()
            return list(backend.encode_batch(list(texts), add_special_tokens=add_special_tokens))

    def text_call(self, messages: Sequence[Message]) -> TextCall | None:
        """The tokenizer's call for a text-only conversation; None where that cannot be told or repeated."""
        call = self.tokenized(messages)
        return call if call is not None and call.text == call.prompt else None

    def tokenized(self, messages: Sequence[Message]) -> TextCall | None:
        """The call of the tokenizer that gives a conversation's ids, its pictures processed; None where none does."""
        try:
            prompt = self.prompt(messages)
            with self._lock, _watch(self.tokenizer) as calls:
                ids = self.encode_batch([messages])[0]
        except Exception:
            return None
        for call in reversed(calls):
            if len(call.texts) == 1 and np.array_equal(call.encodings[0].ids, ids):
                return TextCall(bool(call.options.get("add_special_tokens", True)), prompt, call.texts[0])
        return None

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """The template's time. One that took too long twice is not asked again: each row is rendered several times.

        Raises:
            EndlessTemplate: it takes longer.
        """
        if self._endless >= _OFTEN_ENOUGH:
            raise EndlessTemplate
        try:
            with time_limit(TEMPLATE_SECONDS, EndlessTemplate):
                yield
        except EndlessTemplate:
            self._endless += 1
            raise

    def turn_ids(self, turns: Sequence[Message], *, tools: Sequence[Any] | None, last: int) -> list[int]:
        """The ids of a conversation's beginning, as the text path makes them for a tokenizer without offsets.

        `last` is the index of the whole conversation's last turn, which a template may ask for.
        """
        options = self._options(tools, False) | ({"real_last_index": last} if last else {})
        with self._lock:
            return list(self.tokenizer.apply_chat_template(list(turns), tokenize=True, return_dict=False, **options))

    def pieces(self, text: str) -> list[int]:
        """The character at which each token of a text alone begins. Raises what the tokenizer raises."""
        encoded = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        return [start for start, _ in encoded["offset_mapping"]]

    def _spoken(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as the template takes them: a lone text by itself where it knows no parts."""
        if not self._plain:
            return list(messages)
        return [
            {**message, "content": content[0]["text"]}
            if isinstance(content := message.get("content"), list) and len(content) == 1 and "text" in content[0]
            else message
            for message in messages
        ]

    @cached_property
    def _plain(self) -> bool:
        """True for a text model's template, which raises at a list of parts or writes the list out as it stands."""
        if self.processor is not None:
            return False
        options = {} if self.template is None else {"chat_template": self.template}
        messages = [{"role": "user", "content": [{"type": "text", "text": "word"}]}]
        try:
            with self.in_time():
                return "'text'" in str(self.tokenizer.apply_chat_template(messages, tokenize=False, **options))
        except EndlessTemplate:
            raise
        except Exception:
            return True

    def render(
        self, messages: Sequence[Message], *, tools: Sequence[Any] | None = None, where: Where | None = None
    ) -> Rendering:
        """Render one conversation, exactly as the trainer would. `tools` is what the template gets beside it.

        Raises:
            InputError: the template refuses the conversation, or the processor refuses its media.
        """
        try:
            prompt = self.prompt(messages, tools=tools)
        except EndlessTemplate as problem:
            raise InputError(problem.title, problem.cause, problem.hint, where) from None
        except BenchError:
            raise
        except Exception as problem:
            raise _refused("The chat template", problem, where) from problem
        try:
            with self._lock, _watch(self.tokenizer) as calls:
                ids = self.encode_batch([messages], tools=[tools])[0]
        except Exception as problem:
            raise _refused("The processor", problem, where) from problem
        text, offsets = _matching_call(calls, ids)
        return Rendering(
            prompt=prompt,
            text=prompt if text is None else text,
            input_ids=ids,
            offsets=offsets,
            media=media_runs(ids, self.media_kinds),
            vocabulary=self.vocabulary,
        )

    def of_ids(self, ids: npt.NDArray[np.int64]) -> Rendering:
        """A rendering of ids that somebody else made `[L]`: the text is what they stand for, one after the other."""
        texts = [self.vocabulary.text(int(token)) for token in ids]
        edges = np.concatenate(([0], np.cumsum([len(text) for text in texts], dtype=np.int64)))
        text = "".join(texts)
        offsets = np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int32)
        return Rendering(text, text, ids, offsets, media_runs(ids, {}), self.vocabulary)

    def encode_batch(
        self, conversations: Sequence[Sequence[Message]], *, tools: Sequence[Sequence[Any] | None] = ()
    ) -> npt.NDArray[np.int64]:
        """The ids `[B, L]` of a batch, padded as the collator pads. Raises what the processor raises."""
        return np.asarray(self.features(conversations, tools=tools)["input_ids"], dtype=np.int64)

    def features(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        add_generation_prompt: bool = False,
        tensors: bool = False,
        tools: Sequence[Sequence[Any] | None] = (),
    ) -> Any:
        """All that the model gets for a batch: ids, mask, pixels, by name. Raises what the processor raises.

        With a processor these are torch tensors; without, numpy arrays, or torch tensors where `tensors` asks for them.
        `tools[i]` is what the template gets beside conversation i, on the text path alone.
        """
        if any(tools):
            return self._features_with_tools(conversations, tools, add_generation_prompt, tensors)
        options: dict[str, Any] = {**self._options(None, add_generation_prompt), "tokenize": True, "return_dict": True}
        batch = [self._spoken(messages) for messages in conversations]
        with self._lock:
            if self.processor is not None:
                return self.processor.apply_chat_template(
                    batch, return_tensors="pt", processor_kwargs={"padding": True}, **options
                )
            kind = "pt" if tensors else "np"
            return self.tokenizer.apply_chat_template(batch, return_tensors=kind, padding=True, **options)

    def _features_with_tools(
        self,
        conversations: Sequence[Sequence[Message]],
        tools: Sequence[Sequence[Any] | None],
        add_generation_prompt: bool,
        tensors: bool,
    ) -> Any:
        """The same for conversations that each have tools of their own: rendered one by one, tokenized together."""
        texts = [
            self.prompt(messages, add_generation_prompt=add_generation_prompt, tools=given)
            for messages, given in zip(conversations, tools, strict=True)
        ]
        with self._lock:
            return self.tokenizer(
                texts, add_special_tokens=False, padding=True, return_tensors="pt" if tensors else "np"
            )


def _refused(who: str, problem: Exception, where: Where | None) -> InputError:
    """The error for a row at which the template or the processor raises, with the version that it was seen on."""
    from importlib.metadata import version

    quoted = f"{type(problem).__name__}: {problem}"
    cause = f"{type(problem).__name__} of transformers {version('transformers')} here"
    return InputError(f"{who} refuses this row: {problem}", cause, refusal(quoted).hint, where)


@dataclass(frozen=True, slots=True)
class TextCall:
    """A call of the tokenizer: its options, what the template wrote, and the text that became of it."""

    add_special_tokens: bool
    prompt: str
    text: str


@dataclass(frozen=True, slots=True)
class _Call:
    texts: list[str]
    encodings: list[Any]
    options: Mapping[str, Any]


@contextmanager
def _watch(tokenizer: Any) -> Iterator[list[_Call]]:
    """Note what the tokenizer is asked while the processor runs.

    Processors look at nothing but the class's methods, so a subclass of the same name is invisible to them.
    """
    original = type(tokenizer)
    calls: list[_Call] = []

    def watched(self: Any, text: Any = None, *args: Any, **kwargs: Any) -> Any:
        result = original.__call__(self, text, *args, **kwargs)
        texts = [text] if isinstance(text, str) else list(text or ())
        encodings = list(getattr(result, "encodings", None) or ())
        if texts and len(texts) == len(encodings) and all(isinstance(item, str) for item in texts):
            calls.append(_Call(texts, encodings, kwargs))
        return result

    tokenizer.__class__ = type(original.__name__, (original,), {"__call__": watched, "__module__": original.__module__})
    try:
        yield calls
    finally:
        tokenizer.__class__ = original


def _matching_call(
    calls: Sequence[_Call], ids: npt.NDArray[np.int64]
) -> tuple[str | None, npt.NDArray[np.int32] | None]:
    """Text and offsets of the call that produced these ids."""
    for call in reversed(calls):
        for text, encoding in zip(call.texts, call.encodings, strict=True):
            if len(encoding.ids) == len(ids) and np.array_equal(encoding.ids, ids):
                return text, np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
    return None, None


def media_runs(input_ids: npt.NDArray[np.int64], kinds: Mapping[int, str]) -> MediaRuns:
    """Find the runs of media tokens.

    A run ends where the modality changes or a start token (`…_start`) opens the next. Soft tokens are those whose
    kind is the bare modality. Delimiters that serve several modalities (`vision_…`) take that of what they enclose.
    """
    empty = np.zeros(0, dtype=np.int64)
    known = {token: kind for token, kind in kinds.items() if token >= 0 and kind.split("_")[0] in MODALITIES}
    if not known or not len(input_ids):
        return MediaRuns((), empty, empty, empty)
    modalities = ["", *sorted({kind.split("_")[0] for kind in known.values()})]
    table = np.zeros((3, max(known) + 2), dtype=np.int8)
    for token, kind in known.items():
        modality, _, role = kind.partition("_")
        table[:, token] = modalities.index(modality), role == "start", role == ""
    modality_of, opens, soft = table.take(input_ids, axis=1, mode="clip")
    if _SHARED in modalities:
        shared = modality_of == modalities.index(_SHARED)
        inner = np.where(opens != 0, np.append(modality_of[1:], 0), np.append(0, modality_of[:-1]))
        modality_of = np.where(shared & (inner != 0), inner, modality_of)
    breaks = np.flatnonzero((np.diff(modality_of, prepend=0) != 0) | (opens != 0))
    edges = np.append(breaks, len(input_ids))
    inside = np.flatnonzero(modality_of[breaks])
    start, stop = edges[:-1][inside], edges[1:][inside]
    total = np.concatenate(([0], np.cumsum(soft, dtype=np.int64)))
    names = tuple(modalities[int(code)] for code in modality_of[start])
    return MediaRuns(names, start, stop, total[stop] - total[start])
