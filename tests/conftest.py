"""Fixtures shared by the suite: small real processors, one per family, made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import processors

# Two workers whose torch has a thread for every core wait for each other: a test of the demo model took five times as
# long. Set before torch is imported; what the tests start inherits it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what the person running it has kept."""
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def processor_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a family's processor, around its real tokenizer where that is at hand."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            scratch = tmp_path_factory.mktemp(family)
            source = processors.tokenizer_folder(family, scratch / "tokenizer")
            made[family] = processors.build_processor(family, source, scratch / "model")
        return made[family]

    return make


@pytest.fixture(scope="session")
def loaded(processor_folder: Callable[[str], Path]) -> Callable[[str], Any]:
    """Gives a family's processor, loaded as the bench loads any folder."""
    from workbench.models.load import load

    known: dict[str, Any] = {}

    def get(family: str) -> Any:
        if family not in known:
            processors.ensure_num2words()
            known[family] = load(str(processor_folder(family)))
        return known[family]

    return get
