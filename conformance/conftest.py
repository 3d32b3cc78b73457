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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A family's tests stay in one worker, over all files."""
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
