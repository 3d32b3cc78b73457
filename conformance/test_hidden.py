"""The bench with axolotl hidden gives the answers that axolotl gives when it is asked: from the release's table.

Each answer that a table has is asked of the installed release through its own code, and read by a bench that can
neither import it nor has a Python that could. Small tokenizers stand in: none of these answers reads a vocabulary.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from conformance.environment import here
from conformance.pair import TEMPLATE_OF, model_folder, parsed_once, recipe
from conformance.test_kernels import TOLD, configuration, loaded_by_axolotl
from tests.support import processors
from workbench.bench import Bench
from workbench.bench import open as opened
from workbench.checks.loaded_class import loaded_class
from workbench.consumers.axolotl import worker
from workbench.recipe.axolotl_table import table
from workbench.recipe.checkpointing import is_reentrant
from workbench.recipe.lora_kernels import kernel_error

RELEASE = here().release
LORA = {"adapter": "lora", "lora_r": 4, "lora_alpha": 8, "lora_target_linear": True, "gradient_checkpointing": True}
# On a machine without a GPU axolotl does not turn them on by itself.
KERNELS = {"lora_qkv_kernel": True, "lora_o_kernel": True, "lora_dropout": 0}
SAID = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "One."}]
ROW = json.dumps({"messages": SAID}) + "\n"


@contextmanager
def hidden() -> Iterator[None]:
    """Without axolotl: it cannot be imported, and nobody finds it. What is loaded of it comes back afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "axolotl", None)
        yield


def hidden_bench(path: Path) -> Bench:
    """The recipe on a bench that goes by the table of this release, and has nobody to ask."""
    bench = opened(path, axolotl_python="none", axolotl_version=RELEASE)
    assert bench.axolotl is table(RELEASE)
    return bench


def test_axolotl_is_hidden() -> None:
    with hidden():
        with pytest.raises(ImportError):
            import axolotl
        from workbench.consumers.axolotl.at_hand import package_at_hand

        assert package_at_hand(None) is None
    import axolotl

    assert axolotl


@pytest.mark.parametrize("name", [name for name in processors.BUILDERS if name != "mistral_v7_tekken"])
@pytest.mark.parametrize("template", ["its own", "tokenizer_default"])
def test_what_decides_the_mask(name: str, template: str, tmp_path: Path) -> None:
    """Strategy, the ids that are never trained, and the class that is loaded, for each family with a processor."""
    processors.ensure_num2words()
    named = TEMPLATE_OF.get(name) if template == "its own" else template
    if named is None:
        pytest.skip("axolotl has no template of this family")
    rows, path = tmp_path / "rows.jsonl", tmp_path / "recipe.yaml"
    rows.write_text(ROW, "utf-8")
    folder = model_folder(name, real=False)
    path.write_text(yaml.safe_dump(recipe(folder, named, rows, train_on_inputs=True)), "utf-8")
    with hidden():
        bench = hidden_bench(path)
        loads = loaded_class(bench)
        vocabulary = np.arange(len(bench.loaded.tokenizer) + 8, dtype=np.int64)[None, :]
        masked = bench.masking.scan(vocabulary).labels == -100
        problem = bench.strategy.problem(bench.loaded.processor, bench.loaded.tokenizer)
    assert not loads.asked
    with parsed_once(name):
        if problem is not None:
            # A strategy that this release cannot build: the specs say so too.
            with pytest.raises((AttributeError, TypeError, ValueError, KeyError)):
                worker.open_recipe(path)
            return
        asked = worker.open_recipe(path)
    assert isinstance(asked, worker.AxolotlSide)
    assert bench.strategy.class_name == asked.name
    theirs = asked.strategy.process_labels(torch.from_numpy(vocabulary)).numpy()
    assert np.array_equal(masked, theirs == -100)
    assert loads.name == worker._loader(asked.cfg)


@pytest.mark.parametrize(("family", "model_type", "values"), TOLD)
def test_what_the_model_type_decides(
    family: str, model_type: str, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loader class, LoRA kernels and kind of checkpointing, for every family of `specs/`."""
    monkeypatch.chdir(tmp_path)
    model = processors.fallback_folder("qwen2_vl", tmp_path)
    configuration(model_type, values).save_pretrained(model)
    (tmp_path / "rows.jsonl").write_text(ROW, "utf-8")
    data = recipe(model, "tokenizer_default", tmp_path / "rows.jsonl", **LORA)
    path = tmp_path / "recipe.yaml"
    for keys in ({}, KERNELS):
        path.write_text(yaml.safe_dump(data | keys), "utf-8")
        with hidden():
            bench = hidden_bench(path)
            stops = kernel_error(data | KERNELS, bench.loaded.model_type, bench.axolotl.kernels)
            reentrant = is_reentrant(bench.recipe, bench.loaded.model_type, bench.axolotl)
            loads, multimodal = loaded_class(bench), bench.loaded.is_multimodal
        if stops is not None and keys:
            with pytest.raises(Exception, match=r"QKV|attention class|projection|[A-Z]"):
                loaded_by_axolotl(path.read_text("utf-8"))
            continue
        # The kernels that axolotl turns on by itself are off here: they are asked in the second round.
        off = {} if keys else dict.fromkeys(("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel"), False)
        cfg = loaded_by_axolotl(yaml.safe_dump(data | keys | off))
        assert (cfg.gradient_checkpointing_kwargs or {}).get("use_reentrant") == reentrant
        assert (worker._loader(cfg), bool(cfg.is_multimodal)) == (loads.name, multimodal)


def test_the_templates() -> None:
    from axolotl.utils.chat_templates.base import _CHAT_TEMPLATES

    known = table(RELEASE)
    assert known.templates.keys() == _CHAT_TEMPLATES.keys()
    for name, text in _CHAT_TEMPLATES.items():
        assert known.is_bundled(name, text)
        assert known.templates[name] == hashlib.sha256(text.encode()).hexdigest()


def asked_keys(*plugins: str) -> set[str]:
    """The keys that axolotl knows with these plugins, asked in a process of their own: plugins stay registered."""

    def ask() -> list[str]:
        from axolotl.utils.config import prepare_plugins
        from axolotl.utils.dict import DictDefault

        prepare_plugins(DictDefault({"plugins": list(plugins)}))
        return worker.known_keys()

    # What is known of the machine stands in the same model.
    return set(worker.in_a_fork(ask, 120)) - {"capabilities", "env_capabilities"}


def known_keys(*plugins: str) -> set[str]:
    """The same by the table."""
    schema = table(RELEASE).schema
    listed = [schema.plugins[name] for name in (*schema.builtin, *plugins) if name in schema.plugins]
    return set(schema.keys).union(*listed)


def test_the_keys() -> None:
    assert asked_keys() == known_keys()


@pytest.mark.parametrize("plugin", sorted(table(RELEASE).schema.plugins))
def test_the_keys_of_each_plugin(plugin: str) -> None:
    assert asked_keys(plugin) == known_keys(plugin)
