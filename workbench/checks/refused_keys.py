"""Keys that contradict each other, which axolotl's validators refuse.

`make conformance` gives a case of every rule to the validator of each release that it holds for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workbench.findings import Edit
from workbench.recipe import plugin

Data = Mapping[str, Any]
LEGACY_ATTENTION = {
    "xformers_attention": "xformers",
    "sage_attention": "sage",
    "flex_attention": "flex_attention",
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "eager_attention": "eager",
}
SHORT_ATTENTION = {"flash": "flash_attention_2", "flex": "flex_attention", "sdp": "sdpa"}
_ONE_ENTROPY = ("cut_cross_entropy", "chunked_cross_entropy", "liger_cross_entropy", "liger_fused_linear_cross_entropy")
_KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")
_WITHOUT_FSDP1 = "0.20"
_FSDP1_REFUSED = ("sharding_strategy", "forward_prefetch")
_FSDP1_DROPPED = (
    "sync_module_states",
    "backward_prefetch",
    "backward_prefetch_policy",
    "limit_all_gathers",
    "use_orig_params",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A contradiction: the key it is reported at, a test for it, and the edit that resolves it.

    `stops`: the run ends at it, whatever the validators say. `since`, `before`: the first release that the rule holds
    for, and the first that it holds for no longer.
    """

    name: str
    at: Callable[[Data], str | None]
    message: str
    hint: str
    mend: Callable[[Data], tuple[str, tuple[Edit, ...]]] | None = None
    stops: bool = False
    since: str | None = None
    before: str | None = None

    def holds(self, release: str) -> bool:
        """True where the rule is one of this release of axolotl."""
        here = _numbers(release)
        return (self.since is None or here >= _numbers(self.since)) and (
            self.before is None or here < _numbers(self.before)
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def set_to(key: str, value: Any) -> Callable[[Data], tuple[str, tuple[Edit, ...]]]:
    shown = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    return lambda data: (f"{key}: {shown}", (Edit((key,), value),))


def drop(key: str) -> Callable[[Data], tuple[str, tuple[Edit, ...]]]:
    return lambda data: (f"without {key}", (Edit((key,), remove=True),))


def when(key: str, test: Callable[[Data], Any]) -> Callable[[Data], str | None]:
    return lambda data: key if test(data) else None


def both(key: str, other: str) -> Callable[[Data], str | None]:
    return when(key, lambda data: data.get(key) and data.get(other))


def first(data: Data, *keys: str) -> str | None:
    return next((key for key in keys if data.get(key)), None)


def _reentrant(data: Data) -> Any:
    kwargs = data.get("gradient_checkpointing_kwargs")
    return kwargs.get("use_reentrant") if isinstance(kwargs, dict) else None


def _quantized(data: Data) -> str | None:
    return first(data, "load_in_4bit", "load_in_8bit")


def attention(data: Data) -> str | None:
    """The attention that axolotl takes, flags of older releases included."""
    named = data.get("attn_implementation")
    return named or next((name for flag, name in LEGACY_ATTENTION.items() if data.get(flag)), None)


def _fsdp2(data: Data) -> bool:
    """True where FSDP2 shards the model; axolotl takes the version from the section too, where the key is not set."""
    return str(_versioned(data)) == "2"


def _versioned(data: Data) -> Any:
    """The version of FSDP that a recipe with fsdp_config names; None where it names none."""
    section = data.get("fsdp_config")
    if not isinstance(section, dict) or not section:
        return None
    return data.get("fsdp_version") or section.get("version") or section.get("fsdp_version")


def _efficient_loading(data: Data) -> str | None:
    """The key of fsdp_config that loads the weights on the first rank alone, as it is written."""
    section = data.get("fsdp_config")
    keys = ("cpu_ram_efficient_loading", "fsdp_cpu_ram_efficient_loading")
    return first(section, *keys) if isinstance(section, dict) else None


def _load_on_every_rank(data: Data) -> tuple[str, tuple[Edit, ...]]:
    return "cpu_ram_efficient_loading: false", (Edit(("fsdp_config", str(_efficient_loading(data))), False),)


def _sharded(data: Data) -> bool:
    """The value of qlora_sharded_model_loading; where it is not set, axolotl sets it for qlora."""
    value = data.get("qlora_sharded_model_loading")
    return data.get("adapter") == "qlora" if value is None else bool(value)


def _fsdp1_key(data: Data, name: str) -> str | None:
    """An option of FSDP1 as fsdp_config has it, with the prefix that axolotl takes off or without; None without it."""
    section = data.get("fsdp_config")
    written = (name, f"fsdp_{name}")
    return next((key for key in written if key in section), None) if isinstance(section, dict) else None


def fsdp1_alone(key: str, release: str) -> Literal["refused", "dropped"] | None:
    """The fate of a key of fsdp_config under releases that have no FSDP1 any more; None for every other key."""
    name = key.removeprefix("fsdp_")
    if _numbers(release) < _numbers(_WITHOUT_FSDP1):
        return None
    return "refused" if name in _FSDP1_REFUSED else "dropped" if name in _FSDP1_DROPPED else None


def _sharding(data: Data) -> tuple[str, tuple[Edit, ...]]:
    """FSDP2's key in the place of a sharding strategy: the weights are freed after the forward pass, or kept."""
    key = str(_fsdp1_key(data, "sharding_strategy"))
    after = "reshard_after_forward"
    remove = Edit(("fsdp_config", key), remove=True)
    if _fsdp1_key(data, after) is not None:
        return f"without {key}", (remove,)
    kept = str(data["fsdp_config"][key]) in ("SHARD_GRAD_OP", "2", "_HYBRID_SHARD_ZERO2", "HYBRID_SHARD_ZERO2", "5")
    return f"{after}: {str(not kept).lower()}", (remove, Edit(("fsdp_config", after), not kept))


def _without_prefetch(data: Data) -> tuple[str, tuple[Edit, ...]]:
    key = str(_fsdp1_key(data, "forward_prefetch"))
    return f"without {key}", (Edit(("fsdp_config", key), remove=True),)


def _old_version(data: Data) -> tuple[str, ...] | None:
    """The place of a version of FSDP that is not 2."""
    section = data.get("fsdp_config")
    places: list[tuple[str, ...]] = [("fsdp_version",), ("fsdp_config", "fsdp_version"), ("fsdp_config", "version")]
    for place in places:
        value = data.get(place[0]) if len(place) == 1 else section.get(place[1]) if isinstance(section, dict) else None
        if value is not None and str(value) != "2":
            return place
    return None


def _second_version(data: Data) -> tuple[str, tuple[Edit, ...]]:
    return "fsdp_version: 2", (Edit(_old_version(data) or (), 2),)


def _staged(data: Data) -> bool:
    """True where axolotl loads the weights of qlora on the first rank's CPU, and sends each rank its part in 4 bits."""
    return bool(
        data.get("adapter") == "qlora" and data.get("load_in_4bit") and _efficient_loading(data) and _sharded(data)
    )


def _parallel(data: Data) -> str | None:
    sizes = ("tensor_parallel_size", "context_parallel_size", "dp_replicate_size")
    return next((key for key in sizes if isinstance(data.get(key), int) and data[key] > 1), None)


REFUSED: tuple[Rule, ...] = (
    Rule(
        "qlora in 16 bits",
        when("adapter", lambda d: d.get("adapter") == "qlora" and not d.get("load_in_4bit")),
        "adapter: qlora is for a model in 4 bits, and load_in_4bit is not set",
        "Set load_in_4bit, or use lora.",
        set_to("load_in_4bit", True),
    ),
    Rule(
        "qlora in 8 bits",
        when("load_in_8bit", lambda d: d.get("adapter") == "qlora" and d.get("load_in_8bit")),
        "adapter: qlora cannot load the model in 8 bits",
        "Remove load_in_8bit.",
        drop("load_in_8bit"),
    ),
    Rule(
        "quantized without adapter",
        lambda d: None if d.get("adapter") else _quantized(d),
        "quantized weights cannot be trained, and there is no adapter",
        "Set adapter, or load the model in 16 bits.",
        lambda d: set_to("adapter", "qlora" if d.get("load_in_4bit") and not d.get("load_in_8bit") else "lora")(d),
    ),
    Rule(
        "no such adapter",
        when(
            "adapter",
            lambda d: (
                d.get("adapter")
                and d["adapter"] not in ("lora", "qlora", "llama-adapter")
                and d.get("plugins") in (None, [], [plugin.NAME])
            ),
        ),
        "this adapter is neither axolotl's own nor from a plugin",
        "Write lora or qlora, or list the plugin that has it.",
    ),
    Rule(
        "expert parameters with dropout",
        both("lora_dropout", "lora_target_parameters"),
        "PEFT has no dropout for lora_target_parameters",
        "Set lora_dropout to 0.",
        set_to("lora_dropout", 0.0),
    ),
    Rule(
        "kernels in 8 bits",
        lambda d: first(d, *_KERNELS) if d.get("adapter") == "lora" and d.get("load_in_8bit") else None,
        "the LoRA kernels do not work on weights in 8 bits",
        "Remove the kernels, or use qlora.",
        lambda d: ("without LoRA kernels", tuple(Edit((key,), remove=True) for key in _KERNELS if d.get(key))),
    ),
    Rule(
        "kernels with remote code",
        lambda d: first(d, *_KERNELS) if d.get("trust_remote_code") else None,
        "the LoRA kernels do not work with trust_remote_code",
        "Set them to false.",
        lambda d: ("LoRA kernels: false", tuple(Edit((key,), False) for key in _KERNELS if d.get(key))),
    ),
    Rule(
        "experts quantized without adapter",
        when(
            "quantize_moe_experts",
            lambda d: d.get("quantize_moe_experts") and not (d.get("adapter") in ("lora", "qlora") and _quantized(d)),
        ),
        "quantize_moe_experts needs a LoRA adapter and a model in 4 or 8 bits",
        "Set adapter: qlora and load_in_4bit: true.",
    ),
    Rule(
        "experts quantized and linear",
        both("lora_target_linear", "quantize_moe_experts"),
        "lora_target_linear does not go together with quantize_moe_experts",
        "Name the experts in lora_target_parameters.",
    ),
    Rule(
        "rates by group twice",
        both("lr_groups", "loraplus_lr_ratio"),
        "lr_groups and loraplus_lr_ratio both set rates by group",
        "Keep one of them.",
    ),
    Rule(
        "two attentions",
        lambda d: first(d, *LEGACY_ATTENTION) if d.get("attn_implementation") else None,
        "attn_implementation and a flag of older releases both choose the attention",
        "Keep attn_implementation alone.",
        lambda d: (
            "attn_implementation alone",
            tuple(Edit((key,), remove=True) for key in LEGACY_ATTENTION if d.get(key)),
        ),
    ),
    Rule(
        "short name of an attention",
        when("attn_implementation", lambda d: d.get("attn_implementation") in SHORT_ATTENTION),
        "axolotl does not take this short name of an attention",
        "Write it out.",
        lambda d: set_to("attn_implementation", SHORT_ATTENTION[str(d["attn_implementation"])])(d),
    ),
    Rule(
        "hybrid attention with another",
        when(
            "attn_implementation",
            lambda d: d.get("gemma4_hybrid_attn_impl") and attention(d) not in (None, "flash_attention_2"),
        ),
        "gemma4_hybrid_attn_impl runs the sliding layers under flash_attention_2",
        "Set flash_attention_2, or drop the hybrid.",
        set_to("attn_implementation", "flash_attention_2"),
    ),
    Rule(
        "ring attention without flash",
        when(
            "context_parallel_size",
            lambda d: (
                isinstance(d.get("context_parallel_size"), int)
                and d["context_parallel_size"] > 1
                and attention(d) != "flash_attention_2"
            ),
        ),
        "context_parallel_size above 1 needs flash_attention_2",
        "Set attn_implementation: flash_attention_2.",
        set_to("attn_implementation", "flash_attention_2"),
        before="0.20",
    ),
    Rule(
        "softmax scaling without flex",
        when("scaling_softmax", lambda d: d.get("scaling_softmax") and attention(d) != "flex_attention"),
        "scaling_softmax needs flex attention",
        "Set attn_implementation: flex_attention.",
        set_to("attn_implementation", "flex_attention"),
    ),
    Rule(
        "two cross entropies",
        when("chunked_cross_entropy", lambda d: sum(bool(d.get(key)) for key in _ONE_ENTROPY) > 1),
        "more than one replacement of the cross entropy is on",
        "Keep one of them.",
    ),
    Rule(
        "offloading without checkpointing",
        when("activation_offloading", lambda d: d.get("activation_offloading") and not d.get("gradient_checkpointing")),
        "activation_offloading needs gradient_checkpointing",
        "Set gradient_checkpointing.",
        set_to("gradient_checkpointing", True),
    ),
    Rule(
        "selective without checkpointing",
        when(
            "selective_checkpointing",
            lambda d: d.get("selective_checkpointing") and not d.get("gradient_checkpointing"),
        ),
        "selective_checkpointing needs gradient_checkpointing",
        "Set gradient_checkpointing.",
        set_to("gradient_checkpointing", True),
    ),
    Rule(
        "selective and reentrant",
        when("selective_checkpointing", lambda d: d.get("selective_checkpointing") and _reentrant(d)),
        "selective_checkpointing needs use_reentrant: false",
        "Set use_reentrant to false.",
        lambda d: ("use_reentrant: false", (Edit(("gradient_checkpointing_kwargs", "use_reentrant"), False),)),
    ),
    Rule(
        "partly frozen and reentrant",
        when("unfrozen_parameters", lambda d: d.get("unfrozen_parameters") and _reentrant(d) is True),
        "a partly frozen model (unfrozen_parameters) needs use_reentrant: false",
        "Set use_reentrant to false.",
        lambda d: ("use_reentrant: false", (Edit(("gradient_checkpointing_kwargs", "use_reentrant"), False),)),
    ),
    Rule(
        "two warm-ups",
        both("warmup_ratio", "warmup_steps"),
        "warmup_steps and warmup_ratio exclude each other",
        "Keep one of them.",
        drop("warmup_ratio"),
    ),
    Rule(
        "two batch sizes",
        both("batch_size", "gradient_accumulation_steps"),
        "batch_size and gradient_accumulation_steps exclude each other",
        "Keep micro_batch_size and the accumulation.",
        drop("batch_size"),
    ),
    Rule(
        "two ways to save",
        both("saves_per_epoch", "save_steps"),
        "saves_per_epoch and save_steps exclude each other",
        "Keep one of them.",
        drop("saves_per_epoch"),
    ),
    Rule(
        "save steps without the strategy",
        when("save_strategy", lambda d: d.get("save_steps") and d.get("save_strategy") not in (None, "steps", "")),
        "save_steps needs save_strategy: steps",
        "Set save_strategy to steps, or remove save_steps.",
        set_to("save_strategy", "steps"),
    ),
    Rule(
        "best without a metric",
        when("save_strategy", lambda d: d.get("save_strategy") == "best" and not d.get("metric_for_best_model")),
        "save_strategy: best needs metric_for_best_model",
        "Set metric_for_best_model: eval_loss.",
        set_to("metric_for_best_model", "eval_loss"),
    ),
    Rule(
        "two ways to evaluate",
        both("evals_per_epoch", "eval_steps"),
        "evals_per_epoch and eval_steps exclude each other",
        "Keep one of them.",
        drop("evals_per_epoch"),
    ),
    Rule(
        "evaluation steps without the strategy",
        when("eval_strategy", lambda d: d.get("eval_steps") and d.get("eval_strategy") not in (None, "steps", "")),
        "eval_steps needs eval_strategy: steps",
        "Set eval_strategy to steps, or remove eval_steps.",
        set_to("eval_strategy", "steps"),
    ),
    Rule(
        "evaluation of nothing",
        lambda d: (
            first(d, "eval_steps", "eval_strategy")
            if d.get("val_set_size") == 0 and not d.get("test_datasets") and d.get("eval_strategy") != "no"
            else None
        ),
        "there is nothing to evaluate on: val_set_size is 0 and there are no test_datasets",
        "Set val_set_size or test_datasets, or remove eval_steps and eval_strategy.",
    ),
    Rule(
        "two evaluation sets",
        both("val_set_size", "test_datasets"),
        "val_set_size and test_datasets exclude each other",
        "Keep test_datasets.",
        drop("val_set_size"),
    ),
    Rule(
        "early stopping without steps",
        when(
            "early_stopping_patience",
            lambda d: d.get("early_stopping_patience") and not (d.get("save_steps") and d.get("eval_steps")),
        ),
        "early_stopping_patience needs save_steps and eval_steps",
        "Set both, save_steps a multiple of eval_steps.",
    ),
    Rule(
        "deepspeed and fsdp",
        both("deepspeed", "fsdp"),
        "deepspeed and fsdp exclude each other",
        "Keep one of them.",
        before="0.20",
    ),
    Rule(
        "deepspeed and fsdp_config, refused",
        both("deepspeed", "fsdp_config"),
        "deepspeed and fsdp_config exclude each other",
        "Keep one of them.",
        since="0.20",
    ),
    Rule(
        "8-bit optimizer under FSDP2",
        when(
            "optimizer",
            lambda d: _fsdp2(d) and d.get("optimizer") in ("adamw_8bit", "adamw_bnb_8bit"),
        ),
        "FSDP2 does not shard the states of bitsandbytes' 8-bit AdamW",
        "Set optimizer: adamw_torch_8bit.",
        set_to("optimizer", "adamw_torch_8bit"),
    ),
    Rule(
        "8-bit optimizer under FSDP, whose version is 2",
        when(
            "optimizer",
            lambda d: (
                d.get("fsdp_config") and not _versioned(d) and d.get("optimizer") in ("adamw_8bit", "adamw_bnb_8bit")
            ),
        ),
        "FSDP2 does not shard the states of bitsandbytes' 8-bit AdamW",
        "Set optimizer: adamw_torch_8bit.",
        set_to("optimizer", "adamw_torch_8bit"),
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "4 bits loaded by the first rank alone",
        when("load_in_4bit", lambda d: _fsdp2(d) and d.get("load_in_4bit") and _efficient_loading(d)),
        "under FSDP2 cpu_ram_efficient_loading lets the first rank alone load and quantize the weights, and the others "
        "expect them unquantized",
        "Set fsdp_config.cpu_ram_efficient_loading to false.",
        _load_on_every_rank,
        before="0.20",
    ),
    Rule(
        "4 bits loaded by the first rank alone, and not in shards",
        when("load_in_4bit", lambda d: d.get("load_in_4bit") and _efficient_loading(d) and not _sharded(d)),
        "cpu_ram_efficient_loading lets the first rank alone load and quantize the weights, and the others expect them "
        "unquantized, unless qlora_sharded_model_loading stages them on the CPU",
        "Set qlora_sharded_model_loading to true, or fsdp_config.cpu_ram_efficient_loading to false.",
        _load_on_every_rank,
        since="0.20",
    ),
    Rule(
        "sharding strategy of FSDP1",
        lambda d: "fsdp_config" if _fsdp1_key(d, "sharding_strategy") else None,
        "sharding_strategy is an option of FSDP1, which axolotl has no more; it stops at it",
        "FSDP2 has reshard_after_forward in its place: true shards as FULL_SHARD does, false as SHARD_GRAD_OP.",
        _sharding,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "prefetch of FSDP1",
        lambda d: "fsdp_config" if _fsdp1_key(d, "forward_prefetch") else None,
        "forward_prefetch is an option of FSDP1, which axolotl has no more; it stops at it",
        "Remove it: FSDP2 has nothing in its place.",
        _without_prefetch,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "version 1 of FSDP",
        lambda d: place[0] if (place := _old_version(d)) else None,
        "axolotl has version 2 of FSDP alone, and stops at any other",
        "Write fsdp_version: 2, or leave it out.",
        _second_version,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "weights staged in 4 bits beside what needs them whole",
        lambda d: first(d, "peft_use_dora", "lora_modules_to_save") if _staged(d) else None,
        "cpu_ram_efficient_loading of qlora sends the ranks weights in 4 bits, beside which axolotl takes neither DoRA "
        "nor modules to save",
        "Set fsdp_config.cpu_ram_efficient_loading to false, or leave the key out.",
        _load_on_every_rank,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "weights staged in 4 bits in several dimensions",
        lambda d: _parallel(d) if _staged(d) else None,
        "cpu_ram_efficient_loading of qlora sends the ranks weights in 4 bits along one dimension alone: no tensor or "
        "context parallelism, no replicas",
        "Set fsdp_config.cpu_ram_efficient_loading to false, or leave the key out.",
        _load_on_every_rank,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "weights staged in 4 bits of another kind",
        when(
            "bnb_config_kwargs",
            lambda d: (
                _staged(d)
                and isinstance(d.get("bnb_config_kwargs"), dict)
                and d["bnb_config_kwargs"].get("bnb_4bit_quant_type", "nf4") != "nf4"
            ),
        ),
        "cpu_ram_efficient_loading of qlora takes bnb_4bit_quant_type: nf4 alone",
        "Set it to nf4, or fsdp_config.cpu_ram_efficient_loading to false.",
        _load_on_every_rank,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "weights staged in 4 bits and adapters that begin with their values",
        when(
            "peft_init_lora_weights",
            lambda d: _staged(d) and d.get("peft_init_lora_weights") not in (None, True, False, "gaussian"),
        ),
        "cpu_ram_efficient_loading of qlora gives no rank the values of the weights, with which this initialisation "
        "begins the adapters",
        "Set fsdp_config.cpu_ram_efficient_loading to false, or leave the key out.",
        _load_on_every_rank,
        since=_WITHOUT_FSDP1,
    ),
    Rule(
        "two memory limits",
        both("gpu_memory_limit", "max_memory"),
        "max_memory and gpu_memory_limit exclude each other",
        "Keep one of them.",
        drop("gpu_memory_limit"),
    ),
    Rule(
        "jinja without a template",
        when("chat_template", lambda d: d.get("chat_template") == "jinja" and not d.get("chat_template_jinja")),
        "chat_template: jinja needs chat_template_jinja",
        "Give the template's text or path there.",
    ),
    Rule(
        "streaming without steps",
        when("streaming", lambda d: d.get("streaming") and not d.get("max_steps")),
        "a streamed data set has no length, so max_steps is needed",
        "Set max_steps.",
    ),
    Rule(
        "streaming with a split",
        when("val_set_size", lambda d: d.get("streaming") and d.get("val_set_size")),
        "nothing can be split off a streamed data set",
        "Use test_datasets.",
        drop("val_set_size"),
    ),
    Rule(
        "deduplication without preparation",
        both("dataset_exact_deduplication", "skip_prepare_dataset"),
        "rows are deduplicated while the data set is prepared, and skip_prepare_dataset is set",
        "Deduplicate the data before.",
        drop("dataset_exact_deduplication"),
    ),
)
