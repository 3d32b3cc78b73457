"""The divisor of a step's loss, by model type: axolotl's own trainer is made of each class, on the meta device."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from tests.support.small import small_config
from workbench.consumers.axolotl.rehearsal import loss_by_tokens


def collect() -> dict[str, bool]:
    """Model type -> True where the trained tokens of a whole step count alike; "" is every other model type.

    False: the loss of a step is the mean of the means of its micro batches. Asked of each multimodal type whose model
    can be made from its type alone; the usual answer is that of a causal language model.
    """
    from axolotl.loaders.constants import MULTIMODAL_AUTO_MODEL_MAPPING
    from transformers import AutoModelForCausalLM

    found: dict[str, bool] = {}
    for name, loader in {"llama": AutoModelForCausalLM, **MULTIMODAL_AUTO_MODEL_MAPPING}.items():
        answer = asked(name, loader)
        if answer is not None:
            found[name] = answer
    usual = found["llama"]
    return {"": usual} | {name: answer for name, answer in sorted(found.items()) if answer != usual}


def asked(model_type: str, loader: Any) -> bool | None:
    """The answer for one model type; None where its class cannot be had or made."""
    import torch
    import transformers
    from axolotl.loaders.patch_manager import PatchManager
    from axolotl.utils.dict import DictDefault

    kind = getattr(transformers, loader) if isinstance(loader, str) else loader
    # An auto class, or the class itself.
    make = getattr(kind, "from_config", None) or kind._from_config
    try:
        with torch.device("meta"):
            model = make(small_config(model_type))
    except Exception:
        # Some are made of others, which a checkpoint names, or want a package that is not here.
        return None
    PatchManager._apply_gemma4_loss_kwargs(SimpleNamespace(cfg=DictDefault(model_config_type=model_type)))
    with TemporaryDirectory() as folder:
        return loss_by_tokens(model, folder)
