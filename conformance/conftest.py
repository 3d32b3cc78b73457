"""The figures at the end of a run: what was compared for each family, and with which tokenizers."""

from __future__ import annotations

from typing import Any


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
