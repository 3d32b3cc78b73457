"""A001 to A013: each with a configuration that has it and a clean twin, and what a fix does to a real small model."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from packaging import version
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from transformers import AutoConfig, AutoModelForImageTextToText
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from tests.checks.support import QWEN, bench_of, of, row
from tests.models.test_anatomy import PREFIXES, SEVEN, really_adapted, tiny_gemma4
from tests.support.small import small_config
from workbench.bench import Bench
from workbench.checks.loaded_class import LoadedClass, loaded_class
from workbench.checks.recipe_checks import model_findings as check
from workbench.consumers.axolotl.loader import Rehearsal
from workbench.consumers.protocol import Answer, Asked
from workbench.errors import BenchError, EnvironmentProblem, InputError
from workbench.families.library import families
from workbench.findings import Finding, apply_fix
from workbench.models.build import auto_class, meta_model
from workbench.models.memory import estimate
from workbench.models.targets import trained

DOCUMENTED = (
    r"model.language_model.layers.[\d]+.(_checkpoint_wrapped_module.)?(mlp|self_attn).(up|down|gate|q|k|v|o)_proj"
)
LORA = {"adapter": "lora", "lora_r": 4, "lora_alpha": 8, "freeze_mm_modules": True}
Modelled = Callable[..., Bench]


@pytest.fixture
def modelled(loaded: Any, tmp_path: Path) -> Modelled:
    """A bench that believes to have a model of this configuration; the rows are rendered as Qwen's."""

    def build(config: Any, *, multimodal: bool = True, release: str | None = None, **keys: Any) -> Bench:
        model = replace(
            loaded("qwen2_5_vl"),
            auto_config=config,
            config=config.to_dict(),
            model_type=config.model_type,
            is_multimodal=True,
        )
        head = {"base_model": "here", "skip_prepare_dataset": True, "learning_rate": 2e-4, "bf16": True}
        head |= {"processor_type": "AutoProcessor"} if multimodal else {}
        recipe = yaml.safe_dump(head | keys) + QWEN + "datasets:\n  - path: rows.jsonl\n    type: chat_template\n"
        return bench_of(model, tmp_path, recipe, [row("a", "b")], axolotl_version=release)

    return build


# The step on text stops in these releases, at the defaults of a class or at a shape that meta tensors do not have.
STEP_MAY_STOP = version.parse(transformers.__version__) < version.parse("5.20")


def told(bench: Bench) -> list[Finding]:
    step = "a training step on text was tried and stopped"
    return [one for one in check(bench) if not (STEP_MAY_STOP and one.code == "A013" and one.message.startswith(step))]


def mended(bench: Bench, finding: Finding) -> list[Finding]:
    assert finding.fix is not None
    apply_fix(bench.document, finding.fix)
    bench.apply()
    return told(bench)


def test_the_usual_names_reach_a_vision_tower(modelled: Modelled) -> None:
    bench = modelled(small_config("gemma3"), **LORA, lora_target_modules=SEVEN)
    (found,) = told(bench)
    assert found.code == "A001"
    assert found.severity == "warning"
    assert found.where.field == "lora_target_modules"
    assert "6 modules of the vision tower, beside 14 modules of the language model" in found.message
    assert "freezes 6 of the adapters again" in found.message
    assert mended(bench, found) == []
    assert bench.recipe.lora_target_modules == DOCUMENTED
    really = really_adapted("gemma3", bench.recipe.lora_target_modules)
    assert len(really) == 14
    assert all(name.startswith("model.language_model.") for name in really)


def test_all_linear_on_the_tiny_gemma_4(modelled: Modelled) -> None:
    bench = modelled(tiny_gemma4(), **LORA, lora_target_modules="all-linear", gradient_checkpointing=False)
    (beside,) = told(bench)
    assert beside.code == "A001"
    assert "beside 51 modules of the language model" in beside.message
    assert mended(bench, beside) == []
    made = get_peft_model(
        AutoModelForImageTextToText.from_config(tiny_gemma4()),
        LoraConfig(r=4, target_modules=bench.recipe.lora_target_modules, task_type="CAUSAL_LM"),
    )
    adapted = [name for name, one in made.named_modules() if isinstance(one, LoraLayer)]
    assert adapted
    assert all(name.startswith("base_model.model.model.language_model.layers.") for name in adapted)


