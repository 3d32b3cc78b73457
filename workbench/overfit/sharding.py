"""A model shared out over several accelerators with FSDP2, for those that outgrow one card, in the family's settings.

accelerate shares out on accelerators alone; on a CPU its processes have the whole model each, and share the rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.bench import Bench

_KEY = "transformer_layer_cls_to_wrap"


def sharding_of(bench: Bench) -> dict[str, Any]:
    """The settings of FSDP2 for a loaded bench: the recipe's where it has any, else those of its family.

    The layer to wrap is the recipe's, the family's, or the class of the language model's repeated layers; of those
    that are named, only the ones that the model has.

    Raises:
        InputError: no layer is known, or the model has none of those that the recipe names.
    """
    settings = {str(key).removeprefix("fsdp_"): value for key, value in (bench.recipe.fsdp_config or {}).items()}
    anatomy = bench.anatomy
    own = [name for block in anatomy.blocks for name in block.classes]
    family = bench.family.settings(bench.loaded.config) if bench.family is not None else {}
    usual = family.get(f"fsdp_config.{_KEY}")
    named = _names(settings.get(_KEY)) or [name for name in _names(usual and usual.value) if name in anatomy.classes]
    wrap = [name for name in named or own if name in anatomy.classes]
    if not wrap:
        have = ", ".join(own) or "none that repeat"
        place = bench.recipe.where(("fsdp_config", _KEY), key=True)
        raise InputError(
            "There is no layer to share the model out by",
            f"{anatomy.class_name} has no {' or '.join(named) or 'known layer'}; its layers are {have}.",
            "Set fsdp_config.transformer_layer_cls_to_wrap to the language model's layer (A008).",
            place,
        )
    return {
        "wrap": wrap,
        "reshard_after_forward": bool(settings.get("reshard_after_forward", True)),
        "offload_params": bool(settings.get("offload_params", False)),
        # accelerate hands out weights that the first process reads, and stops at buffers that are saved with them.
        "cpu_ram_efficient_loading": bool(settings.get("cpu_ram_efficient_loading")) and not _saves_buffers(anatomy),
    }


def _saves_buffers(anatomy: Any) -> bool:
    """True where tensors are saved with the model that are no parameters."""
    model = anatomy.model
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return not parameters.issuperset(model.state_dict())


def _names(value: Any) -> list[str]:
    listed = value.split(",") if isinstance(value, str) else value or ()
    return [str(name).strip() for name in listed if str(name).strip()]


def launch_arguments(sharding: Mapping[str, Any]) -> list[str]:
    """The options of `accelerate launch` for these settings."""
    arguments = ["--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"]
    arguments += ["--fsdp_transformer_layer_cls_to_wrap", ",".join(sharding["wrap"])]
    for name in ("reshard_after_forward", "offload_params", "cpu_ram_efficient_loading"):
        arguments += [f"--fsdp_{name}", str(bool(sharding[name])).lower()]
    return [*arguments, "--fsdp_state_dict_type", "FULL_STATE_DICT"]


def sharded() -> bool:
    """True where this process is one of several that share a model out."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true" and int(os.environ.get("WORLD_SIZE", "1")) > 1


def everywhere(names: Iterable[str]) -> set[str]:
    """The names that any of the processes gives."""
    import torch

    found: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(found, sorted(names))
    return {name for listed in found for name in listed}


def parted(model: Any) -> Any:
    """The model with every process at its own part again: after a forward pass the root's tensors are whole."""
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    return model


def let_generate(model: Any) -> None:
    """Let a shared-out model generate: without this its root's weights are not gathered for what is no forward."""
    from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

    if isinstance(model, FSDPModule):
        register_fsdp_forward_method(model, "generate")


def adapter_tensors(model: Any) -> dict[str, Any]:
    """The whole tensors of a shared-out model's adapter, on the host, one gathered after the other by all processes."""
    wanted = (
        (name, parameter)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad or "lora_" in name or ".modules_to_save." in name
    )
    return {
        name: (parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter).detach().cpu()
        for name, parameter in wanted
    }
