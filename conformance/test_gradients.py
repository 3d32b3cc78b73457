"""The adapters that reentrant checkpointing leaves without a gradient are those that `specs/gradients.json` records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.environment import here
from conformance.gradients import FAMILIES, FILE, measured
from conformance.once import FULL
from conformance.train import child

# One that loses them, one that keeps them, and one whose last layer is read by nothing.
TRIED = FAMILIES if FULL else ("qwen3_vl", "gemma3", "llava_1_5")


@pytest.mark.parametrize("builder", TRIED)
def test_gradients_are_as_recorded(builder: str, tmp_path: Path) -> None:
    # A process that went backward cannot be forked to do so again, which `test_parity.py` does.
    name, found = child.start(lambda: measured(builder), tmp_path, "gradients").result()
    assert json.loads(FILE.read_text("utf-8"))[here().release][name] == found


def test_every_family_is_recorded() -> None:
    assert len(json.loads(FILE.read_text("utf-8"))[here().release]) == len(FAMILIES)
