"""The anatomy of a model and the memory of a step as HTML fragments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from workbench.views.deep_links import NO_LINKS, Links
from workbench.views.model import (
    ModelLine,
    kind_lines,
    memory_lines,
    short_bytes,
    short_count,
    size_text,
    tower_lines,
)
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from workbench.findings import Finding
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained
    from workbench.recipe.model import Recipe

_CLASSES = {
    "adapted": "yes",
    "partly": "yes",
    "trained": "yes",
    "dead": "no",
    "refused": "no",
    "frozen": "muted",
    "not known": "muted",
}


def anatomy_html(anatomy: Anatomy, facts: Trained, found: Sequence[Finding], *, links: Links = NO_LINKS) -> Markup:
    """The towers and what is trained of each, the kinds of modules to unfold, and what is wrong."""
    towers = [
        _cells(line) | {"trained": short_count(line.trained) if line.trained else "–", "bytes": short_bytes(line.bytes)}
        for line in tower_lines(anatomy, facts)
    ]
    inside = [
        (tower.name, kinds)
        for tower in anatomy.towers
        if (kinds := [_cells(kind) for kind in kind_lines(anatomy, facts, tower.name)])
    ]
    return draw(
        "anatomy.jinja",
        towers=towers,
        inside=inside,
        classes=_CLASSES,
        name=anatomy.class_name,
        size=size_text(anatomy),
        found=list(found),
        links=links,
    )


_ADAPTER_KEYS = (
    *("adapter", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_target_linear"),
    *("lora_target_parameters", "lora_modules_to_save", "freeze_mm_modules", "unfrozen_parameters"),
)
_NAMED = 400


def targets_html(recipe: Recipe, facts: Trained) -> Markup:
    """The recipe's keys of the adapter, and by name what gets one."""
    keys = [(key, value) for key in _ADAPTER_KEYS if (value := getattr(recipe, key, None)) not in (None, "", [])]
    names = [*facts.modules, *facts.parameters]
    more = f"{len(names) - _NAMED:,} more are not listed" if len(names) > _NAMED else ""
    listed = [(key, _key_text(value)) for key, value in keys]
    return draw("targets.jinja", keys=listed, names=names[:_NAMED], count=len(names), more=more)


def _key_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _cells(line: ModelLine) -> dict[str, Any]:
    reached = f"{line.adapted:,} of {line.modules:,}" if line.modules else "–"
    return {"name": line.name, "state": line.state, "reached": reached, "parameters": short_count(line.parameters)}


def memory_html(estimate: MemoryEstimate) -> Markup:
    """The parts of a step's memory, each as a bar."""
    parts = [
        (name, size / estimate.total if estimate.total else 0.0, short_bytes(size))
        for name, size in memory_lines(estimate)
    ]
    facts = f"{estimate.batch} × {estimate.sequence:,} tokens, {short_count(estimate.trainable)} trained of "
    facts += f"{short_count(estimate.parameters)} parameters; without what a GPU's runtime takes for itself"
    return draw("memory.jinja", parts=parts, facts=facts)
