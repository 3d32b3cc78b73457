"""The adapters that reentrant checkpointing leaves without a gradient are those that `specs/gradients.json` records."""

from __future__ import annotations

import json

import pytest

from conformance.environment import here
from conformance.gradients import FAMILIES, FILE, measured
from conformance.once import FULL

# One that loses them, one that keeps them, and one whose last layer is read by nothing.
TRIED = FAMILIES if FULL else ("qwen3_vl", "gemma3", "llava_1_5")


@pytest.mark.parametrize("builder", TRIED)
def test_gradients_are_as_recorded(builder: str) -> None:
    name, found = measured(builder)
    assert json.loads(FILE.read_text("utf-8"))[here().release][name] == found


def test_every_family_is_recorded() -> None:
    assert len(json.loads(FILE.read_text("utf-8"))[here().release]) == len(FAMILIES)
