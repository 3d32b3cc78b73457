"""axolotl's side: from a recipe file to the collator that its trainer would get, by axolotl's own code.

Nothing here decides anything. The file is read, validated and normalised as `axolotl train` does it, tokenizer and
processor come from axolotl's loaders, and the collator from `HFCausalTrainerBuilder.build`, which is stopped where it
would have made the trainer: before it needs a model.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml

# No telemetry, no network, no progress talk: set before axolotl is imported.
os.environ.update(
    AXOLOTL_DO_NOT_TRACK="1",
    DO_NOT_TRACK="1",
    HF_HUB_OFFLINE="1",
    WANDB_DISABLED="true",
    TOKENIZERS_PARALLELISM="false",
)


@dataclass(frozen=True, slots=True)
class Axolotl:
    """A recipe as axolotl runs it: its configuration, tokenizer, processor and multimodal collator."""

    cfg: Any
    tokenizer: Any
    processor: Any
    collator: Any

    @property
    def strategy(self) -> Any:
        """The processing strategy that axolotl picked."""
        return self.collator.processing_strategy

    def collate(self, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        """`input_ids` and `labels` of a batch of raw rows, `[B, L]`. Raises whatever axolotl raises."""
        batch = self.collator(rows)
        return batch["input_ids"].numpy(), batch["labels"].numpy()


class _BuiltError(Exception):
    """Carries the collator out of the builder."""

    def __init__(self, collator: Any) -> None:
        super().__init__("the collator is built")
        self.collator = collator


def read_config(path: Path) -> Any:
    """The recipe as `axolotl.cli.config.load_cfg` gives it, without its log files and trackers."""
    from axolotl.cli.config import gpu_capabilities
    from axolotl.utils.config import normalize_cfg_datasets, normalize_config, prepare_plugins, validate_config
    from axolotl.utils.dict import DictDefault

    cfg = DictDefault(yaml.safe_load(path.read_text(encoding="utf-8")))
    cfg.axolotl_config_path = str(path)
    prepare_plugins(cfg)
    capabilities, env_capabilities = gpu_capabilities()
    cfg = validate_config(cfg, capabilities=capabilities, env_capabilities=env_capabilities)
    normalize_config(cfg)
    normalize_cfg_datasets(cfg)
    return cfg


def build_collator(cfg: Any, tokenizer: Any, processor: Any) -> Any:
    """The collator of `HFCausalTrainerBuilder.build`, with the training arguments that it makes itself."""
    from axolotl.core.builders.causal import HFCausalTrainerBuilder

    class Builder(HFCausalTrainerBuilder):
        def build_collator(self, training_args: Any, is_eval: bool = False, **kwargs: Any) -> Any:
            raise _BuiltError(super().build_collator(training_args, is_eval=False, **kwargs))

    builder = Builder(cfg, SimpleNamespace(config=SimpleNamespace()), tokenizer, processor)
    try:
        builder.build(total_num_steps=1)
    except _BuiltError as built:
        return built.collator
    raise AssertionError("axolotl built a trainer without asking for a collator")


def open_recipe(path: Path) -> Axolotl:
    """A recipe file as axolotl would train it. Raises whatever axolotl raises."""
    from axolotl.loaders import load_processor, load_tokenizer

    cfg = read_config(path)
    tokenizer = load_tokenizer(cfg)
    processor = load_processor(cfg, tokenizer) if cfg.is_multimodal else None
    return Axolotl(cfg, tokenizer, processor, build_collator(cfg, tokenizer, processor))
