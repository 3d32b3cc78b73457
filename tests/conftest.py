"""Fixtures shared by the suite: small real processors, one per family, made once."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import processors
from tests.support.by_family import by_family, scope

# Two workers whose torch has a thread for every core wait for each other: a test of the demo model took five times as
# long. Set before torch is imported; what the tests start inherits it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# What a fixture of a module opens asks no trainer either, where one is installed beside the bench.
os.environ["VLMBENCH_ASK"] = "0"


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes what the person running it has kept, nor asks a trainer unless it says so.

    Held apart from a test's own `monkeypatch`, whose `undo` would give the person's state back in its middle.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLMBENCH_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setenv("VLMBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("VLMBENCH_ASK", "0")
        patch.delenv("VLMBENCH_AXOLOTL_PYTHON", raising=False)
        yield


# Few tests that take long: they come first, or one worker is left alone with them. Of the others, the many come first.
LONG = (
    "tests/hostile/test_corpus.py",
    "tests/models/test_memory.py",
    "tests/notebook/test_session.py",
    "tests/overfit/test_sabotage.py",
    "tests/overfit/test_supervised.py",
    "tests/screens/test_editing.py",
    "tests/screens/test_every_action.py",
    "tests/screens/test_export_screen.py",
    "tests/screens/test_overfit.py",
    "tests/screens/test_random_keys.py",
    "tests/test_nothing_to_export.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A family's tests stay in one worker, over all files: its processor is what costs."""
    if config.option.dist != "loadscope":
        return None
    config.option.loadscopereorder = False
    return by_family(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker, the order in which units of work are handed out; see `LONG`."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(scope(item.nodeid) for item in items)
    items.sort(key=lambda item: (scope(item.nodeid) not in LONG, -sizes[scope(item.nodeid)]))


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
