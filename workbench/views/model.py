"""The anatomy of a model as lines that any face can show: towers, the kinds of modules in them, memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.models.patterns import PatternError
from workbench.models.sizes import UNSIZED

if TYPE_CHECKING:
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained
    from workbench.models.towers import TowerName

State = Literal["adapted", "partly", "trained", "dead", "refused", "frozen", "not known"]
STATE_GLYPH: dict[State, str] = {
    "adapted": "▎",
    "partly": "▎",
    "trained": "▎",
    "dead": "†",
    "refused": "✗",
    "frozen": "·",
    "not known": "–",
}
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)")


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A tower, or a kind of module in one. `modules` have an adapter where `adapted` says how many of them.

    `name` of a kind is that of its modules with `*` for the number of the layer. `trained` are values that change.
    Where the sizes are not the model's, there are no numbers of parameters and bytes.
    """

    name: str
    state: State
    modules: int
    adapted: int
    parameters: int | None
    bytes: int | None
    trained: int = 0


def tower_lines(anatomy: Anatomy, facts: Trained) -> list[ModelLine]:
    """A line for each tower, in the order of the model."""
    hits, dead = facts.hits, Counter(anatomy.tower_of(name) for name in facts.dead)
    lines = []
    for tower in anatomy.towers:
        adapted, trained = hits.get(tower.name, 0), facts.counts.get(tower.name, 0)
        total = tower.linears + sum(name == tower.name for name in facts.parameters.values())
        state = _state(adapted, total, dead[tower.name], trained)
        if isinstance(facts.refusal, PatternError):
            # Nothing was applied, so nothing is known of what would be trained.
            state = "not known"
        elif facts.refusal is not None and facts.matched and tower.linears:
            state = "refused"
        numbers = (tower.parameters, tower.bytes, trained) if anatomy.sized else (None, None, 0)
        lines.append(ModelLine(tower.name, state, total, adapted, *numbers))
    return lines


def kind_lines(anatomy: Anatomy, facts: Trained, tower: TowerName) -> list[ModelLine]:
    """A line for each kind of module in a tower that has, or could have, an adapter; those without layers last."""
    shapes = dict(anatomy.model.named_modules())
    # An adapter on the layer inside of a wrapper counts as the wrapper's: a line shows the two as one module.
    outer = {f"{name}.linear": name for name in anatomy.linears}
    adapted = {outer.get(name, name) for name in (*facts.modules, *facts.parameters)}
    dead = {outer.get(name, name) for name in facts.dead}
    names = [name for name, own in anatomy.linears.items() if own == tower]
    names += [name for name in adapted if name not in anatomy.linears and anatomy.tower_of(name) == tower]
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_NUMBER.sub("*", name), []).append(name)
    lines = []
    for kind, members in groups.items():
        numbers = [value for name in members if name in shapes for value in shapes[name].parameters()]
        own = sum(name in adapted for name in members)
        lines.append(
            ModelLine(
                kind,
                _state(own, len(members), sum(name in dead for name in members), 0),
                len(members),
                own,
                sum(value.numel() for value in numbers) if anatomy.sized else None,
                sum(value.numel() * value.element_size() for value in numbers) if anatomy.sized else None,
            )
        )
    return sorted(lines, key=lambda line: "*" not in line.name)


def _state(adapted: int, total: int, dead: int, trained: int) -> State:
    if adapted:
        return "dead" if dead >= adapted else "adapted" if adapted >= total else "partly"
    return "trained" if trained else "frozen"


def size_text(anatomy: Anatomy) -> str:
    """The number of parameters, or the reason why it is not known."""
    return f"{short_count(anatomy.parameters)} parameters" if anatomy.sized else UNSIZED


def memory_lines(estimate: MemoryEstimate) -> list[tuple[str, int]]:
    """The parts of a step's memory in bytes, the largest first; the total last."""
    parts = [
        ("weights", estimate.weights),
        ("adapters", estimate.adapters),
        ("gradients", estimate.gradients),
        ("optimizer", estimate.optimizer),
        ("activations", estimate.activations),
        ("logits", estimate.logits),
    ]
    return [*sorted(parts, key=lambda part: -part[1]), ("in all", estimate.total)]


def short_count(number: int | None) -> str:
    """A count in three digits or so: 1,234 → 1.23 K."""
    return "–" if number is None else _short(number, 1000, ("", " K", " M", " G", " T"))


def short_bytes(number: int | None) -> str:
    """Bytes in binary units: 1536 → 1.5 KiB."""
    return "–" if number is None else _short(number, 1024, (" B", " KiB", " MiB", " GiB", " TiB"))


def _short(number: float, base: int, units: Sequence[str]) -> str:
    steps = 0
    while number >= base and steps < len(units) - 1:
        number, steps = number / base, steps + 1
    digits = 0 if number >= 100 or not steps else 1 if number >= 10 else 2
    return f"{number:,.{digits}f}{units[steps]}"
