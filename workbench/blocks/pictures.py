"""The text that a processor puts in the place of a picture, from the picture's size alone.

It is learnt from the processor: its own code runs over a picture of a size that has no pixels (torch's meta device),
or where it looks at pixels, over a blank one. Where the text is the same token over and over, between ends that no size
changes, the processor's arithmetic (`_get_num_multimodal_tokens`) gives the number for every further size; else each
size is learnt once.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.data.picture_header import PictureHeader

if TYPE_CHECKING:
    from workbench.tokens.render import Renderer, TextCall

MOST_BLANK = 1 << 22
"""Pixels of a blank picture at most; a larger one is left to the row alone."""
_MOST_KNOWN = 20_000
# (width, height): flat, upright, small, large; a text that only some sizes change is no run of one token.
LEARNT_FROM = ((224, 160), (64, 64), (160, 480), (700, 500), (333, 1000), (1280, 96))
_MODES = frozenset(("RGB", "L", "P", "RGBA", "LA", "1", "CMYK"))
_NAMES = ("image_token", "boi_token", "start_image_token")

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TokenRun:
    """A text that is one token's text `count - offset` times, by the processor's count, between two ends."""

    before: str
    token: str
    after: str
    offset: int

    def text(self, count: int) -> str | None:
        """The text for a count of the processor's; None for one that cannot be."""
        return self.before + self.token * (count - self.offset) + self.after if count >= self.offset else None


@dataclass(frozen=True, slots=True)
class PictureText:
    """The text that is written for a picture, each unbroken run of `token` once: run r stands `times[r]` times."""

    short: str
    times: tuple[int, ...]
    token: str

    @property
    def full(self) -> str:
        """The text itself."""
        return in_full(self.short, self.token, self.times)


def in_full(short: str, token: str, times: Sequence[int]) -> str:
    """A text in which each occurrence of a token stands for so many."""
    if not times:
        return short
    first, *rest = short.split(token)
    return first + "".join(token * count + piece for count, piece in zip(times, rest, strict=True))


