"""The tables of axolotl's answers: which one is taken, and where two releases answer otherwise."""

from __future__ import annotations

import pytest

from workbench.errors import InputError
from workbench.families.library import families
from workbench.recipe.axolotl_table import BASE_STRATEGY, nearest, release_of, releases, table

BOTH = pytest.mark.parametrize("release", releases())


def test_there_is_a_table_of_each_release_that_is_compared_with() -> None:
    assert releases() == ("0.19", "0.20", "0.21")
    assert table() is table(releases()[-1])
    assert [table(one).version for one in releases()] == ["0.19.0", "0.20.0", "0.21.0"]


def test_a_release_without_a_table_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no table of axolotl 0\.18") as told:
        table("0.18")
    assert "0.19, 0.20, 0.21" in told.value.hint


@pytest.mark.parametrize(
    ("version", "release"),
    [
        *(("0.19.0", "0.19"), ("0.19.7.dev1", "0.19"), ("0.21.3", "0.21")),
        *(("0.16.1", "0.19"), ("0.18.0", "0.19"), ("0.20.1", "0.20"), ("0.30.0", "0.21"), ("1.0.0", "0.21")),
        *(("main", "0.21"), ("", "0.21")),
    ],
)
def test_the_nearest_release(version: str, release: str) -> None:
    assert nearest(version).release == release


def test_the_release_of_a_version() -> None:
    assert [release_of(one) for one in ("0.21.3.dev0", "1.2", "main", "")] == ["0.21", "1.2", "", ""]


@BOTH
def test_every_part_is_there(release: str) -> None:
    known = table(release)
    assert known.name == f"axolotl {release}"
    assert len(known.templates) == 36
    assert len(known.multimodal) > 80
    assert known.multimodal["gemma3"]
    assert len(known.schema.keys) > 350
    assert known.renamed["evaluation_strategy"] == "eval_strategy"
    assert {"max_packed_sequence_len", "rope_scaling", "unsloth_rope"} <= known.removed
    assert not known.removed & known.renamed.keys()


@BOTH
def test_a_key_is_renamed_to_one_that_the_release_knows(release: str) -> None:
    known = table(release)
    assert known.renamed.keys() >= {"dpo_beta", "dataset_processes", "noisy_embedding_alpha"}
    assert {*known.renamed.values()} <= known.schema.keys.keys()
    assert not {*known.renamed.values()} & (known.removed | known.renamed.keys())


def test_keys_that_came_and_went() -> None:
    old, new = (table(release).schema.keys.keys() for release in ("0.19", "0.21"))
    assert {"balance_labels", "diffusion_lm", "eval_on_start", "full_determinism", "use_dft"} <= new - old
    assert "fsdp" in old - new
    assert ("fsdp" in table("0.19").removed, "fsdp" in table("0.21").removed) == (False, True)


def test_checkpointing_that_is_not_named() -> None:
    old, new = table("0.19"), table("0.21")
    assert (old.use_reentrant("qwen2_vl"), new.use_reentrant("qwen2_vl")) == (True, False)
    assert (old.use_reentrant("gemma4"), new.use_reentrant("gemma4")) == (False, False)
    assert (old.use_reentrant(None), new.use_reentrant(None)) == (True, False)
    assert new.use_reentrant("qwen2_vl", zero3=True)


@BOTH
def test_the_order_in_which_a_strategy_is_picked(release: str) -> None:
    choice = table(release).strategies
    # A registered architecture, by its type or by the template's name, goes before everything.
    assert choice.pick("paddleocr_vl", "gemma3", []) == "PaddleOCRVLProcessingStrategy"
    assert choice.pick("llama", "paddleocr_vl", []) == "PaddleOCRVLProcessingStrategy"
    # One without a strategy of its own ends that search: its processor is not asked.
    assert choice.pick("kimi_linear", "gemma3", ["PaddleOCRVLProcessor"]) == "Gemma3ProcessingStrategy"
    # Its processor goes before the template's name, and that before every other processor.
    assert choice.pick(None, "gemma3", ["PaddleOCRVLProcessor"]) == "PaddleOCRVLProcessingStrategy"
    assert choice.pick(None, "gemma3", ["InternVLProcessor"]) == "Gemma3ProcessingStrategy"
    assert choice.pick(None, "jinja", ["Mine", "InternVLProcessor"]) == "InternVLProcessingStrategy"
    assert choice.pick(None, "llava", ["LlavaProcessor", "ProcessorMixin"]) == BASE_STRATEGY
    assert choice.pick(None, None, []) == BASE_STRATEGY


@BOTH
def test_every_strategy_that_masks_has_a_spec_that_masks_the_same(release: str) -> None:
    """The specs say how an id is looked up; what is looked up is what axolotl was seen to mask."""
    specs = {spec.class_name: spec for one in families().values() for spec in one.axolotl.strategies}
    masks = table(release).strategies.masks
    assert masks.keys() - {BASE_STRATEGY} <= specs.keys()
    for name in masks.keys() - {BASE_STRATEGY}:
        ours = set()
        for lookup in specs[name].masks:
            source = lookup
            attribute = source.token_attr or source.id_attr or source.ids_attr
            if source.token is not None:
                ours.add(f"token {source.token}")
            elif source.control is not None:
                ours.add(f"tokenizer.tokenizer.instruct_tokenizer.{source.control}")
            else:
                ours.add(f"{source.of}.{attribute}")
        assert set(masks[name]) == ours, name
