"""A017 to A020: new tokens, quantized experts, skipped modules and adapters to start from, each with a clean twin."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.support import QWEN, bench_of, of, row
from tests.support.small import small_config
from workbench.bench import Bench
from workbench.checks.recipe_checks import model_findings as check
from workbench.checks.run import check_rows
from workbench.findings import Finding, apply_fix
from workbench.models.memory import estimate

LANGUAGE = r"model.language_model.layers.[\d]+.self_attn.(q|k|v|o)_proj"
LORA = {"adapter": "lora", "lora_r": 4, "lora_alpha": 8, "lora_target_modules": LANGUAGE, "freeze_mm_modules": True}
QLORA = LORA | {"adapter": "qlora", "load_in_4bit": True}
Modelled = Callable[..., Bench]


def tiny(model_type: str = "qwen3_vl_moe") -> Any:
    config = small_config(model_type)
    config.text_config.vocab_size = 256
    return config


@pytest.fixture
def modelled(loaded: Any, tmp_path: Path) -> Modelled:
    def build(config: Any, **keys: Any) -> Bench:
        known = {
            "auto_config": config,
            "config": config.to_dict(),
            "model_type": config.model_type,
            "is_multimodal": True,
        }
        head = {"base_model": "here", "skip_prepare_dataset": True, "processor_type": "AutoProcessor", "bf16": True}
        recipe = yaml.safe_dump(head | keys) + QWEN + "datasets:\n  - path: rows.jsonl\n    type: chat_template\n"
        return bench_of(replace(loaded("qwen2_5_vl"), **known), tmp_path, recipe, [row("a", "b")])

    return build


def told(bench: Bench, code: str) -> list[Finding]:
    return of(list(check(bench)), code)


def mended(bench: Bench, found: Finding) -> list[Finding]:
    """The findings of the same code after its fix, which the trials must offer too."""
    offered = of(check_rows(bench, bench.head(None)).findings, found.code)
    assert any(one.fix == found.fix for one in offered)
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.apply()
    return told(bench, found.code)


def test_new_tokens_need_the_embeddings(modelled: Modelled) -> None:
    bench = modelled(tiny("gemma3"), **LORA, tokens=["<point>", "<box>"])
    (found,) = told(bench, "A017")
    assert (found.severity, found.where.field) == ("error", "tokens")
    assert "adds 2 tokens" in found.message
    assert mended(bench, found) == []
    assert bench.document.get(("lora_modules_to_save",)) == ["embed_tokens", "lm_head"]
    assert told(modelled(tiny("gemma3"), tokens=["<point>"]), "A017") == []


def test_the_fix_names_the_models_own_modules_too(modelled: Modelled) -> None:
    """A model that calls them otherwise trains nothing under the names that axolotl asks for."""
    keys = LORA | {"lora_target_modules": ["query", "value"], "lora_modules_to_save": ["output"]}
    bench = modelled(small_config("git"), **keys, tokens=["<point>"])
    (found,) = told(bench, "A017")
    assert found.fix is not None
    (edit,) = found.fix.edits
    assert edit.value == ["output", "embed_tokens", "lm_head", "word_embeddings"]


@pytest.mark.parametrize("bits", [4, 8])
def test_experts_that_are_not_quantized(modelled: Modelled, bits: int) -> None:
    keys = QLORA if bits == 4 else LORA | {"load_in_8bit": True}
    bench = modelled(tiny(), **keys)
    (found,) = told(bench, "A018")
    assert (found.severity, found.where.field) == ("warning", f"load_in_{bits}bit")
    experts = [one for name, one in bench.anatomy.model.named_parameters() if "experts" in name and one.dim() == 3]
    numbers = sum(one.numel() for one in experts)
    assert numbers > 0
    assert f"{numbers * 4 / 1e9:,.1f} GB in 32 bits" in found.message
    before = estimate(bench.anatomy.config, bench.recipe, sequence=8).weights
    assert before >= 4 * numbers
    assert mended(bench, found) == []
    assert estimate(bench.anatomy.config, bench.recipe, sequence=8).weights < before - 3 * numbers
    assert told(modelled(tiny(), **LORA), "A018") == []
    assert told(modelled(tiny("qwen3_vl"), **keys), "A018") == []
    sharded = {"fsdp_version": 2, "fsdp_config": {"transformer_layer_cls_to_wrap": "Qwen3VLMoeTextDecoderLayer"}}
    assert "32 bits" not in told(modelled(tiny(), **keys, **sharded), "A018")[0].message


def test_experts_that_axolotl_makes_linear_are_quantized(modelled: Modelled) -> None:
    keys = QLORA | {"lora_target_modules": ["self_attn.q_proj"]}
    assert told(modelled(tiny("llama4"), **keys), "A018") != []
    assert told(modelled(tiny("llama4"), **keys, llama4_linearized_experts=True), "A018") == []
    # It means nothing for another model.
    assert told(modelled(tiny(), **QLORA, llama4_linearized_experts=True), "A018") != []


def skipping(*names: str) -> dict[str, Any]:
    return QLORA | {"bnb_config_kwargs": {"llm_int8_skip_modules": list(names)}}


def test_modules_that_are_to_be_skipped_and_are_not(modelled: Modelled) -> None:
    bench = modelled(tiny("gemma3"), **skipping("lm_head", "vision_tower"))
    (found,) = told(bench, "A019")
    assert found.where.field == "bnb_config_kwargs.llm_int8_skip_modules[1]"
    assert mended(bench, found) == []
    named = bench.document.get(("bnb_config_kwargs", "llm_int8_skip_modules"))
    assert named == ["lm_head", "model.vision_tower"]
    bench = modelled(tiny("gemma3"), **skipping("nonsense"))
    (found,) = told(bench, "A019")
    assert mended(bench, found) == []
    clean = modelled(tiny("gemma3"), **skipping("lm_head", "model.vision_tower", r"model\.language_model\.layers\.0"))
    assert told(clean, "A019") == []


@pytest.fixture
def adapter(tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        folder = tmp_path / "adapter"
        folder.mkdir(exist_ok=True)
        saved = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "target_modules": LANGUAGE}
        saved |= {"base_model_name_or_path": "someone/here"} | changes
        (folder / "adapter_config.json").write_text(json.dumps(saved))
        (folder / "adapter_model.safetensors").write_bytes(b"")
        return folder

    return write


def test_an_adapter_that_fits(modelled: Modelled, adapter: Callable[..., Path]) -> None:
    adapter()
    assert told(modelled(tiny("gemma3"), **LORA, lora_model_dir="adapter"), "A020") == []
    # Where it lies elsewhere, nobody here can tell.
    assert told(modelled(tiny("gemma3"), **LORA, lora_model_dir="someone/adapter"), "A020") == []


@pytest.mark.parametrize(
    ("changes", "place", "severity", "words"),
    [
        ({"r": 16}, "lora_r", "warning", "has r 16"),
        ({"lora_alpha": 64}, "lora_alpha", "warning", "lora_alpha 64"),
        ({"target_modules": ["q_proj"]}, "lora_target_modules", "warning", "1 names"),
        ({"base_model_name_or_path": "other/model"}, "lora_model_dir", "warning", "other/model"),
        ({"target_modules": ["c_attn"]}, "lora_model_dir", "error", "c_attn"),
        ({"target_modules": ["q_proj", "c_attn"]}, "lora_model_dir", "warning", "1 of the adapter's 2 targets"),
        ({"target_modules": "transformer.*"}, "lora_model_dir", "error", "transformer"),
    ],
)
def test_an_adapter_that_does_not_fit(
    modelled: Modelled, adapter: Callable[..., Path], changes: dict[str, Any], place: str, severity: str, words: str
) -> None:
    adapter(**changes)
    bench = modelled(tiny("gemma3"), **LORA, lora_model_dir="adapter")
    found = [one for one in told(bench, "A020") if one.where.field == place]
    assert [one.severity for one in found] == [severity]
    assert words in found[0].message
    if place in ("lora_r", "lora_alpha"):
        left = mended(bench, found[0])
        assert left == []


def test_a_folder_that_is_no_adapter(modelled: Modelled, adapter: Callable[..., Path]) -> None:
    folder = adapter()
    (folder / "adapter_model.safetensors").unlink()
    (found,) = told(modelled(tiny("gemma3"), **LORA, lora_model_dir="adapter"), "A020")
    assert (found.severity, "adapter_model.safetensors" in found.message) == ("error", True)
    (folder / "adapter_config.json").write_text("[")
    (found,) = told(modelled(tiny("gemma3"), **LORA, lora_model_dir="adapter"), "A020")
    assert "adapter_config.json" in found.message