def test_what_peft_alone_refuses(modelled: Modelled) -> None:
    with pytest.raises(ValueError, match="Gemma4ClippableLinear"):
        get_peft_model(meta_model(tiny_gemma4()), LoraConfig(target_modules=["q_proj", "v_proj"]))
    bench = modelled(tiny_gemma4(), **LORA, lora_target_modules=["q_proj", "v_proj"])
    beside, refused = told(bench)
    assert refused.severity == "warning"
    assert (
        "cannot load this adapter: 8 targets are Gemma4ClippableLinear (model.vision_tower.encoder." in refused.message
    )
    assert "freezes 8 of them" in refused.message
    assert mended(bench, beside) == []


def test_a_wrapper_and_the_layer_inside_are_one_adapter(modelled: Modelled) -> None:
    """lora_target_linear names both: q_proj and the linear in it."""
    bench = modelled(tiny_gemma4(), **LORA, lora_target_linear=True)
    facts = trained(bench.anatomy, bench.recipe)
    assert len(facts.modules) == len([name for name in bench.anatomy.linears if "lm_head" not in name])
    assert not any(name.endswith(".linear") for name in facts.modules)
    assert set(facts.redirected) <= set(facts.modules)
    (beside,) = of(told(bench), "A001")
    vision = [name for name, tower in bench.anatomy.linears.items() if tower == "vision"]
    assert f"{len(vision)} modules of the vision tower" in beside.message


def test_a_target_that_nobody_adapts(modelled: Modelled) -> None:
    bench = modelled(tiny_gemma4(), **LORA, lora_target_modules=["self_attn"])
    (found,) = told(bench)
    assert (found.code, found.severity) == ("A002", "error")
    assert "Target module Gemma4VisionAttention is not supported" in found.message
    assert mended(bench, found) == []


@pytest.mark.parametrize(
    ("key", "value", "beside", "said"),
    [
        ("peft_layers_to_transform", [0], {}, "cannot be used when `target_modules` is a str"),
        ("peft_layers_to_transform", [99], {"lora_target_modules": ["q_proj"]}, "not found"),
        ("peft_layers_pattern", ["layers"], {"lora_target_modules": ["q_proj"]}, "must also be specified"),
        ("peft_layers_pattern", ["layers"], {}, "cannot be used when `target_modules` is a str"),
        ("peft_init_lora_weights", "nonsense", {}, "nonsense"),
        ("peft_init_lora_weights", "pissa_niter_x", {}, "invalid literal"),
        ("peft_init_lora_weights", "loftq", {}, "loftq|scipy"),
        ("peft_init_lora_weights", "corda", {}, "corda"),
        ("lora_dropout", 2.0, {}, "between 0 and 1"),
        ("lora_dropout", 2.0, {"peft_init_lora_weights": "gaussian"}, "between 0 and 1"),
        ("lora_r", -1, {}, "positive integer"),
        ("lora_r", 0, {}, "no rank"),
    ],
)
def test_settings_that_peft_refuses_are_told_at_their_key(
    modelled: Modelled, key: str, value: Any, beside: dict[str, Any], said: str
) -> None:
    """Each was a traceback of PEFT's, a silence, or was blamed on the targets."""
    keys = LORA | {"lora_target_modules": DOCUMENTED} | beside | {key: value}
    bench = modelled(small_config("qwen2_5_vl"), **{name: one for name, one in keys.items() if one is not None})
    (found,) = told(bench)
    assert (found.code, found.severity, found.where.field) == ("A002", "error", key)
    assert found.where.line is not None
    assert re.search(said, found.message)
    assert found.hint
    with pytest.raises(InputError):
        estimate(bench.loaded.auto_config, bench.recipe, sequence=8)


def test_the_documented_pattern_matches_nothing_on_smolvlm(modelled: Modelled) -> None:
    bench = modelled(small_config("smolvlm"), **LORA, lora_target_modules=DOCUMENTED)
    (found,) = told(bench)
    assert (found.code, found.severity) == (
        "A003",
        "error",
    )
    assert "none of SmolVLMForConditionalGeneration" in found.message
    assert mended(bench, found) == []
    really = really_adapted("smolvlm", bench.recipe.lora_target_modules)
    assert len(really) == 14
    assert all(name.startswith("model.text_model.") for name in really)


def test_targets_that_leave_layers_out(modelled: Modelled) -> None:
    pattern = r"model.language_model.layers.[13].self_attn.q_proj"
    bench = modelled(tiny_gemma4(), **LORA, lora_target_modules=pattern)
    (found,) = told(bench)
    assert (found.code, found.severity) == ("A003", "warning")
    assert found.message == "4 of the language model's 6 layers have no adapter: 0, 2, 4-5"
    assert mended(bench, found) == []


