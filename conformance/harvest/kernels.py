"""The model types that axolotl's patches for its LoRA kernels take: each is asked of axolotl."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from axolotl.loaders.constants import MULTIMODAL_AUTO_MODEL_MAPPING
from axolotl.model_support import Unsupported, get_model_support, resolve_model_support
from axolotl.monkeypatch.lora_kernels import get_layers
from axolotl.utils.dict import DictDefault
from transformers import AutoConfig
from transformers.models.auto import modeling_auto

from tests.support.small import default_config, small_config
from workbench.consumers.axolotl.worker import try_lora_kernels

_REASONS = {
    "Axolotl could not import attention class": "it finds no attention class for this model type",
    "Original QKV code not found": "the attention of this model is written otherwise: Original QKV code not found",
    "Original O code not found": "the attention of this model is written otherwise: Original O code not found",
    "does not use a supported q/k/v/o projection": "the attention of this model has other projections than q, k, v, o",
}


def model_types() -> list[str]:
    """Every type that transformers has a class for which axolotl can train: causal, or with pictures or sound."""
    mappings = ("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES")
    return sorted({name for one in mappings for name in getattr(modeling_auto, one)})


def answer(model_type: str, folder: Path) -> str | None:
    """ "through", "off", or why it raises; None where the type alone makes no configuration."""
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}), "utf-8")
    try:
        AutoConfig.from_pretrained(folder)
    except Exception:
        # Some are made of others, which a checkpoint names.
        return None
    support = get_model_support(model_type)
    said = support and resolve_model_support(support).capabilities.get("lora_kernels")
    if isinstance(said, Unsupported):
        return "off"
    cfg = DictDefault(base_model=str(folder), model_config_type=model_type, lora_qkv_kernel=True, lora_o_kernel=True)
    try:
        try_lora_kernels(cfg)
    except Exception as problem:
        said = f"it raises {type(problem).__name__}"
        return next((why for part, why in _REASONS.items() if part in str(problem)), said)
    return "through"


def layerless(model_type: str, loader: Any) -> bool:
    """True where axolotl finds no layers to patch in the model that it loads for a type, made on the meta device.

    What cannot be made from its type alone, or is no type, is not among them.
    """
    import torch
    import transformers

    kind = getattr(transformers, loader) if isinstance(loader, str) else loader
    make = getattr(kind, "from_config", None) or kind._from_config
    for configuration in (small_config, default_config):
        try:
            with torch.device("meta"):
                model = make(configuration(model_type))
            break
        except Exception:
            continue
    else:
        return False
    try:
        get_layers(SimpleNamespace(model=model, config=model.config))
    except (AttributeError, NotImplementedError):
        return True
    return False


def collect() -> dict[str, Any]:
    """through, off, layerless: model types; raises: why -> model types."""
    found: dict[str | None, list[str]] = {}
    with TemporaryDirectory(prefix="model-") as scratch:
        for one in model_types():
            found.setdefault(answer(one, Path(scratch)), []).append(one)
    found.pop(None, None)
    through, off = found.pop("through"), found.pop("off", [])
    bare = sorted(name for name, loader in MULTIMODAL_AUTO_MODEL_MAPPING.items() if layerless(name, loader))
    return {"through": through, "off": off, "layerless": bare, "raises": found}
