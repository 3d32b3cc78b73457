"""The model without its weights: its towers, what the recipe trains of them, the memory of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from workbench.answers import MemoryAnswer, TowersAnswer
from workbench.findings import Finding
from workbench.notebook.display import Result, plain
from workbench.views.about import ALONE, About
from workbench.views.html_model import anatomy_html, memory_html
from workbench.views.items import visible
from workbench.views.model import STATE_GLYPH, memory_lines, short_bytes, short_count, size_text, tower_lines
from workbench.views.terminal import findings_view

if TYPE_CHECKING:
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained


@dataclass(frozen=True, repr=False)
class Towers(Result):
    """The towers, where the recipe's adapters are, and what is wrong with that."""

    anatomy: Anatomy
    facts: Trained
    findings: tuple[Finding, ...]
    about: About = ALONE

    def to_dict(self) -> TowersAnswer:
        """The anatomy, with what is `trained` of it and the `findings`."""
        unknown = {} if self.anatomy.sized else {"trained_parameters": None}
        trained = {
            "trained": self.facts.to_dict() | unknown,
            "findings": [finding.to_dict() for finding in self.findings],
        }
        return cast("TowersAnswer", self.anatomy.to_dict() | trained)

    def text(self) -> str:
        lines = [f"{visible(self.anatomy.class_name)}, {size_text(self.anatomy)}"]
        for tower in tower_lines(self.anatomy, self.facts):
            reached = f"adapters on {tower.adapted} of {tower.modules}" if tower.adapted else tower.state
            size = f"{short_count(tower.parameters):>8}  {short_bytes(tower.bytes):>9}"
            lines.append(f"{STATE_GLYPH[tower.state]} {tower.name:<10} {size}  {reached}")
        findings = plain(findings_view(self.findings)) if self.findings else ""
        return "\n".join([*lines, findings]).rstrip("\n")

    def body(self) -> str:
        return anatomy_html(self.anatomy, self.facts, self.findings)


@dataclass(frozen=True, repr=False)
class Memory(Result):
    """The memory of one training step, in bytes."""

    estimate: MemoryEstimate
    about: About = ALONE

    @property
    def total(self) -> int:
        """The sum of all parts, in bytes."""
        return self.estimate.total

    def to_dict(self) -> MemoryAnswer:
        """Each part in bytes, and the `total`."""
        return self.estimate.to_dict()

    def text(self) -> str:
        estimate = self.estimate
        parts = [f"{name:<12}{short_bytes(size):>10}" for name, size in memory_lines(estimate)]
        return "\n".join([f"a step of {estimate.batch} × {estimate.sequence:,} tokens", *parts])

    def body(self) -> str:
        return memory_html(self.estimate)
