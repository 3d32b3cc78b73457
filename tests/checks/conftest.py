from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import HEAD, QWEN, SETS, Make, bench_of
from workbench.bench import Bench


@pytest.fixture
def make(loaded: Any, tmp_path: Path) -> Make:
    """Makes a bench on a family's processor; without a recipe, on Qwen's with its own boundaries."""

    def build(rows: list[dict[str, Any]], recipe: str = HEAD + QWEN + SETS, family: str = "qwen2_5_vl") -> Bench:
        return bench_of(loaded(family), tmp_path, recipe, rows)

    return build
