"""Tiny models with random weights, a family each: what stands in where the model of a recipe cannot be had."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from conformance.pair import model_folder
from tests.support.small import _parts, small_config
from workbench.models.build import auto_class

# Families without a builder for their processor: their own model type, around LLaVA's processor, for text.
TEXT_ONLY = {
    "lfm2_vl": "lfm2_vl",
    "cohere_compass": "cohere_compass",
    "glm46v": "glm46v",
    "muse_glimmer": "muse_glimmer",
    "paddleocr_vl": "paddleocr_vl",
    "qwen4_exp": "qwen4_exp",
    "voxtral": "voxtral",
}
# Classes whose own defaults make no model in either release: LLaVA's whole model stands in.
INCOMPLETE = ("cohere_compass", "qwen4_exp")
_WIDTHS = {
    **dict.fromkeys(("hidden_size", "d_model", "embed_dim", "out_hidden_size", "projector_hidden_size"), 64),
    **dict.fromkeys(("intermediate_size", "encoder_ffn_dim", "moe_intermediate_size", "ffn_dim"), 128),
    **dict.fromkeys(("num_attention_heads", "encoder_attention_heads", "num_heads"), 4),
    **dict.fromkeys(("num_key_value_heads",), 2),
    **dict.fromkeys(("head_dim",), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok",), 2),
}


def tiny_model(family: str, scratch: Path) -> Path:
    """The folder of a family's processor, configuration and random weights, made once below `scratch`."""
    import torch
    from transformers import AutoConfig

    folder = scratch / family
    if folder.is_dir():
        return folder
    text_only = family in TEXT_ONLY
    shutil.copytree(model_folder("llava_1_5" if text_only else family, real=False), folder)
    torch.manual_seed(0)
    if text_only and family not in INCOMPLETE:
        model = _made(narrow(TEXT_ONLY[family], folder))
    else:
        config = AutoConfig.from_pretrained(folder)
        if family == "smolvlm2":
            # Some releases take the patches' width for the number of a picture's tokens, which it has to divide then.
            config.vision_config.patch_size, config.scale_factor = 4, 8
        model = _made(config)
    model.save_pretrained(folder)
    return folder


def _made(config: Any) -> Any:
    import torch

    kind: Any = auto_class(config)
    return kind.from_config(config, dtype=torch.float32)


def narrow(model_type: str, folder: Path) -> Any:
    """A configuration of two narrow layers in each part, whose words are those of the folder's tokenizer."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = small_config(model_type)
    for part in _parts(config):
        for name, value in _WIDTHS.items():
            if isinstance(getattr(part, name, None), int):
                setattr(part, name, value)
        if hasattr(part, "vocab_size"):
            part.vocab_size = len(tokenizer)
        for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
            if hasattr(part, name):
                setattr(part, name, getattr(tokenizer, name))
        turns = getattr(part, "rope_parameters", None)
        if isinstance(turns, dict) and model_type in ("glm46v", "paddleocr_vl"):
            # The shares of a head's pairs that turn with time, height and width.
            turns["mrope_section"] = [2, 3, 3]
    config.architectures = None
    return config
