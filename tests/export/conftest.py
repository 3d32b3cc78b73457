from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.export.support import demo
from workbench.bench import Bench, open


@pytest.fixture(scope="session")
def opened() -> Bench:
    """The embedded demo, loaded once."""
    return open()


@pytest.fixture
def make(opened: Bench, tmp_path: Path) -> Callable[..., Bench]:
    """Makes the demo anew in the test's folder, with eight rows."""

    def build(change: Any = None, *, rows: int | None = 8, **options: Any) -> Bench:
        return demo(opened, tmp_path, change, rows=rows, **options)

    return build
