"""The LoRA adapters that a recipe asks for, as axolotl 0.19 builds them with PEFT."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, Where
from workbench.models.patterns import require_usable

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

ADAPTERS = ("lora", "qlora")
# PEFT writes the whole module, layer by layer, where its class says enough.
_KIND = re.compile(r"(Target module \w+)\(.*\) is not supported")


def linear_names(model: Any) -> list[str]:
    """What `lora_target_linear` adds: the last part of the name of all that calls itself linear, but for the head."""
    import torch

    found = set()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) or "Linear" in type(module).__name__:
            found.add(name.rpartition(".")[2])
    return sorted(found - {"lm_head"})


def lora_config(recipe: Recipe, model: Any) -> Any | None:
    """The `peft.LoraConfig` for a model, or None where the recipe has no adapter.

    Raises:
        InputError: the recipe names neither modules nor parameters, or no rank; or a pattern of it cannot be used.
    """
    require_usable(recipe, model)
    if recipe.adapter not in ADAPTERS:
        return None
    from peft import LoraConfig, TaskType

    targets = recipe.lora_target_modules or []
    if recipe.lora_target_linear:
        given = targets if isinstance(targets, list) else [targets]
        targets = sorted({*given, *linear_names(model)})
    parameters = recipe.lora_target_parameters or []
    if not targets and not parameters:
        raise InputError(
            "The recipe's adapter has no targets",
            "Neither lora_target_modules, lora_target_linear nor lora_target_parameters is set.",
            "Name the modules: `vlmbench families` has a pattern for each family.",
            _place(recipe, "adapter"),
        )
    if not recipe.lora_r:
        raise InputError("The recipe's adapter has no rank", hint="Set lora_r.", where=_place(recipe, "adapter"))
    more: dict[str, Any] = {}
    known = recipe.model_dump(exclude_none=True)
    for key, name in (
        ("peft_init_lora_weights", "init_lora_weights"),
        ("peft_use_dora", "use_dora"),
        ("peft_use_rslora", "use_rslora"),
        ("lora_rank_pattern", "rank_pattern"),
        ("lora_alpha_pattern", "alpha_pattern"),
        ("peft_layers_to_transform", "layers_to_transform"),
        ("peft_layers_pattern", "layers_pattern"),
        ("lora_modules_to_save", "modules_to_save"),
        ("lora_exclude_modules", "exclude_modules"),
    ):
        if known.get(key):
            more[name] = known[key]
    return LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha if recipe.lora_alpha is not None else recipe.lora_r,
        lora_dropout=recipe.lora_dropout or 0.0,
        target_modules=targets,
        target_parameters=[parameters] if isinstance(parameters, str) else parameters,
        bias="none",
        task_type=TaskType.CAUSAL_LM,
        **more,
    )


def innermost(model: Any) -> Any:
    """The model inside of PEFT's wrapping, if there is one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def apply_lora(model: Any, config: Any) -> Any:
    """The model with adapters. PEFT's own refusals come out as errors of the recipe.

    Where a target is a wrapper that PEFT does not know around a linear layer (Gemma 4's clipped one), axolotl adapts
    the layer inside; so does this.

    Raises:
        InputError: no module matches, or PEFT refuses one that does.
    """
    from peft import get_peft_model

    try:
        with _wrapped_linear_redirected():
            return get_peft_model(model, config)
    except (ValueError, AttributeError) as problem:
        # An AttributeError: PEFT wants a causal language model, and the class lacks what generates.
        raise InputError(
            "PEFT refuses the recipe's LoRA targets",
            _KIND.sub(r"\1 is not supported", " ".join(str(problem).split()))[:300],
            "Correct lora_target_modules; `vlmbench families` has a pattern for each family.",
            Where(field="lora_target_modules"),
        ) from problem


class _wrapped_linear_redirected:
    """While this holds, PEFT adapts `module.linear` where a target is no layer it knows but has one inside."""

    def __enter__(self) -> None:
        import torch
        from peft.tuners.lora import model as lora

        LoraModel: Any = lora.LoraModel
        self._model_class = LoraModel
        self._original = original = self._model_class._create_and_replace

        def create(tuner: Any, config: Any, adapter: str, target: Any, name: str, parent: Any, **more: Any) -> Any:
            inner = getattr(target, "linear", None)
            if isinstance(inner, torch.nn.Linear) and not isinstance(target, torch.nn.Linear):
                return original(tuner, config, adapter, inner, "linear", target, **more)
            return original(tuner, config, adapter, target, name, parent, **more)

        self._model_class._create_and_replace = create

    def __exit__(self, *error: object) -> None:
        self._model_class._create_and_replace = self._original


def _place(recipe: Recipe, key: str) -> Where:
    return recipe.where((key,), key=True)
