"""A014: LoRA kernels for which axolotl stops while it loads the model."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.checks.recipe_facts import RecipeFacts
from workbench.checks.registry import check
from workbench.findings import Edit, Finding, Fix
from workbench.recipe.lora_kernels import kernel_stop


@check("A014", stage="recipe")
def kernels(recipe: RecipeFacts) -> Iterator[Finding]:
    """A014: LoRA kernels that axolotl turns on, or is told to, and for which it cannot patch this model's attention."""
    document, model_type = recipe.document, recipe.bench.loaded.model_type
    axolotl = recipe.bench.axolotl
    stop = kernel_stop(document.data, model_type, axolotl.kernels)
    # What was asked goes before the table; of a patch of the attention alone.
    asked = model_type in recipe.bench.patched and model_type not in axolotl.kernels.layerless
    if stop is None or asked:
        return
    unasked = stop.key == "adapter"
    cause = "axolotl turns its LoRA kernels on where no lora_*_kernel key is set" if unasked else f"{stop.key} is on"
    what = "its patch of the layers" if stop.key == "lora_mlp_kernel" else "its patch of the attention"
    text = (
        f"{cause}, and {what} stops the run while it loads {model_type}: {stop.why} (from the table of {axolotl.name})"
    )
    hint = "Set all three to false; the kernel for the MLP is given up with them." if unasked else "Set it to false."
    if not unasked and len(stop.off) > 1:
        hint = f"Set {' and '.join(stop.off)} to false."
    fix = Fix(f"{', '.join(stop.off)}: false", tuple(Edit((key,), False) for key in stop.off))
    yield Finding("A014", "error", text, hint, document.where((stop.key,), key=True), fix)
