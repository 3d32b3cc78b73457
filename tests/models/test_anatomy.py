"""Towers and LoRA hits of many architectures, against PEFT applied to real instances and prefixes written by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from tests.support.small import default_config, small_config
from workbench.errors import EnvironmentProblem
from workbench.families.library import families
from workbench.models.anatomy import anatomy
from workbench.models.targets import language_model_pattern, trained
from workbench.recipe.model import Recipe

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
USUAL = {"model.language_model": "language", "model.vision_tower": "vision", "model.multi_modal_projector": "projector"}
QWEN = {"model.language_model": "language", "model.visual": "vision", "model.visual.merger": "projector"}
TEXT_MODEL = {"model.text_model": "language", "model.vision_model": "vision", "model.connector": "projector"}
# Where the towers of each architecture are, read off transformers' code; the longest prefix decides.
PREFIXES: dict[str, dict[str, str]] = {
    **dict.fromkeys(
        ("aria", "cohere2_vision", "gemma3", "got_ocr2", "internvl", "lfm2_vl", "llava", "llava_next"), USUAL
    ),
    **dict.fromkeys(("llava_next_video", "llava_onevision", "mistral3", "paligemma", "vipllava", "qianfan_ocr"), USUAL),
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_5", "glm4v", "glm46v", "glm_ocr", "exaone4_5"), QWEN),
    **dict.fromkeys(("smolvlm", "idefics2", "idefics3"), TEXT_MODEL),
    "qwen3_vl": QWEN | {"model.visual.deepstack_merger_list": "projector"},
    "deepseek_vl": {"model.language_model": "language", "model.vision_model": "vision", "model.aligner": "projector"},
    "lighton_ocr": {
        "model.language_model": "language",
        "model.vision_encoder": "vision",
        "model.vision_projection": "projector",
    },
    "llama4": {
        "language_model": "language",
        "vision_model": "vision",
        "vision_model.vision_adapter": "projector",
        "multi_modal_projector": "projector",
    },
    "mllama": {
        "model.language_model": "language",
        "model.vision_model": "vision",
        "model.multi_modal_projector": "projector",
    },
    "minicpmv4_6": {
        "model.language_model": "language",
        "model.vision_tower": "vision",
        "model.vision_tower.vit_merger": "projector",
        "model.merger": "projector",
    },
    "paddleocr_vl": {"model.language_model": "language", "model.visual": "vision", "model.projector": "projector"},
    "video_llava": USUAL | {"model.video_tower": "vision", "model.image_tower": "vision"},
    # In older releases its language model is called model.
    "qwen2_5_omni_thinker": QWEN | {"model.audio_tower": "audio", "model.layers": "language"},
    "blip-2": {
        "language_model": "language",
        "vision_model": "vision",
        "qformer": "projector",
        "language_projection": "projector",
    },
    "kosmos-2": {"text_model": "language", "vision_model": "vision", "image_to_text_projection": "projector"},
    "git": {"git": "language", "git.image_encoder": "vision", "git.visual_projection": "projector"},
}


def recipe(**keys: Any) -> Recipe:
    return Recipe.model_validate({"adapter": "lora", "lora_r": 4, "bf16": True} | keys)


def by_prefix(prefixes: dict[str, str], name: str) -> str:
    # Older releases have the parts of some models on the model itself.
    bare = {prefix.removeprefix("model."): tower for prefix, tower in prefixes.items()}
    prefixes, name = bare, name.removeprefix("model.")
    found = [prefix for prefix in prefixes if name == prefix or name.startswith(f"{prefix}.")]
    return prefixes[max(found, key=len)] if found else "head" if "head" in name or name == "output" else "none"


def really_adapted(model_type: str, targets: Any) -> list[str]:
    """The modules that PEFT puts an adapter on, in a real instance: its memory is there and nobody writes to it."""
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import LoraLayer
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(small_config(model_type), dtype=torch.bfloat16)
    model = get_peft_model(model.to_empty(device="cpu"), LoraConfig(r=1, target_modules=targets, task_type="CAUSAL_LM"))
    assert not any(parameter.is_meta for parameter in model.parameters())
    return [name.removeprefix("base_model.model.") for name, one in model.named_modules() if isinstance(one, LoraLayer)]


@pytest.mark.parametrize("model_type", PREFIXES)
def test_towers_and_hits_are_those_of_peft_on_a_real_instance(model_type: str) -> None:
    prefixes, found = PREFIXES[model_type], anatomy(small_config(model_type))
    for name, tower in found.linears.items():
        told = "language" if tower in ("experts", "embeddings") else tower
        assert told == "head" or told == by_prefix(prefixes, name), name
    assert sum(one.parameters for one in found.towers) == sum(one.numel() for one in found.model.parameters())
    facts = trained(found, recipe(lora_target_modules=SEVEN))
    really = really_adapted(model_type, SEVEN)
    assert sorted(facts.modules) == sorted(really)
    assert facts.hits == Counter(by_prefix(prefixes, name) for name in really)

    pattern = language_model_pattern(found)
    assert pattern is not None
    language = trained(found, recipe(lora_target_modules=pattern))
    assert language.hits
    assert set(language.hits) <= {"language", "experts"}
    assert not language.unreached
    assert sorted(language.modules) == sorted(really_adapted(model_type, pattern))


def test_the_table_of_towers_and_hits(record_testsuite_property: Any) -> None:
    """Run with -s to read it: linear layers of each tower, and how many of them the seven names reach."""
    table = {}
    for model_type in PREFIXES:
        found = anatomy(small_config(model_type))
        hits = trained(found, recipe(lora_target_modules=SEVEN)).hits
        table[model_type] = " ".join(f"{one.name} {hits.get(one.name, 0)}/{one.linears}" for one in found.towers)
        record_testsuite_property(model_type, table[model_type])
        print(f"{model_type:22}{table[model_type]}")
    assert len(table) >= 25
    assert all("language" in line and "vision" in line for line in table.values())


@pytest.mark.parametrize(
    ("model_type", "vision"),
    [("qwen2_5_vl", 96), ("llava", 72), ("internvl", 72), ("gemma3", 36), ("smolvlm", 36), ("qwen3_vl", 0)],
)
def test_the_usual_seven_names_at_full_size(model_type: str, vision: int) -> None:
    """The figures that were found with PEFT on the default configurations."""
    facts = trained(anatomy(default_config(model_type)), recipe(lora_target_modules=SEVEN))
    assert facts.hits.get("vision", 0) == vision
    assert facts.hits["language"] > 0


@pytest.mark.parametrize(
    "family", [one for one in families().values() if one.modules is not None], ids=lambda one: one.name
)
def test_a_family_file_and_the_anatomy_say_the_same(family: Any) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as known

    tried = 0
    for model_type in (name for rule in family.identify for name in rule.model_types if name in known):
        try:
            found = anatomy(small_config(model_type))
        except EnvironmentProblem:
            continue
        names = {name for name, _ in found.model.named_modules()}
        for tower in ("language", "vision", "audio", "projector"):
            for prefix in getattr(family.modules, tower):
                if prefix in names:
                    tried += 1
                    assert found.tower_of(prefix) == tower, (model_type, prefix)
    if not tried:
        pytest.skip("transformers cannot build one of its models from defaults here")


def tiny_gemma4() -> Any:
    """Six layers, two of them sharing keys and values, with per-layer inputs; two layers of pictures and of sound."""
    from transformers import Gemma4Config

    return Gemma4Config(
        text_config={
            "num_hidden_layers": 6,
            "hidden_size": 32,
            "intermediate_size": 64,
            "vocab_size": 128,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "global_head_dim": 16,
            "layer_types": ["sliding_attention", "full_attention"] * 3,
            "num_kv_shared_layers": 2,
            "hidden_size_per_layer_input": 16,
            "vocab_size_per_layer_input": 128,
        },
        vision_config={
            "num_hidden_layers": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "head_dim": 8,
        },
        audio_config={"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4},
    )


def test_the_tiny_gemma_4_of_the_field_notes() -> None:
    found = anatomy(tiny_gemma4())
    everything = trained(found, recipe(lora_target_modules=["all-linear"]))
    assert everything.refusal is not None
    assert not everything.matched
    everything = trained(found, recipe(lora_target_modules="all-linear"))
    beside = sum(everything.hits.get(tower, 0) for tower in ("vision", "audio", "projector"))
    assert (beside, sum(everything.hits.values())) == (41, 92)
