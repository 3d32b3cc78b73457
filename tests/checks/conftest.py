from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import HEAD, QWEN, SETS, Make, bench_of, boundaries_of
from tests.data.shapes import SHAPES, write_pictures
from workbench.bench import Bench


@pytest.fixture
def make(loaded: Any, tmp_path: Path) -> Make:
    """Makes a bench on a family's processor; without a recipe, on Qwen's with its own boundaries."""

    def build(rows: list[dict[str, Any]], recipe: str = HEAD + QWEN + SETS, family: str = "qwen2_5_vl") -> Bench:
        return bench_of(loaded(family), tmp_path, recipe, rows)

    return build


@pytest.fixture(scope="module")
def bench_on(loaded: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bench]:
    """Makes a bench on a family's processor with its own boundaries."""

    def build(family: str) -> Bench:
        folder: Path = tmp_path_factory.mktemp(family)
        write_pictures(folder)
        return bench_of(loaded(family), folder, HEAD + boundaries_of(family) + SETS, [SHAPES["clean, text"]])

    return build
