"""A bench in memory, for the screens: real rows, masks and traces, around a tokenizer of a few lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from workbench.bench import Bench, Masking
from workbench.data.sources import RawRow
from workbench.errors import Where
from workbench.findings import Finding
from workbench.recipe.path import TrainingPath
from workbench.recipe.yaml.document import Document
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.render import Message, Rendering, media_runs
from workbench.tokens.vocabulary import Vocabulary

SPECIAL = ("<pad>", "<eos>", "<bos>", "<|turn>", "<turn|>", "<|image>", "<|image|>", "<image|>")
SOFT = 12
RECIPE = """base_model: small/model
processor_type: AutoProcessor
skip_prepare_dataset: true
remove_unused_columns: false
"""
_PIECES = re.compile(
    "|".join(map(re.escape, sorted(SPECIAL, key=len, reverse=True)))
    + r"|\n| ?[^\W\d_]{1,8}| ?\d|[\u2600-\U0001faff]|\s|[^\w\s]|\w"
)


class SmallTokenizer:
    """Gives every piece of text the next free id; emoji are two tokens, as in byte-level vocabularies."""

    all_special_ids = tuple(range(len(SPECIAL)))

    def __init__(self) -> None:
        self._ids: dict[str, int] = {piece: number for number, piece in enumerate(SPECIAL)}

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        return {number: SimpleNamespace(content=text, special=True) for number, text in enumerate(SPECIAL)}

    def _id(self, piece: str) -> int:
        return self._ids.setdefault(piece, len(self._ids))

    def convert_ids_to_tokens(self, number: int) -> str:
        return list(self._ids)[number]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        for match in _PIECES.finditer(text):
            pieces = [match[0]]
            if ord(match[0][-1]) > 0xFFFF:
                pieces = [f"<0x{byte:02X}>" for byte in match[0].encode()]
            ids += [self._id(piece) for piece in pieces]
            offsets += [match.span()] * len(pieces)
        return ids, offsets

    def encode(self, text: str, add_special_tokens: bool = False) -> tuple[int, ...]:
        return tuple(self.encode_with_offsets(text)[0])


class SmallRenderer:
    """Writes turns as Gemma 4 does, and opens every picture into its soft tokens."""

    processor = None
    is_fast = False
    media_kinds: ClassVar[dict[int, str]] = {5: "image_start", 6: "image", 7: "image_end"}

    def __init__(self) -> None:
        self.tokenizer = SmallTokenizer()
        self.vocabulary = Vocabulary(self.tokenizer)
        self.before: Callable[[Sequence[Message]], None] = lambda messages: None

    def prompt(self, messages: Sequence[Message], *, add_generation_prompt: bool = False, tools: Any = None) -> str:
        text = "<bos>"
        for message in messages:
            role = "model" if message["role"] == "assistant" else message["role"]
            text += f"<|turn>{role}\n"
            for part in message["content"]:
                text += part["text"] if part["type"] == "text" else "<|image|>"
            text += "<turn|>\n"
        return text + ("<|turn>model\n" if add_generation_prompt else "")

    def render(self, messages: Sequence[Message], *, tools: Any = None, where: Where | None = None) -> Rendering:
        self.before(messages)
        prompt = self.prompt(messages)
        text = prompt.replace("<|image|>", "<|image>" + "<|image|>" * SOFT + "<image|>")
        ids, offsets = self.tokenizer.encode_with_offsets(text)
        array = np.array(ids, dtype=np.int64)
        runs = media_runs(array, self.media_kinds)
        return Rendering(prompt, text, array, np.array(offsets, np.int32).reshape(-1, 2), runs, self.vocabulary)


class SmallRows:
    """Rows from a list; a string in it is a row that cannot be read."""

    base_dir: Path | None = None
    name = "rows.jsonl"

    def __init__(self, rows: Sequence[dict[str, Any] | str], known: bool = True) -> None:
        self._rows = rows
        self.known_length = len(rows) if known else None

    def row(self, index: int) -> RawRow:
        if index >= len(self._rows):
            raise IndexError(index)
        data = self._rows[index]
        if isinstance(data, str):
            where = Where(file=self.name, line=index + 1, row=index)
            return RawRow(index, None, Finding("D001", "error", data, "Correct the line.", where), self.name, index + 1)
        return RawRow(index, data, None, self.name, index + 1)


class SmallBench(Bench):
    """Nothing is read from a disk. `loading` is called by `load`, to wait or to fail."""

    def __init__(
        self,
        rows: Sequence[dict[str, Any] | str],
        *,
        known: bool = True,
        loading: Callable[[Any], None] = lambda progress: None,
    ) -> None:
        super().__init__(Document.from_text(RECIPE, name="small.yaml"))
        self._sources = SmallRows(rows, known)
        self.loading = loading
        self.renderer: Any = SmallRenderer()

    @cached_property
    def masking(self) -> Masking:  # type: ignore[override]
        encode = self.renderer.tokenizer.encode
        boundaries = tuple(
            RoleBoundary(role, encode(start), encode("<turn|>"), start_text=start, end_text="<turn|>")
            for role, start in (
                ("assistant", "<|turn>model\n"),
                ("user", "<|turn>user\n"),
                ("system", "<|turn>system\n"),
            )
        )
        return Masking(boundaries, ("assistant",), "turn", False, 0, (5, 6, 7))

    def remask(self) -> None:
        """The mask is not the recipe's here."""

    def load(self, progress: Any = None) -> Bench:
        self.loading(progress)
        self.rows: Any = self._sources
        self.family: Any = SimpleNamespace(name="small", grounding=None)
        self.strategy: Any = SimpleNamespace(name="small", grounding=None)
        self.path = TrainingPath("multimodal", "processor_type: AutoProcessor")
        self.recipe: Any = SimpleNamespace(
            field_messages=None,
            image_size=None,
            image_resize_algorithm=None,
            effective_boundaries=[1],
            multimodal=True,
            datasets=None,
        )
        self.template: Any = SimpleNamespace(text="", source="the tokenizer's own")
        self.loaded: Any = SimpleNamespace(image_size=None, tokenizer_template="", processor_template=None)
        # The markers have the first ids, whichever thread asks for the mask first.
        _ = self.masking
        return self


def text(content: str) -> dict[str, Any]:
    """A text part."""
    return {"type": "text", "text": content}


def picture() -> dict[str, Any]:
    """A picture part."""
    return {"type": "image", "image": Image.new("RGB", (16, 16), "#3366cc")}


def conversation(*turns: Any) -> dict[str, Any]:
    """A row of user and assistant in turn; a list is a turn of several parts."""
    roles = ("user", "assistant")
    return {
        "messages": [
            {"role": roles[index % 2], "content": turn if isinstance(turn, list) else [text(turn)]}
            for index, turn in enumerate(turns)
        ]
    }


ROWS: list[dict[str, Any] | str] = [
    conversation(
        [picture(), text("What is in the picture?")],
        "A red square on a table. Beside it lies a small blue book, closed, with a yellow ribbon.",
        "And how many chairs are there? 👍🏽",
        "One.",
    ),
    conversation(
        "Read this: \u202eevil\u202c\x1b[31m [bold]not markup[/bold]\u200b", "I see\n\n- one\n- two\n\tthree."
    ),
    "The line is not JSON: Expecting ',' delimiter",
    conversation("你好，世界", "你好！Ça va?"),
    conversation("Hello", "Hi.", [picture(), picture(), text("Two pictures.")], "Both are blue."),
    *(conversation(f"Question {number}?", f"Answer {number}. " * (number % 7) or ".") for number in range(5, 40)),
]
