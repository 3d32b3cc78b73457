"""The keys that a run does not follow: whatever the schema knows, without a list of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.overfit.conftest import demo
from workbench.overfit.knobs import FOLLOWED, NO_MATTER, by_name, not_followed
from workbench.recipe.axolotl_table import releases, table
from workbench.recipe.plugin import NAME

SCHEMAS = {release: table(release).schema for release in releases()}


@pytest.mark.parametrize("release", SCHEMAS)
def test_every_key_of_a_release_is_followed_or_cannot_matter_or_is_named(release: str) -> None:
    known = SCHEMAS[release]
    keys = {*known.keys, *(key for keys in known.plugins.values() for key in keys)}
    assert len(keys) > 400
    named = by_name(dict.fromkeys(sorted(keys), "odd"), known)
    left = {key for key in keys if key not in FOLLOWED and not NO_MATTER.fullmatch(key)}
    assert set(named) == left
    assert len(left) > 150
    assert all(named.values())


def test_the_lists_name_keys_that_there_are() -> None:
    """A word that no release knows would hide nothing, and would be there by mistake."""
    everywhere = {key for known in SCHEMAS.values() for key in known.keys}
    assert FOLLOWED - everywhere == {"is_multimodal"}


@pytest.mark.parametrize(
    "keys",
    [
        {"loraplus_lr_ratio": 16},
        {"use_dft": True},
        {"cosine_min_lr_ratio": 0.1},
        {"neftune_noise_alpha": 5},
        {"sample_packing": True},
        {"torch_compile": True},
        {"liger_rms_norm": True},
        {"plugins": ["axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin", NAME]},
        {"fsdp_config": {"reshard_after_forward": True}},
        {"quantize_moe_experts": True},
        {"lora_qkv_kernel": True},
        {"trust_remote_code": True},
        {"dp_shard_size": 2},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_each_is_named(keys: dict[str, Any]) -> None:
    found = by_name(keys, SCHEMAS["0.21"])
    assert set(found) == set(keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"lora_qkv_kernel": False},
        {"use_dft": None},
        {"plugins": [NAME]},
        {"wandb_project": "x", "use_wandb": True, "hub_model_id": "a/b", "save_steps": 5, "logging_steps": 1},
        {"dp_shard_size": 1},
        {"num_epochs": 3, "val_set_size": 0.1, "evals_per_epoch": 4, "dataloader_num_workers": 4},
        {"nothing_of_axolotls": True},
        {"lora_r": 8, "tokens": ["<a>"], "peft_trainable_token_indices": [1], "warmup_ratio": 0.1},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_what_asks_for_nothing_or_cannot_matter_is_not(keys: dict[str, Any]) -> None:
    assert by_name(keys, SCHEMAS["0.21"]) == {}


def test_values_that_are_not_followed_are_named_too(tmp_path: Path) -> None:
    bench = demo(tmp_path, {("lr_scheduler",): "rex", ("loraplus_lr_ratio",): 4})
    found = not_followed(bench)
    assert "cosine" in found["lr_scheduler"]
    assert "loraplus_lr_ratio" in found


def test_they_come_into_the_verdict(overfit: Callable[..., Any]) -> None:
    from workbench.overfit.verdict import judge

    events = overfit({("lr_scheduler",): "one_cycle", ("optimizer",): "muon"}, rows=1, steps=1)
    messages = " ".join(one.message for one in judge(events).findings if one.code == "R026")
    assert "lr_scheduler (one_cycle" in messages
    assert "optimizer (muon needs axolotl's own code: AdamW is used)" in messages
