"""The usual order of a recipe's keys, as axolotl's examples have them: a new key is written where people look for it.

Data, and not read off the typed recipe, because the editor of the text stands below the recipe. A test holds that every
key of the typed recipe has its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TOP = """
base_model base_model_config revision_of_model model_revision type_of_model model_type overrides_of_model_config
model_config overrides_of_model_kwargs model_kwargs trust_remote_code tokenizer_type tokenizer_config
tokenizer_use_fast tokenizer_legacy tokenizer_use_mistral_common processor_type processor_config processor_kwargs
plugins load_in_8bit load_in_4bit bnb_config_kwargs quantize_moe_experts skip_prepare_dataset remove_unused_columns
sample_packing eval_sample_packing pad_to_sequence_len pad_to_multiple_of chat_template chat_template_jinja
chat_template_kwargs default_system_message eot_tokens special_tokens tokens added_tokens_overrides
resize_token_embeddings_to_32x
mean_resizing_embeddings shrink_embeddings image_size image_resize_algorithm datasets test_datasets val_set_size
shuffle_merged_datasets dataset_prepared_path dataset_num_proc dataset_exact_deduplication streaming train_on_inputs
role_boundaries sequence_len eval_sequence_len excess_length_strategy min_sample_len rl adapter lora_model_dir
lora_r lora_alpha lora_dropout lora_target_modules lora_target_linear lora_target_parameters lora_modules_to_save
lora_rank_pattern lora_alpha_pattern lora_fan_in_fan_out lora_mlp_kernel lora_qkv_kernel lora_o_kernel
loraplus_lr_ratio peft_use_dora peft_use_rslora peft_init_lora_weights peft_layers_to_transform
peft_layer_replication peft_trainable_token_indices peft_ensure_weight_tying
peft_autocast_adapter_dtype freeze_mm_modules unfrozen_parameters wandb_project wandb_entity wandb_name
use_tensorboard gradient_accumulation_steps micro_batch_size batch_size eval_batch_size num_epochs max_steps
group_by_length optimizer optim_args lr_scheduler lr_scheduler_kwargs cosine_min_lr_ratio learning_rate embedding_lr
warmup_steps warmup_ratio weight_decay max_grad_norm adam_beta1 adam_beta2 adam_epsilon neftune_noise_alpha bf16
fp16 tf32 bfloat16 float16 gradient_checkpointing gradient_checkpointing_kwargs activation_offloading
layer_offloading torch_compile attn_implementation gemma4_hybrid_attn_impl flash_attention sdp_attention
flex_attention eager_attention experts_implementation cut_cross_entropy chunked_cross_entropy
liger_fused_linear_cross_entropy resume_from_checkpoint logging_steps evals_per_epoch eval_steps eval_strategy
saves_per_epoch save_steps save_strategy save_total_limit save_only_model load_best_model_at_end
early_stopping_patience output_dir hub_model_id hub_strategy dataloader_num_workers dataloader_pin_memory
dataloader_prefetch_factor seed deepspeed fsdp fsdp_version fsdp_config ddp ddp_find_unused_parameters
context_parallel_size tensor_parallel_size dp_shard_size
"""
_DATASET = """
path name split type ds_type data_files revision trust_remote_code shards shards_idx preprocess_shards
field_messages message_property_mappings message_field_role message_field_content message_field_training
message_field_training_detail roles roles_to_train train_on_eos train_on_eot split_thinking field_tools
field_thinking template_thinking_key drop_system_message chat_template chat_template_jinja
"""
_BOUNDARY = "role start end include_start include_end"


def key_order(path: Sequence[Any]) -> list[str]:
    """The usual order of the keys in the mapping at `path`; empty where there is none."""
    if not path:
        return _TOP.split()
    if path[0] in ("datasets", "test_datasets") and len(path) == 2:
        return _DATASET.split()
    return _BOUNDARY.split() if path[0] == "role_boundaries" and len(path) == 2 else []
