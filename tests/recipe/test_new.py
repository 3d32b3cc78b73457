"""A new recipe: what it says, that it validates, and that it is as an expert would write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from workbench.recipe import plugin
from workbench.recipe.knobs import ignored_knobs
from workbench.recipe.model import Recipe
from workbench.recipe.new import new_recipe
from workbench.recipe.yaml.document import Document

PATTERN = r"model.language_model.layers.[\d]+.(mlp|self_attn).(up|down|gate|q|k|v|o)_proj"


@dataclass
class Boundary:
    role: str
    start: str
    end: str | None
    include_start: bool = False
    include_end: bool = True


@dataclass
class Default:
    value: Any
    why: str = ""


@dataclass
class Family:
    name: str = "fake"
    title: str = "Fake VL"
    boundaries: list[Boundary] = field(
        default_factory=lambda: [
            Boundary("assistant", "<|turn>model\n", "<turn|>"),
            Boundary("user", "[INST]", "[/INST]", True, False),
            Boundary("tool", "T:", None),
        ]
    )
    recipe: dict[str, Any] = field(
        default_factory=lambda: {
            "lora_target_modules": Default(PATTERN, "Only the language model."),
            "freeze_mm_modules": {"value": True, "why": "The towers are trained already."},
            "attn_implementation": "flex_attention",
            "fsdp_config.transformer_layer_cls_to_wrap": Default("FakeLayer"),
            "experts_implementation": Default("eager", "Because."),
        }
    )


class Choosy(Family):
    def settings(self, config: Mapping[str, Any] | None) -> dict[str, Default]:
        return {"lora_r": Default(64 if config and config.get("big") else 8)}


def test_a_family_recipe_is_complete_and_valid() -> None:
    document = new_recipe("org/model-4B", Family(), data="rows.jsonl")
    recipe = Recipe.from_document(document)
    assert document.data == yaml.safe_load(document.text)
    assert recipe.base_model == "org/model-4B"
    assert document.get(("processor_type",)) == "AutoProcessor"
    assert document.get(("skip_prepare_dataset",)) is True
    assert document.get(("remove_unused_columns",)) is False
    assert document.get(("sample_packing",)) is False
    assert recipe.chat_template == "tokenizer_default"
    assert document.get(("datasets",)) == [
        {"path": "rows.jsonl", "type": "chat_template", "roles_to_train": ["assistant"], "train_on_eos": "turn"}
    ]
    assert document.get(("role_boundaries",)) == [
        {"role": "assistant", "start": "<|turn>model\n", "end": "<turn|>"},
        {"role": "user", "start": "[INST]", "end": "[/INST]", "include_start": True, "include_end": False},
        {"role": "tool", "start": "T:"},
    ]
    assert recipe.adapter == "lora"
    assert recipe.lora_target_modules == PATTERN
    assert recipe.freeze_mm_modules is True
    assert recipe.attn_implementation == "flex_attention"
    assert recipe.experts_implementation == "eager"
    assert recipe.gradient_checkpointing_kwargs == {"use_reentrant": False}
    assert recipe.learning_rate == 2e-4
    assert ignored_knobs(recipe) == []
    assert not document.dirty


def test_it_reads_as_a_person_would_write_it() -> None:
    text = new_recipe("org/model-4B", Family()).text
    assert text.startswith("# Fake VL: LoRA fine-tuning with axolotl.\n\nbase_model: org/model-4B\n")
    assert '  - role: assistant\n    start: "<|turn>model\\n"\n    end: "<turn|>"\n' in text
    assert f"# Only the language model.\nlora_target_modules: '{PATTERN}'\n" in text
    assert "# The towers are trained already.\nfreeze_mm_modules: true\n" in text
    assert "    roles_to_train: [assistant]\n" in text
    assert "\nlearning_rate: 2e-4 " in text
    assert "#   transformer_layer_cls_to_wrap: FakeLayer\n" in text
    assert "fsdp_config" not in yaml.safe_load(text)
    assert "\n\n\n" not in text
    assert all(len(line) <= 120 or "lora_target_modules" in line for line in text.splitlines())
    order = [key for key in yaml.safe_load(text) if key != "experts_implementation"]
    assert order.index("base_model") < order.index("datasets") < order.index("adapter") < order.index("output_dir")


def test_the_config_chooses_what_the_family_needs() -> None:
    assert new_recipe("m", Choosy()).get(("lora_r",)) == 8
    assert new_recipe("m", Choosy(), config={"big": 1}).get(("lora_r",)) == 64


def test_templates() -> None:
    named = new_recipe("m", Family(), template="gemma4")
    assert named.get(("chat_template",)) == "gemma4"
    # Its boundaries are axolotl's own, with which it starts.
    assert not {"role_boundaries", "plugins"} & set(named.data)
    written = new_recipe("m", Family())
    assert written.get(("plugins",)) == [plugin.NAME]
    assert "# role_boundaries are missing" not in named.text + written.text
    jinja = "{% for m in messages %}\n{{ m.role }}: {{ m.content }}\n  \n{% endfor %}\n\t{{ eos }}"
    given = new_recipe("m", Family(), template="jinja", template_text=jinja)
    assert given.get(("chat_template",)) == "jinja"
    assert given.get(("chat_template_jinja",)) == jinja
    assert "chat_template_jinja: |-\n  {% for" in given.text
    assert Recipe.from_document(given).chat_template == "jinja"


def test_mistral_common_takes_neither_template_nor_boundaries() -> None:
    family = Family(recipe={"tokenizer_use_mistral_common": Default(True, "Its tokenizer is mistral-common's.")})
    document = new_recipe("m", family)
    assert document.get(("tokenizer_use_mistral_common",)) is True
    assert "chat_template" not in document.data
    assert "role_boundaries" not in document.data
    assert Recipe.check(document) == []


def test_without_family_or_processor() -> None:
    unknown = new_recipe("org/other")
    assert "role_boundaries" not in unknown.data
    assert "# role_boundaries are missing" in unknown.text
    assert unknown.get(("lora_target_linear",)) is True
    assert unknown.get(("datasets", 0, "path")) == "data.jsonl"
    text_only = new_recipe("org/other", Family(), processor=False)
    assert not {"processor_type", "skip_prepare_dataset", "role_boundaries"} & set(text_only.data)
    assert not Recipe.from_document(text_only).multimodal


@pytest.mark.parametrize("model", ["/models/with space/x: y", "./local/", "no", "123", 'quo"te', "ünï/模型"])
def test_awkward_names_read_back(model: str) -> None:
    document = new_recipe(model, None, data=model)
    assert document.get(("base_model",)) == model
    assert document.get(("datasets", 0, "path")) == model


def test_every_shipped_family_gives_a_valid_recipe() -> None:
    from workbench.families.library import families

    known = families()
    assert known
    for family in known.values():
        document = new_recipe("org/model", family)
        recipe = Recipe.from_document(document)
        assert ignored_knobs(recipe) == [], family.name
        assert Document.from_text(document.text).data == yaml.safe_load(document.text)
        if family.boundaries and not recipe.tokenizer_use_mistral_common:
            written = [(row.role, row.start, row.end) for row in recipe.role_boundaries or []]
            assert written == [(row.role, row.start, row.end) for row in family.boundaries]
