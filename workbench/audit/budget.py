"""Trained tokens by data set and by role: the weights of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Budget:
    """A data set's part in the training: `trained` of its `tokens` in `rows` rows, by role, and its `share` of all.

    `whole`: the rows that the data set has, judged or not.
    """

    dataset: int
    name: str
    rows: int
    whole: int
    unrendered: int
    tokens: int
    trained: int
    share: float
    by_role: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "name": self.name,
            "rows": self.rows,
            "rows_of_dataset": self.whole,
            "unrendered": self.unrendered,
            "tokens": self.tokens,
            "trained": self.trained,
            "share": self.share,
            "trained_by_role": self.by_role,
        }


def budgets_of(
    dataset: npt.NDArray[Any],
    tokens: npt.NDArray[Any],
    trained: npt.NDArray[Any],
    by_role: dict[int, dict[str, int]],
    named: dict[int, tuple[str, int]],
) -> tuple[Budget, ...]:
    """The budget of each data set from columns over all rows; `named`: (name, rows) by number."""
    whole = int(trained[trained > 0].sum())
    budgets = []
    for number, (name, rows) in named.items():
        mine = dataset == number
        shown = mine & (tokens >= 0)
        own = int(trained[shown].sum())
        roles = dict(sorted(by_role.get(number, {}).items(), key=lambda item: -item[1]))
        budgets.append(
            Budget(
                number,
                name,
                int(np.count_nonzero(mine)),
                rows,
                int(np.count_nonzero(mine & ~shown)),
                int(tokens[shown].sum()),
                own,
                own / whole if whole else 0.0,
                roles,
            )
        )
    return tuple(budgets)
