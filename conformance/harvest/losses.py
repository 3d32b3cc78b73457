"""The divisor of a step's loss, by model type: axolotl's own trainer is made of each class.

The trainer reads the class alone: an attribute, what its forward takes, and its loss function. So the model is given
no parameters, and a class is asked whose configuration nothing can be built from without a checkpoint's values.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from tests.support.small import default_config
from workbench.consumers.axolotl.rehearsal import loss_by_tokens


def collect() -> dict[str, bool]:
    """Model type -> True where the trained tokens of a whole step count alike; "" is every other model type.

    False: the loss of a step is the mean of the means of its micro batches. The usual answer is that of a causal
    language model.
    """
    from axolotl.loaders.constants import MULTIMODAL_AUTO_MODEL_MAPPING
    from transformers import AutoModelForCausalLM

    found: dict[str, bool] = {}
    for name, loader in {"llama": AutoModelForCausalLM, **MULTIMODAL_AUTO_MODEL_MAPPING}.items():
        made = bare(name, loader)
        if made is not None:
            found[name] = asked(name, made)
    usual = found["llama"]
    return {"": usual} | {name: answer for name, answer in sorted(found.items()) if answer != usual}


def bare(model_type: str, loader: Any) -> Any:
    """A model of the class that axolotl loads for a type, without parameters; None where transformers has no such."""
    import torch
    import transformers

    try:
        config = default_config(model_type)
    except (KeyError, ValueError):
        # A name of axolotl's that is no model type.
        return None
    kind = getattr(transformers, loader) if isinstance(loader, str) else loader
    if hasattr(kind, "_model_mapping"):
        classes = kind._model_mapping[type(config)]
        kind = classes[0] if isinstance(classes, tuple) else classes
    model = kind.__new__(kind)
    torch.nn.Module.__init__(model)
    model.config, model.generation_config = config, None
    return model


def asked(model_type: str, model: Any) -> bool:
    """The trainer's answer for a model, after what axolotl changes of its class."""
    from axolotl.loaders.patch_manager import PatchManager
    from axolotl.utils.dict import DictDefault

    PatchManager._apply_gemma4_loss_kwargs(SimpleNamespace(cfg=DictDefault(model_config_type=model_type)))
    with TemporaryDirectory() as folder:
        return loss_by_tokens(model, folder)
