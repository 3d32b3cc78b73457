"""A family's tests stay in one worker, and the figures at the end say what was compared, with which tokenizers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.by_family import by_family
from workbench.consumers.axolotl.worker import quiet

# Before a test imports axolotl.
quiet(offline=True)


@pytest.fixture(autouse=True)
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No export starts a process that rehearses the loader: `test_rehearsal.py` does that, in processes it keeps."""
    from workbench.bench import Bench

    monkeypatch.setattr(Bench, "rehearsal", lambda _: None)


_LONG = (
    *("test_example_runs.py", "test_evidence.py", "test_train.py"),
    *("test_asking.py", "test_rehearsal.py", "test_examples.py"),
)
"""Files of few tests that take long: begun first, or one is left over while the other worker waits."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which they are handed to the workers."""
    places = {file: place for place, file in enumerate(_LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(_LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A family's tests stay in one worker, over all files; the order stays that of the tests."""
    config.option.loadscopereorder = False
    return by_family(config, log)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line a family, from the tests' properties (they also travel from worker processes)."""
    from tests.support.processors import TOKENIZERS

    lines = [
        values
        for report in terminalreporter.stats.get("passed", [])
        for name, values in getattr(report, "user_properties", [])
        if name == "figures"
    ]
    for line in sorted(lines):
        terminalreporter.write_line(" ".join(str(value) for value in line))
    if TOKENIZERS is None:
        terminalreporter.write_line(
            "NOT RUN with real tokenizers: shared/tokenizers is not beside the repository. The families ran on small"
            " byte-level tokenizers with their control tokens instead."
        )
