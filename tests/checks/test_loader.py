"""A015 and A016: what axolotl's own loader says of a recipe, as findings. What it says is given here by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.support import QWEN, bench_of, of, row
from tests.support.small import small_config
from workbench.bench import Bench
from workbench.checks.loader import differences
from workbench.checks.recipe_checks import model_findings as check
from workbench.checks.run import check_rows
from workbench.consumers.axolotl.loader import Refusal, Rehearsal, read_rehearsal
from workbench.consumers.axolotl.rehearsal import SCHEMA
from workbench.errors import EnvironmentProblem
from workbench.findings import Finding, apply_fix
from workbench.models.build import adapted_meta_model
from workbench.models.targets import trained

LANGUAGE = r"model.language_model.layers.[\d]+.(mlp|self_attn).(up|down|gate|q|k|v|o)_proj"
LORA = {"adapter": "lora", "lora_r": 4, "lora_alpha": 8, "lora_target_modules": LANGUAGE, "freeze_mm_modules": True}
VERSIONS = {"axolotl": "0.19.0"}


@pytest.fixture
def bench(loaded: Any, tmp_path: Path) -> Bench:
    """A bench whose model has the configuration of a small Qwen3-VL, and which asks axolotl's loader."""
    config = small_config("qwen3_vl")
    known = {"auto_config": config, "config": config.to_dict(), "model_type": "qwen3_vl", "is_multimodal": True}
    head = {"base_model": "here", "skip_prepare_dataset": True, "processor_type": "AutoProcessor", "bf16": True}
    recipe = yaml.safe_dump(head | LORA) + QWEN + "datasets:\n  - path: rows.jsonl\n    type: chat_template\n"
    made = bench_of(replace(loaded("qwen2_5_vl"), **known), tmp_path, recipe, [row("a", "b")])
    made.asks_loader = True
    return made


def answer(bench: Bench) -> Rehearsal:
    """The answer of an axolotl that agrees with the bench."""
    model = adapted_meta_model(bench.anatomy.config, bench.recipe)
    counted = {name: one.numel() for name, one in model.named_parameters() if one.requires_grad}
    modules = tuple(model.base_model.targeted_module_names)
    return Rehearsal(VERSIONS, None, "AutoModel", bench.anatomy.class_name, modules, (), counted)


def says(monkeypatch: pytest.MonkeyPatch, told: Rehearsal | EnvironmentProblem) -> None:
    def rehearsal(_: Bench) -> Rehearsal:
        if isinstance(told, EnvironmentProblem):
            raise told
        return told

    monkeypatch.setattr(Bench, "rehearsal", rehearsal)


def told(bench: Bench) -> list[Finding]:
    return [one for one in check(bench) if one.code in ("A015", "A016", "A013")]


def refusal(stage: str, kind: str, message: str, **more: Any) -> Rehearsal:
    return Rehearsal(VERSIONS, Refusal(stage, kind, message, **more))


def test_agreement_is_no_finding(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, answer(bench))
    assert of(list(check(bench)), "A015") + of(list(check(bench)), "A016") == []


def test_it_is_not_asked_unless_that_is_wanted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, refusal("model", "ValueError", "no"))
    assert of(list(check(bench)), "A015") != []
    bench.asks_loader = False
    assert of(list(check(bench)), "A015") == []


def test_each_kind_of_difference_is_told(bench: Bench) -> None:
    same = answer(bench)
    facts = trained(bench.anatomy, bench.recipe)
    first = same.modules[0]
    assert differences(bench.anatomy, facts, same) == []
    fewer = {name: number for name, number in same.trained.items() if f".{first}." not in name}
    for other, words in (
        (replace(same, model_class="Other"), "loads Other, the bench shows Qwen3VL"),
        (replace(same, modules=(*same.modules, "visual.x")), "adapts other modules: 1 alone in axolotl (visual.x)"),
        (replace(same, modules=same.modules[1:]), f"1 alone here ({first})"),
        (replace(same, parameters=("experts.up",)), "adapts other expert parameters"),
        (replace(same, trained=fewer), f"freezes other adapters: 1 alone in axolotl ({first})"),
        (replace(same, trained=fewer), "numbers of the tower language, the bench shows"),
    ):
        found = differences(bench.anatomy, facts, other)
        assert any(words in one for one in found), (words, found)
        assert all(one.startswith("axolotl 0.19.0 ") for one in found)


def test_embeddings_of_another_size_are_a_difference(bench: Bench) -> None:
    facts = trained(bench.anatomy, bench.recipe)
    rows = bench.anatomy.model.get_input_embeddings().num_embeddings
    same = replace(answer(bench), embeddings=rows)
    assert differences(bench.anatomy, facts, same) == []
    (found,) = differences(bench.anatomy, facts, replace(same, embeddings=rows + 4))
    assert f"{rows + 4:,} rows of input embeddings, the bench shows {rows:,}" in found
    # An adapter around them has no number of its own.
    assert differences(bench.anatomy, facts, replace(same, embeddings=None)) == []


