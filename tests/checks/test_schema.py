"""C001 to C006 and C010: each with a recipe that has it, told at its line, and a clean twin."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.checks.contradictory import ACCEPTED, CLEAN, REFUSED
from tests.checks.support import HEAD, SETS, of
from workbench.checks import ineffective_keys, refused_keys, schema
from workbench.checks.recipe_checks import text_findings
from workbench.findings import Finding, apply_fix
from workbench.recipe.axolotl_table import releases, table
from workbench.recipe.schema import annotation, nearest
from workbench.recipe.yaml.document import Document


def recipe(**changes: Any) -> Document:
    return Document(yaml.safe_dump(CLEAN | changes, sort_keys=False), "recipe.yaml")


def told(document: Document, release: str | None = None) -> list[Finding]:
    return [*text_findings(document, table(release))]


def mended(document: Document, finding: Finding, release: str | None = None) -> list[Finding]:
    assert finding.fix is not None
    apply_fix(document, finding.fix)
    return told(document, release)


def line_of(document: Document, key: str) -> int:
    return next(n for n, line in enumerate(document.text.splitlines(), 1) if line.strip("- ").startswith(f"{key}:"))


def test_a_clean_recipe_has_no_finding() -> None:
    assert told(recipe()) == []


# -- C001


@pytest.mark.parametrize(
    ("changes", "key", "severity"),
    [
        ({"skip_prepare_dataset": False}, "skip_prepare_dataset", "error"),
        ({"remove_unused_columns": True}, "remove_unused_columns", "error"),
        ({"remove_unused_columns": None}, "remove_unused_columns", "note"),
        ({"sample_packing": True}, "sample_packing", "error"),
        ({"sample_packing": None}, "sample_packing", "note"),
        ({"processor_type": "Qwen2VLProcessor"}, "processor_type", "note"),
    ],
)
def test_the_four_keys(changes: dict[str, Any], key: str, severity: str) -> None:
    document = recipe(**changes)
    (found,) = told(document)
    assert (found.code, found.severity, found.where.line) == ("C001", severity, line_of(document, key))
    assert mended(document, found) == []


def test_a_missing_key_is_told_at_the_processor() -> None:
    document = Document(HEAD.replace("skip_prepare_dataset: true\n", "") + "learning_rate: 0.0002\n" + SETS)
    found = [one for one in told(document) if one.severity == "error"]
    assert [one.where.line for one in found] == [line_of(document, "processor_type")] * 2
    assert {one.fix.edits[0].path for one in found if one.fix} == {
        ("skip_prepare_dataset",),
        ("remove_unused_columns",),
    }


def test_pictures_without_a_processor() -> None:
    document = recipe(processor_type=None)
    assert [one.severity for one in schema.multimodal(document, sees=lambda: True)] == ["error"]
    assert list(schema.multimodal(document, sees=lambda: False)) == []
    assert list(schema.multimodal(recipe(), sees=lambda: True)) == []


# -- C002, C003, C006


@pytest.mark.parametrize(
    ("changes", "path", "near"),
    [
        ({"freeze_mm_module": True}, ("freeze_mm_module",), "freeze_mm_modules"),
        ({"Sequence_Len": 512}, ("Sequence_Len",), "sequence_len"),
        ({"datasets": [{"path": "a", "type": "chat_template", "spilt": "train"}]}, ("datasets", 0, "spilt"), "split"),
        (
            {"fsdp_version": 2, "fsdp_config": {"offload_parms": True}},
            ("fsdp_config", "offload_parms"),
            "offload_params",
        ),
    ],
)
def test_misspelt_keys(changes: dict[str, Any], path: tuple[Any, ...], near: str) -> None:
    document = recipe(**changes)
    value = document.get(path)
    (found,) = of(told(document), "C002")
    assert found.severity == "error"
    assert found.where.line == line_of(document, path[-1])
    assert near in found.hint
    assert of(mended(document, found), "C002") == []
    assert document.get((*path[:-1], near)) == value


def test_a_key_that_nothing_is_near_to_is_a_warning() -> None:
    (found,) = of(told(recipe(my_own_notes="x")), "C002")
    assert (found.severity, found.fix) == ("warning", None)


def test_keys_inside_free_mappings_are_nobodys_business() -> None:
    assert told(recipe(lr_scheduler_kwargs={"anything": 1}, model_config={"rope": 1}, deepspeed={"x": 1})) == []


def test_old_keys() -> None:
    document = recipe(evaluation_strategy="no")
    (found,) = told(document)
    assert (found.code, found.severity) == ("C003", "warning")
    assert mended(document, found) == []
    assert document.get(("eval_strategy",)) == "no"
    document = recipe(max_packed_sequence_len=512)
    (found,) = told(document)
    assert (found.code, found.severity) == ("C003", "error")
    assert mended(document, found) == []
    document = recipe(sdp_attention=True)
    (found,) = told(document)
    assert (found.code, found.severity) == ("C003", "note")
    assert mended(document, found) == []
    assert document.get(("attn_implementation",)) == "sdpa"
    document = recipe(fsdp_version=2, fsdp_config={"fsdp_offload_params": True})
    (found,) = told(document)
    assert (found.code, found.severity) == ("C003", "note")
    assert mended(document, found) == []
    assert document.get(("fsdp_config", "offload_params")) is True


def test_a_plugins_key() -> None:
    document = recipe(liger_rope=True)
    (found,) = told(document)
    assert (found.code, found.where.line) == ("C006", line_of(document, "liger_rope"))
    assert mended(document, found) == []


def test_keys_that_a_plugin_from_elsewhere_may_read() -> None:
    """Nobody here can tell; a key that looks misspelt is a note, and nothing is renamed."""
    others = ["axolotl.integrations.liger.LigerPlugin", "mine.Plugin"]
    assert of(told(recipe(plugins=others, my_own_notes="x")), "C002") == []
    (near,) = of(told(recipe(plugins=others, freeze_mm_module=True)), "C002")
    assert (near.severity, near.fix) == ("note", None)
    assert "freeze_mm_modules" in near.hint
    assert "mine.Plugin" in near.hint
    # Of a section's keys a plugin knows nothing, and plugins that axolotl ships are in its own list.
    assert of(told(recipe(plugins=others, datasets=[{"path": "rows.jsonl", "typ": "chat_template"}])), "C002") != []
    assert of(told(recipe(plugins=others[:1], my_own_notes="x")), "C002") != []


# -- C004, C005


@pytest.mark.parametrize(("code", "cases", "rules"), [
    ("C004", REFUSED, refused_keys.REFUSED), ("C005", ACCEPTED, ineffective_keys.SILENT),
])  # fmt: skip
def test_every_rule_has_a_case(code: str, cases: dict[str, Any], rules: Any) -> None:
    assert sorted(cases) == sorted(rule.name for rule in rules)


@pytest.mark.parametrize("release", releases())
@pytest.mark.parametrize("name", [*REFUSED, *ACCEPTED])
def test_contradictions(name: str, release: str) -> None:
    code = "C004" if name in REFUSED else "C005"
    changes, key = (REFUSED | ACCEPTED)[name]
    (rule,) = [one for one in (*refused_keys.REFUSED, *ineffective_keys.SILENT) if one.name == name]
    document = recipe(**changes)
    found = [one for one in of(told(document, release), code) if one.message == rule.message]
    assert [one.where.line for one in found] == ([line_of(document, key)] if rule.holds(release) else [])
    if found and found[0].fix is not None:
        left = of(mended(document, found[0], release), code)
        assert [one.message for one in left if one.message == rule.message] == []


def test_rank_and_alpha_are_both_needed() -> None:
    for missing, made in (("lora_r", 16), ("lora_alpha", 16)):
        document = recipe(
            adapter="lora", lora_target_modules=["q_proj"], **{"lora_r": 8, "lora_alpha": 4, missing: None}
        )
        (found,) = [one for one in told(document) if "no default in axolotl" in one.message]
        assert (found.code, found.severity, found.where.field) == ("C005", "error", "adapter")
        assert mended(document, found) == []
        assert document.get((missing,)) == made
    start = {"adapter": "lora", "lora_target_modules": ["q_proj"], "lora_model_dir": "adapter"}
    assert told(recipe(**start)) == []


# -- C010


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("optimizer", "adamw_8bits", "adamw_8bit"),
        ("lr_scheduler", "cosines", "cosine"),
        ("relora", "maybe", ""),
        ("lisa_n_layers", 1.5, ""),
        ("ring_attn_func", "batch_rings", ""),
    ],
)
def test_values(key: str, value: Any, hint: str) -> None:
    document = recipe(**{key: value})
    (found,) = of(told(document), "C010")
    assert (found.severity, found.where.line) == ("error", line_of(document, key))
    assert hint in found.hint


def test_values_that_axolotl_coerces_are_taken() -> None:
    assert told(recipe(lisa_n_layers="4", relora="no", optimizer="adamw_bnb_8bit", lr_scheduler="rex")) == []


def test_a_recipe_with_rows_needs_a_rate() -> None:
    (found,) = told(recipe(learning_rate=None))
    assert (found.code, found.severity) == ("C010", "error")
    assert "learning_rate" in found.message
    assert told(Document("base_model: here\n")) == []


# -- the data


@pytest.mark.parametrize("release", releases())
def test_the_stored_keys_are_whole(release: str) -> None:
    known = table(release).schema
    assert len(known.keys) > 350
    assert known.keys["train_on_inputs"] == {"type": {"one_of": ["bool", "null"]}, "default": False}
    for entries in (known.keys, *known.plugins.values(), *known.sections.values()):
        for entry in entries.values():
            assert annotation(entry["type"]) is not None


def test_nearest_gives_nothing_for_what_is_far() -> None:
    assert nearest("sequence_lenght", table().schema.keys) == "sequence_len"
    assert nearest("zebra", table().schema.keys) is None
