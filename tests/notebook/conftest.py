from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.support import demo
from workbench.bench import Bench
from workbench.bench import open as open_bench
from workbench.notebook import Session


@pytest.fixture(scope="session")
def loaded_demo() -> Bench:
    """The embedded demo, loaded once."""
    return open_bench()


@pytest.fixture
def session(loaded_demo: Bench, tmp_path: Path) -> Session:
    """A session on the demo's recipe in a file of its own, with eight rows."""
    return Session(demo(loaded_demo, tmp_path, rows=8))
