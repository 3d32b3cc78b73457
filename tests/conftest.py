"""Fixtures shared by the suite: small real processors, one per family, made once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from functools import cache
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A family's tests stay in one worker, over all files: its processor is what costs."""
    from tests.support.by_family import by_family

    return by_family(config, log) if config.option.dist == "loadscope" else None


@pytest.fixture(scope="session")
def processor_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a family's processor, around its real tokenizer where that is at hand.

    The workers of one run share them: who comes first makes it.
    """
    worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if worker else base) / "processors"
    shared.mkdir(exist_ok=True)

    @cache
    def make(family: str) -> Path:
        with (shared / f"{family}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder, done = shared / family / "model", shared / family / "done"
            if not done.exists():
                source = processors.tokenizer_folder(family, shared / family / "tokenizer")
                processors.build_processor(family, source, folder)
                done.touch()
        return folder

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
