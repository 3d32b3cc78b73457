"""The three ways to load a checkpoint for text, for every configuration that transformers registers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from tests.support.small import small_config
from workbench.models.load_route import Route, route

# One of them has no defaults in older releases: it is made of two other models.
REGISTERED = sorted(set(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES) - {"vision-encoder-decoder"})
# Registered for both kinds of model, as found by reading; in the first line AutoModelForCausalLM gives the whole class.
WHOLE = {"gemma3", "gemma3n", "gemma4", "gemma4_unified", "got_ocr2", "fuyu", "git"}
OWN = {"llama4", "mllama", "qwen3_5", "qwen3_5_moe", "qwen4_exp", "emu3", "dots3_note"}


def of(model_type: str) -> tuple[Any, Route]:
    config = CONFIG_MAPPING[model_type]()
    return config, route(config)


@pytest.mark.parametrize("model_type", REGISTERED)
def test_every_registered_configuration_has_its_way(model_type: str) -> None:
    """The rule once more, from the names in transformers' tables."""
    names = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    whole, causal = modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES[model_type], names.get(model_type)
    config, found = of(model_type)
    text = getattr(getattr(config, "text_config", None), "model_type", None)
    backbone = names.get(text) if text is not None else None
    assert found.dual == (causal is not None)
    if causal is not None and causal != whole:
        assert (found.way, found.class_name) == ("causal", causal)
    elif backbone is not None and backbone != whole:
        assert (found.way, found.class_name) == ("backbone", backbone)
    else:
        assert (found.way, found.class_name) == ("direct", whole)
    assert found.class_name is not None
    assert found.class_name in found.reason or found.way == "direct"


def test_the_dual_registrations_are_those_that_were_read() -> None:
    there = {name for name in (*WHOLE, *OWN) if name in REGISTERED}
    assert {name for name in REGISTERED if of(name)[1].dual} >= there
    assert all(of(name)[1].way == "causal" for name in OWN & there)
    assert all(of(name)[1].way != "causal" for name in WHOLE & there)


def test_a_dual_registration_without_text_config_does_not_slip_through() -> None:
    config, found = of("git")
    assert not hasattr(config, "text_config")
    assert (found.way, found.dual, found.class_name) == ("direct", True, "GitForCausalLM")
    assert "no text_config" in found.reason


@pytest.mark.parametrize(
    "model_type", [name for name in REGISTERED if name in WHOLE | OWN | {"llava", "smolvlm", "qwen2_vl"}]
)
def test_it_is_what_the_auto_classes_really_make(model_type: str) -> None:
    try:
        config = small_config(model_type)
        with torch.device("meta"):
            whole = AutoModelForImageTextToText.from_config(config)
    except (ImportError, AttributeError, TypeError):
        pytest.skip("transformers cannot build it from defaults here")
    found = route(config)
    with torch.device("meta"):
        if found.way == "backbone":
            made = AutoModelForCausalLM.from_config(config.text_config)
        elif found.way == "causal":
            made = AutoModelForCausalLM.from_config(config)
        else:
            made = whole
        if found.dual and found.way != "causal":
            assert type(AutoModelForCausalLM.from_config(config)) is type(whole)
    assert type(made).__name__ == found.class_name
    if found.way != "direct":
        assert not any("vision" in name or "visual" in name for name, _ in made.named_modules())
