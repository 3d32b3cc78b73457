"""A case of every rule of `workbench/checks/refused_keys.py`: keys laid over a clean recipe, and where it is told.

Plain data: the suite gives the cases to the bench, the conformance suite gives them to axolotl.
"""

from __future__ import annotations

from typing import Any

Case = tuple[dict[str, Any], str]

CLEAN: dict[str, Any] = {
    "base_model": "model",
    "processor_type": "AutoProcessor",
    "skip_prepare_dataset": True,
    "remove_unused_columns": False,
    "sample_packing": False,
    "datasets": [{"path": "rows.jsonl", "type": "chat_template"}],
    "learning_rate": 0.0001,
    "micro_batch_size": 1,
}
_LORA = {"adapter": "lora", "lora_r": 8, "lora_alpha": 16, "lora_target_modules": ["q_proj"]}
_STAGED = _LORA | {
    "adapter": "qlora",
    "load_in_4bit": True,
    "fsdp_config": {"fsdp_version": 2, "cpu_ram_efficient_loading": True},
}

REFUSED: dict[str, Case] = {
    "qlora in 16 bits": (_LORA | {"adapter": "qlora"}, "adapter"),
    "qlora in 8 bits": (_LORA | {"adapter": "qlora", "load_in_4bit": True, "load_in_8bit": True}, "load_in_8bit"),
    "quantized without adapter": ({"load_in_4bit": True}, "load_in_4bit"),
    "no such adapter": ({"adapter": "lorra", "lora_target_modules": ["q_proj"]}, "adapter"),
    "expert parameters with dropout": (
        {"adapter": "lora", "lora_target_parameters": ["experts.down_proj"], "lora_dropout": 0.1},
        "lora_dropout",
    ),
    "kernels in 8 bits": (_LORA | {"load_in_8bit": True, "lora_mlp_kernel": True}, "lora_mlp_kernel"),
    "kernels with remote code": (_LORA | {"trust_remote_code": True, "lora_o_kernel": True}, "lora_o_kernel"),
    "experts quantized without adapter": ({"quantize_moe_experts": True}, "quantize_moe_experts"),
    "experts quantized and linear": (
        {"adapter": "qlora", "load_in_4bit": True, "lora_target_linear": True, "quantize_moe_experts": True},
        "lora_target_linear",
    ),
    "rates by group twice": (
        _LORA | {"lr_groups": [{"name": "a", "modules": ["q"], "lr": 0.1}], "loraplus_lr_ratio": 2.0},
        "lr_groups",
    ),
    "two attentions": ({"attn_implementation": "sdpa", "flash_attention": True}, "flash_attention"),
    "short name of an attention": ({"attn_implementation": "sdp"}, "attn_implementation"),
    "hybrid attention with another": (
        {"gemma4_hybrid_attn_impl": True, "attn_implementation": "sdpa"},
        "attn_implementation",
    ),
    "ring attention without flash": ({"context_parallel_size": 2}, "context_parallel_size"),
    "softmax scaling without flex": ({"scaling_softmax": True}, "scaling_softmax"),
    "two cross entropies": ({"cut_cross_entropy": True, "chunked_cross_entropy": True}, "chunked_cross_entropy"),
    "offloading without checkpointing": ({"activation_offloading": True}, "activation_offloading"),
    "selective without checkpointing": ({"selective_checkpointing": True}, "selective_checkpointing"),
    "selective and reentrant": (
        {
            "gradient_checkpointing": True,
            "selective_checkpointing": True,
            "gradient_checkpointing_kwargs": {"use_reentrant": True},
        },
        "selective_checkpointing",
    ),
    "partly frozen and reentrant": (
        {
            "gradient_checkpointing": True,
            "unfrozen_parameters": ["lm_head"],
            "gradient_checkpointing_kwargs": {"use_reentrant": True},
        },
        "unfrozen_parameters",
    ),
    "two warm-ups": ({"warmup_steps": 10, "warmup_ratio": 0.1}, "warmup_ratio"),
    "two batch sizes": ({"batch_size": 4, "gradient_accumulation_steps": 4}, "batch_size"),
    "two ways to save": ({"saves_per_epoch": 1, "save_steps": 5}, "saves_per_epoch"),
    "save steps without the strategy": ({"save_strategy": "epoch", "save_steps": 5}, "save_strategy"),
    "best without a metric": ({"save_strategy": "best"}, "save_strategy"),
    "two ways to evaluate": ({"evals_per_epoch": 1, "eval_steps": 5, "val_set_size": 0.1}, "evals_per_epoch"),
    "evaluation steps without the strategy": (
        {"eval_strategy": "epoch", "eval_steps": 5, "val_set_size": 0.1},
        "eval_strategy",
    ),
    "evaluation of nothing": ({"eval_steps": 5, "val_set_size": 0}, "eval_steps"),
    "two evaluation sets": (
        {"val_set_size": 0.1, "test_datasets": [{"path": "more.jsonl", "type": "chat_template"}]},
        "val_set_size",
    ),
    "early stopping without steps": ({"early_stopping_patience": 3}, "early_stopping_patience"),
    "deepspeed and fsdp_config, refused": (
        {"deepspeed": "zero2.json", "fsdp_version": 2, "fsdp_config": {"offload_params": False}},
        "deepspeed",
    ),
    "deepspeed and fsdp": ({"deepspeed": "zero2.json", "fsdp": ["full_shard"]}, "deepspeed"),
    "8-bit optimizer under FSDP2": (
        {
            "fsdp_version": 2,
            "fsdp_config": {"transformer_layer_cls_to_wrap": "Gemma3DecoderLayer"},
            "optimizer": "adamw_8bit",
        },
        "optimizer",
    ),
    "4 bits loaded by the first rank alone": (
        _LORA
        | {
            "adapter": "qlora",
            "load_in_4bit": True,
            "fsdp_config": {"fsdp_version": 2, "cpu_ram_efficient_loading": True},
        },
        "load_in_4bit",
    ),
    "4 bits loaded by the first rank alone, and not in shards": (
        _LORA
        | {
            "adapter": "qlora",
            "load_in_4bit": True,
            "qlora_sharded_model_loading": False,
            "fsdp_config": {"fsdp_version": 2, "cpu_ram_efficient_loading": True},
        },
        "load_in_4bit",
    ),
    "8-bit optimizer under FSDP, whose version is 2": (
        {"fsdp_config": {"transformer_layer_cls_to_wrap": "Gemma3DecoderLayer"}, "optimizer": "adamw_8bit"},
        "optimizer",
    ),
    "sharding strategy of FSDP1": (
        {"fsdp_config": {"offload_params": False, "fsdp_sharding_strategy": "FULL_SHARD"}},
        "fsdp_config",
    ),
    "prefetch of FSDP1": ({"fsdp_config": {"offload_params": False, "forward_prefetch": True}}, "fsdp_config"),
    "version 1 of FSDP": ({"fsdp_version": 1, "fsdp_config": {"offload_params": False}}, "fsdp_version"),
    "weights staged in 4 bits beside what needs them whole": (
        _STAGED | {"lora_modules_to_save": ["lm_head"]},
        "lora_modules_to_save",
    ),
    "weights staged in 4 bits in several dimensions": (_STAGED | {"dp_replicate_size": 2}, "dp_replicate_size"),
    "weights staged in 4 bits of another kind": (
        _STAGED | {"bnb_config_kwargs": {"bnb_4bit_quant_type": "fp4"}},
        "bnb_config_kwargs",
    ),
    "weights staged in 4 bits and adapters that begin with their values": (
        _STAGED | {"peft_init_lora_weights": "olora"},
        "peft_init_lora_weights",
    ),
    "two memory limits": ({"max_memory": {0: "10GB"}, "gpu_memory_limit": 10}, "gpu_memory_limit"),
    "jinja without a template": ({"chat_template": "jinja"}, "chat_template"),
    "streaming without steps": ({"streaming": True}, "streaming"),
    "streaming with a split": ({"streaming": True, "max_steps": 5, "val_set_size": 0.1}, "val_set_size"),
    "deduplication without preparation": ({"dataset_exact_deduplication": True}, "dataset_exact_deduplication"),
}

