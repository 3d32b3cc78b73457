"""Effects of message text on the turns: markers that a user types, and conversations that hold some.

It is no property of role boundaries: any boundary made of control tokens can be written by a user where the tokenizer
reads control tokens in text as such. So it is reported beside the proof of boundaries, and not as a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.infer.probes import Case, make_case
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import scan
from workbench.tokens.render import Renderer
from workbench.tokens.trace import Owner


@dataclass(frozen=True, slots=True)
class Attack:
    """A text in a message of `author`, and the roles whose turns it `opens` and `closes`."""

    text: str
    author: str
    opens: tuple[str, ...]
    closes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "author": self.author, "opens": list(self.opens), "closes": list(self.closes)}


@dataclass(frozen=True, slots=True)
class Injection:
    """The effect of markers typed into a message: which of the `tried` texts open or close a turn.

    `handling` is `control` (as what they are) or `text` (`split_special_tokens`). `set_aside` are the sample's own
    conversations that hold such a text, and so prove nothing of the boundaries.
    """

    tried: int
    attacks: tuple[Attack, ...]
    handling: str
    set_aside: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "tried": self.tried,
            "handling": self.handling,
            "attacks": [attack.to_dict() for attack in self.attacks],
            "set_aside": list(self.set_aside),
        }


def effect(case: Case, boundaries: Sequence[RoleBoundary]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The roles whose turns text of a conversation's messages opens, and closes."""
    roles = {boundary.role for boundary in boundaries}
    spans = scan(case.rendering.input_ids, boundaries, roles_to_train=roles, train_on_eos="turn").spans
    if not len(spans):
        return (), ()
    typed = np.append(case.trace.kind == Owner.CONTENT, False)
    control = case.rendering.vocabulary.are_special(np.append(case.rendering.input_ids, -1))
    begun = typed[spans.start]
    # Words of content that happen to be an end are a badly chosen end: the proof counts them.
    ended = spans.terminated & typed[spans.end] & control[spans.end]
    names = [spans.role(index) for index in range(len(spans))]
    opens, closes = (
        tuple(dict.fromkeys(name for name, hit in zip(names, hits, strict=True) if hit)) for hits in (begun, ended)
    )
    return opens, closes


def injection(
    renderer: Renderer, tokenizer: Any, boundaries: Sequence[RoleBoundary], set_aside: Sequence[str] = ()
) -> Injection:
    """Type every marker into a message of the user, alone and with what ends the user's turn before it."""
    found, tried = [], 0
    for typed in _texts(boundaries):
        turns = (("user", f"Say {typed} now."), ("assistant", "No."))
        messages = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
        case = make_case(renderer, "attack", messages)
        if case is None:
            continue
        tried += 1
        opens, closes = effect(case, boundaries)
        if opens or closes:
            found.append(Attack(typed, "user", opens, closes))
    # Texts that open a turn of the assistant come first: they train a user's words as an answer.
    found.sort(key=lambda attack: "assistant" not in attack.opens)
    handling = "text" if getattr(tokenizer, "split_special_tokens", False) else "control"
    return Injection(tried, tuple(found), handling, tuple(set_aside))


def _texts(boundaries: Sequence[RoleBoundary]) -> Iterator[str]:
    ends = [
        str(boundary.end_text)
        for boundary in boundaries
        if boundary.role == "user" and boundary.end_text and boundary.end
    ]
    starts = [boundary.start_text for boundary in boundaries]
    yield from dict.fromkeys([*ends, *starts, *(f"{end}\n{start}" for end in ends for start in starts)])
