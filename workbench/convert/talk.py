"""A row on its way to messages: its turns and their parts, what stands beside them, and what was changed on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

MediaKind = Literal["image", "video", "audio"]
KINDS: tuple[MediaKind, ...] = ("image", "video", "audio")
TOOL_TEXT = "With --tool-text they are written as text."


class Refused(Exception):
    """A row that cannot become messages. `reason` is the same for all rows of one cause, `detail` is about this row."""

    def __init__(self, reason: str, detail: str = "", hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail, self.hint = reason, detail, hint


@dataclass(slots=True)
class Text:
    """A part of text."""

    text: str


@dataclass(slots=True)
class Media:
    """A picture, film or sound, as the row holds it. With `value` None it is a spot that a column fills.

    `number`: of a spot that is numbered in the text, from 1. `frames`: `value` is a list of pictures, one film.
    """

    kind: MediaKind
    value: Any = None
    number: int | None = None


Part = Text | Media


@dataclass(slots=True)
class Call:
    """One call of a tool. A text that could not be read as a call is kept in `arguments`, without a name."""

    name: str
    arguments: Any


@dataclass(slots=True)
class TalkTurn:
    """One message. `train`: what the row says of training it; None where it says nothing."""

    role: str
    parts: list[Part] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    reasoning: str = ""
    train: bool | None = None

    @property
    def empty(self) -> bool:
        """True where nothing is said, shown, thought or called."""
        return not (self.parts or self.calls or self.reasoning)


@dataclass(slots=True)
class Talk:
    """A row's turns, the media of its columns in their order, and the tools that it declares."""

    turns: list[TalkTurn]
    media: dict[MediaKind, list[Any]] = field(default_factory=dict)
    tools: Any = None


@dataclass(slots=True)
class Changes:
    """Counts, by sentence, of what was written otherwise (`made`) and of what the messages do not say (`lost`)."""

    made: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, other: Changes) -> None:
        """Take over the counts of a row."""
        self.made.update(other.made)
        self.lost.update(other.lost)
