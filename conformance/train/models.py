"""Models of each family with weights, small enough to train on a CPU in seconds."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from conformance.pair import model_folder
from tests.support.processors import fallback_folder

TEXT = "qwen2"
"""A model for text alone, in the place of a family."""


def weighted_folder(family: str) -> Path:
    """A folder with the family's small tokenizer and processor, and weights of transformers' own class.

    They are drawn once, and kept beside the processors' folders. The small vocabulary keeps the head cheap.
    """
    source = model_folder("qwen2_vl" if family == TEXT else family, real=False)
    made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    kept = source.parents[1] / f"weights-{made_by}" / family
    if not kept.is_dir():
        import torch

        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            made = Path(scratch) / family
            torch.manual_seed(0)
            _text_model(made) if family == TEXT else _family_model(source, made)
            if not kept.is_dir():
                made.rename(kept)
    return kept


def _family_model(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    shutil.copytree(source, folder)
    config = AutoConfig.from_pretrained(folder)
    AutoModelForImageTextToText.from_config(config, dtype=torch.float32).save_pretrained(folder)


def _text_model(folder: Path) -> None:
    """Qwen2, with the small tokenizer of Qwen2-VL."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

    with tempfile.TemporaryDirectory() as scratch:
        tokenizer: Any = AutoTokenizer.from_pretrained(fallback_folder("qwen2_vl", Path(scratch)))
        tokenizer.save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
