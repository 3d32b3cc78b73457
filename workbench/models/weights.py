"""A model with its weights, as a multimodal run loads it. Nothing but an overfit run asks for them."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.models.build import ATTENTION_FLAGS, attention, auto_class

if TYPE_CHECKING:
    from workbench.models.load import Loaded
    from workbench.recipe.model import Recipe


_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")


def pick_device(wanted: str) -> str:
    """`auto` is the best there is: cuda, mps or cpu.

    Raises:
        InputError: the text names no device. EnvironmentProblem: the device that was asked for is not there.
    """
    if not _DEVICE.fullmatch(wanted):
        hint = "Write auto, cpu, mps, cuda or cuda:N, N being the number of the card."
        raise InputError(f"{wanted!r} names no device", hint=hint, where=Where(field="device"))
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    kind, colon, number = wanted.partition(":")
    there = available.get(kind, False)
    if there and colon:
        count = torch.cuda.device_count() if kind == "cuda" else 1
        there = number.isdigit() and int(number) < count
    if not there:
        raise EnvironmentProblem(f"There is no device {wanted!r} here", hint="Give --device auto.")
    return wanted


def pick_dtype(recipe: Recipe, device: str) -> Any:
    """The dtype that weights are loaded in: bf16 where the recipe asks for it and the device can, else fp16 or fp32.

    On a CPU a frozen base in bf16 saves nothing that an overfit of a few rows needs, so `bf16: auto` means fp32 there.
    """
    import torch

    if recipe.bf16 is True or recipe.bfloat16:
        return torch.bfloat16
    if recipe.fp16 or recipe.float16:
        return torch.float16
    if recipe.bf16 == "auto" and device.startswith("cuda") and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float32


def as_loaded(recipe: Recipe, device: str) -> Recipe:
    """The recipe with the precision that a run on this device has, in place of one that the device is to choose."""
    import torch

    if pick_dtype(recipe, device) is not torch.float32:
        return recipe
    return recipe.model_copy(update=dict.fromkeys(("bf16", "fp16", "bfloat16", "float16"), False))


def load_weights(
    loaded: Loaded, recipe: Recipe, *, device: str = "cpu", trust_remote_code: bool = False, place: str | None = None
) -> Any:
    """The model on a device: the multimodal class where there is one and a processor, else the causal model.

    4- and 8-bit loading need bitsandbytes and a GPU: `overfit.here` asks for them only where both are there.
    `place`: where the weights stay for now, if not on the device.

    Raises:
        EnvironmentProblem: weights or a package are missing. InputError: no class can be had for this configuration, or
            not with this attention.
    """
    dtype = pick_dtype(recipe, device)
    options: dict[str, Any] = {"dtype": dtype, "trust_remote_code": trust_remote_code, "local_files_only": True}
    if recipe.overrides_of_model_config and loaded.auto_config is not None:
        options["config"] = copy.deepcopy(loaded.auto_config)
    if (name := attention(recipe)) is not None:
        options["attn_implementation"] = name
    if recipe.load_in_4bit or recipe.load_in_8bit or recipe.adapter == "qlora":
        options["quantization_config"] = _quantization(recipe, dtype)
    where = Where(file=str(loaded.path))
    kind = auto_class(loaded.auto_config, multimodal=loaded.processor is not None, remote=trust_remote_code)
    if kind is None:
        raise InputError(
            "transformers has no class to train this model with",
            f"None of its auto classes knows {type(loaded.auto_config).__name__}.",
            "Update transformers, or give --trust-remote-code where the model has code of its own.",
            where,
        )
    try:
        model = kind.from_pretrained(str(loaded.path), **options)
    except OSError as error:
        raise EnvironmentProblem(
            "The model's weights cannot be loaded",
            str(error).splitlines()[0][:300],
            "Download them, or give --model with a folder that has them.",
            where,
        ) from error
    except ImportError as error:
        refused = _refused(loaded, recipe, name, error)
        if refused.where.field is not None:
            # A part that lacks the attention lacks it with the package too.
            raise refused from error
        message = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        hint = "Install it, or take what needs it out of the recipe."
        raise EnvironmentProblem("A package that loading this model needs is missing", message[:300], hint) from error
    except ValueError as error:
        raise _refused(loaded, recipe, name, error) from error
    return model if "quantization_config" in options else model.to(place or device)


def _refused(loaded: Loaded, recipe: Recipe, name: str | None, error: Exception) -> InputError:
    """The error for a model that transformers did not make: the attention asked for, or transformers' message."""
    from workbench.models.anatomy import anatomy
    from workbench.models.attention import UNSET, missing_backend

    try:
        why = missing_backend(anatomy(loaded.auto_config), name) if name is not None else None
    except EnvironmentProblem:
        why = None
    if why is None:
        message = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        hint = "Check that the folder holds whole weights, and that this transformers is new enough for the model."
        return InputError("transformers cannot load this model", message, hint, Where(file=str(loaded.path)))
    flag = next((key for key, _ in ATTENTION_FLAGS if getattr(recipe, key)), "")
    key = "attn_implementation" if recipe.attn_implementation else flag
    hint = f"Remove {key}: {UNSET}."
    return InputError(f"The model does not load with {name} attention", f"{why}.", hint, recipe.where((key,), key=True))


def _quantization(recipe: Recipe, dtype: Any) -> Any:
    """The quantization as axolotl sets it up."""
    import transformers

    if recipe.load_in_8bit:
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_quant_storage=dtype,
    )