@dataclass
class PictureTexts:
    """The texts that one processor writes for pictures. `placeholder` is what the template writes for each of them."""

    renderer: Renderer
    _known: dict[Size, PictureText | None] = field(default_factory=dict)
    _taken: dict[tuple[str, str, bool], bool] = field(default_factory=dict)

    @cached_property
    def _first(self) -> tuple[TextCall, str] | None:
        """The call for a conversation with one picture, and the placeholder in its prompt."""
        call = self._processed([LEARNT_FROM[0]])
        if call is None:
            return None
        for token in self._tokens():
            before, found, after = call.prompt.partition(token)
            if found and token not in after and _between(call.text, before, after) is not None:
                return call, token
        return None

    def _tokens(self) -> Iterator[str]:
        """The texts that may stand for a picture, the likeliest first."""
        for name in _NAMES:
            text = getattr(self.renderer.processor, name, None)
            if isinstance(text, str) and text:
                yield text
        for token, kind in self.renderer.media_kinds.items():
            if kind.startswith(("image", "vision")) and (text := self.renderer.vocabulary.text(token)):
                yield text

    @property
    def placeholder(self) -> str:
        return self._first[1] if self._first is not None else ""

    @property
    def add_special_tokens(self) -> bool:
        return self._first is not None and self._first[0].add_special_tokens

    @cached_property
    def reason(self) -> str:
        """The reason why pictures cannot be counted from their sizes; "" where they can."""
        if self._first is None:
            return "what the processor writes for a picture cannot be told from its size"
        if self._processed([(48, 48), LEARNT_FROM[0]]) is not None and not self.together:
            return "the processor writes other tokens for a picture beside another"
        return ""

    @cached_property
    def together(self) -> bool:
        """True where a picture beside others is written as it is alone."""
        sizes = [LEARNT_FROM[0], LEARNT_FROM[2]]
        call = self._processed(sizes)
        texts = [self.of(PictureHeader(*size)) for size in sizes]
        return call is not None and call.text == self.expanded(call.prompt, texts)

    @property
    def counts(self) -> bool:
        """True where the processor's arithmetic gives every size; else each is learnt."""
        return self._first is not None and self._run is not None

    @cached_property
    def soft(self) -> str:
        """The token that pictures are made of, where many of them are told by one: nothing merges with it."""
        added = getattr(self.renderer.tokenizer, "added_tokens_decoder", {})
        for token, kind in self.renderer.media_kinds.items():
            known = added.get(token)
            if kind == "image" and known is not None and known.special and not (known.lstrip or known.rstrip):
                return str(known.content)
        return ""

    @property
    def soft_id(self) -> int:
        return int(self.renderer.tokenizer.convert_tokens_to_ids(self.soft)) if self.soft else -1

    def _kept(self, text: str | None) -> PictureText | None:
        """A text as it is kept: some are of thousands of tokens."""
        if text is None or not self.soft:
            return None if text is None else PictureText(text, (), "")
        runs = [len(run) // len(self.soft) for run in self._runs.findall(text)]
        return PictureText(self._runs.sub(lambda _: self.soft, text), tuple(runs), self.soft)

    @cached_property
    def _runs(self) -> re.Pattern[str]:
        return re.compile(f"(?:{re.escape(self.soft)})+")

    def of(self, picture: PictureHeader) -> PictureText | None:
        """The text for one picture; None where it must be processed."""
        self.learn([picture])
        size = picture.width, picture.height
        return self._known.get(size) if self._takes(picture) else None

    def expanded(self, prompt: str, texts: Sequence[PictureText | None]) -> str | None:
        """The prompt with each placeholder replaced by its text; None where these are not as many."""
        first, *rest = prompt.split(self.placeholder)
        known = [text.full for text in texts if text is not None]
        if not len(known) == len(texts) == len(rest):
            return None
        return first + "".join(text + piece for text, piece in zip(known, rest, strict=True))

    def learn(self, pictures: Iterable[PictureHeader]) -> None:
        """Learn the sizes of these pictures that are not known, by arithmetic all at once where that holds."""
        if self._first is None:
            return
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        new = [size for size in dict.fromkeys((one.width, one.height) for one in pictures) if size not in self._known]
        if new and self._run is not None:
            counts = self._counts(new)
            found = [None if count is None else self._run.text(count) for count in counts]
        else:
            found = [self._learnt(size) for size in new]
        self._known.update(zip(new, map(self._kept, found), strict=True))

    @cached_property
    def _run(self) -> TokenRun | None:
        """The run of a token that every text is, by the processor's count; None where it is none, or not counted."""
        texts = [self._learnt(size) for size in LEARNT_FROM]
        counts = self._counts(LEARNT_FROM)
        soft = [
            self.renderer.vocabulary.text(token) for token, kind in self.renderer.media_kinds.items() if kind == "image"
        ]
        for token in filter(None, dict.fromkeys((*soft, *self._tokens()))):
            runs = {_run_of(text, token, count) for text, count in zip(texts, counts, strict=True)}
            if len(runs) == 1 and (run := runs.pop()) is not None:
                return run
        return None

    def _counts(self, sizes: Collection[Size]) -> list[int | None]:
        """The processor's count for each size; None where it has none, or refuses the size."""
        count = getattr(self.renderer.processor, "_get_num_multimodal_tokens", None)
        if count is None:
            return [None] * len(sizes)
        try:
            found = count(image_sizes=[(height, width) for width, height in sizes]).num_image_tokens
        except Exception:
            if len(sizes) == 1:
                return [None]
            return [one for size in sizes for one in self._counts([size])]
        return [int(number) for number in found] if found is not None else [None] * len(sizes)

    def _learnt(self, size: Size) -> str | None:
        """The text for one size, from the processor itself."""
        assert self._first is not None
        call = self._processed([size])
        if call is None:
            return None
        before, _, after = call.prompt.partition(self._first[1])
        return _between(call.text, before, after)

    def _takes(self, picture: PictureHeader) -> bool:
        """True where such a file or mode is processed as a picture in RGB is, and turned upright as its header says.

        transformers decodes a file by torchvision or otherwise, which do not all know the same.
        """
        key = (picture.format, picture.mode, picture.turned)
        if key == ("", "RGB", False):
            return True
        if key not in self._taken:
            sizes = LEARNT_FROM[:3]
            made = [_conversation([_sample(size, picture)]) for size in sizes] if picture.mode in _MODES else [None]
            calls = [self.renderer.tokenized(talk) if talk is not None else None for talk in made]
            self._taken[key] = all(
                call is not None and call.text == self.expanded(call.prompt, [self.of(PictureHeader(*size))])
                for call, size in zip(calls, sizes, strict=False)
            )
        return self._taken[key]

    def _processed(self, sizes: Sequence[Size]) -> TextCall | None:
        """The tokenizer's call for a conversation with pictures of these sizes; None where there is none."""
        if self._weightless:
            call = self.renderer.tokenized(_conversation([_weightless(size) for size in sizes]))
            if call is not None:
                return call
        if any(width * height > MOST_BLANK for width, height in sizes):
            return None
        return self.renderer.tokenized(_conversation([_blank(size) for size in sizes]))

    @cached_property
    def _weightless(self) -> bool:
        """True where the processor takes pictures without pixels, and writes for them what it writes for others."""
        try:
            bare = [self.renderer.tokenized(_conversation([_weightless(size)])) for size in LEARNT_FROM[:3]]
        except ImportError:
            return False
        full = [self.renderer.tokenized(_conversation([_blank(size)])) for size in LEARNT_FROM[:3]]
        return None not in bare and bare == full


def _conversation(pictures: Sequence[Any]) -> list[dict[str, Any]]:
    parts: list[Mapping[str, Any]] = [{"type": "image", "image": picture} for picture in pictures]
    return [
        {"role": "user", "content": [*parts, {"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A square."}]},
    ]


def _weightless(size: Size) -> Any:
    import torch

    return torch.empty((3, size[1], size[0]), dtype=torch.uint8, device="meta")


def _blank(size: Size, mode: str = "RGB") -> Any:
    from PIL import Image

    return Image.new(mode, size)


def _sample(size: Size, like: PictureHeader) -> Any:
    """A blank picture of an upright size, decoded or as a file like another one."""
    if not like.format:
        return _blank(size, like.mode)
    from PIL import Image

    exif = Image.Exif()
    if like.turned:
        exif[0x0112] = 6
        size = size[1], size[0]
    stream = io.BytesIO()
    try:
        _blank(size, like.mode).save(stream, like.format, exif=exif)
    except (OSError, KeyError, ValueError):
        return None
    return f"data:image/{like.format.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"


def _between(text: str, before: str, after: str) -> str | None:
    """The part of a text that stands between its beginning and its end; None where these are not its own."""
    if len(text) < len(before) + len(after) or not text.startswith(before) or not text.endswith(after):
        return None
    return text[len(before) : len(text) - len(after)]


def _run_of(text: str | None, token: str, count: int | None) -> TokenRun | None:
    if text is None or count is None or token not in text:
        return None
    before, after = text[: text.index(token)], text[text.rindex(token) + len(token) :]
    times = text.count(token)
    return TokenRun(before, token, after, count - times) if text == before + token * times + after else None
