"""A model without weights, on the meta device, as a recipe trains it: its class, adapters, freezing, checkpointing."""

from __future__ import annotations

import logging
import re
import warnings
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem
from workbench.models.embeddings import resized
from workbench.recipe.checkpointing import checkpointing_kwargs

if TYPE_CHECKING:
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.model import Recipe


def meta_model(config: Any, recipe: Recipe | None = None, *, tokens: int | None = None) -> Any:
    """The model that a run would load, on the meta device, without adapters.

    `tokens`: how many the tokenizer has; the embeddings grow with it.

    Raises:
        EnvironmentProblem: as for `anatomy`.
    """
    import torch
    from transformers import AutoModelForCausalLM

    # Where none knows it, the causal one says so in transformers' own words.
    kind = auto_class(config) or AutoModelForCausalLM
    options: dict[str, Any] = {"dtype": torch.bfloat16 if recipe is None else weight_dtype(recipe)}
    if recipe is not None and attention(recipe) == "eager":
        # Every other attention kernel keeps for the backward pass what sdpa keeps: the output, and a number for
        # each head and token.
        options["attn_implementation"] = "eager"
    try:
        with torch.device("meta"):
            model = kind.from_config(config, **options)
            if recipe is not None and tokens is not None:
                resized(model, recipe, tokens)
            return model
    except ImportError as problem:
        package = re.search(r"requires the (\w+) library", str(problem))
        raise EnvironmentProblem(
            f"A package is missing to build {type(config).__name__}'s model",
            str(problem).strip().splitlines()[0][:200],
            f"Install {package[1]}." if package else "Install what is missing.",
        ) from problem
    except Exception as problem:
        raise EnvironmentProblem(
            f"transformers cannot build a model of this {type(config).__name__}",
            f"{type(problem).__name__}: {str(problem).splitlines()[0][:200] if str(problem) else ''}",
            "Look at config.json; another release of transformers may know it.",
        ) from problem


ATTENTION_FLAGS = (
    ("flex_attention", "flex_attention"),
    ("flash_attention", "flash_attention_2"),
    ("sdp_attention", "sdpa"),
    ("eager_attention", "eager"),
)


def attention(recipe: Recipe) -> str | None:
    """The attention that the recipe names, or None for transformers' own choice."""
    if recipe.attn_implementation:
        return recipe.attn_implementation
    return next((name for key, name in ATTENTION_FLAGS if getattr(recipe, key)), None)


def auto_class(config: Any, *, multimodal: bool = True, remote: bool = False) -> Any | None:
    """transformers' auto class that knows this configuration; the multimodal ones first, or not at all.

    `remote`: classes that the model brings in its own code count. None where no class is known.
    """
    import transformers

    kinds = [transformers.AutoModelForCausalLM]
    if multimodal:
        kinds[:0] = [transformers.AutoModelForImageTextToText, transformers.AutoModelForMultimodalLM]
    own = getattr(config, "auto_map", None) or {}
    known = (kind for kind in kinds if type(config) in kind._model_mapping or (remote and kind.__name__ in own))
    return next(known, None)


def adapted_meta_model(
    config: Any, recipe: Recipe, axolotl: AxolotlTable | None = None, *, tokens: int | None = None
) -> Any:
    """The model with adapters, freezing and checkpointing as the recipe has them, on the meta device.

    `axolotl`: the release whose kind of checkpointing is taken, by default the newest. `tokens`: as for `meta_model`.
    """
    import torch

    with torch.device("meta"):
        return prepared(meta_model(config, recipe, tokens=tokens), recipe, axolotl)


def prepared(model: Any, recipe: Recipe, axolotl: AxolotlTable | None = None) -> Any:
    """A model with the recipe's adapters, freezing and checkpointing, ready to train."""
    from workbench.models.freeze import freeze_mm, unfrozen
    from workbench.models.lora import apply_lora, lora_config
    from workbench.recipe.axolotl_table import table

    adapter = lora_config(recipe, model)
    with warnings.catch_warnings():
        # The newest transformers has another name for checkpointing, which PEFT does not know yet.
        warnings.simplefilter("ignore", FutureWarning)
        if adapter is not None:
            model = apply_lora(model, adapter, recipe)
        if recipe.unfrozen_parameters:
            names, _ = unfrozen((name for name, _ in model.named_parameters()), recipe.unfrozen_parameters)
            for name, parameter in model.named_parameters():
                parameter.requires_grad = name in names
        if recipe.freeze_mm_modules:
            freeze_mm(model)
        if recipe.gradient_checkpointing:
            kwargs = checkpointing_kwargs(recipe, getattr(model.config, "model_type", None), axolotl or table())
            model.gradient_checkpointing_enable(kwargs)
            if adapter is not None:
                model.enable_input_require_grads()
    return model.train()


def fake_tensors() -> Any:
    """A context in which tensors have shapes and no data. Errors are raised, and not logged by torch."""
    from torch._subclasses import fake_tensor

    # It would write a traceback to stderr for every operation that raises.
    logging.getLogger(fake_tensor.__name__).disabled = True
    return fake_tensor.FakeTensorMode(allow_non_fake_inputs=True)


def as_fake_tensors(model: Any) -> Any:
    """Replace a model's meta tensors by fake CPU tensors of their shape and dtype; called within `fake_tensors`."""
    import torch

    made: dict[int, Any] = {}
    for module in model.modules():
        for kind in (module._parameters, module._buffers):
            for name, tensor in kind.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    fake = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    trained = tensor.requires_grad
                    made[id(tensor)] = torch.nn.Parameter(fake, trained) if kind is module._parameters else fake
                kind[name] = made[id(tensor)]
    return model


def weight_dtype(recipe: Recipe) -> Any:
    """The dtype that the weights are loaded in."""
    import torch

    if recipe.bf16 or recipe.bfloat16:
        return torch.bfloat16
    return torch.float16 if recipe.fp16 or recipe.float16 else torch.float32
