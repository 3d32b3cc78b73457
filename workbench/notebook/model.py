"""The model without its weights: its towers, what the recipe trains of them, the memory of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.findings import Finding
from workbench.notebook.display import Shown, plain
from workbench.views.html_model import anatomy_html, memory_html
from workbench.views.items import visible
from workbench.views.model import STATE_GLYPH, memory_lines, short_bytes, short_count, size_said, tower_lines
from workbench.views.terminal import findings_view

if TYPE_CHECKING:
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained


@dataclass(frozen=True, repr=False)
class Towers(Shown):
    """The towers, where the recipe's adapters are, and what is wrong with that."""

    anatomy: Anatomy
    facts: Trained
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """The anatomy, with what is `trained` of it and the `findings`."""
        unknown = {} if self.anatomy.sized else {"trained_parameters": None}
        told = {"trained": self.facts.to_dict() | unknown, "findings": [one.to_dict() for one in self.findings]}
        return self.anatomy.to_dict() | told

    def text(self) -> str:
        lines = [f"{visible(self.anatomy.class_name)}, {size_said(self.anatomy)}"]
        for one in tower_lines(self.anatomy, self.facts):
            reached = f"adapters on {one.adapted} of {one.modules}" if one.adapted else one.state
            size = f"{short_count(one.parameters):>8}  {short_bytes(one.bytes):>9}"
            lines.append(f"{STATE_GLYPH[one.state]} {one.name:<10} {size}  {reached}")
        told = plain(findings_view(self.findings)) if self.findings else ""
        return "\n".join([*lines, told]).rstrip("\n")

    def body(self) -> str:
        return anatomy_html(self.anatomy, self.facts, self.findings)


@dataclass(frozen=True, repr=False)
class Memory(Shown):
    """The memory of one training step, in bytes."""

    estimate: MemoryEstimate

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.estimate.total

    def to_dict(self) -> dict[str, Any]:
        """Each part in bytes, and the `total`."""
        return self.estimate.to_dict()

    def text(self) -> str:
        one = self.estimate
        parts = [f"{name:<12}{short_bytes(size):>10}" for name, size in memory_lines(one)]
        return "\n".join([f"a step of {one.batch} × {one.sequence:,} tokens", *parts])

    def body(self) -> str:
        return memory_html(self.estimate)
