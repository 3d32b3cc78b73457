"""axolotl's LoRA kernels: whether it turns them on for a recipe, and for which models its patch of the attention works.

The patch rewrites the source of the attention class, which it finds by the `model_type` of the top of config.json; for
most models there is no class under that name, or its source is another, and loading stops. Which models go through is
data, part of a release's table (`axolotl_table.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")
ATTENTION_KERNELS = ("lora_qkv_kernel", "lora_o_kernel")
_KERNEL_KEYS = (*KERNELS, "lora_embedding_kernel")


@dataclass(frozen=True, slots=True)
class KernelSupport:
    """A release's LoRA kernels per model type: the patch of the attention applied, axolotl turned it off, or it raised.

    `layerless`: models in which it finds no layers, so that every kernel stops it, the MLP's too.
    """

    applied: frozenset[str]
    off: frozenset[str]
    raises: Mapping[str, str]
    layerless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KernelStop:
    """The end of a run at the kernels: the key that turns them on, why, and those to turn off.

    The key is "adapter" where axolotl turns them on by itself.
    """

    key: str
    why: str
    off: tuple[str, ...]


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


def kernel_stop(data: Mapping[Any, Any], model_type: str | None, known: KernelSupport) -> KernelStop | None:
    """The stop at axolotl's kernel patches for this model under this recipe; None where none is known."""
    key, why = kernel_switch(data), known.raises.get(model_type or "")
    on = KERNELS if key == "adapter" else tuple(one for one in KERNELS if data.get(one))
    if on and model_type in known.layerless - known.off:
        first = why if key is not None and why is not None else "it finds no layers of the language model to patch"
        return KernelStop(key or on[0], first, on)
    if key is None or why is None:
        return None
    return KernelStop(key, why, on if key == "adapter" else tuple(one for one in ATTENTION_KERNELS if data.get(one)))


def kernel_error(data: Mapping[Any, Any], model_type: str | None, known: KernelSupport) -> str | None:
    """The error with which axolotl's kernel patch stops this model under this recipe; None where none is known."""
    stop = kernel_stop(data, model_type, known)
    return stop.why if stop is not None else None
