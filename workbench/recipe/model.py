"""The recipe, typed: every axolotl key that the bench reads, with axolotl's names, types and defaults.

Types and coercions are those of axolotl's own schema (0.19 and 0.21), so that a value is refused here exactly where
axolotl refuses it. Keys that are not listed are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, PrivateAttr, field_validator

from workbench.errors import InputError, Where
from workbench.findings import Finding
from workbench.recipe.refusals import in_order, lone_surrogates, odd_key, validated
from workbench.recipe.yaml.document import Document
from workbench.recipe.yaml.nodes import dotted
from workbench.recipe.yaml.read import Parsed

EosChoice = Literal["all", "turn", "last", "none"]
Auto = Literal["auto"] | bool | None
Mapping = dict[str, Any] | None
Names = list[str] | None

# axolotl reads these keys under either name; the first wins where both are given.
_ALIASES = {
    "model_revision": "revision_of_model",
    "model_type": "type_of_model",
    "model_config": "overrides_of_model_config",
    "model_kwargs": "overrides_of_model_kwargs",
}
_RESAMPLING = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class BoundarySpec(_Section):
    """A row of `role_boundaries`, as texts. `end`: None runs to the end of the sequence; "eos_token" is the EOS."""

    role: str
    start: str
    end: str | None = None
    include_start: bool = False
    include_end: bool = True


class DatasetSpec(_Section):
    """An entry of `datasets` or `test_datasets`. Only the first entry's masking knobs count, see Recipe."""

    path: str | None = None
    name: str | None = None
    split: str | None = None
    type: str | dict[str, Any] | None = None
    ds_type: str | None = None
    data_files: str | list[str] | None = None
    revision: str | None = None
    trust_remote_code: bool | None = False
    shards: int | None = None
    shards_idx: int | None = None
    preprocess_shards: int | None = None
    field_messages: str | None = None
    message_property_mappings: dict[str, str] | None = None
    message_field_role: str | None = None
    message_field_content: str | None = None
    message_field_training: str | None = None
    message_field_training_detail: str | None = None
    roles: dict[str, list[str]] | None = None
    roles_to_train: Names = None
    train_on_eos: EosChoice | None = None
    train_on_eot: EosChoice | None = None
    split_thinking: bool | None = None
    field_tools: str | None = None
    field_thinking: str | None = None
    template_thinking_key: str | None = None
    drop_system_message: bool | None = None
    chat_template: str | None = None
    chat_template_jinja: str | None = None


class SpecialTokens(_Section):
    """`special_tokens`: names and texts of tokens to add or change."""

    bos_token: str | None = None
    eos_token: str | None = None
    pad_token: str | None = None
    unk_token: str | None = None
    additional_special_tokens: Names = None


