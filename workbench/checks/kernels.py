"""A014: LoRA kernels for which axolotl stops while it loads the model."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.checks.recipe_facts import RecipeFacts
from workbench.checks.registry import check
from workbench.findings import Edit, Finding, Fix
from workbench.recipe.lora_kernels import ATTENTION_KERNELS, KERNELS, kernel_error, kernel_switch


@check("A014", stage="recipe")
def kernels(recipe: RecipeFacts) -> Iterator[Finding]:
    """A014: LoRA kernels that axolotl turns on, or is told to, and for which it cannot patch this model's attention."""
    document, model_type = recipe.document, recipe.bench.loaded.model_type
    data, axolotl = document.data, recipe.bench.axolotl
    key, why = kernel_switch(data), kernel_error(data, model_type, axolotl.kernels)
    if key is None or why is None or model_type in recipe.bench.patched:
        # What was asked goes before the table.
        return
    unasked = key == "adapter"
    cause = "axolotl turns its LoRA kernels on where no lora_*_kernel key is set" if unasked else f"{key} is on"
    text = (
        f"{cause}, and its patch of the attention stops the run while it loads {model_type}: {why} "
        f"(from the table of {axolotl.name})"
    )
    off = KERNELS if unasked else tuple(key for key in ATTENTION_KERNELS if data.get(key))
    hint = "Set all three to false; the kernel for the MLP is given up with them." if unasked else "Set it to false."
    fix = Fix(f"{', '.join(off)}: false", tuple(Edit((key,), False) for key in off))
    yield Finding("A014", "error", text, hint, document.where((key,), key=True), fix)
