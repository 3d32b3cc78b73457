"""Role boundaries: the recipe's marker texts turned into the token ids that the scanner looks for.

The meaning is axolotl's: a marker is encoded alone, without special tokens; `end: eos_token` is the tokenizer's
end-of-sequence id; an end that is null or missing lets the span run to the end of the sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.errors import InputError, Where

EOS = "eos_token"


class BoundaryText(Protocol):
    """The fields of a role boundary, as in `workbench.recipe.model.BoundarySpec`."""

    @property
    def role(self) -> str: ...
    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str | None: ...
    @property
    def include_start(self) -> bool: ...
    @property
    def include_end(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class RoleBoundary:
    """One role's markers as token ids. An empty `end` means that the span runs to the end of the sequence."""

    role: str
    start: tuple[int, ...]
    end: tuple[int, ...] = ()
    include_start: bool = False
    include_end: bool = True
    start_text: str = ""
    end_text: str | None = None


def encode_marker(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The ids of a marker encoded alone, as the scanner will search for them."""
    # Inside a row the tokenizer may join the marker's last characters with the content behind it; such a row does not
    # have these ids. axolotl searches for them all the same, so the bench does.
    return tuple(int(token) for token in tokenizer.encode(text, add_special_tokens=False))


def resolve(
    specs: Iterable[BoundaryText],
    tokenizer: Any,
    *,
    places: Sequence[Where] = (),
    known: dict[str, tuple[int, ...]] | None = None,
) -> list[RoleBoundary]:
    """Encode every boundary of a recipe.

    `places[i]`, where given, is the place of boundary `i` in the recipe, for the error. `known` has the ids of markers
    that this tokenizer encoded before, and gets those of new ones: a recipe is resolved at every keystroke.

    Raises:
        InputError: a marker encodes to nothing, or `eos_token` is asked of a tokenizer that has none. axolotl refuses
            both.
    """
    resolved = []
    known = {} if known is None else known

    def encode(text: str) -> tuple[int, ...]:
        if text not in known:
            known[text] = encode_marker(tokenizer, text)
        return known[text]

    for index, spec in enumerate(specs):
        where = places[index] if index < len(places) else Where(field=f"role_boundaries[{index}]")
        start = encode(spec.start)
        if not start:
            raise InputError(
                f"The start marker {spec.start!r} of role {spec.role!r} encodes to no token",
                "A marker without tokens can never be found, and axolotl refuses it.",
                "Give the text that the chat template writes before the role's content.",
                where,
            )
        resolved.append(
            RoleBoundary(
                role=spec.role,
                start=start,
                end=_end_ids(spec, tokenizer, where, encode),
                include_start=spec.include_start,
                include_end=spec.include_end,
                start_text=spec.start,
                end_text=spec.end,
            )
        )
    return resolved


def _end_ids(
    spec: BoundaryText, tokenizer: Any, where: Where, encode: Callable[[str], tuple[int, ...]]
) -> tuple[int, ...]:
    if spec.end is None:
        return ()
    if spec.end == EOS:
        eos = getattr(tokenizer, "eos_token_id", None)
        if eos is None:
            raise InputError(
                f"Role {spec.role!r} ends at `eos_token`, but this tokenizer has no end-of-sequence token",
                hint="Write the end marker's text instead, or set `special_tokens: {eos_token: …}`.",
                where=where,
            )
        return (int(eos),)
    end = encode(spec.end)
    if not end:
        raise InputError(
            f"The end marker {spec.end!r} of role {spec.role!r} encodes to no token",
            "A marker without tokens can never be found, and axolotl refuses it.",
            "Leave `end` out to run to the end of the sequence, or write `end: eos_token`.",
            where,
        )
    return end
