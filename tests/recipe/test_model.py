"""The typed recipe: axolotl's types, errors with their places, and the knobs that have no effect."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from workbench.errors import InputError
from workbench.recipe.knobs import ignored_knobs
from workbench.recipe.model import BoundarySpec, DatasetSpec, Recipe
from workbench.recipe.refusals import BAD_VALUE, describe
from workbench.recipe.yaml.document import Document
from workbench.recipe.yaml.key_order import key_order

MULTIMODAL = """\
base_model: org/model
processor_type: AutoProcessor
skip_prepare_dataset: true
chat_template: tokenizer_default
datasets:
  - path: a.jsonl
    type: chat_template
    field_messages: turns
  - path: b.jsonl
  - path: c.jsonl
    field_messages: talk
  - path: d.jsonl
    field_messages: turns
"""


PROBES: list[Any] = [None, True, False, 0, 1, 2, 1.0, 1.5, "1", "1.5", "1e-4", "x", "auto", "turn", "none", "offload"]
PROBES += ["lanczos", [], ["x"], [1], [1, 2], {}, {"a": 1}, {"a": "b"}, {"a": ["b"]}, {1: "b"}]


def read(text: str) -> Recipe:
    return Recipe.from_document(Document.from_text(text, "r.yaml"))


def first(line: str) -> Recipe:
    return read(f"datasets:\n  - path: x\n    {line}\n")


def test_defaults_are_axolotls() -> None:
    recipe = read("")
    assert recipe.roles_to_train == ["assistant"]
    assert recipe.train_on_eos == "turn"
    assert recipe.field_messages == []
    assert recipe.effective_boundaries is None
    assert not recipe.multimodal
    assert (recipe.sequence_len, recipe.micro_batch_size, recipe.num_epochs) == (512, 1, 1.0)
    assert (recipe.optimizer, recipe.lr_scheduler, recipe.bf16) == ("adamw_torch_fused", "cosine", "auto")
    assert recipe.train_on_inputs is False


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("roles_to_train: []", []),
        ("roles_to_train:", ["assistant"]),
        ("roles_to_train: null", ["assistant"]),
        ("roles_to_train: [user, tool]", ["user", "tool"]),
        ("split: train", ["assistant"]),
    ],
)
def test_roles_to_train(line: str, expected: list[str]) -> None:
    assert first(line).roles_to_train == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("none", "none"),
        ('"none"', "none"),
        ("all", "all"),
        ("last", "last"),
        ("null", "turn"),
        ("~", "turn"),
        ("", "turn"),
    ],
)
def test_train_on_eos(written: str, expected: str) -> None:
    assert first(f"train_on_eos: {written}").train_on_eos == expected


@pytest.mark.parametrize("written", ["no", "off", "false", "yes", "None", "turns", "1", "[turn]"])
def test_train_on_eos_is_refused_where_axolotl_refuses_it(written: str) -> None:
    with pytest.raises(InputError, match=r"datasets\[0\].train_on_eos is .*; expected one of") as caught:
        first(f"train_on_eos: {written}")
    assert (caught.value.where.file, caught.value.where.line, caught.value.where.column) == ("r.yaml", 3, 19)


def test_only_the_first_dataset_rules_and_columns_are_united() -> None:
    recipe = read(MULTIMODAL + "    roles_to_train: [user]\n    train_on_eos: all\n")
    assert recipe.roles_to_train == ["assistant"]
    assert recipe.train_on_eos == "turn"
    assert recipe.field_messages == ["turns", "talk"]
    assert recipe.multimodal


def test_role_boundaries() -> None:
    assert read("role_boundaries: []").effective_boundaries is None
    assert read("role_boundaries:").effective_boundaries is None
    text = 'role_boundaries:\n  - {role: user, start: "<u>\\n", end: null}\n  - {role: a, start: b, include_end: no}\n'
    rows = read(text).effective_boundaries
    assert rows == [BoundarySpec(role="user", start="<u>\n"), BoundarySpec(role="a", start="b", include_end=False)]
    assert rows[0].include_end
    assert not rows[0].include_start


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("learning_rate: 1e-4", "learning_rate", 1e-4),
        ("learning_rate: '2e-5'", "learning_rate", 2e-5),
        ("lora_r: '8'", "lora_r", 8),
        ("lora_r: 8.0", "lora_r", 8),
        ("image_size: 224", "image_size", 224),
        ("image_size: [448, 224]", "image_size", (448, 224)),
        ("image_resize_algorithm: LANCZOS", "image_resize_algorithm", "lanczos"),
        ("image_resize_algorithm: 2", "image_resize_algorithm", "bilinear"),
        ("gradient_checkpointing: offload", "gradient_checkpointing", "offload"),
        ("gradient_checkpointing: yes", "gradient_checkpointing", True),
        ("lora_target_modules: a.*", "lora_target_modules", "a.*"),
        ("lora_target_modules: [a, b]", "lora_target_modules", ["a", "b"]),
        ("chat_template_jinja: t.jinja", "chat_template", "jinja"),
        ("chat_template: gemma4\nchat_template_jinja: t.jinja", "chat_template", "gemma4"),
        ("model_revision: abc", "revision_of_model", "abc"),
        ("revision_of_model: abc", "revision_of_model", "abc"),
        ("model_revision: abc\nrevision_of_model: def", "revision_of_model", "abc"),
        ("model_config: {a: 1}", "overrides_of_model_config", {"a": 1}),
        ("added_tokens_overrides: {128: '<x>'}", "added_tokens_overrides", {128: "<x>"}),
        ("bf16: auto", "bf16", "auto"),
        ("deepspeed: {zero: 1}", "deepspeed", {"zero": 1}),
        ("eval_steps: 0.1", "eval_steps", 0.1),
    ],
)
def test_values_are_coerced_as_axolotl_does(text: str, key: str, expected: Any) -> None:
    value = getattr(read(text), key)
    assert value == expected
    assert type(value) is type(expected)


def test_unknown_keys_are_kept() -> None:
    recipe = read("my_key: {a: 1}\ndatasets:\n  - {path: x, mine: 2}\nroles_to_train: [user]\n")
    assert recipe.model_extra == {"my_key": {"a": 1}, "roles_to_train": ["user"]}
    assert recipe.datasets is not None
    assert recipe.datasets[0].model_extra == {"mine": 2}
    assert recipe.roles_to_train == ["assistant"]


BROKEN = """\
base_model: org/model
image_size: big
lora_r: many
datasets:
  - path: x
    roles_to_train: assistant
    train_on_eos: no
    revision: 1.0
