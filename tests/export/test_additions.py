"""An export's additions contradict nothing, leave what is trained as it is, and never change the path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.checks.contradictory import ACCEPTED, REFUSED
from workbench.bench import Bench
from workbench.checks.ineffective_keys import broken
from workbench.consumers.axolotl.at_hand import TableChoice
from workbench.export import added_keys
from workbench.export.added_keys import model_keys, run_keys
from workbench.export.compose import MULTIMODAL, compose, reopen
from workbench.families.library import families
from workbench.models.targets import trained
from workbench.recipe import lora_kernels
from workbench.recipe.axolotl_table import table
from workbench.recipe.yaml.document import Document

Make = Callable[..., Bench]
PATTERN = r"model.language_model.layers.[\d]+.self_attn.(q|k|v|o)_proj"
EVERYWHERE = ["q_proj", "k_proj", "v_proj", "o_proj"]


def short(**changes: Any) -> Callable[[str], str]:
    """The demo's recipe with model, data and learning rate alone, and these keys; None takes one away."""

    def change(text: str) -> str:
        told = yaml.safe_load(text)
        kept = ("base_model", "chat_template", "role_boundaries", "datasets", "learning_rate", "processor_type")
        data = {key: told[key] for key in kept if key in told} | changes
        return yaml.safe_dump({key: value for key, value in data.items() if value is not None}, sort_keys=False)

    return change


def halves() -> Iterator[dict[str, Any]]:
    """Each contradictory recipe without one of the keys that contradict each other: what an export might complete."""
    for keys, _ in (REFUSED | ACCEPTED).values():
        for gone in keys:
            yield {key: value for key, value in keys.items() if key != gone}


def exported(bench: Bench) -> dict[str, Any]:
    """The composed recipe's keys, after what holds for every export has been asserted."""
    before = bench.document.data
    made = compose(bench, rows=())
    after = dict(yaml.safe_load(made.text))
    release = bench.axolotl.release
    assert broken(after, release) <= broken(before, release)
    assert {key: after.get(key) for key in before if key not in ("datasets", *MULTIMODAL)} == {
        key: value for key, value in before.items() if key not in ("datasets", *MULTIMODAL)
    }
    other = reopen(bench, made.text)
    assert other.recipe.multimodal == bench.recipe.multimodal
    return after


def test_no_half_of_a_contradiction_is_completed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether the same is trained is not asked, so that everything that could be added is.
    monkeypatch.setattr(added_keys, "_same", lambda *_: True)
    monkeypatch.setattr(added_keys, "_trained", lambda *_: None)
    bench = make()
    text = bench.document.text
    asked = [one for one in halves() if one]
    assert len(asked) > 60
    for keys in asked:
        document = Document(short(**keys)(text))
        before = broken(document.data, bench.axolotl.release)
        for added in (model_keys, run_keys):
            for line in added(bench, document):
                assert line.key not in document.data
                document.set((line.key,), line.value)
        assert broken(document.data, bench.axolotl.release) <= before, keys
    after = exported(make(short(dataset_exact_deduplication=True)))
    assert "skip_prepare_dataset" not in after


@pytest.mark.parametrize(
    "keys",
    [
        {"adapter": "lora", "lora_r": 4, "lora_target_modules": PATTERN, "lora_dropout": 0.1},
        {"adapter": "lora", "lora_r": 4, "lora_target_modules": EVERYWHERE},
        {"adapter": "lora", "lora_r": 4, "lora_target_modules": EVERYWHERE, "gradient_checkpointing": True},
        {"adapter": "lora", "lora_r": 4, "lora_target_parameters": ["embed_tokens.weight"], "lora_dropout": 0.1},
        {},
        {"gradient_checkpointing": True},
        {"unfrozen_parameters": ["lm_head"]},
    ],
)
def test_the_same_numbers_of_the_model_are_trained(make: Make, keys: dict[str, Any]) -> None:
    bench = make(short(**keys))
    made = compose(bench, rows=())
    other = reopen(bench, made.text)
    facts = [trained(bench.anatomy, one.recipe) for one in (bench, other)]
    assert facts[0].counts == facts[1].counts
    assert facts[0].modules == facts[1].modules
    if keys.get("gradient_checkpointing") and facts[0].counts.keys() - {"language", "embeddings", "head"}:
        assert "gradient_checkpointing_kwargs" not in other.document.data


def test_a_text_recipe_stays_one(make: Make) -> None:
    keys = {"processor_type": None, "role_boundaries": None, "sample_packing": True, "flash_attention": True}
    after = exported(make(short(**keys, adapter="lora", lora_target_modules=PATTERN)))
    assert not {"processor_type", "skip_prepare_dataset", "remove_unused_columns"} & after.keys()
    assert after["sample_packing"] is True
    assert "attn_implementation" not in after


@pytest.mark.parametrize("type_", [None, "alpaca", "input_output"])
def test_rows_of_another_kind_stay_what_they_are(make: Make, type_: str | None) -> None:
    entry = {"path": "shapes.jsonl"} | ({"type": type_} if type_ else {})
    after = exported(make(short(processor_type=None, role_boundaries=None, datasets=[entry])))
    assert after["datasets"] == [entry]


def test_checkpointing_stays_with_fsdp(make: Make) -> None:
    settings = {"activation_checkpointing": True, "transformer_layer_cls_to_wrap": "Gemma4TextDecoderLayer"}
    after = exported(make(short(fsdp_version=2, fsdp_config=settings, adapter="lora", lora_target_modules=PATTERN)))
    assert not {"gradient_checkpointing", "gradient_checkpointing_kwargs"} & after.keys()


def test_experts_are_added_neither_beside_dropout_nor_beside_targets(make: Make) -> None:
    bench = make(short(adapter="lora", lora_r=4, lora_target_modules=PATTERN, lora_dropout=0.1))
    bench.family = families()["llama4"]
    assert bench.family.recipe["lora_target_parameters"].value
    assert "lora_target_parameters" not in {line.key for line in model_keys(bench, bench.document)}
    free = make(short(adapter="lora", lora_r=4, lora_dropout=0.1))
    free.family = families()["llama4"]
    assert "lora_target_parameters" not in {line.key for line in model_keys(free, free.document)}


def test_kernels_are_turned_off_where_they_would_stop_the_run(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    off = {"lora_mlp_kernel": False, "lora_qkv_kernel": False, "lora_o_kernel": False}
    keys = {"adapter": "lora", "lora_r": 4, "lora_target_modules": PATTERN}
    assert not off.keys() & exported(make(short(**keys))).keys()
    kernels = lora_kernels.KernelSupport(frozenset(), frozenset(), {"gemma4": "it cannot"})
    changed = TableChoice(replace(table(), kernels=kernels))
    monkeypatch.setattr("workbench.consumers.axolotl.at_hand.choose_table", lambda *_: changed)
    after = exported(make(short(**keys)))
    assert {key: after.get(key) for key in off} == off
    assert not off.keys() & exported(make(short(**keys, lora_embedding_kernel=True))).keys()
    assert not off.keys() & exported(make(short())).keys()
