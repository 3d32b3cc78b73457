"""The LoRA adapters that a recipe asks for, as axolotl builds them (0.19 and 0.21) with PEFT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, Where
from workbench.models.patterns import require_usable

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

ADAPTERS = ("lora", "qlora")
_SAVED = "adapter_config.json"
# PEFT writes the whole module, layer by layer, where its class says enough.
_KIND = re.compile(r"(Target module \w+)\(.*\) is not supported")


def linear_names(model: Any) -> list[str]:
    """The names that `lora_target_linear` adds: the last part of each linear module's name, but for the head."""
    import torch

    found = set()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) or "Linear" in type(module).__name__:
            found.add(name.rpartition(".")[2])
    return sorted(found - {"lm_head"})


def lora_config(recipe: Recipe, model: Any) -> Any | None:
    """The `peft.LoraConfig` for a model, or None where the recipe has no adapter.

    Raises:
        InputError: the recipe names neither modules nor parameters, or no rank; a pattern of it cannot be used; or PEFT
            refuses what it asks for.
    """
    require_usable(recipe, model)
    if recipe.adapter not in ADAPTERS:
        return None
    if recipe.lora_model_dir and (not _on_meta(model) or _saved(recipe) is not None):
        return saved_config(recipe)
    # An adapter that lies elsewhere is shown as the recipe has it; a run needs it.
    from peft import LoraConfig, TaskType

    targets = recipe.lora_target_modules or []
    if recipe.lora_target_linear:
        listed = targets if isinstance(targets, list) else [targets]
        targets = sorted({*listed, *linear_names(model)})
    parameters = recipe.lora_target_parameters or []
    if not targets and not parameters:
        raise InputError(
            "The recipe's adapter has no targets",
            "Neither lora_target_modules, lora_target_linear nor lora_target_parameters is set.",
            "Name the modules: `vlmbench families` has a pattern for each family.",
            _place(recipe, "adapter"),
        )
    if not recipe.lora_r:
        key = "adapter" if recipe.lora_r is None else "lora_r"
        raise InputError(
            "The recipe's adapter has no rank", "PEFT wants lora_r.", "Set it to 1 or more.", _place(recipe, key)
        )
    more: dict[str, Any] = {}
    known = recipe.model_dump(exclude_none=True)
    for key, name in _OPTIONS.items():
        if known.get(key):
            more[name] = known[key]
    if recipe.peft_ensure_weight_tying is not None:
        more["ensure_weight_tying"] = recipe.peft_ensure_weight_tying
    settings = {
        "r": recipe.lora_r,
        "lora_alpha": recipe.lora_alpha if recipe.lora_alpha is not None else recipe.lora_r,
        "lora_dropout": recipe.lora_dropout or 0.0,
        "target_modules": targets,
        "target_parameters": [parameters] if isinstance(parameters, str) else parameters,
        "bias": "none",
        "task_type": TaskType.CAUSAL_LM,
    }
    try:
        return LoraConfig(**settings, **more)
    except REFUSALS as problem:
        without = (
            (
                key,
                lambda name=name: LoraConfig(
                    **settings, **{setting: more[setting] for setting in more if setting != name}
                ),
            )
            for key, name in _OPTIONS.items()
            if name in more
        )
        raise refusal_error(recipe, problem, refused_key(without)) from problem


REFUSALS = (ValueError, TypeError, AttributeError, LookupError, ImportError, NotImplementedError)
"""Exceptions of PEFT for settings it does not take. AttributeError: it expects a causal language model."""

_OPTIONS = {
    "peft_layers_pattern": "layers_pattern",
    "peft_layers_to_transform": "layers_to_transform",
    "peft_init_lora_weights": "init_lora_weights",
    "peft_use_dora": "use_dora",
    "peft_use_rslora": "use_rslora",
    "lora_rank_pattern": "rank_pattern",
    "lora_alpha_pattern": "alpha_pattern",
    "lora_modules_to_save": "modules_to_save",
    "lora_fan_in_fan_out": "fan_in_fan_out",
    "peft_layer_replication": "layer_replication",
    "peft_trainable_token_indices": "trainable_token_indices",
    "peft_ensure_weight_tying": "ensure_weight_tying",
}
"""Keys of a recipe, and PEFT's setting that axolotl makes of each; `lora_exclude_modules` is none, which it drops."""

SETTINGS: dict[str, Any] = {"lora_r": 8, "lora_dropout": 0.0, **dict.fromkeys(_OPTIONS)}
"""Keys of an adapter beside its targets, with values that PEFT always takes."""

TARGETS = ("lora_target_modules", "lora_target_linear", "lora_target_parameters")
"""The keys that say what is adapted."""

_HINTS = {
    "peft_layers_pattern": "It goes with peft_layers_to_transform, and with lora_target_modules as a list of names.",
    "peft_layers_to_transform": "Give lora_target_modules as a list of names, or write the layers into the pattern.",
    "peft_init_lora_weights": "Remove it for PEFT's own start, or give gaussian, pissa, olora or orthogonal.",
    "lora_r": "Give a rank of 1 or more.",
    "lora_model_dir": "Give an adapter that was trained on this model, with this version of PEFT.",
    "lora_dropout": "Give a share from 0 to 1; beside lora_target_parameters PEFT takes 0 alone.",
}


