"""Models of each family with weights, small enough to train on a CPU in seconds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from conformance.pair import model_folder


def weighted_folder(family: str) -> Path:
    """A copy of the family's processor folder around its small tokenizer, with weights of transformers' own class.

    The weights are drawn once, and kept beside it. The small vocabulary keeps the head cheap.
    """
    source = model_folder(family, real=False)
    kept = source.parents[1] / "weights" / family
    if not kept.is_dir():
        import torch
        from transformers import AutoConfig, AutoModelForImageTextToText

        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            made = Path(shutil.copytree(source, Path(scratch) / family))
            torch.manual_seed(0)
            config = AutoConfig.from_pretrained(made)
            AutoModelForImageTextToText.from_config(config, dtype=torch.float32).save_pretrained(made)
            if not kept.is_dir():
                made.rename(kept)
    return kept
