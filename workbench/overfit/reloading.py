"""The saved adapter put onto the base that is there: one copy of the model is held, however large it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

# Starts of an adapter that PEFT takes out of the base's weights, which are others from then on.
_REWRITES = ("pissa", "olora", "corda", "loftq", "lora_ga")
_OF_ADAPTER = ("lora_", ".modules_to_save.", "trainable_tokens_")


def originals(model: Any) -> dict[str, Any]:
    """Copies on the host of trained tensors that belong to no adapter: what they were before the first step.

    They are few beside an adapter, or there is none and nothing is put back.
    """
    if not hasattr(model, "peft_config"):
        return {}
    return {
        name: parameter.detach().to("cpu", copy=True)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not any(part in name for part in _OF_ADAPTER)
    }


def put_back(model: Any, folder: Path, before: Mapping[str, Any], load: Callable[[], Any]) -> tuple[Any, list[str]]:
    """A model with the adapter of a folder on the base as it was, and the wrappers that plain PEFT would refuse.

    The trained adapter is taken off and `before` is written back. Where the adapter's start has rewritten the base, the
    trained model is given up first, and `load` makes the base anew. The model that is given is of no use afterwards.
    """
    from peft import PeftModel

    from workbench.models.lora import wrapped_linear_redirected

    device = model.device
    base = None if rewritten(model) else _bare(model, before)
    if base is None:
        # What the optimizer and the caller still hold are the adapter's tensors; the base's memory is free from here.
        model.to("meta")
        base = load()
    with wrapped_linear_redirected() as redirected:
        fresh = PeftModel.from_pretrained(base, str(folder))
    return fresh.to(device) if base.device != fresh.device else fresh, redirected


def rewritten(model: Any) -> bool:
    """True where the adapter's start has changed the weights of the base."""
    starts = (str(getattr(config, "init_lora_weights", "")) for config in model.peft_config.values())
    return any(start.startswith(_REWRITES) for start in starts)


def _bare(model: Any, before: Mapping[str, Any]) -> Any:
    """The base model without the adapter, as it was before the first step."""
    import torch

    with torch.no_grad():
        # By its name while the adapter is on: PEFT renames what it wraps.
        parameters = dict(model.named_parameters())
        for name, value in before.items():
            parameters[name].copy_(value)
    base = model.unload()
    # Else PEFT takes the adapter that is put on for a second one.
    if "peft_config" in vars(base):
        del base.peft_config
    base._hf_peft_config_loaded = False
    return base


def unsaved(folder: Path, trained: Iterable[str]) -> list[str]:
    """The names of trained tensors of no adapter that are not in the file of a saved one; PEFT sees to its own."""
    from safetensors import safe_open

    file = folder / "adapter_model.safetensors"
    if not file.is_file():
        return []
    with safe_open(str(file), framework="pt") as opened:
        there = set(opened.keys())
    outside = (name for name in trained if not any(part in name for part in _OF_ADAPTER))
    return [name.removeprefix("base_model.model.") for name in outside if name not in there]
