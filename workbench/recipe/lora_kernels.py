"""axolotl's LoRA kernels: whether it turns them on for a recipe, and for which models its patch of the attention works.

The patch rewrites the source of the attention class, which it finds by the `model_type` of the top of config.json; for
most models there is no class under that name, or its source is another, and loading stops. Which models go through is
data, asked of the releases that the file names (`python -m conformance.kernels` asks anew).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")
ATTENTION_KERNELS = ("lora_qkv_kernel", "lora_o_kernel")
_KERNEL_KEYS = (*KERNELS, "lora_embedding_kernel")


@dataclass(frozen=True, slots=True)
class KernelSupport:
    """The outcome of axolotl's LoRA kernels per model type: the patch applied, axolotl turned them off, or it raised.

    `axolotl`: the releases that were tried, in words.
    """

    axolotl: str
    applied: frozenset[str]
    off: frozenset[str]
    raises: Mapping[str, str]


@cache
def kernel_support() -> KernelSupport:
    """The stored outcomes."""
    stored = json.loads(files("workbench.recipe").joinpath("lora_kernels.json").read_text("utf-8"))
    raises = {name: why for why, names in stored["raises"].items() for name in names}
    return KernelSupport(stored["axolotl"], frozenset(stored["through"]), frozenset(stored["off"]), raises)


def kernel_switch(data: Mapping[Any, Any]) -> str | None:
    """The key that turns the attention's kernels on; "adapter" where axolotl does so by default, None if off."""
    chosen = next((key for key in ATTENTION_KERNELS if data.get(key)), None)
    if chosen is not None or any(data.get(key) is not None for key in _KERNEL_KEYS):
        return chosen
    adapter = data.get("adapter")
    if adapter not in ("lora", "qlora") or data.get("rl") or data.get("trust_remote_code"):
        return None
    if (adapter == "lora" and data.get("load_in_8bit")) or data.get("nvfp4_merge_aware"):
        return None
    return "adapter"


def kernel_error(data: Mapping[Any, Any], model_type: str | None) -> str | None:
    """The error with which axolotl's kernel patch stops this model under this recipe; None where none is known."""
    if kernel_switch(data) is None or model_type is None:
        return None
    return kernel_support().raises.get(model_type)