def refused_key(without: Iterable[tuple[str, Callable[[], Any]]]) -> str | None:
    """The first key whose removal makes PEFT accept the settings; None where no single key does."""
    for key, again in without:
        try:
            again()
        except (*REFUSALS, InputError):
            continue
        return key
    return None


def refusal_error(recipe: Recipe, problem: Exception, key: str | None) -> InputError:
    """PEFT's refusal as an error of the recipe, at the key that it is about; else at the adapter's targets."""
    place = key or next((target_key for target_key in TARGETS if getattr(recipe, target_key)), "adapter")
    hint = f"Correct {place}; `vlmbench families` has a pattern for each family."
    if key is not None:
        hint = _HINTS.get(key, f"Remove {key}, or give what PEFT takes.")
    cause = _KIND.sub(r"\1 is not supported", " ".join(str(problem).split()))[:300]
    title = "PEFT refuses the recipe's LoRA targets" if key is None else f"PEFT refuses {key}"
    return InputError(title, cause, hint, _place(recipe, place))


def innermost(model: Any) -> Any:
    """The model inside of PEFT's wrapping, if there is one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def apply_lora(model: Any, config: Any, recipe: Recipe) -> Any:
    """The model with adapters. PEFT's own refusals come out as errors of the recipe.

    Where a target is a wrapper that PEFT does not know around a linear layer (Gemma 4's clipped one), axolotl adapts
    the layer inside; so does this.

    Raises:
        InputError: no module matches, or PEFT refuses one that does, or what is asked of it.
    """
    from peft import PeftModel, get_peft_model

    chosen = recipe.peft_autocast_adapter_dtype
    more = {} if chosen is None else {"autocast_adapter_dtype": chosen}
    try:
        with wrapped_linear_redirected():
            if recipe.lora_model_dir and not _on_meta(model):
                folder = saved_folder(recipe)
                return PeftModel.from_pretrained(model, str(folder), is_trainable=True, **more)
            return get_peft_model(model, config, **more)
    except REFUSALS as problem:
        raise refusal_error(recipe, problem, "lora_model_dir" if recipe.lora_model_dir else None) from problem


def saved_folder(recipe: Recipe) -> Path:
    """The folder of the adapter that the recipe goes on from: as it is named, else beside the recipe's file.

    Raises:
        InputError: there is no adapter in it.
    """
    found = _saved(recipe)
    if found is None:
        raise InputError(
            f"There is no adapter in {recipe.lora_model_dir}",
            f"It has no {_SAVED}, which PEFT writes beside an adapter.",
            "Give the folder of a saved adapter; one on the hub has to be downloaded first.",
            _place(recipe, "lora_model_dir"),
        )
    return found


def _saved(recipe: Recipe) -> Path | None:
    """The folder of `lora_model_dir` with an adapter in it, from here or from beside the recipe; None without any."""
    named, place = Path(str(recipe.lora_model_dir)), _place(recipe, "lora_model_dir")
    beside = Path(place.file).parent / named if place.file else named
    return next((folder for folder in (named, beside) if (folder / _SAVED).is_file()), None)


def _on_meta(model: Any) -> bool:
    """True for a model without weights."""
    return any(parameter.is_meta for parameter in model.parameters())


def saved_config(recipe: Recipe) -> Any:
    """The configuration of the adapter that the recipe goes on from, which rules in place of its lora_ keys.

    Raises:
        InputError: there is none, or it is no LoRA adapter's.
    """
    from peft import LoraConfig, PeftConfig

    folder = saved_folder(recipe)
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (*REFUSALS, OSError) as problem:
        raise refusal_error(recipe, problem, "lora_model_dir") from problem
    if not isinstance(config, LoraConfig):
        title = f"The adapter in {recipe.lora_model_dir} is no LoRA adapter"
        hint = "Name the folder of a LoRA adapter, or take lora_model_dir out."
        raise InputError(title, f"Its type is {config.peft_type}.", hint, _place(recipe, "lora_model_dir"))
    config.inference_mode = False
    return config


class wrapped_linear_redirected:
    """A context in which PEFT adapts `module.linear` where a target is no layer it knows but has one inside.

    Gives the names of those targets, as they come. Without it PEFT refuses them, in training and in loading alike.
    """

    def __enter__(self) -> list[str]:
        import torch
        from peft.tuners.lora import model as lora

        LoraModel: Any = lora.LoraModel
        self._model_class = LoraModel
        self._original = original = self._model_class._create_and_replace
        names: list[str] = []

        def create(tuner: Any, config: Any, adapter: str, target: Any, name: str, parent: Any, **more: Any) -> Any:
            inner = getattr(target, "linear", None)
            if isinstance(inner, torch.nn.Linear) and not isinstance(target, torch.nn.Linear):
                names.append(str(more.get("current_key", name)))
                return original(tuner, config, adapter, inner, "linear", target, **more)
            return original(tuner, config, adapter, target, name, parent, **more)

        self._model_class._create_and_replace = create
        return names

    def __exit__(self, *error: object) -> None:
        self._model_class._create_and_replace = self._original


def _place(recipe: Recipe, key: str) -> Where:
    return recipe.where((key,), key=True)
