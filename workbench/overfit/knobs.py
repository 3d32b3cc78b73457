"""The keys of a recipe that an overfit run does not follow: all that the release knows, but for those named here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.models.lora import ADAPTERS
from workbench.recipe.plugin import NAME as OWN_PLUGIN
from workbench.recipe.schema import Schema

if TYPE_CHECKING:
    from workbench.bench import Bench

FOLLOWED = frozenset(
    (
        # The model, its tokenizer and processor.
        *("base_model", "base_model_config", "cls_model_config", "revision_of_model", "type_of_model"),
        *("overrides_of_model_config", "is_multimodal", "hf_use_auth_token"),
        *("tokenizer_config", "tokenizer_type", "tokenizer_use_fast", "tokenizer_legacy"),
        *("tokenizer_use_mistral_common", "processor_type", "processor_kwargs"),
        *("special_tokens", "tokens", "added_tokens_overrides", "resize_token_embeddings_to_32x"),
        *("mean_resizing_embeddings", "shrink_embeddings"),
        # The rows, as `inspect` shows them.
        *("datasets", "chat_template", "chat_template_jinja", "chat_template_kwargs", "default_system_message"),
        *("eot_tokens", "role_boundaries", "train_on_inputs", "image_size", "image_resize_algorithm"),
        *("sequence_len", "excess_length_strategy", "min_sample_len"),
        # What is trained.
        *("adapter", "lora_model_dir", "lora_r", "lora_alpha", "lora_dropout", "lora_fan_in_fan_out"),
        *("lora_target_modules", "lora_target_linear", "lora_target_parameters", "lora_modules_to_save"),
        *("lora_rank_pattern", "lora_alpha_pattern", "peft_layers_to_transform", "peft_layers_pattern"),
        *("peft_use_dora", "peft_use_rslora", "peft_layer_replication", "peft_init_lora_weights"),
        *("peft_trainable_token_indices", "peft_ensure_weight_tying", "peft_autocast_adapter_dtype"),
        *("freeze_mm_modules", "unfrozen_parameters"),
        # How.
        *("gradient_accumulation_steps", "micro_batch_size", "batch_size", "learning_rate", "weight_decay"),
        *("optimizer", "optim_args", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm"),
        *("lr_scheduler", "lr_scheduler_kwargs", "warmup_steps", "warmup_ratio"),
        *("bf16", "fp16", "bfloat16", "float16", "float32", "tf32", "load_in_4bit", "load_in_8bit"),
        *("gradient_checkpointing", "gradient_checkpointing_kwargs"),
        *("attn_implementation", "flash_attention", "sdp_attention", "flex_attention", "eager_attention"),
    )
)
"""Keys that the run follows; of some of them not every value, which `not_followed` knows too."""

NO_MATTER = re.compile(
    "|".join(
        (
            # Trackers, logs and profiles.
            r"(use_)?(wandb|mlflow|comet|trackio|otel|swanlab|tensorboard)(_\w+)?|hf_mlflow_\w+",
            r"logging_\w+|(sync_)?profiler_\w+|include_(tkps|tokens_per_second)|gc_\w+|torch_empty_cache_steps",
            r"loss_watchdog_\w+|gradio_\w+|strict|axolotl_config_path|use_ray|ray_\w+|resources_per_worker",
            # What is saved, and where.
            r"output_dir|save_\w+|saves_per_epoch|(auto_)?resume_from_\w+|hub_\w+|push_dataset_to_hub|dynamic_checkpoint",
            r"merge_lora|merge_method|tokenizer_save_jinja_files|fsdp_final_state_dict_type|export",
            # Evaluation; the run has probes of its own.
            r"eval_\w+|evals_per_epoch|evaluation_strategy|val_set_size|test_datasets|do_(bench|causal_lm)_eval",
            r"bench_\w+|early_stopping_patience|load_best_model_at_end|metric_for_best_model|greater_is_better",
            r"generate_samples|num_generation_samples|generation_\w+|lm_eval_\w+",
            # The length and the order of the full run; --steps, --rows and --seed are the run's own.
            r"num_epochs|max_steps|seed|full_determinism|shuffle_\w+|group_by_length|curriculum_sampling",
            # How rows are stored and brought; which ones, and their labels, are those of `inspect`.
            r"dataset_\w+|dataloader_\w+|skip_prepare_dataset|remove_unused_columns|num_dataset_shards_to_save",
            r"streaming\w*|is_preprocess|preprocess_iterable|total_\w+|pad_to_\w+|sample_packing_\w+|accelerator_config",
            # Devices and processes of the full run.
            r"ddp\w*|world_size|local_rank|device|device_map|max_memory|gpu_memory_limit|low_cpu_mem_usage|lora_on_cpu",
            r"is_(falcon|llama|mistral|qwen)_derived_model|experimental_skip_move_to_device",
        )
    )
)
"""Keys that change nothing of what a few rows on one machine can show."""

_LOSS = "the loss is computed from the logits of the trained positions"
_PEFT = "PEFT's own layers are used"
_WHOLE = "one process has the whole model; --launcher accelerate shares it out where each has a GPU"
_ONE_RATE = "one learning rate is used for all"
_WHY = {
    **dict.fromkeys(("cut_cross_entropy", "chunked_cross_entropy", "liger_fused_linear_cross_entropy"), _LOSS),
    **dict.fromkeys(("use_dft", "use_eaft", "liger_cross_entropy"), _LOSS),
    **dict.fromkeys(("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "lora_embedding_kernel"), _PEFT),
    **dict.fromkeys(("deepspeed", "fsdp", "fsdp_config"), _WHOLE),
    **dict.fromkeys(("embedding_lr", "embedding_lr_scale", "lr_groups", "loraplus_lr_ratio"), _ONE_RATE),
    "activation_offloading": "activations stay on the device",
    "layer_offloading": "layers stay on the device",
    "neftune_noise_alpha": "no noise is added: the run tests whether rows can be reproduced",
    "torch_compile": "nothing is compiled",
    "sample_packing": "every row is trained by itself",
    "trust_remote_code": "the model's own code runs with --trust-remote-code alone",
    "quantize_moe_experts": "experts stay as they are loaded",
}
_UNKNOWN = "the run trains as if it were not there"
_SIZES = re.compile(r"\w*(parallel|shard|replicate)\w*_(size|degree)")
SCHEDULERS = frozenset(
    (
        *("linear", "cosine", "cosine_with_restarts", "cosine_with_min_lr", "polynomial", "inverse_sqrt"),
        *("constant", "constant_with_warmup", "warmup_stable_decay"),
    )
)
"""Schedules that transformers' Trainer has, and that need nothing but the number of steps."""