ACCEPTED: dict[str, Case] = {
    "4 bits under lora": (_LORA | {"load_in_4bit": True}, "load_in_4bit"),
    "lora keys without adapter": ({"lora_r": 8}, "lora_r"),
    "adapter without targets": ({"adapter": "lora"}, "adapter"),
    "adapter without rank": (_LORA | {"lora_r": None}, "adapter"),
    "4 bits sharded and not reentrant": (
        _LORA
        | {
            "adapter": "qlora",
            "load_in_4bit": True,
            "deepspeed": {"zero_optimization": {"stage": 3}},
            "gradient_checkpointing": True,
            "gradient_checkpointing_kwargs": {"use_reentrant": False},
        },
        "gradient_checkpointing_kwargs",
    ),
    "a pattern among names": (
        {"adapter": "lora", "lora_target_modules": "model.*q_proj", "lora_target_linear": True},
        "lora_target_modules",
    ),
    "checkpointing options alone": (
        {"gradient_checkpointing_kwargs": {"use_reentrant": False}},
        "gradient_checkpointing_kwargs",
    ),
    "checkpointing twice": (
        {"fsdp_version": 2, "fsdp_config": {"activation_checkpointing": True}, "gradient_checkpointing": True},
        "gradient_checkpointing",
    ),
    "two precisions": ({"fp16": True}, "fp16"),
    "evaluation without rows": ({"evals_per_epoch": 1}, "evals_per_epoch"),
    "deepspeed and fsdp_config": (
        {"deepspeed": "zero2.json", "fsdp_version": 2, "fsdp_config": {"offload_params": False}},
        "deepspeed",
    ),
    "packing without separation": (
        {"processor_type": None, "skip_prepare_dataset": False, "sample_packing": True},
        "sample_packing",
    ),
}