class Recipe(_Section):
    """An axolotl recipe. Make one with `from_document`; `check` gives every problem instead of raising."""

    base_model: str | None = None
    base_model_config: str | None = None
    revision_of_model: str | None = None
    type_of_model: str | None = None
    overrides_of_model_config: Mapping = None
    overrides_of_model_kwargs: Mapping = None
    trust_remote_code: bool | None = None
    tokenizer_type: str | None = None
    tokenizer_config: str | None = None
    tokenizer_use_fast: bool | None = None
    tokenizer_legacy: bool | None = None
    tokenizer_use_mistral_common: bool | None = None
    processor_type: str | None = None
    processor_config: str | None = None
    processor_kwargs: Mapping = None
    plugins: Names = None
    load_in_8bit: bool | None = False
    load_in_4bit: bool | None = False
    bnb_config_kwargs: Mapping = None
    quantize_moe_experts: bool = False
    skip_prepare_dataset: bool | None = False
    remove_unused_columns: bool | None = None
    sample_packing: bool | None = None
    eval_sample_packing: bool | None = None
    pad_to_sequence_len: bool | None = None
    pad_to_multiple_of: int | None = None
    chat_template: str | None = None
    chat_template_jinja: str | None = None
    chat_template_kwargs: Mapping = None
    default_system_message: str | None = None
    eot_tokens: Names = None
    special_tokens: SpecialTokens | None = None
    tokens: Names = None
    added_tokens_overrides: dict[int, str] | None = None
    mean_resizing_embeddings: bool | None = None
    shrink_embeddings: bool | None = None
    resize_token_embeddings_to_32x: bool | None = None
    image_size: int | tuple[int, int] | None = None
    image_resize_algorithm: Literal["bilinear", "bicubic", "lanczos", "nearest", "box", "hamming"] | None = None
    datasets: list[DatasetSpec] | None = Field(default=None, min_length=1)
    test_datasets: list[DatasetSpec] | None = Field(default=None, min_length=1)
    val_set_size: float | None = 0.0
    shuffle_merged_datasets: bool | None = True
    dataset_prepared_path: str | None = None
    dataset_num_proc: int | None = None
    dataset_exact_deduplication: bool | None = None
    streaming: bool | None = None
    train_on_inputs: bool | None = False
    role_boundaries: list[BoundarySpec] | None = None
    sequence_len: int = 512
    eval_sequence_len: int | None = None
    excess_length_strategy: Literal["drop", "truncate", "raise"] | None = None
    min_sample_len: int | None = None
    rl: str | None = None
    adapter: str | None = None
    lora_model_dir: str | None = None
    lora_r: int | None = None
    lora_alpha: int | None = None
    lora_dropout: float | None = 0.0
    lora_target_modules: str | list[str] | None = None
    lora_target_linear: bool | None = None
    lora_target_parameters: str | list[str] | None = None
    lora_modules_to_save: Names = None
    lora_rank_pattern: dict[str, PositiveInt] | None = None
    lora_alpha_pattern: dict[str, PositiveInt] | None = None
    lora_fan_in_fan_out: bool | None = None
    lora_mlp_kernel: bool | None = None
    lora_qkv_kernel: bool | None = None
    lora_o_kernel: bool | None = None
    loraplus_lr_ratio: float | None = None
    peft_use_dora: bool | None = None
    peft_use_rslora: bool | None = None
    peft_init_lora_weights: bool | str | None = None
    peft_layers_to_transform: list[int] | None = None
    peft_layer_replication: list[tuple[int, int]] | None = None
    peft_trainable_token_indices: list[int] | dict[str, list[int]] | None = None
    peft_ensure_weight_tying: bool | None = None
    peft_autocast_adapter_dtype: bool | None = None
    freeze_mm_modules: bool | None = None
    unfrozen_parameters: Names = None
    wandb_project: str | None = None
    wandb_entity: str | None = None
    wandb_name: str | None = None
    use_tensorboard: bool | None = None
    gradient_accumulation_steps: int | None = 1
    micro_batch_size: int | None = 1
    batch_size: int | None = None
    eval_batch_size: int | None = None
    num_epochs: float = 1.0
    max_steps: int | None = None
    group_by_length: bool | None = None
    optimizer: str | None = "adamw_torch_fused"
    optim_args: str | dict[str, Any] | None = None
    lr_scheduler: str | None = "cosine"
    lr_scheduler_kwargs: Mapping = None
    cosine_min_lr_ratio: float | None = None
    learning_rate: float | None = None
    embedding_lr: float | None = None
    warmup_steps: int | None = None
    warmup_ratio: float | None = None
    weight_decay: float | None = 0.0
    max_grad_norm: float | None = None
    adam_beta1: float | None = None
    adam_beta2: float | None = None
    adam_epsilon: float | None = None
    neftune_noise_alpha: float | None = None
    bf16: Auto = "auto"
    fp16: bool | None = None
    tf32: Auto = "auto"
    bfloat16: bool | None = None
    float16: bool | None = None
    gradient_checkpointing: Literal["offload", "offload_disk"] | bool | None = False
    gradient_checkpointing_kwargs: Mapping = None
    activation_offloading: Literal["legacy", "disk", "hidden_states"] | bool | None = False
    layer_offloading: bool | None = False
    torch_compile: Auto = None
    attn_implementation: str | None = None
    gemma4_hybrid_attn_impl: bool | None = None
    flash_attention: bool | None = None
    sdp_attention: bool | None = None
    flex_attention: bool | None = None
    eager_attention: bool | None = None
    experts_implementation: str | None = None
    cut_cross_entropy: bool | None = None
    chunked_cross_entropy: bool | None = None
    liger_fused_linear_cross_entropy: bool | None = None
    resume_from_checkpoint: str | None = None
    logging_steps: int | None = None
    evals_per_epoch: int | None = None
    eval_steps: int | float | None = None
    eval_strategy: str | None = None
    saves_per_epoch: int | None = None
    save_steps: int | float | None = None
    save_strategy: str | None = None
    save_total_limit: int | None = None
    save_only_model: bool | None = False
    load_best_model_at_end: bool | None = False
    early_stopping_patience: int | None = None
    output_dir: str = "./model-out"
    hub_model_id: str | None = None
    hub_strategy: str | None = None
    dataloader_num_workers: int | None = None
    dataloader_pin_memory: bool | None = None
    dataloader_prefetch_factor: int | None = None
    seed: int | None = None
    deepspeed: str | dict[str, Any] | None = None
    fsdp: Names = None
    fsdp_version: int | None = None
    fsdp_config: Mapping = None
    ddp: bool | None = None
    ddp_find_unused_parameters: bool | None = None
    context_parallel_size: int | None = None
    tensor_parallel_size: int | None = None
    dp_shard_size: int | None = None

    _parsed: Parsed | None = PrivateAttr(default=None)

    @field_validator("image_resize_algorithm", mode="before")
    @classmethod
    def _resampling(cls, value: Any) -> Any:
        if isinstance(value, str):
            return value.lower() if value.lower() in _RESAMPLING[1:4] else f"not {value}"
        return _RESAMPLING[value] if isinstance(value, int) and 0 <= value < len(_RESAMPLING) else value

    # -- making one

    @classmethod
    def from_document(cls, document: Document) -> Recipe:
        """The recipe of a document. Raises one InputError with every value that axolotl would refuse, and its place."""
        recipe, findings = cls.read(document)
        if findings:
            first = findings[0]
            rest = [f"{finding.where}: {finding.message}" for finding in findings[1:]]
            raise InputError(first.message, "\n".join(rest), first.hint, first.where)
        return recipe

    @classmethod
    def check(cls, document: Document) -> list[Finding]:
        """Every value of the document that axolotl's schema would refuse, in the order of the text."""
        return cls.read(document)[1]

    @classmethod
    def read(cls, document: Document) -> tuple[Recipe, list[Finding]]:
        """The recipe without the values that axolotl would refuse, and a finding for each of those."""
        parsed = document.parsed
        data = {key: value for key, value in parsed.data.items() if isinstance(key, str)}
        renamed = {new: old for old, new in _ALIASES.items() if old in data}
        for new, old in renamed.items():
            data[new] = data.pop(old)
        if data.get("chat_template_jinja") and not data.get("chat_template"):
            data["chat_template"] = "jinja"
        findings = [odd_key(parsed, key) for key in parsed.data if not isinstance(key, str)]
        for key, finding in lone_surrogates(parsed):
            findings.append(finding)
            data.pop(_ALIASES.get(key, key), None)
        recipe, refused = validated(cls, data, parsed, renamed)
        recipe._parsed = parsed
        return recipe, in_order(findings + refused)

    # -- what axolotl makes of it

    @property
    def multimodal(self) -> bool:
        """True where axolotl takes its multimodal path, which it does where `processor_type` is set."""
        return bool(self.processor_type)

    @property
    def roles_to_train(self) -> list[str]:
        """The roles of the first dataset, which rule every dataset; ["assistant"] where unset; [] trains nothing."""
        roles = self.datasets[0].roles_to_train if self.datasets else None
        return ["assistant"] if roles is None else list(roles)

    @property
    def train_on_eos(self) -> EosChoice:
        """The first dataset's choice of end tokens, which rules every dataset; "turn" where unset."""
        choice = self.datasets[0].train_on_eos if self.datasets else None
        return choice or "turn"

    @property
    def field_messages(self) -> list[str]:
        """The message columns of all datasets, in order, each once; empty where none is named."""
        return list(dict.fromkeys(entry.field_messages for entry in self.datasets or [] if entry.field_messages))

    @property
    def effective_boundaries(self) -> list[BoundarySpec] | None:
        """The role boundaries that replace the built-ins; None where unset or empty, as axolotl takes them."""
        return list(self.role_boundaries) if self.role_boundaries else None

    @property
    def document_data(self) -> dict[Any, Any]:
        """The plain values of the document this recipe was read from, unknown keys included."""
        return self._parsed.data if self._parsed else self.model_dump(exclude_unset=True)

    def where(self, path: Sequence[Any], *, key: bool = False) -> Where:
        """The place of a value (or its key) in the document this recipe was read from."""
        return self._parsed.where(path, key=key) if self._parsed else Where(field=dotted(path) or None)