def not_followed(bench: Bench) -> dict[str, str]:
    """Every key of a loaded bench's recipe that its overfit run does not follow, with why, in the recipe's order."""
    found = by_name(bench.document.data, bench.axolotl.schema)
    if bench.options["trust_remote_code"]:
        found.pop("trust_remote_code", None)
    recipe = bench.recipe
    if recipe.adapter and recipe.adapter not in ADAPTERS:
        found["adapter"] = f"{recipe.adapter} is not built here: every weight that is not frozen is trained"
    if (schedule := recipe.lr_scheduler or "cosine") not in SCHEDULERS:
        found["lr_scheduler"] = f"{schedule} is axolotl's own: the rate follows a cosine"
    return found


def by_name(data: Mapping[Any, Any], known: Schema) -> dict[str, str]:
    """The keys that a release knows, that ask for something, and that the run neither follows nor may ignore."""
    plugged = {key: entry for keys in known.plugins.values() for key, entry in keys.items()}
    names = {**plugged, **known.keys}
    aliases = {other: key for key, entry in names.items() for other in entry.get("also", ())}
    found: dict[str, str] = {}
    for written, value in data.items():
        key = aliases.get(written, written)
        if key not in names or key in FOLLOWED or NO_MATTER.fullmatch(key) or not _asks(key, value, names[key]):
            continue
        if key == "plugins":
            value = [name for name in value if name != OWN_PLUGIN] if isinstance(value, list) else [value]
            if value:
                found[written] = f"axolotl's plugins do not run here ({', '.join(_short(name) for name in value)})"
            continue
        found[written] = _WHY.get(key, _UNKNOWN)
    return found


def _asks(key: str, value: Any, entry: Mapping[str, Any]) -> bool:
    """True where a value turns something on, and is not what axolotl has anyway."""
    if value is None or value is False or value in ("", [], {}):
        return False
    if _SIZES.fullmatch(key) and value == 1:
        return False
    return "default" not in entry or bool(entry["default"] != value)


def _short(name: Any) -> str:
    return str(name).rpartition(".")[2]
