"""axolotl's choices where a recipe says nothing: the kind of checkpointing, the class that loads a multimodal model."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from workbench.consumers.axolotl.worker import loader_class


def multimodal() -> dict[str, str]:
    """Model type -> the class that loads it, for all that axolotl takes for multimodal.

    Besides transformers' image-text-to-text models these are the types whose support in axolotl says so.
    """
    from axolotl.loaders.constants import MULTIMODAL_AUTO_MODEL_MAPPING
    from axolotl.model_support import get_model_support, resolve_model_support
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    found = {}
    for name in sorted({*CONFIG_MAPPING_NAMES, *MULTIMODAL_AUTO_MODEL_MAPPING}):
        support = get_model_support(name)
        says_so = support is not None and resolve_model_support(support).is_multimodal
        if name in MULTIMODAL_AUTO_MODEL_MAPPING or says_so:
            found[name] = loader_class(name, is_multimodal=True)
    return found


def reentrant() -> dict[str, bool]:
    """Model type -> `use_reentrant` where `gradient_checkpointing: true` stands alone; "" is every other model type.

    Asked of `normalize_config` for each multimodal type whose configuration can be made from the type alone.
    """
    found = {}
    with TemporaryDirectory(prefix="model-") as folder:
        for name in ["llama", *multimodal()]:
            answer = normalized(name, Path(folder))
            if answer is not None:
                found[name] = answer
    usual = found["llama"]
    return {"": usual} | {name: answer for name, answer in sorted(found.items()) if answer != usual}


def normalized(model_type: str, folder: Path) -> bool | None:
    """`use_reentrant` of the normalised configuration; None where the type alone makes no configuration."""
    from axolotl.utils.config import normalize_config, validate_config
    from axolotl.utils.dict import DictDefault
    from transformers import AutoConfig

    (folder / "config.json").write_text(json.dumps({"model_type": model_type}), "utf-8")
    try:
        AutoConfig.from_pretrained(folder)
    except Exception:
        return None
    keys = {
        "base_model": str(folder),
        "datasets": [{"path": "rows.jsonl", "type": "chat_template"}],
        "learning_rate": 1e-4,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": True,
    }
    cfg = validate_config(DictDefault(keys))
    normalize_config(cfg)
    return bool(cfg.gradient_checkpointing_kwargs["use_reentrant"])
