"""A012: recipes that the consumer, axolotl, cannot start with. Each case was run on the version it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.recipe.families import Strategy
    from workbench.recipe.family_spec import Family
    from workbench.recipe.model import Recipe


def unstartable(
    recipe: Recipe, strategy: Strategy, family: Family | None, processor: Any, tokenizer: Any
) -> list[Finding]:
    """What axolotl 0.17 to 0.19.0 stop at while they build the collator of this recipe."""
    found = []
    if recipe.multimodal and recipe.effective_boundaries is not None:
        named = family.axolotl.chat_template if family is not None else None
        instead = f"write `chat_template: {named}` and no role_boundaries, or " if named else ""
        found.append(
            Finding(
                "A012",
                "warning",
                "axolotl 0.17 to 0.19.0 stop at `role_boundaries` with TypeError: 'NoneType' object is not callable.",
                f"The mask here is what they mean. To train, {instead}use an axolotl in which this is mended.",
                recipe.where(("role_boundaries",), key=True),
            )
        )
    if (problem := strategy.problem(processor, tokenizer)) is not None:
        found.append(
            Finding(
                "A012",
                "warning",
                f"axolotl 0.19.0 cannot build its {strategy.class_name} for this recipe: {problem}",
                "A chat_template that axolotl has a strategy for, by name, avoids it.",
                recipe.where(("processor_type",), key=True),
            )
        )
    return found