def test_targets_that_reach_the_vision_tower_alone(modelled: Modelled) -> None:
    bench = modelled(small_config("git"), **LORA, lora_target_modules=SEVEN)
    beside, nothing = told(bench)
    assert (beside.code, nothing.code, nothing.severity) == ("A001", "A003", "error")
    assert mended(bench, nothing) == []


def test_text_alone_on_a_checkpoint_with_pictures(modelled: Modelled) -> None:
    """axolotl loads the whole class, also where transformers has a causal class of its own for the model type."""
    lora = LORA | {"lora_target_modules": DOCUMENTED}
    for model_type in ("gemma3", "qwen3_5"):
        bench = modelled(small_config(model_type), multimodal=False, **lora)
        (found,) = of(told(bench), "A004")
        assert (found.severity, found.where.field) == ("note", "base_model")
        table = f"from the table of axolotl {bench.axolotl.release}"
        assert f"ForConditionalGeneration whole, for rows of text too ({table})" in found.message
        assert "no row reaches its vision" in found.message
        assert "M parameters" in found.message
    assert of(told(modelled(small_config("gemma3"), **lora)), "A004") == []
    named = modelled(small_config("gemma3"), multimodal=False, model_type="Gemma3ForCausalLM", **lora)
    (found,) = of(told(named), "A004")
    assert (found.severity, found.where.field) == ("warning", "model_type")
    assert found.message.startswith(f"axolotl loads Gemma3ForCausalLM ({table}); the bench shows")


def test_the_class_that_axolotl_loads_is_asked_first(modelled: Modelled, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = modelled(small_config("gemma3"), multimodal=False, **LORA, lora_target_modules=DOCUMENTED)
    shown = "Gemma3ForConditionalGeneration"
    assert loaded_class(bench) == LoadedClass(shown, f"axolotl {bench.axolotl.release}", False)
    # Another model type under the same class: not one that the release takes for multimodal.
    bench.loaded = replace(bench.loaded, model_type="something_new", is_multimodal=False)
    assert loaded_class(bench).name == "Gemma3ForConditionalGeneration"
    bench.loaded = replace(bench.loaded, auto_config=small_config("git"))
    assert loaded_class(bench).name == "GitForCausalLM"
    answer = Answer({"axolotl": "0.21.3"}, resolved={"loader": "Gemma3ForCausalLM"})
    bench.asked = Asked(bench.document.text, (0,), answer)
    assert loaded_class(bench) == LoadedClass("Gemma3ForCausalLM", "axolotl 0.21.3", True)
    (found,) = [one for one in told(bench) if one.code == "A004" and one.severity == "warning"]
    assert found.message.startswith("axolotl 0.21.3 loads Gemma3ForCausalLM; the bench shows Git")
    rehearsed = Rehearsal({"axolotl": "0.21.4"}, model_class="Git")
    assert loaded_class(bench, rehearsed) == LoadedClass("Git", "axolotl 0.21.4", True)
    # An answer about another text says nothing.
    bench.document.set(("num_epochs",), 3)
    assert not loaded_class(bench).asked


def test_an_input_that_training_needs(modelled: Modelled) -> None:
    if "molmo2" not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        pytest.skip("this transformers has no such model")
    (found,) = of(told(modelled(small_config("molmo2"), multimodal=False)), "A005")
    assert found.severity == "warning"
    assert "mm_token_type_ids" in found.message
    (brought,) = of(told(modelled(small_config("molmo2"))), "A005")
    assert brought.severity == "note"
    assert of(told(modelled(small_config("gemma3"), **LORA)), "A005") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"attn_implementation": "flash_attention_2"}, "error"),
        ({"flash_attention": True}, "error"),
        ({"attn_implementation": "flash_attention_2", "gemma4_hybrid_attn_impl": True}, None),
        ({"attn_implementation": "sdpa"}, None),
        ({"attn_implementation": "flex_attention"}, None),
        ({}, None),
    ],
)
def test_heads_that_a_backend_cannot_serve(modelled: Modelled, keys: dict[str, Any], expected: str | None) -> None:
    bench = modelled(AutoConfig.for_model("gemma4"), **LORA, lora_target_modules=DOCUMENTED, **keys)
    found = of(told(bench), "A006")
    assert [one.severity for one in found] == ([expected] if expected else [])
    if found:
        assert "512" in found[0].message
        assert of(mended(bench, found[0]), "A006") == []
        assert "flash_attention" not in bench.document.data


