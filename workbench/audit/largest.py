"""The row that needs the most memory, and an estimate of its step."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from workbench.audit.sources import RowPlace
from workbench.errors import BenchError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.models.memory import MemoryEstimate


@dataclass(frozen=True, slots=True)
class Largest:
    """The longest row, whose step needs the most memory. `tokens` are those that are trained on at once: no more than
    `sequence_len` where axolotl cuts or drops. `unknown`: the reason why there is no estimate."""

    place: RowPlace
    tokens: int
    estimate: MemoryEstimate | None = None
    unknown: str = ""

    def with_estimate(self, estimate: dict[str, int]) -> Largest:
        """The same row with an estimate as its JSON has it."""
        from workbench.models.memory import MemoryEstimate

        known = {field.name for field in fields(MemoryEstimate)}
        return replace(self, estimate=MemoryEstimate(**{name: estimate[name] for name in known}))

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.place.to_dict(),
            "tokens": self.tokens,
            "step_memory": self.estimate and self.estimate.to_dict(),
            "unknown": self.unknown,
        }


def estimated(bench: Bench, place: RowPlace, tokens: int) -> Largest:
    """The largest row with its step's memory, rehearsed without weights: a batch of rows as long as this one."""
    from workbench.models.memory import estimate_of

    try:
        made = estimate_of(bench.loaded, bench.recipe, bench.axolotl, sequence=max(2, tokens))
    except BenchError as problem:
        return Largest(place, tokens, None, f"{problem.title}. {problem.cause}".strip())
    return Largest(place, tokens, made)
