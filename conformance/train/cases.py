"""The recipes whose runs are compared: families, accumulation, and the ways to train that a recipe can ask for.

A case is the bench's new recipe for a small model, exported with some keys set. The default run takes a part that has
every kind in it; `make conformance-full` takes all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.train.models import TEXT

STEPS, SEED = 6, 1
COMMON: dict[str, Any] = {
    "max_steps": STEPS,
    "logging_steps": 1,
    "seed": SEED,
    "shuffle_merged_datasets": False,
    "dataloader_num_workers": 0,
    "learning_rate": 0.005,
    "warmup_steps": 0,
    "micro_batch_size": 1,
    "gradient_accumulation_steps": 1,
    # What is dropped is drawn, by each side for itself.
    "lora_dropout": 0.0,
    # The CPU has none of these.
    "bf16": False,
    "fp16": False,
    "tf32": False,
    "lora_mlp_kernel": False,
    "lora_qkv_kernel": False,
    "lora_o_kernel": False,
    "lora_embedding_kernel": False,
}
"""Keys of every case: what a CPU wants, and a rate at which six steps change the loss."""

NEW_TOKENS = ("<|shape|>", "<|colour|>")


@dataclass(frozen=True)
class Case:
    """A run to compare. `keys` are laid over the new recipe of the family's model; None removes one.

    `tokens` are written into the answers.
    """

    name: str
    family: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    pictures: bool = True
    tokens: tuple[str, ...] = ()
    by_default: bool = True

    @property
    def id(self) -> str:
        """The test's name; a test that names a family stays in that family's worker."""
        return f"{self.family}-{self.name}"


WITH_PICTURES = (
    *("gemma3", "gemma3n", "gemma4", "gemma4_unified", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"),
    *("llama3_2_vision", "pixtral", "mistral3", "llava_1_5"),
)
"""The families that train with pictures on a CPU. axolotl cannot build the collator of SmolVLM2 and InternVL."""

WITHOUT_PICTURES = ("llama4",)
"""transformers makes Llama 4's pictures in bf16, which a model in fp32 cannot take; bf16 needs a GPU in axolotl."""

# Where a step has several micro batches: those of every family, and one of those that 0.21 counts as 0.19 does.
_CHOSEN = {("gemma4", 2), ("gemma3", 4), ("gemma3n", 2), ("pixtral", 2), ("qwen2_5_vl", 2), ("qwen3_5", 4)}


def _accumulation(family: str, count: int) -> Case:
    """The family's recipe as it is, with this many micro batches a step."""
    alone = not any(chosen == family for chosen, _ in _CHOSEN)
    return Case(
        f"accumulation_{count}",
        family,
        {"gradient_accumulation_steps": count},
        pictures=family in WITH_PICTURES,
        by_default=(family, count) in _CHOSEN or (alone and count == 1) or (family, count) == ("gemma4", 1),
    )


_EVERY_TOWER = {"lora_target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"], "freeze_mm_modules": False}
_REENTRANT = {"gradient_checkpointing_kwargs": {"use_reentrant": True}}
_NO_ADAPTER = dict.fromkeys(("adapter", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"))
# Without a processor, rows that were not prepared would reach the collator as they are.
_TEXT_PATH = dict.fromkeys(("processor_type", "skip_prepare_dataset", "remove_unused_columns"))
_KNOBS = {
    "optimizer": "adamw_torch_fused",
    "lr_scheduler": "linear",
    "weight_decay": 0.1,
    "max_grad_norm": 0.3,
    "adam_beta1": 0.8,
    "adam_beta2": 0.95,
    "adam_epsilon": 1e-6,
    "gradient_checkpointing": None,
    "gradient_checkpointing_kwargs": None,
}

KINDS = (
    Case("boundaries", "qwen3_vl", {"chat_template": "tokenizer_default"}),
    Case("boundaries", "gemma4", {"chat_template": "tokenizer_default"}, by_default=False),
    Case("text_path", TEXT),
    Case("text_path", "gemma3", _TEXT_PATH, pictures=False, by_default=False),
    Case(
        "new_tokens",
        "qwen2_5_vl",
        {"tokens": list(NEW_TOKENS), "lora_modules_to_save": ["embed_tokens", "lm_head"]},
        tokens=NEW_TOKENS,
    ),
    Case("every_tower", "pixtral", _EVERY_TOWER),
    Case("every_tower", "gemma3", _EVERY_TOWER, by_default=False),
    Case("linear", "gemma4", {"lora_target_modules": None, "lora_target_linear": True, "freeze_mm_modules": False}),
    Case("dora", "gemma3", {"peft_use_dora": True}),
    Case("rslora", "llava_1_5", {"peft_use_rslora": True}),
    Case("full", "qwen2_vl", _NO_ADAPTER | {"learning_rate": 0.001}),
    Case("full_frozen_towers", "gemma3", _NO_ADAPTER | {"freeze_mm_modules": True}, by_default=False),
    Case("unfrozen", "qwen2_5_vl", _NO_ADAPTER | {"unfrozen_parameters": ["lm_head"]}, by_default=False),
    Case("padded", "mistral3", {"micro_batch_size": 2}),
    Case(
        "padded_and_accumulated",
        "gemma3",
        {"micro_batch_size": 2, "gradient_accumulation_steps": 2},
        by_default=False,
    ),
    Case("knobs", "qwen3_vl", _KNOBS),
    # Adam divides by the size of the gradients, so what cuts them shows in another optimizer.
    Case("clipped", "llava_1_5", {"optimizer": "sgd", "learning_rate": 0.5, "max_grad_norm": 0.2}),
    Case("constant", "gemma3", {"lr_scheduler": "constant", "optimizer": "adamw_torch_fused"}, by_default=False),
    Case(
        "experts",
        "llama4",
        {"lora_target_modules": None, "lora_target_parameters": ["feed_forward.experts.gate_up_proj"]},
        pictures=False,
        by_default=False,
    ),
    Case("saved_head", "qwen3_vl", {"lora_modules_to_save": ["lm_head"]}, by_default=False),
    Case(
        "saved_tower",
        "gemma3",
        {"lora_modules_to_save": ["vision_tower"], "freeze_mm_modules": False},
        by_default=False,
    ),
    Case(
        "one_layer",
        "mistral3",
        {"lora_target_modules": ["q_proj", "up_proj"], "peft_layers_to_transform": [1], "freeze_mm_modules": False},
        by_default=False,
    ),
    Case("reentrant_towers", "pixtral", _EVERY_TOWER | _REENTRANT, by_default=False),
    Case("reentrant", "pixtral", _REENTRANT, by_default=False),
)

CASES = (
    *(_accumulation(family, count) for family in (*WITH_PICTURES, *WITHOUT_PICTURES) for count in (1, 2, 4)),
    *KINDS,
)