role_boundaries:
  - role: assistant
    start: "A:"
  - role: user
  - role: tool
    start: 5
gradient_checkpointing: maybe
sequence_len:
model_revision: 2
12: x
special_tokens: [a]
"""


def test_every_broken_value_is_named_with_its_place_and_what_is_expected() -> None:
    document = Document.from_text(BROKEN, "r.yaml")
    recipe, findings = Recipe.read(document)
    assert [(str(found.where), found.message.split("; expected ")[-1]) for found in findings[:9]] == [
        ("r.yaml:2:13: image_size", "a whole number or a list of two whole numbers"),
        ("r.yaml:3:9: lora_r", "a whole number"),
        ("r.yaml:6:21: datasets[0].roles_to_train", "a list of texts"),
        ("r.yaml:7:19: datasets[0].train_on_eos", 'one of "all", "turn", "last", "none"'),
        ("r.yaml:8:15: datasets[0].revision", "text"),
        ("r.yaml:12:5: role_boundaries[1].start", "text"),
        ("r.yaml:14:12: role_boundaries[2].start", "text"),
        ("r.yaml:15:25: gradient_checkpointing", 'one of "offload", "offload_disk" or true or false'),
        ("r.yaml:16:14: sequence_len", "a whole number"),
    ]
    assert [found.where.field for found in findings[9:]] == ["model_revision", "[12]", "special_tokens"]
    assert {found.code for found in findings} == {BAD_VALUE.code}
    assert findings[0].message.startswith("image_size is 'big'")
    assert findings[2].hint == "Write it as a list: [assistant]"
    assert findings[4].hint == 'Quote it: "1.0"'
    assert "missing" in findings[5].message
    assert findings[8].message.startswith("sequence_len is null")
    assert recipe.base_model == "org/model"
    assert recipe.datasets == [DatasetSpec(path="x")]
    assert recipe.effective_boundaries == [BoundarySpec(role="assistant", start="A:")]
    assert recipe.sequence_len == 512
    assert Recipe.check(document) == findings


def test_from_document_raises_one_error_with_all_of_them() -> None:
    with pytest.raises(InputError) as caught:
        read(BROKEN)
    assert caught.value.title.startswith("image_size is 'big'")
    assert str(caught.value.where) == "r.yaml:2:13: image_size"
    assert caught.value.cause.count("\n") == 10
    assert "r.yaml:15:25: gradient_checkpointing" in caught.value.cause


@pytest.mark.parametrize(
    "text", ["datasets: []", "datasets: {path: x}", "datasets: x", "datasets: [x]", "role_boundaries: 3"]
)
def test_sections_of_another_shape_are_refused(text: str) -> None:
    findings = Recipe.check(Document.from_text(text))
    assert len(findings) == 1
    assert "expected a list of mappings" in findings[0].message or "expected a mapping" in findings[0].message


def test_recipe_knows_places_even_after_the_document_changed() -> None:
    document = Document.from_text(MULTIMODAL, "r.yaml")
    recipe = Recipe.from_document(document)
    document.delete(("base_model",))
    assert recipe.where(("datasets", 0, "path")).line == 6
    assert Recipe.from_document(document).where(("datasets", 0, "path")).line == 5


# -- knobs without effect ----------------------------------------------------------------------------------------------


def ignored(text: str) -> list[tuple[str, int]]:
    return [(finding.where.field or "", finding.where.line or 0) for finding in ignored_knobs(read(text))]


def test_a_clean_recipe_has_no_ignored_knobs() -> None:
    assert ignored(MULTIMODAL) == []
    harmless = (
        "    train_on_eot: null\n    split_thinking: false\n    roles_to_train: [assistant]\n    train_on_eos: turn\n"
    )
    harmless += "    train_on_inputs: false\n    message_property_mappings: {role: role, content: content}\n"
    harmless += (
        "    chat_template: tokenizer_default\n    role_boundaries: []\neot_tokens: []\npad_to_sequence_len: false\n"
    )
    assert ignored(MULTIMODAL + harmless) == []


ENTRY = [
    "train_on_eot: all",
    "eot_tokens: [x]",
    "split_thinking: true",
    "message_field_training: train",
    "message_field_training_detail: detail",
    "message_property_mappings: {role: from}",
    "message_field_role: from",
    "message_field_content: value",
    "roles: {assistant: [bot]}",
    "drop_system_message: true",
    "field_tools: tools",
    "field_thinking: thoughts",
    "template_thinking_key: thoughts",
    "chat_template: gemma4",
    "chat_template_jinja: x.jinja",
    "chat_template_kwargs: {a: 1}",
    "train_on_inputs: true",
    "role_boundaries: [{role: a, start: b}]",
]


@pytest.mark.parametrize("line", ENTRY)
def test_knobs_of_an_entry_that_the_multimodal_path_ignores(line: str) -> None:
    knob = line.split(":")[0]
    text = MULTIMODAL.replace("    type: chat_template\n", f"    type: chat_template\n    {line}\n")
    assert ignored(text) == [(f"datasets[0].{knob}", 8)]
    # Two the schema drops wherever it stands, and two more axolotl's text path does not pass on.
    never = ("train_on_inputs", "role_boundaries", "field_thinking", "chat_template_jinja")
    assert bool(ignored(text.replace("processor_type: AutoProcessor\n", ""))) is (knob in never)


@pytest.mark.parametrize(
    "line",
    [
        "roles_to_train: [user]",
        "train_on_eos: all",
        "train_on_eot: all",
        "split_thinking: true",
        "field_messages: x",
        "tools: []x",
        "eot_tokens: [x]",
        "chat_template_kwargs: {a: 1}",
        "default_system_message: x",
        "pad_to_sequence_len: true",
        "pad_to_multiple_of: 64",
        "excess_length_strategy: truncate",
        "min_sample_len: 2",
    ],
)
def test_knobs_at_the_top_level_without_effect(line: str) -> None:
    line = line.replace("[]x", "x")
    (finding,) = ignored_knobs(read(f"{MULTIMODAL}{line}\n"))
    assert (finding.code, finding.severity) == ("M013", "warning")
    assert (finding.where.field, finding.where.line, finding.where.column) == (line.split(":")[0], 14, 1)
    assert finding.message.startswith(f"{line.split(':')[0]} has no effect: ")
    assert finding.hint


def test_later_datasets_that_differ_are_told_what_rules() -> None:
    later = "    roles_to_train: [user]\n    train_on_eos: all\ntest_datasets:\n  - path: t\n    train_on_eos: none\n"
    later += "    field_messages: other\n"
    findings = ignored_knobs(read(MULTIMODAL + later))
    assert [finding.where.field for finding in findings] == [
        "datasets[3].roles_to_train",
        "datasets[3].train_on_eos",
        "test_datasets[0].train_on_eos",
        "test_datasets[0].field_messages",
    ]
    assert "['assistant']" in findings[0].message


def test_key_order_covers_every_field() -> None:
    assert set(Recipe.model_fields) < set(key_order(()))
    assert key_order(("role_boundaries", 3)) == ["role", "start", "end", "include_start", "include_end"]
    assert key_order(("role_boundaries", 3)) == list(BoundarySpec.model_fields)
    assert key_order(("datasets", 0)) == list(DatasetSpec.model_fields)
    assert key_order(("fsdp_config",)) == []


def test_describe_says_types_in_words() -> None:
    assert describe(int | tuple[int, int] | None) == "a whole number or a list of two whole numbers"
    assert describe(str | list[str]) == "text or a list of texts"
    assert describe(list[DatasetSpec] | None) == "a list of mappings"
    assert describe(dict[str, Any]) == "a mapping"


@pytest.mark.parametrize("value", PROBES, ids=repr)
def test_any_value_anywhere_is_read_or_named_and_hides_nothing(value: Any) -> None:
    for section, spec in (("", Recipe), ("datasets", DatasetSpec), ("role_boundaries", BoundarySpec)):
        for key in [*spec.model_fields, *([] if section else ["model_config", "model_type"])]:
            document = Document.from_text("my_key: 1\nseed: 7\n")
            if section:
                rows = {"datasets": {"path": "x"}, "role_boundaries": {"role": "r", "start": "s"}}
                document.set((section,), [rows[section], {**rows[section], key: value}])
            else:
                document.set((key,), value)
            recipe, findings = Recipe.read(document)
            assert recipe.model_extra == {"my_key": 1}
            assert recipe.seed == 7 or key == "seed"
            assert len(findings) <= max(1, len(value) if isinstance(value, list) else 1)
            for finding in findings:
                assert finding.where.line is not None
                assert (finding.where.field or "").startswith(f"{section}[1]" if section else key)
            if section == "role_boundaries":
                assert recipe.role_boundaries
                assert recipe.role_boundaries[0].role == "r"
            ignored_knobs(recipe)


# -- against axolotl itself, where it is at hand -----------------------------------------------------------------------


@pytest.mark.skipif(find_spec("axolotl") is None, reason="axolotl is not importable here")
@pytest.mark.parametrize(
    ("ours", "module", "name"),
    [
        (DatasetSpec, "datasets", "SFTDataset"),
        (BoundarySpec, "multimodal", "RoleBoundarySpec"),
        (Recipe, "multimodal", "MultiModalConfig"),
        (Recipe, "peft", "LoraConfig"),
        (Recipe, "training", "HyperparametersConfig"),
        (Recipe, "model", "ModelInputConfig"),
        (Recipe, "config", "AxolotlInputConfig"),
    ],
)
def test_values_are_accepted_exactly_where_axolotl_accepts_them(ours: Any, module: str, name: str) -> None:
    from importlib import import_module

    from pydantic import TypeAdapter, ValidationError

    theirs = getattr(import_module(f"axolotl.utils.schemas.{module}"), name)
    nested = {"datasets", "test_datasets", "role_boundaries", "special_tokens", "fsdp_config", "image_resize_algorithm"}
    checked = 0

    def verdict(field: Any, value: Any) -> Any:
        try:
            return TypeAdapter(field.annotation).validate_python(value)
        except ValidationError:
            return "refused"

    for key in set(ours.model_fields) & set(theirs.model_fields) - nested:
        if key in ("chat_template", "type", "rl", "base_model", "learning_rate"):
            continue
        for value in PROBES:
            mine, other = verdict(ours.model_fields[key], value), verdict(theirs.model_fields[key], value)
            assert (mine == "refused") == (other == "refused"), (key, value, mine, other)
            checked += 1
    assert checked >= len(PROBES)
