"""Measurements of the families' boundaries with their real tokenizers, as `specs/evidence.json` holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workbench.paths import specs_dir


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one role in the proof conversations: tokens, and `stopped` of `stops` turn ends that are trained."""

    recalled: int
    content: int
    stopped: int
    stops: int
    leaked_content: int
    leaked_template: int

    @property
    def leaked(self) -> int:
        """Trained tokens that are another role's content or the template's."""
        return self.leaked_content + self.leaked_template

    @property
    def whole(self) -> bool:
        """True where all content and every end is trained, and nothing else."""
        return self.recalled == self.content and self.stopped == self.stops and not self.leaked


@dataclass(frozen=True, slots=True)
class Measured:
    """A family's figures by role: with the spec's boundaries, and with those that `infer` finds (`role_boundaries`).

    `row` is a proof conversation that the spec's boundaries get wrong for the assistant, in words; empty where none.
    """

    tokenizer: str
    spec: dict[str, Counts]
    inferred: dict[str, Counts]
    role_boundaries: list[dict[str, Any]]
    row: str


@lru_cache(maxsize=1)
def measured() -> dict[str, Measured]:
    """The measurements by family name; families whose real tokenizer was not at hand are missing."""
    read = json.loads((specs_dir() / "evidence.json").read_text("utf-8"))
    return {
        name: Measured(
            entry["tokenizer"],
            {role: Counts(*counts) for role, counts in entry["spec"].items()},
            {role: Counts(*counts) for role, counts in entry["inferred"].items()},
            entry["role_boundaries"],
            entry["row"],
        )
        for name, entry in read.items()
    }
