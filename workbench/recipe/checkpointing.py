"""The kind of checkpointing that a recipe gets from axolotl where it does not say, by release and model type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

AS_OF = "0.19.0"
# axolotl turns it off for these, whatever the recipe says.
_NEVER = ("gemma4", "gemma4_unified")
# From this release on nothing said means not reentrant, but for ZeRO-3.
_PLAIN_SINCE = (0, 21)


def is_reentrant(recipe: Recipe, model_type: str | None, version: str = AS_OF) -> bool:
    """True where axolotl of this version normalises the recipe to reentrant checkpointing.

    Tried with 0.19, 0.20 and 0.21 on their normalised configurations.
    """
    if not recipe.gradient_checkpointing or model_type in _NEVER:
        return False
    told = recipe.gradient_checkpointing_kwargs
    if told is not None:
        return bool(told.get("use_reentrant", True))
    if recipe.unfrozen_parameters is not None or recipe.rl:
        return False
    return _release(version) < _PLAIN_SINCE or _zero3(recipe)


def _zero3(recipe: Recipe) -> bool:
    told = recipe.deepspeed
    if isinstance(told, dict):
        return bool((told.get("zero_optimization") or {}).get("stage") == 3)
    return isinstance(told, str) and "zero3" in told


def _release(version: str) -> tuple[int, ...]:
    numbers = version.split(".")[:2]
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else (0, 19)
