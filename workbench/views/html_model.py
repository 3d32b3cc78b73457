"""The anatomy of a model and the memory of a step as HTML fragments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.views.html import findings, safe, table
from workbench.views.model import (
    ModelLine,
    kind_lines,
    memory_lines,
    short_bytes,
    short_count,
    size_text,
    tower_lines,
)

if TYPE_CHECKING:
    from workbench.findings import Finding
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained

_CLASSES = {
    "adapted": "yes",
    "partly": "yes",
    "trained": "yes",
    "dead": "no",
    "refused": "no",
    "frozen": "muted",
    "not known": "muted",
}


def anatomy_html(anatomy: Anatomy, facts: Trained, found: Sequence[Finding]) -> str:
    """The towers and what is trained of each, the kinds of modules to unfold, and what is wrong."""
    numbers = ("adapters", "parameters", "trained", "bytes")
    lines = [
        [*_cells(line, safe(line.name)), short_count(line.trained) if line.trained else "–", short_bytes(line.bytes)]
        for line in tower_lines(anatomy, facts)
    ]
    towers = table(("tower", "", *numbers), lines, numbers=numbers)
    kinds = ""
    for tower in anatomy.towers:
        inside = [_cells(kind, f"<code>{safe(kind.name)}</code>") for kind in kind_lines(anatomy, facts, tower.name)]
        if inside:
            drawn = table(("kind", "", *numbers[:2]), inside, numbers=numbers)
            kinds += f"<details><summary>{len(inside)} kinds in {safe(tower.name)}</summary>{drawn}</details>"
    size = f'<span class="share">{safe(size_text(anatomy))}</span>'
    title = f"<h2>{safe(anatomy.class_name)}{size}</h2>"
    return f"{title}{towers}{kinds}{findings(found)}"


def _cells(line: ModelLine, name: str) -> list[str]:
    state = f'<span class="{_CLASSES[line.state]}">{line.state}</span>'
    reached = f"{line.adapted:,} of {line.modules:,}" if line.modules else "–"
    return [name, state, reached, short_count(line.parameters)]


def memory_html(estimate: MemoryEstimate) -> str:
    """The parts of a step's memory, each as a bar."""
    lines = []
    for name, size in memory_lines(estimate):
        share = size / estimate.total if estimate.total else 0.0
        bar = f'<span class="bar"><i style="width:{share:.1%}"></i></span>'
        lines.append([name, bar, short_bytes(size)])
    facts = f"{estimate.batch} × {estimate.sequence:,} tokens, {short_count(estimate.trainable)} trained of "
    facts += f"{short_count(estimate.parameters)} parameters; without what a GPU's runtime takes for itself"
    return f'<h2>the memory of a step</h2><p class="facts">{facts}</p>{table(("", "", ""), lines)}'
