"""Keys of which one has no effect, or which stop the run later, and which axolotl's validators take in silence."""

from __future__ import annotations

from typing import Any

from workbench.checks.refused_keys import REFUSED, Data, Rule, attention, drop, first, set_to, when
from workbench.findings import Edit

_LORA = (
    "lora_r",
    "lora_alpha",
    "lora_target_modules",
    "lora_target_linear",
    "lora_target_parameters",
    "lora_model_dir",
)
_PACKS = ("flash_attention", "flex_attention", "xformers", "sage", "sdpa", "eager", "kernels-community/")


def _sharded_checkpointing(data: Data) -> str | None:
    """The key of fsdp_config that checkpoints activations, where one is on."""
    settings = data.get("fsdp_config")
    keys = ("activation_checkpointing", "fsdp_activation_checkpointing")
    return first(settings, *keys) if isinstance(settings, dict) else None


def _twice(rank: Any) -> int:
    return 2 * rank if isinstance(rank, int) and rank > 0 else 32


def broken(data: Data, release: str) -> frozenset[str]:
    """The names of a release's rules that a recipe breaks: those that axolotl refuses, and those it is silent about."""
    return frozenset(rule.name for rule in (*REFUSED, *SILENT) if rule.holds(release) and rule.at(data) is not None)


def _zero3(data: Data) -> bool:
    """True where deepspeed shards the weights too, as far as its file's name or its settings tell."""
    told = data.get("deepspeed")
    if isinstance(told, dict):
        stage = told.get("zero_optimization")
        return isinstance(stage, dict) and stage.get("stage") == 3
    return isinstance(told, str) and "zero3" in told


def _not_reentrant(data: Data) -> bool:
    told = data.get("gradient_checkpointing_kwargs")
    return bool(data.get("gradient_checkpointing")) and isinstance(told, dict) and told.get("use_reentrant") is False


def _no_evaluation(data: Data) -> bool:
    return not data.get("val_set_size") and not data.get("test_datasets")


SILENT: tuple[Rule, ...] = (
    Rule(
        "4 bits under lora",
        when("load_in_4bit", lambda d: d.get("adapter") == "lora" and d.get("load_in_4bit")),
        "axolotl loads in 4 bits for adapter: qlora alone; under lora this key has no effect",
        "Set adapter: qlora, or remove load_in_4bit.",
        set_to("adapter", "qlora"),
    ),
    Rule(
        "lora keys without adapter",
        lambda d: None if d.get("adapter") else first(d, *_LORA),
        "there is no adapter, so every weight is trained and the lora_ keys have no effect",
        "Set adapter: lora.",
        set_to("adapter", "lora"),
    ),
    Rule(
        "adapter without targets",
        when(
            "adapter",
            lambda d: (
                d.get("adapter") in ("lora", "qlora")
                and not first(
                    d, "lora_target_modules", "lora_target_linear", "lora_target_parameters", "lora_model_dir"
                )
            ),
        ),
        "no lora_target_ key says what is adapted; PEFT takes its own list for the model type, or stops",
        "Set lora_target_modules.",
    ),
    Rule(
        "adapter without rank",
        when(
            "adapter",
            lambda d: (
                d.get("adapter") in ("lora", "qlora")
                and not d.get("lora_model_dir")
                and (d.get("lora_r") is None or d.get("lora_alpha") is None)
            ),
        ),
        "lora_r and lora_alpha have no default in axolotl: PEFT stops with a TypeError where one of them is missing",
        "Set both; a rank of 16 and twice as much for alpha are usual.",
        lambda d: (
            "lora_r and lora_alpha",
            (
                *((Edit(("lora_r",), 16),) if d.get("lora_r") is None else ()),
                *((Edit(("lora_alpha",), _twice(d.get("lora_r"))),) if d.get("lora_alpha") is None else ()),
            ),
        ),
        stops=True,
    ),
    Rule(
        "4 bits sharded and not reentrant",
        when(
            "gradient_checkpointing_kwargs",
            lambda d: d.get("adapter") == "qlora" and _zero3(d) and _not_reentrant(d),
        ),
        "qlora under ZeRO-3 with use_reentrant: false may stop with a CheckpointError: the sharded weights have other "
        "shapes when they are computed again",
        "Set use_reentrant to true, or use ZeRO-2.",
        lambda d: ("use_reentrant: true", (Edit(("gradient_checkpointing_kwargs", "use_reentrant"), True),)),
    ),
    Rule(
        "a pattern among names",
        when(
            "lora_target_modules",
            lambda d: d.get("lora_target_linear") and isinstance(d.get("lora_target_modules"), str),
        ),
        "with lora_target_linear the pattern is taken as one more name, and every linear layer is adapted",
        "Keep one of them.",
        drop("lora_target_linear"),
    ),
    Rule(
        "checkpointing options alone",
        when(
            "gradient_checkpointing_kwargs",
            lambda d: d.get("gradient_checkpointing_kwargs") and not d.get("gradient_checkpointing"),
        ),
        "gradient_checkpointing is not on, so its options have no effect",
        "Set gradient_checkpointing, or remove them.",
        set_to("gradient_checkpointing", True),
    ),
    Rule(
        "checkpointing twice",
        when("gradient_checkpointing", lambda d: d.get("gradient_checkpointing") and _sharded_checkpointing(d)),
        "fsdp_config checkpoints activations too, and Trainer stops where both do",
        "Keep the one of fsdp_config.",
        lambda d: (
            "without gradient_checkpointing",
            tuple(
                Edit((key,), remove=True)
                for key in ("gradient_checkpointing", "gradient_checkpointing_kwargs")
                if key in d
            ),
        ),
        stops=True,
    ),
    Rule(
        "two precisions",
        when("fp16", lambda d: d.get("fp16") and d.get("bf16", "auto")),
        "bf16 is on (it is auto where unset), so fp16 has no effect",
        "Set bf16: false to train in fp16, or remove fp16.",
        drop("fp16"),
    ),
    Rule(
        "evaluation without rows",
        lambda d: first(d, "evals_per_epoch", "eval_steps") if "val_set_size" not in d and _no_evaluation(d) else None,
        "nothing is evaluated: neither val_set_size nor test_datasets is set",
        "Set one of them.",
    ),
    Rule(
        "deepspeed and fsdp_config",
        when("deepspeed", lambda d: d.get("deepspeed") and d.get("fsdp_config") is not None and not d.get("fsdp")),
        "deepspeed and fsdp_config are both given",
        "Keep one of them.",
        before="0.20",
    ),
    Rule(
        "packing without separation",
        when(
            "sample_packing",
            lambda d: (
                d.get("sample_packing")
                and not d.get("processor_type")
                and not str(attention(d) or "").startswith(_PACKS)
            ),
        ),
        "packed rows see each other: without an attention that is told where rows begin, their mask is all ones",
        "Set attn_implementation: flash_attention_2 (or sdpa, where axolotl packs this model type), or turn "
        "sample_packing off.",
    ),
)
