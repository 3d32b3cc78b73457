"""For which model types axolotl's patch of the attention for its LoRA kernels goes through: each is asked of axolotl.

`PYTHONPATH=. .conformance/venv/bin/python -m conformance.kernels` writes the table that the bench goes by where no
axolotl is at hand; `test_kernels.py` holds it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import axolotl
from axolotl.model_support import Unsupported, get_model_support, resolve_model_support
from axolotl.utils.dict import DictDefault
from transformers import AutoConfig
from transformers.models.auto import modeling_auto

from conformance.environment import ROOT
from workbench.consumers.axolotl.worker import try_lora_kernels

FILE = ROOT / "workbench" / "recipe" / "lora_kernels.json"
_REASONS = {
    "Axolotl could not import attention class": "it finds no attention class for this model type",
    "Original QKV code not found": "the attention of this model is written otherwise: Original QKV code not found",
    "Original O code not found": "the attention of this model is written otherwise: Original O code not found",
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
    except (ValueError, AssertionError) as problem:
        return next(why for start, why in _REASONS.items() if str(problem).startswith(start))
    return "through"


def collect() -> dict[str, Any]:
    """The answers for every model type, as the file has them."""
    found: dict[str | None, list[str]] = {}
    with TemporaryDirectory() as scratch:
        for one in model_types():
            found.setdefault(answer(one, Path(scratch)), []).append(one)
    found.pop(None, None)
    through, off = found.pop("through"), found.pop("off", [])
    return {"axolotl": axolotl.__version__, "through": through, "off": off, "raises": found}


def text() -> str:
    """The file's content."""
    data = collect()

    def names(key: str, values: Iterable[str], indent: str) -> str:
        inside = textwrap.fill(
            ", ".join(map(json.dumps, values)),
            118,
            initial_indent=f"{indent} ",
            subsequent_indent=f"{indent} ",
            break_on_hyphens=False,
        )
        return f"{indent}{json.dumps(key)}: [\n{inside}\n{indent}]"

    raises = ",\n".join(names(why, types, "  ") for why, types in data["raises"].items())
    return (
        f'{{\n "axolotl": {json.dumps(data["axolotl"])},\n{names("through", data["through"], " ")},\n'
        f'{names("off", data["off"], " ")},\n "raises": {{\n{raises}\n }}\n}}\n'
    )


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(FILE)
