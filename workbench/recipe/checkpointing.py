"""The kind of checkpointing that a recipe gets from axolotl where it does not say, by release and model type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.model import Recipe

# axolotl turns it off for these, whatever the recipe says.
_NEVER = ("gemma4", "gemma4_unified")


def is_reentrant(recipe: Recipe, model_type: str | None, axolotl: AxolotlTable) -> bool:
    """True where a release of axolotl normalises the recipe to reentrant checkpointing.

    Tried with 0.19, 0.20 and 0.21 on their normalised configurations.
    """
    if not recipe.gradient_checkpointing or model_type in _NEVER:
        return False
    kwargs = recipe.gradient_checkpointing_kwargs
    if kwargs is not None:
        return bool(kwargs.get("use_reentrant", True))
    if recipe.unfrozen_parameters is not None or recipe.rl:
        return False
    return axolotl.use_reentrant(model_type, zero3=_zero3(recipe))


def checkpointing_kwargs(recipe: Recipe, model_type: str | None, axolotl: AxolotlTable) -> dict[str, Any]:
    """The options of checkpointing, with the kind that a release gives it."""
    return {**(recipe.gradient_checkpointing_kwargs or {}), "use_reentrant": is_reentrant(recipe, model_type, axolotl)}


def _zero3(recipe: Recipe) -> bool:
    deepspeed = recipe.deepspeed
    if isinstance(deepspeed, dict):
        return bool((deepspeed.get("zero_optimization") or {}).get("stage") == 3)
    return isinstance(deepspeed, str) and "zero3" in deepspeed
