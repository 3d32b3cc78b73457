"""A recipe as this machine can train it: what the machine lacks is replaced by its plain counterpart, and named."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from workbench.errors import BenchError
from workbench.models.attention import missing_backend
from workbench.models.build import ATTENTION_FLAGS, attention

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.recipe.model import Recipe

_PLAIN = "adamw_torch"
_EVERYWHERE = ("sdpa", "eager")
_AXOLOTL = ("xformers", "sage", "s2", "fp8")
_FLASH = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}


def recipe_here(bench: Bench, device: str) -> tuple[Recipe, dict[str, str]]:
    """The recipe that a run on this device follows, and what of the bench's own it replaces: key and how."""
    recipe = bench.recipe
    changes: dict[str, Any] = {}
    replaced: dict[str, str] = {}
    for replace in (_attention, _quantization, _precision, _optimizer):
        update, key, how = replace(recipe, bench, device)
        if key:
            changes |= update
            replaced[key] = how
    return recipe.model_copy(update=changes) if changes else recipe, replaced


_Replaced = tuple[dict[str, Any], str, str]
_NOTHING: _Replaced = {}, "", ""


def _attention(recipe: Recipe, bench: Bench, device: str) -> _Replaced:
    name = attention(recipe)
    if name is None or name in _EVERYWHERE:
        return _NOTHING
    lacks = _without(name, device)
    if not lacks:
        return _NOTHING
    try:
        if missing_backend(bench.anatomy, name) is not None:
            # No machine loads the model so; loading says which part lacks it.
            return _NOTHING
    except BenchError:
        pass
    keys = ("attn_implementation", *(flag for flag, _ in ATTENTION_FLAGS))
    key = next(key for key in keys if getattr(recipe, key))
    return dict.fromkeys(keys), key, f"{name} needs {lacks}: sdpa is used, and eager where a part has no sdpa"


def _without(name: str, device: str) -> str:
    """The thing that an attention needs and this machine lacks; "" where it has all of it."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    known = {*ALL_ATTENTION_FUNCTIONS.valid_keys(), *_FLASH, *_AXOLOTL}
    if name not in known and "/" not in name:
        # A name that nothing has: loading says so.
        return ""
    if not device.startswith("cuda"):
        return "CUDA"
    package = _FLASH.get(name)
    if package is not None:
        return "" if find_spec(package) is not None else f"the package {package}"
    if "/" in name:
        return "" if find_spec("kernels") is not None else "the package kernels"
    return "axolotl's own code" if name in _AXOLOTL else ""


def _quantization(recipe: Recipe, bench: Bench, device: str) -> _Replaced:
    key = next((key for key in ("load_in_4bit", "load_in_8bit") if getattr(recipe, key)), "")
    if not key and recipe.adapter == "qlora":
        key = "adapter"
    if not key:
        return _NOTHING
    if not device.startswith("cuda"):
        lacks = "CUDA"
    elif find_spec("bitsandbytes") is None:
        lacks = "the package bitsandbytes"
    else:
        return _NOTHING
    changes: dict[str, Any] = {"load_in_4bit": False, "load_in_8bit": False}
    if recipe.adapter == "qlora":
        changes["adapter"] = "lora"
    return changes, key, f"few bits need {lacks}: the weights are not quantized"


def _precision(recipe: Recipe, bench: Bench, device: str) -> _Replaced:
    """Half precision on a CPU. `bf16: auto` asks for what the device can, so nothing is replaced there."""
    if device != "cpu" or not (recipe.fp16 or recipe.float16) or recipe.bf16 is True:
        return _NOTHING
    key = "fp16" if recipe.fp16 else "float16"
    return {"fp16": False, "float16": False}, key, "half precision does not train on a CPU: 32 bits are used"


def _optimizer(recipe: Recipe, bench: Bench, device: str) -> _Replaced:
    name = recipe.optimizer or "adamw_torch_fused"
    lacks = _optimizer_lacks(name, device)
    if not lacks:
        return _NOTHING
    return {"optimizer": _PLAIN, "optim_args": None}, "optimizer", f"{name} needs {lacks}: AdamW is used"


def _optimizer_lacks(name: str, device: str) -> str:
    """The thing that an optimizer needs and this machine lacks; "" where transformers makes it here."""
    from transformers import Trainer, TrainingArguments
    from transformers.training_args import OptimizerNames

    if name not in {known.value for known in OptimizerNames}:
        return "axolotl's own code"
    if not device.startswith("cuda") and any(mark in name for mark in ("8bit", "4bit", "paged", "bnb", "fp8")):
        return "CUDA"
    try:
        arguments = TrainingArguments(output_dir="unused", optim=name, use_cpu=device == "cpu", report_to=[])
        Trainer.get_optimizer_cls_and_kwargs(arguments)
    except (ImportError, ValueError, RuntimeError, AttributeError) as problem:
        # Some ask for a model beside the arguments, which they get in training.
        message = " ".join(str(problem).split())
        return "" if "model" in message and "install" not in message else f"what this machine lacks ({message[:120]})"
    return ""
