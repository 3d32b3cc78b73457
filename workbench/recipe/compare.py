"""Two recipes side by side: every knob of the mask, and whatever else differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.recipe.knobs import FIRST_ONLY
from workbench.recipe.model import BoundarySpec, Recipe
from workbench.recipe.yaml.document import Document

_MASK_KEYS = ("role_boundaries", "train_on_inputs")
_FIELDS = [name for name in BoundarySpec.model_fields if name != "role"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One knob in two recipes; a value that is not written is None, `mask` whether it decides the mask."""

    knob: str
    mine: Any
    theirs: Any
    mask: bool = False

    @property
    def same(self) -> bool:
        """True where both recipes have the same value of the same type."""
        return bool(self.mine == self.theirs) and type(self.mine) is type(self.theirs)


def side_by_side(mine: Document, theirs: Document) -> list[Pair]:
    """The knobs of the mask, equal or not, as axolotl takes them; then the other keys that differ, in order.

    Raises:
        InputError: one of the two has a value that axolotl would refuse.
    """
    pairs = [
        Pair(knob, here, there, mask=True) for knob, here, there in _together(dict(_mask(mine)), dict(_mask(theirs)))
    ]
    rest = (Pair(*three) for three in _together(dict(_rest(mine.data)), dict(_rest(theirs.data))))
    return [*pairs, *(pair for pair in rest if not pair.same)]


def _together(mine: dict[str, Any], theirs: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for knob in dict.fromkeys((*mine, *theirs)):
        yield knob, mine.get(knob), theirs.get(knob)


def _mask(document: Document) -> Iterator[tuple[str, Any]]:
    recipe = Recipe.from_document(document)
    yield "roles_to_train", recipe.roles_to_train
    yield "train_on_eos", recipe.train_on_eos
    yield "train_on_inputs", bool(recipe.train_on_inputs)
    seen: Counter[str] = Counter()
    for row in recipe.effective_boundaries or []:
        seen[row.role] += 1
        name = row.role if seen[row.role] == 1 else f"{row.role} ({seen[row.role]})"
        for field in _FIELDS:
            yield f"{name}.{field}", getattr(row, field)


def _rest(data: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if key not in _MASK_KEYS:
            yield from _leaves(str(key), value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(f"{name}[{index}]", item)
    elif name not in {f"datasets[0].{knob}" for knob in FIRST_ONLY}:
        yield name, value
