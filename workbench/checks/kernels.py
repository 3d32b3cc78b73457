"""A014: LoRA kernels for which axolotl stops while it loads the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.findings import Edit, Finding, Fix
from workbench.recipe.lora_kernels import ATTENTION_KERNELS, KERNELS, kernel_error, kernel_support, kernel_switch

if TYPE_CHECKING:
    from workbench.recipe.yaml.document import Document


def kernels(document: Document, model_type: str | None) -> Iterator[Finding]:
    """A014: LoRA kernels that axolotl turns on, or is told to, and for which it cannot patch this model's attention."""
    data = document.data
    key, why = kernel_switch(data), kernel_error(data, model_type)
    if key is None or why is None:
        return
    unasked = key == "adapter"
    said = "axolotl turns its LoRA kernels on where no lora_*_kernel key is set" if unasked else f"{key} is on"
    text = (
        f"{said}, and its patch of the attention stops the run while it loads {model_type}: {why} "
        f"(asked of axolotl {kernel_support().axolotl})"
    )
    off = KERNELS if unasked else tuple(one for one in ATTENTION_KERNELS if data.get(one))
    hint = "Set all three to false; the kernel for the MLP is given up with them." if unasked else "Set it to false."
    fix = Fix(f"{', '.join(off)}: false", tuple(Edit((one,), False) for one in off))
    yield Finding("A014", "error", text, hint, document.where((key,), key=True), fix)
