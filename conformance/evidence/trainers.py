"""The trainer asked: whether the one that axolotl builds for a recipe comes into being, on a tiny model of its type."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import yaml

from conformance.evidence.quantized import tiny_config
from workbench.consumers.axolotl import rehearsal

# Precisions that a CPU's training arguments refuse.
_PRECISIONS = ("bf16", "fp16", "tf32")


def built(path: Path) -> dict[str, Any]:
    """`refused` as in a rehearsal, or `trainer`: the class of the trainer. Raises whatever axolotl raises."""
    import torch
    from accelerate.state import AcceleratorState
    from axolotl.core.builders import HFCausalTrainerBuilder
    from axolotl.loaders import load_tokenizer
    from datasets import Dataset
    from transformers import AutoModelForImageTextToText
    from transformers import trainer as trainer_module

    # As one of several processes: FSDP is for no other place.
    os.environ["ACCELERATE_USE_CPU"] = "true"
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(_free_port()))
    # What was settled when axolotl was imported is settled anew.
    AcceleratorState._reset_state(reset_partial_state=True)
    stage = rehearsal.Stage()
    folder = Path(yaml.safe_load(path.read_text("utf-8"))["base_model"])
    with rehearsal.as_if_on_a_gpu():
        cfg = rehearsal.configured(path, stage)
    cfg.update(dict.fromkeys(_PRECISIONS, False))
    model = AutoModelForImageTextToText.from_config(tiny_config(folder), dtype=torch.float32)
    builder = HFCausalTrainerBuilder(cfg, model, load_tokenizer(cfg), None)
    builder.train_dataset = Dataset.from_list([{"input_ids": [1, 2], "labels": [1, 2], "attention_mask": [1, 1]}])
    try:
        with stage.at("trainer"), rehearsal.replaced(trainer_module, "Accelerator", _sharding):
            trainer = builder.build(4)
    except Exception as problem:
        return {"refused": rehearsal._refusal("trainer", problem)}
    plugin = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    return {"refused": None, "trainer": f"{type(trainer).__name__}, FSDP {'on' if plugin is not None else 'off'}"}


def _sharding(**settings: Any) -> Any:
    """An accelerator that shards as it would on several GPUs; on CPUs it takes no FSDP."""
    from accelerate import Accelerator

    made = Accelerator(**settings)
    if settings.get("fsdp_plugin") is not None:
        made.state.fsdp_plugin = settings["fsdp_plugin"]
    return made


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
