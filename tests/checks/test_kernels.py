"""A014: LoRA kernels that stop axolotl, and the fix that turns them off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import QWEN, SETS, bench_of, of, row
from workbench.bench import Bench
from workbench.checks.recipe_checks import recipe_findings as check
from workbench.findings import apply_fix
from workbench.recipe.lora_kernels import KERNELS

HEAD = "base_model: here\nprocessor_type: AutoProcessor\nskip_prepare_dataset: true\n"
LORA = "adapter: lora\nlora_r: 8\nlora_target_modules: [q_proj]\n"


@pytest.fixture
def made(loaded: Callable[[str], Any], tmp_path: Path) -> Callable[..., Bench]:
    return lambda text, family="qwen2_5_vl": bench_of(
        loaded(family), tmp_path, HEAD + text + QWEN + SETS, [row("a", "b")]
    )


def test_kernels_that_axolotl_turns_on_unasked(made: Callable[..., Bench]) -> None:
    bench = made(LORA)
    (found,) = of(list(check(bench)), "A014")
    assert (found.severity, found.where.field) == ("error", "adapter")
    assert "qwen2_5_vl" in found.message
    assert "MLP is given up" in found.hint
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.apply()
    assert of(list(check(bench)), "A014") == []
    assert [bench.document.get((key,)) for key in KERNELS] == [False] * 3


def test_kernels_that_are_asked_for(made: Callable[..., Bench]) -> None:
    bench = made(LORA + "lora_mlp_kernel: true\nlora_qkv_kernel: true\n")
    (found,) = of(list(check(bench)), "A014")
    assert found.where.field == "lora_qkv_kernel"
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.apply()
    assert of(list(check(bench)), "A014") == []
    assert [bench.document.get((key,)) for key in KERNELS] == [True, False, None]


def test_a_model_whose_layers_are_not_found(made: Callable[..., Bench]) -> None:
    bench = made(LORA + "lora_mlp_kernel: true\n", "smolvlm2")
    (found,) = of(list(check(bench)), "A014")
    assert found.where.field == "lora_mlp_kernel"
    assert "layers" in found.message
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.apply()
    assert of(list(check(bench)), "A014") == []


@pytest.mark.parametrize("text", ["", LORA + "lora_mlp_kernel: true\n", LORA + "load_in_8bit: true\n"])
def test_where_they_are_off(made: Callable[..., Bench], text: str) -> None:
    assert of(list(check(made(text))), "A014") == []


def test_models_that_axolotl_can_patch(made: Callable[..., Bench]) -> None:
    assert of(list(check(made(LORA, "qwen3_vl"))), "A014") == []
