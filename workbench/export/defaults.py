"""The full run's length, steps and rate where the recipe leaves them open: by size, data and adapter, with the reason.

They are starting points that people who train these models begin with, not results; each goes into the file with its
reason beside it, and whatever the recipe says already stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.recipe.model import Recipe

RUN_KEYS = frozenset(
    (
        *("num_epochs", "max_steps", "batch_size", "micro_batch_size", "gradient_accumulation_steps", "warmup_steps"),
        *("warmup_ratio", "lr_scheduler", "lr_scheduler_kwargs", "cosine_min_lr_ratio", "val_set_size", "seed"),
        *("learning_rate", "optimizer", "weight_decay", "max_grad_norm", "logging_steps", "output_dir"),
        *("eval_batch_size", "evals_per_epoch", "eval_steps", "eval_strategy", "saves_per_epoch", "save_steps"),
        *("save_strategy", "save_total_limit", "save_only_model", "load_best_model_at_end", "group_by_length"),
        *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor", "dataset_num_proc"),
        *("early_stopping_patience", "resume_from_checkpoint", "shuffle_merged_datasets", "test_datasets"),
        *("hub_model_id", "hub_strategy", "use_tensorboard", "wandb_project", "wandb_entity", "wandb_name"),
        *("fsdp", "fsdp_version", "fsdp_config", "deepspeed", "ddp", "ddp_find_unused_parameters"),
    )
)
"""Keys of the full run alone: how long, how fast, on how many machines, what is kept. A short run proves none."""
BATCH = 16
"""Rows in an optimizer step; half of it for few rows, or an epoch would be a dozen steps."""
FEW_ROWS, MANY_ROWS = 1_000, 20_000
"""Below the first three epochs, below the second two, else one: large data sets need no repetition."""
_BILLION = 1e9


@dataclass(frozen=True, slots=True)
class Default:
    """A key that the recipe leaves open, the value for the full run, and why."""

    key: str
    value: Any
    why: str


def parameters(config: Mapping[str, Any]) -> float | None:
    """About how many parameters the language model has, from its config's sizes; None where they are not all there."""
    text = config.get("text_config")
    text = text if isinstance(text, Mapping) else config
    names = ("hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size")
    hidden, layers, inner, vocabulary = (_number(text.get(name)) for name in names)
    if not (hidden and layers and vocabulary):
        return None
    heads = _number(text.get("num_attention_heads")) or 1
    head = _number(text.get("head_dim")) or hidden / heads
    groups = _number(text.get("num_key_value_heads")) or heads
    experts = next((n for key in ("num_experts", "num_local_experts", "n_routed_experts") if (n := text.get(key))), 0)
    expert = _number(text.get("moe_intermediate_size")) or _number(text.get("expert_intermediate_size")) or inner or 0
    attention = hidden * head * (2 * heads + 2 * groups)
    feed_forward = 3 * hidden * (experts * expert if experts else inner or 0)
    # Gemma's small models add a table of embeddings for every layer.
    per_layer = (_number(text.get("hidden_size_per_layer_input")) or 0) * layers
    return layers * (attention + feed_forward) + vocabulary * (hidden + per_layer)


def full_run(recipe: Recipe, keys: Mapping[Any, Any], *, rows: int | None, size: float | None) -> Iterator[Default]:
    """Defaults for keys that a recipe lacks. `keys`: its mapping; `size`: parameters; None where either is unknown."""
    adapter = bool(recipe.adapter)
    # Large models diverge at rates that small ones bear.
    big = size is not None and size > 10 * _BILLION
    size_text = f"about {size / _BILLION:.1f}B parameters" if size is not None else "size unknown"
    if "max_steps" not in keys and "num_epochs" not in keys:
        yield _epochs(rows)
    micro = recipe.micro_batch_size or 1
    if "micro_batch_size" not in keys and "batch_size" not in keys:
        # Activations grow with the model; where its size is unknown, one row is what fits most likely.
        micro = 1 if size is None or size > 3 * _BILLION else 2 if size > 0.5 * _BILLION else 4
        why = f"{size_text}; rows with pictures are long; gradients are accumulated anyway. Raise it while memory lasts"
        yield Default("micro_batch_size", micro, why)
    if "gradient_accumulation_steps" not in keys and "batch_size" not in keys:
        steps = max(1, (BATCH if rows is None or rows >= 200 else BATCH // 2) // micro)
        yield Default(
            "gradient_accumulation_steps",
            steps,
            f"{micro * steps} rows a step on one GPU; divide by their number",
        )
    if "learning_rate" not in keys:
        rate = (0.0001 if big else 0.0002) if adapter else (0.000005 if big else 0.00001)
        kind = "adapters" if adapter else "all weights"
        yield Default(
            "learning_rate", rate, f"{kind} of {size_text}; halve it where the loss jumps in the first 50 steps"
        )
    if "lr_scheduler" not in keys:
        yield Default("lr_scheduler", "cosine", "down to zero at the end, so the last checkpoint is the one to keep")
    if "warmup_steps" not in keys and "warmup_ratio" not in keys:
        yield Default("warmup_ratio", 0.03, "the first steps' gradients are the largest")
    if "optimizer" not in keys:
        # 8-bit states pay where AdamW's are large: where a large model is trained whole. bitsandbytes does not shard
        # them, so FSDP and DeepSpeed keep AdamW.
        whole = not any(keys.get(key) for key in ("fsdp", "fsdp_config", "deepspeed", "tensor_parallel_size"))
        small = big and not adapter and whole
        optimizer = "adamw_8bit" if small else "adamw_torch_fused"
        why = "AdamW's states in 8 bits: a quarter of their memory" if small else "the fastest AdamW of PyTorch"
        yield Default("optimizer", optimizer, why)
    if "max_grad_norm" not in keys:
        yield Default("max_grad_norm", 1.0, "limits the effect of a single unusual row")
    if not any(key in keys for key in ("bf16", "fp16", "bfloat16", "float16", "fp8")):
        yield Default("bf16", "auto", "these models were trained in it; fp16 overflows in several of them")
    evaluated = recipe.val_set_size or recipe.test_datasets
    if not evaluated and not any(key in keys for key in ("saves_per_epoch", "save_steps", "save_strategy")):
        # Beside an evaluation this can make axolotl keep the best checkpoint instead of the last.
        yield Default("saves_per_epoch", 1, "a run that stops early loses one epoch at most")
    if "save_total_limit" not in keys:
        yield Default("save_total_limit", 2, "the disk does not fill up" if adapter else "each holds the whole model")
    if "logging_steps" not in keys:
        yield Default("logging_steps", 1, "a run that goes wrong shows it in its first steps")
    if "seed" not in keys:
        yield Default("seed", 42, "makes the order of the rows repeatable")


def _epochs(rows: int | None) -> Default:
    if rows is None:
        return Default("num_epochs", 1, "the number of rows is not known")
    count = 3 if rows < FEW_ROWS else 2 if rows < MANY_ROWS else 1
    why = {3: "few enough to be seen three times", 2: "seen twice", 1: "enough to be seen once"}[count]
    return Default("num_epochs", count, f"{rows:,} rows: {why}")


def _number(value: Any) -> float | None:
    if isinstance(value, list):
        value = sum(value) / len(value) if value and all(isinstance(item, (int, float)) for item in value) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
