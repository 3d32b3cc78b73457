"""New recipes of every family, exported, are loaded by axolotl as far as it goes without weights.

Its validator, its normalisation, its loader of model configurations and its patch of the attention for the LoRA
kernels, on the real configuration classes; around a tokenizer that stands in, since none of them reads one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from axolotl.loaders.utils import load_model_config
from axolotl.utils.config import normalize_config, prepare_plugins, validate_config
from axolotl.utils.dict import DictDefault
from transformers import AutoConfig

from conformance.environment import here
from tests.support import processors
from tests.support.small import mended
from workbench.bench import Bench
from workbench.consumers.axolotl.worker import try_lora_kernels
from workbench.export.compose import compose
from workbench.families.library import families
from workbench.recipe.axolotl_table import table
from workbench.recipe.lora_kernels import KERNELS

# What the configuration alone tells of each family: its model type, and values at dotted paths.
TOLD = [
    pytest.param(name, one, rule.config, id=f"{name}-{one}")
    for name, family in families().items()
    for rule in family.identify
    for one in rule.model_types
    if not rule.processors and not rule.tokens
]
# As where people train: without a GPU axolotl would not turn on what needs one.
CAPABILITIES = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return processors.fallback_folder("qwen2_vl", tmp_path_factory.mktemp("tokenizer"))


def loaded_by_axolotl(text: str) -> Any:
    """The configuration after all that axolotl does with a recipe before weights. Raises whatever axolotl raises."""
    cfg = DictDefault(yaml.safe_load(text))
    prepare_plugins(cfg)
    cfg = validate_config(
        cfg, capabilities=CAPABILITIES, env_capabilities={"torch_version": torch.__version__.split("+")[0]}
    )
    normalize_config(cfg)
    load_model_config(cfg)
    try_lora_kernels(cfg)
    return cfg


def configuration(model_type: str, values: dict[str, Any]) -> Any:
    """The class's own, at its real size, with these values."""
    nested: dict[str, Any] = {}
    for path, value in values.items():
        *parents, leaf = path.split(".")
        inner = nested
        for one in parents:
            inner = inner.setdefault(one, {})
        inner[leaf] = value[0] if isinstance(value, list | tuple) else value
    return mended(AutoConfig.for_model(model_type, **nested))


def test_no_family_is_left_out() -> None:
    named = {name for name, family in families().items() if any(rule.model_types for rule in family.identify)}
    assert {one.values[0] for one in TOLD} == named


@pytest.mark.parametrize(("family", "model_type", "values"), TOLD)
def test_a_new_recipe_is_loaded(
    family: str,
    model_type: str,
    values: dict[str, Any],
    tokenizer: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tokenizer, model)
    configuration(model_type, values).save_pretrained(model)
    rows = tmp_path / "rows.jsonl"
    said = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "One."}]
    rows.write_text(json.dumps({"messages": said}) + "\n", "utf-8")
    monkeypatch.chdir(tmp_path)

    bench = Bench(model=str(model), data=str(rows)).load()
    assert bench.family is not None
    assert bench.family.name == family
    assert bench.recipe.adapter == "lora"
    made = compose(bench, rows=())
    text = made.text
    # The plugin that it names lies beside it; 0.21 stops where it does not.
    for name, content in made.files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    cfg = loaded_by_axolotl(text)
    assert cfg.is_multimodal

    # Without the keys axolotl turns the kernels on, and stops at those models that the table says.
    data = {key: value for key, value in yaml.safe_load(text).items() if key not in KERNELS}
    known = table(here().release).kernels
    if model_type in known.raises:
        assert yaml.safe_load(text).keys() >= set(KERNELS)
        with pytest.raises((ValueError, AssertionError)):
            loaded_by_axolotl(yaml.safe_dump(data))
    else:
        assert model_type in known.applied | known.off
        assert bool(loaded_by_axolotl(yaml.safe_dump(data)).lora_qkv_kernel) == (model_type in known.applied)
