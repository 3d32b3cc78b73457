"""axolotl's manner of training a recipe: how it divides the loss of a step, and which kind of checkpointing it takes.

Both differ by release and by model type. They are asked of the axolotl at hand, whose loader is rehearsed for it; the
table of a release answers where none is at hand, or where it stops at the recipe.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import BenchError
from workbench.recipe.checkpointing import is_reentrant

if TYPE_CHECKING:
    from workbench.bench import Bench


@dataclass(frozen=True, slots=True)
class Manner:
    """The manner of one release, for one recipe and model.

    `loss_by_tokens`: a step's loss is divided by all its trained tokens; else it is the mean over its micro batches of
    their means. `by`: the release, in words; `asked`: it was asked itself.
    """

    loss_by_tokens: bool
    use_reentrant: bool
    by: str
    asked: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def manner(bench: Bench) -> Manner:
    """The manner in which the axolotl that is to train would train a loaded bench; seconds where it is asked anew."""
    table, model_type = bench.axolotl, bench.loaded.model_type
    known = Manner(table.loss_by_tokens(model_type), is_reentrant(bench.recipe, model_type, table), table.name)
    if not bench.asks:
        return known
    try:
        rehearsal = bench.rehearsal()
    except BenchError:
        # The checks say why it cannot be asked; a run needs no axolotl.
        return known
    if rehearsal is None or rehearsal.refused is not None or rehearsal.loss_by_tokens is None:
        return known
    return Manner(rehearsal.loss_by_tokens, bool(rehearsal.use_reentrant), rehearsal.name, asked=True)
