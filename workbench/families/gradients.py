"""Measurements of adapters' gradients under reentrant checkpointing, as `specs/gradients.json` holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from workbench.paths import specs_dir


@dataclass(frozen=True, slots=True)
class Gradients:
    """Tensors of a tower's adapters that got a gradient: under `reentrant` checkpointing, and under the `other`."""

    reentrant: int
    other: int


@lru_cache(maxsize=1)
def measured() -> dict[str, dict[str, dict[str, Gradients]]]:
    """The measurements by release of axolotl, family and tower."""
    read = json.loads((specs_dir() / "gradients.json").read_text("utf-8"))
    return {
        release: {
            family: {tower: Gradients(*counts) for tower, counts in towers.items()}
            for family, towers in families.items()
        }
        for release, families in read.items()
    }


def lost(family: str, release: str) -> dict[str, Gradients]:
    """The towers of a family in which reentrant checkpointing takes gradients away; empty where none was measured.

    By the measurement of that release of axolotl, else of the newest that was measured.
    """
    known = measured()
    found = known.get(release) or known[max(known, key=lambda one: tuple(map(int, one.split("."))))]
    return {tower: one for tower, one in found.get(family, {}).items() if one.reentrant < one.other}