def test_a_backend_that_the_class_does_not_support(modelled: Modelled) -> None:
    bench = modelled(small_config("git"), attn_implementation="sdpa")
    (found,) = of(told(bench), "A006")
    assert "GitForCausalLM does not support sdpa" in found.message
    assert of(mended(bench, found), "A006") == []
    assert "attn_implementation" not in bench.document.data


def loads(config: Any, **options: Any) -> bool:
    """True where transformers itself builds a model of this configuration with these options."""
    try:
        with torch.device("meta"):
            auto_class(config).from_config(deepcopy(config), **options)
    except ValueError:
        return False
    return True


ATTENTIONS = ("eager", "sdpa", "flex_attention")
ASKED = ("gemma3", "gemma4_unified", "glm4v", "internvl", "lfm2_vl", "llama4", "llava", "mllama", "qwen2_vl", "qwen3_5")


@pytest.mark.parametrize("name", ["tiny gemma4", *ASKED])
def test_every_tower_is_asked_for_its_attention(modelled: Modelled, name: str) -> None:
    config = tiny_gemma4() if name == "tiny gemma4" else small_config(name)
    assert loads(config)
    for attention in ATTENTIONS:
        bench = modelled(config, **LORA, lora_target_modules="all-linear", attn_implementation=attention)
        found = of(told(bench), "A006")
        assert bool(found) == (not loads(config, attn_implementation=attention)), attention
        for one in found:
            assert one.severity == "error"
            assert of(mended(bench, one), "A006") == []
            assert "attn_implementation" not in bench.document.data


@pytest.mark.skipif(
    version.parse(transformers.__version__) < version.parse("5.20"), reason="its audio tower has sdpa there"
)
@pytest.mark.parametrize(
    "keys",
    [
        *({"attn_implementation": one} for one in ("sdpa", "flex_attention", "flash_attention_2", "fp8")),
        {"sdp_attention": True},
        {"gemma4_hybrid_attn_impl": True},
    ],
)
def test_a_tower_without_the_backend_is_named(modelled: Modelled, keys: dict[str, Any]) -> None:
    bench = modelled(tiny_gemma4(), **LORA, lora_target_modules=DOCUMENTED, **keys)
    (found,) = of(told(bench), "A006")
    assert found.message.startswith("Gemma4AudioModel (the audio tower) does not support ")
    assert found.where.field == next(iter(keys))
    assert of(mended(bench, found), "A006") == []
    assert not keys.keys() & bench.document.data.keys()


def test_packed_rows_keep_an_attention_that_parts_them(modelled: Modelled) -> None:
    keys = {"attn_implementation": "flash_attention_2", "sample_packing": True}
    bench = modelled(AutoConfig.for_model("gemma4"), multimodal=False, **LORA, lora_target_modules=DOCUMENTED, **keys)
    (found,) = of(told(bench), "A006")
    assert of(mended(bench, found), "A006") == []
    assert bench.document.get(("attn_implementation",)) == "sdpa"