@pytest.mark.parametrize(
    ("keys", "said", "place", "fixed"),
    [
        (
            {},
            refusal("kernels", "ValueError", "Axolotl could not import attention class for model_type: x"),
            "adapter",
            {"lora_qkv_kernel": False},
        ),
        (
            {"tokens": ["<point>"]},
            refusal(
                "normalize",
                "ValueError",
                "`lora_modules_to_save` not properly set when adding new tokens. "
                "Please include [`embed_tokens`, `lm_head`] in `lora_modules_to_save`.",
            ),
            "tokens",
            {"lora_modules_to_save": ["embed_tokens", "lm_head"]},
        ),
        (
            {"model_type": "AutoModelForVision2Seq"},
            refusal("model", "AttributeError", "module transformers has no attribute AutoModelForVision2Seq"),
            "model_type",
            {"model_type": None},
        ),
        (
            {"attn_implementation": "flex_attention"},
            refusal("model", "ValueError", "Gemma4AudioModel does not support an attention implementation"),
            "attn_implementation",
            {"attn_implementation": None},
        ),
        (
            {"lora_target_modules": ["nothing"]},
            refusal("adapters", "ValueError", "Target modules {'nothing'} not found in the base model."),
            "lora_target_modules",
            None,
        ),
        ({}, refusal("freezing", "RuntimeError", "All parameters are frozen."), "freeze_mm_modules", {}),
        ({}, refusal("validate", "ValidationError", "Input should be …", keys=("lora_r",)), "lora_r", {}),
        ({}, refusal("model", "ValueError", "lora_alpha and something"), "lora_alpha", {}),
        ({}, refusal("model", "ValueError", "of no key"), "base_model", {}),
    ],
)
def test_a_refusal_is_told_at_the_key_that_causes_it(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, Any],
    said: Rehearsal,
    place: str,
    fixed: dict[str, Any] | None,
) -> None:
    for key, value in keys.items():
        bench.document.set((key,), value)
    bench.apply()
    says(monkeypatch, said)
    (found,) = told(bench)
    assert (found.code, found.severity, found.where.field) == ("A015", "error", place)
    assert said.refused is not None
    assert found.message.startswith("axolotl 0.19.0 does not load the recipe: it")
    assert said.refused.message[:40] in found.message
    assert (found.fix is None) == (fixed == {})
    if found.fix is not None:
        apply_fix(bench.document, found.fix)
        for key, value in (fixed or {}).items():
            assert bench.document.get((key,)) == value
        if fixed is None:
            assert isinstance(bench.document.get(("lora_target_modules",)), str)


def test_a_fix_is_offered_only_where_the_loader_then_goes_through(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = refusal("model", "AttributeError", "module transformers has no attribute Gone")
    bench.document.set(("model_type",), "Gone")
    bench.apply()
    fine = answer(bench)
    stubborn = True

    def rehearsal(asked: Bench) -> Rehearsal:
        return removed if stubborn or "model_type" in asked.document.data else fine

    monkeypatch.setattr(Bench, "rehearsal", rehearsal)
    (found,) = of(check_rows(bench, bench.head(None), select=["A015"]).findings, "A015")
    assert found.fix is None
    assert found.hint.startswith("No fix is offered: “without model_type” would")
    stubborn = False
    (found,) = of(check_rows(bench, bench.head(None), select=["A015"]).findings, "A015")
    assert found.fix is not None
    assert found.fix.title == "without model_type"


def test_what_the_machine_lacks_is_not_blamed_on_the_recipe(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, refusal("model", "ImportError", "deepspeed is not there", environment=True))
    (found,) = [one for one in told(bench) if "rehearsed" in one.message]
    assert (found.code, found.severity) == ("A013", "note")
    assert "deepspeed is not there" in found.message


def test_a_python_that_cannot_be_asked_stops_the_check(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, EnvironmentProblem("there is no axolotl"))
    with pytest.raises(EnvironmentProblem, match="no axolotl"):
        list(check(bench))


def test_an_answer_of_another_version_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match="another version"):
        read_rehearsal({"schema": SCHEMA + "1"})


def test_a_class_that_transformers_has_no_more(bench: Bench) -> None:
    bench.asks_loader = False
    for name, told_of in (
        ("AutoModelForVision2Seq", True),
        ("AutoModelForImageTextToText", False),
        ("Qwen3VLForConditionalGeneration", False),
        ("AutoModelForCausalLM", False),
    ):
        bench.document.set(("model_type",), name)
        bench.apply()
        found = [one for one in check_rows(bench, bench.head(None)).findings if one.where.field == "model_type"]
        assert [(one.code, one.severity) for one in found] == [("C010", "error")] * told_of
        for one in found:
            assert f"{name!r}, which transformers" in one.message
            assert one.fix is not None
            apply_fix(bench.document, one.fix)
            assert bench.document.get(("model_type",)) is None
    bench.document.set(("trust_remote_code",), True)
    bench.document.set(("model_type",), "Theirs")
    bench.apply()
    assert of(check_rows(bench, bench.head(None)).findings, "C010") == []
