"""The masking of the text path from a recipe: roles, end tokens and lengths, as axolotl's strategy takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, Where
from workbench.tokens.turns import TextMasking

if TYPE_CHECKING:
    from workbench.data.turns import TurnKeys
    from workbench.recipe.model import DatasetSpec, Recipe

Place = Callable[[tuple[str | int, ...]], Where]


def text_masking(
    recipe: Recipe, entry: DatasetSpec | None, keys: TurnKeys, tokenizer: Any, template: str, place: Place
) -> TextMasking:
    """The masking of a dataset's entry (None: all defaults). `place` gives the place of a key, for errors.

    Raises:
        InputError: axolotl's strategy refuses the end tokens.
    """
    roles = entry.roles_to_train if entry is not None else None
    on_eos = (entry.train_on_eos if entry is not None else None) or "turn"
    on_eot = (entry.train_on_eot if entry is not None else None) or on_eos
    eos = getattr(tokenizer, "eos_token", None)
    tokens = _end_tokens(recipe.eot_tokens, eos, template)
    known = {token: tokenizer.encode(token, add_special_tokens=False) for token in tokens}
    if recipe.eot_tokens is not None and recipe.eot_tokens != [eos]:
        for token, ids in known.items():
            if len(ids) != 1:
                what = f"it is {len(ids)} tokens: {' '.join(map(str, ids))}" if ids else "it encodes to nothing"
                raise InputError(
                    f"axolotl refuses the end token {token!r}",
                    what,
                    "Write a token of the vocabulary, or add it under `tokens`.",
                    place(("eot_tokens",)),
                )
        if eos in tokens and on_eos != on_eot:
            raise InputError(
                "axolotl refuses train_on_eos and train_on_eot that differ",
                f"The EOS token {eos!r} is among the end tokens; they are {on_eos} and {on_eot}.",
                "Write the same for both, or take the EOS token out of eot_tokens.",
                place(("eot_tokens",)),
            )
    return TextMasking(
        tuple(keys.role(role) for role in (["assistant"] if roles is None else roles)),
        on_eos,
        on_eot,
        bool(recipe.train_on_inputs),
        getattr(tokenizer, "eos_token_id", None),
        tuple(ids[0] for ids in known.values() if len(ids) == 1),
        None if recipe.streaming else recipe.sequence_len,
        recipe.excess_length_strategy or "drop",
        recipe.min_sample_len or 2,
        bool(recipe.sample_packing),
    )


def _end_tokens(named: list[str] | None, eos: str | None, template: str) -> list[str]:
    """The end tokens that count: those named that the template writes, or where none are named the EOS token."""
    if named is None:
        return [] if eos is None else [eos]
    return named if named == [eos] else [token for token in named if token in template]


def unwritten_ends(recipe: Recipe, eos: str | None, template: str) -> list[str]:
    """End tokens, the EOS token among them, that axolotl warns of because the template does not write them."""
    if recipe.eot_tokens is None or recipe.eot_tokens == [eos]:
        return [eos] if eos is not None and eos not in template and "eos_token" not in template else []
    return [token for token in recipe.eot_tokens if token not in template]