REENTRANT = {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": True}}
IN_VISION = LORA | {"freeze_mm_modules": False, "lora_target_modules": ["q_proj", "qkv"]}


@pytest.mark.parametrize(
    ("model_type", "words"),
    [
        ("qwen3_vl", "the 2 adapters in the vision tower"),
        ("qwen3_5", "the 2 adapters in the vision tower"),
        ("gemma3", None),
        ("internvl", None),
        ("llava", None),
        ("qwen2_5_vl", None),
        ("smolvlm", None),
    ],
)
def test_reentrant_checkpointing_and_adapters_in_a_tower(
    modelled: Modelled, model_type: str, words: str | None
) -> None:
    recipe = IN_VISION | {"gradient_checkpointing": True}
    # Reentrant is the default of 0.19 alone.
    assert of(told(modelled(small_config(model_type), **recipe, release="0.21")), "A007") == []
    bench = modelled(small_config(model_type), **recipe, release="0.19")
    found = of(told(bench), "A007")
    assert [one.severity for one in found] == ["warning"] * (words is not None)
    for one in found:
        assert f"as axolotl 0.19 has it where nothing is said: {words} get no gradient" in one.message
        assert of(mended(bench, one), "A007") == []
        assert bench.document.get(("gradient_checkpointing_kwargs",)) == {"use_reentrant": False}


def test_reentrant_checkpointing_is_right_for_the_language_model(modelled: Modelled) -> None:
    lora = LORA | {"lora_target_modules": DOCUMENTED}
    for keys in ({"gradient_checkpointing": True}, REENTRANT):
        for config in (small_config("qwen3_vl"), tiny_gemma4()):
            assert of(told(modelled(config, **lora, **keys)), "A007") == []
    # Frozen again, they have no gradient to lose.
    frozen = IN_VISION | {"freeze_mm_modules": True}
    assert of(told(modelled(small_config("qwen3_vl"), **frozen, **REENTRANT)), "A007") == []


def test_what_axolotl_says_of_checkpointing_goes_before_the_table(
    modelled: Modelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = modelled(small_config("qwen3_vl"), **IN_VISION, gradient_checkpointing=True)
    bench.asks_loader = True
    said = Rehearsal({"axolotl": "0.21.0"}, use_reentrant=False)
    monkeypatch.setattr(Bench, "rehearsal", lambda _: said)
    assert of(told(bench), "A007") == []
    said = Rehearsal({"axolotl": "0.19.0"}, use_reentrant=True)
    assert of(told(bench), "A007") != []


def test_shared_parameters_that_are_trained(modelled: Modelled) -> None:
    """Gemma 4 shares parameters too, and axolotl turns the reentrant kind off for it."""
    assert of(told(modelled(tiny_gemma4(), **REENTRANT)), "A007") == []
    bench = modelled(tiny_gemma4(), **REENTRANT)
    bench.loaded = replace(bench.loaded, model_type="another")
    if not bench.anatomy.shared:
        bench.anatomy.__dict__["shared"] = (("a.weight", "b.weight"),)
    (found,) = of(told(bench), "A007")
    assert "shared between modules" in found.message
    assert found.where.field == "gradient_checkpointing_kwargs"


@pytest.mark.parametrize(
    ("wrapped", "severity"),
    [
        ("Gemma3DecoderLayer", "error"),
        ("Gemma4VisionEncoderLayer", "warning"),
        (None, "warning"),
        ("Gemma4TextDecoderLayer", None),
    ],
)
def test_what_fsdp_wraps(modelled: Modelled, wrapped: str | None, severity: str | None) -> None:
    settings = {"state_dict_type": "FULL_STATE_DICT"} | ({"transformer_layer_cls_to_wrap": wrapped} if wrapped else {})
    bench = modelled(tiny_gemma4(), **LORA, lora_target_modules=DOCUMENTED, fsdp_version=2, fsdp_config=settings)
    found = told(bench)
    assert [(one.code, one.severity) for one in found] == ([("A008", severity)] if severity else [])
    if found:
        assert mended(bench, found[0]) == []
        assert bench.document.get(("fsdp_config", "transformer_layer_cls_to_wrap")) == "Gemma4TextDecoderLayer"


def test_a_logged_loss_that_accumulation_multiplies(modelled: Modelled) -> None:
    config = small_config("kosmos-2.5")
    (found,) = of(told(modelled(config, **LORA, gradient_accumulation_steps=8)), "A009")
    assert "8 times the true one" in found.message
    assert of(told(modelled(config, **LORA, gradient_accumulation_steps=1)), "A009") == []
    assert of(told(modelled(small_config("gemma3"), **LORA, gradient_accumulation_steps=8)), "A009") == []


def test_experts(modelled: Modelled) -> None:
    lora = LORA | {
        "lora_target_modules": r"model.language_model.layers.[\d]+.self_attn.(q|k|v|o)_proj",
        "lora_dropout": 0.05,
    }
    bench = modelled(small_config("qwen3_vl_moe"), **lora)
    (found,) = told(bench)
    assert (found.code, found.severity) == ("A010", "note")
    assert "% of the parameters are in experts" in found.message
    assert mended(bench, found) == []
    assert bench.recipe.lora_target_parameters == ["experts.gate_up_proj", "experts.down_proj"]
    assert not bench.recipe.lora_dropout
    bench = modelled(
        small_config("qwen3_vl_moe"),
        **lora | {"lora_dropout": 0.0},
        lora_target_parameters=["experts.gate_proj_up", "experts.down_proj"],
    )
    (misspelt,) = told(bench)
    assert (misspelt.code, misspelt.severity) == ("A010", "error")
    assert misspelt.where.line is not None
    assert mended(bench, misspelt) == []


def test_full_fine_tuning(modelled: Modelled) -> None:
    bench = modelled(small_config("smolvlm"), freeze_mm_modules=None)
    (found,) = told(bench)
    assert (found.code, found.severity) == (
        "A011",
        "error",
    )
    assert "the vision tower (model.vision_model)" in found.message
    (left,) = mended(bench, found)
    assert (left.code, left.severity) == ("A011", "warning")
    assert "model.connector" in left.message
    assert "vision_model" not in left.message
    assert mended(bench, left) == []
    assert set(trained(bench.anatomy, bench.recipe).counts) <= {"language", "embeddings", "head"}


def test_freezing_that_is_not_said_under_adapters(modelled: Modelled) -> None:
    lora = LORA | {"lora_target_modules": DOCUMENTED, "freeze_mm_modules": None}
    (found,) = told(modelled(tiny_gemma4(), **lora))
    assert (found.code, found.severity) == ("A011", "note")


@pytest.mark.parametrize(("pattern", "frozen"), [("model.language_model", True), ("base_model.[a-z]+", False)])
def test_adapters_that_are_frozen_again(modelled: Modelled, pattern: str, frozen: bool) -> None:
    """axolotl freezes once the adapters are on the model, and looks at the beginning of their names."""
    lora = LORA | {"lora_target_modules": DOCUMENTED, "unfrozen_parameters": [pattern]}
    bench = modelled(tiny_gemma4(), **lora)
    found = told(bench)
    assert [(one.code, one.where.field) for one in found] == [("A011", "unfrozen_parameters")] * frozen
    assert bool(trained(bench.anatomy, bench.recipe).counts) is not frozen
    for one in found:
        assert mended(bench, one) == []


def test_a_model_that_cannot_be_built(modelled: Modelled) -> None:
    config = small_config("gemma3")
    config.vision_config.num_attention_heads = 7
    (found,) = told(modelled(config, **LORA, lora_target_modules=SEVEN))
    assert (found.code, found.severity) == ("A013", "note")
    assert "divisible" in found.message


def test_a_step_that_cannot_be_tried(modelled: Modelled, capfd: pytest.CaptureFixture[str]) -> None:
    """The checks that it was for say so; torch's traceback stays with torch."""
    config = tiny_gemma4()
    config.text_config.num_key_value_heads = 3
    bench = modelled(config, **LORA, lora_target_modules=DOCUMENTED)
    # All that is told: with some releases of transformers every step stops, which the others leave out.
    (found,) = check(bench)
    assert (found.code, found.severity) == ("A013", "note")
    assert "must match the size of tensor b (3)" in found.message
    assert "A005 and A009 were not checked" in found.message
    with pytest.raises(EnvironmentProblem, match="cannot be estimated"):
        estimate(config, bench.recipe, sequence=8)
    assert capfd.readouterr().err == ""


def test_a_clean_recipe(modelled: Modelled) -> None:
    assert told(modelled(small_config("qwen2_5_vl"), **LORA, lora_target_modules=DOCUMENTED)) == []


@pytest.mark.parametrize("model_type", PREFIXES)
def test_every_architecture_is_checked_and_its_targets_mended(modelled: Modelled, model_type: str) -> None:
    """The usual seven names on models without weights: what is told, and that a fix ends it."""
    bench = modelled(small_config(model_type), **LORA, lora_target_modules=SEVEN)
    found = told(bench)
    beside = sum(trained(bench.anatomy, bench.recipe).hits.get(one, 0) for one in ("vision", "audio", "projector"))
    assert bool(of(found, "A001")) == bool(beside)
    wrong = [one for one in found if one.code in ("A001", "A003")]
    if wrong:
        assert not {"A001", "A003"} & {one.code for one in mended(bench, wrong[0])}


@pytest.mark.parametrize("family", families().values(), ids=lambda one: one.name)
def test_what_a_family_file_recommends_is_clean(modelled: Modelled, family: Any) -> None:
    tried = 0
    for model_type in (name for rule in family.identify for name in rule.model_types):
        try:
            config = small_config(model_type)
            meta_model(config)
        except (BenchError, ValueError, KeyError, AttributeError, TypeError):
            continue
        needs = {key: need.value for key, need in family.settings(config.to_dict()).items() if "." not in key}
        if isinstance(needs.get("lora_target_modules"), str):
            tried += 1
            found = told(modelled(config, **LORA | needs, gradient_checkpointing=True))
            # The defaults of a class need not fit each other: GLM-4V's rotary sections are half of its heads.
            assert [one for one in found if one.code != "A013"] == [], model_type
    if not tried:
        pytest.skip("transformers cannot build one of its models from defaults here")
