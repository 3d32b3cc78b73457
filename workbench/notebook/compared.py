"""Two benches on the same rows: the keys in which their recipes differ, and what each of them trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from workbench.answers import ComparedAnswer, ComparedRowAnswer
from workbench.notebook.display import Result
from workbench.notebook.open_recipe import OpenRecipe
from workbench.recipe.compare import Pair, side_by_side
from workbench.recipe.yaml.write import as_inline
from workbench.views import html
from workbench.views.about import ALONE, About, about_bench
from workbench.views.items import visible
from workbench.views.skeleton import safe

if TYPE_CHECKING:
    import pandas as pd

    from workbench.row import Row

_LISTED = 20


@dataclass(frozen=True, slots=True)
class RowPair:
    """A row under two recipes. Counts are None where it cannot be rendered; `first` is the first token that differs.

    `same_ids` and `same_labels` hold for rows that neither can render too, where the reason is the same.
    """

    row: int
    tokens: tuple[int | None, int | None]
    trained: tuple[int | None, int | None]
    same_ids: bool
    same_labels: bool
    first: int | None
    reason: str = ""

    @property
    def same(self) -> bool:
        """True where ids and labels are the same."""
        return self.same_ids and self.same_labels

    def to_dict(self) -> ComparedRowAnswer:
        """The row, each pair as a list of two."""
        return {
            "row": self.row,
            "tokens": list(self.tokens),
            "trained": list(self.trained),
            "same_ids": self.same_ids,
            "same_labels": self.same_labels,
            "first": self.first,
            "reason": self.reason,
        }


@dataclass(frozen=True, repr=False)
class Compared(Result):
    """This recipe and another one: `pairs` of their keys, and their `rows`."""

    names: tuple[str, str]
    pairs: tuple[Pair, ...]
    rows: tuple[RowPair, ...]
    about: About = ALONE

    @property
    def same(self) -> bool:
        """True where every row has the same ids and labels under both."""
        return all(row.same for row in self.rows)

    @property
    def differing(self) -> tuple[RowPair, ...]:
        """The rows whose ids or labels differ."""
        return tuple(row for row in self.rows if not row.same)

    @property
    def title(self) -> str:
        return " and ".join(self.names)

    def to_dict(self) -> ComparedAnswer:
        """`names`, the `keys` that differ with both values, and `rows`."""
        return {
            "names": list(self.names),
            "keys": {pair.knob: [pair.mine, pair.theirs] for pair in self.pairs if not pair.same},
            "rows": [row.to_dict() for row in self.rows],
        }

    def to_pandas(self) -> pd.DataFrame:
        """A line a row: `tokens`, `trained` of both, `same_ids`, `same_labels`, `first`, `reason`; index `row`."""
        import pandas as pd

        lines = [
            {
                "row": row.row,
                "tokens": row.tokens[0],
                "tokens_other": row.tokens[1],
                "trained": row.trained[0],
                "trained_other": row.trained[1],
                "same_ids": row.same_ids,
                "same_labels": row.same_labels,
                "first": row.first,
                "reason": row.reason,
            }
            for row in self.rows
        ]
        columns = ["row", "tokens", "tokens_other", "trained", "trained_other", "same_ids", "same_labels", "first"]
        frame = pd.DataFrame(lines, columns=[*columns, "reason"]).set_index("row")
        counts = ["tokens", "tokens_other", "trained", "trained_other", "first"]
        return frame.astype(dict.fromkeys(counts, "Int64"))

    def text(self) -> str:
        lines = [f"{visible(self.names[0])} and {visible(self.names[1])}: {self._sum()}"]
        lines += [f"  {visible(line[0])}: {visible(line[1])} → {visible(line[2])}" for line in self._keys()]
        lines += [f"  row {row.row}: {visible(_words(row))}" for row in self.differing[:_LISTED]]
        left = len(self.differing) - _LISTED
        return "\n".join([*lines, f"  and {left:,} rows more"] if left > 0 else lines)

    def body(self) -> str:
        keys = html.table(("key", *self.names), self._keys()) if self._keys() else ""
        rows = [(row.row, _words(row)) for row in self.differing[:_LISTED]]
        left = f"{len(self.differing):,} rows differ; the first {len(rows)} are shown" if len(rows) >= _LISTED else ""
        shown = html.table(("row", ""), rows, numbers=("row",)) if rows else ""
        return f"<h2>{safe(self._sum())}</h2>{keys}{shown}{safe(left)}"

    def _sum(self) -> str:
        same = len(self.rows) - len(self.differing)
        return f"{same:,} of {len(self.rows):,} rows have the same ids and labels"

    def _keys(self) -> list[tuple[str, str, str]]:
        return [
            (pair.knob, *(as_inline(value) if value is not None else "–" for value in (pair.mine, pair.theirs)))  # type: ignore[misc]
            for pair in self.pairs
            if not pair.same
        ]


def compare(mine: OpenRecipe, theirs: OpenRecipe, count: int | None) -> Compared:
    """Both benches on the first `count` rows of each, or all."""
    one, other = mine.bench, theirs.bench
    names = (one.document.name, other.document.name)
    if names[0] == names[1]:
        names = (f"{names[0]} (this)", f"{names[1]} (other)")
    pairs = zip_longest(one.head(count), other.head(count))
    rows = tuple(_row(number, *pair) for number, pair in enumerate(pairs))
    about = about_bench(one)
    return Compared(names, tuple(side_by_side(one.document, other.document)), rows, about)


def _row(number: int, mine: Row | None, theirs: Row | None) -> RowPair:
    both = (mine, theirs)
    shown = [row if row is not None and row.error is None else None for row in both]
    reasons = [_reason(row) for row in both]
    tokens = tuple(len(row.rendering) if row is not None else None for row in shown)
    trained = tuple(row.mask.trained if row is not None else None for row in shown)
    counts = (tokens, trained)
    here, there = shown
    if here is None or there is None:
        same = here is there and reasons[0] == reasons[1]
        reason = " / ".join(reason or "renders" for reason in (reasons if not same else reasons[:1]))
        return RowPair(number, *counts, same, same, None, reason)  # type: ignore[arg-type]
    ids = (here.rendering.input_ids, there.rendering.input_ids)
    labels = (here.mask.labels, there.mask.labels)
    same_ids, same_labels = (bool(np.array_equal(*pair)) for pair in (ids, labels))
    first = min(_differences(*ids, *labels), default=None)
    return RowPair(number, *counts, same_ids, same_labels, first)  # type: ignore[arg-type]


def _reason(row: Row | None) -> str:
    if row is None:
        return "no such row"
    return row.error.message if row.error is not None else ""


def _differences(*arrays: np.ndarray) -> Iterator[int]:
    """The first token at which each pair of arrays differs, where it does."""
    for one, other in (arrays[:2], arrays[2:]):
        shared = min(len(one), len(other))
        places = np.flatnonzero(one[:shared] != other[:shared])
        if len(places):
            yield int(places[0])
        elif len(one) != len(other):
            yield shared


def _words(row: RowPair) -> str:
    if row.reason:
        return row.reason
    counts = " → ".join(f"{trained:,} of {tokens:,}" for trained, tokens in zip(row.trained, row.tokens, strict=True))
    what = "other ids" if not row.same_ids else "the same ids, other labels"
    return f"{counts} trained; {what}, first at token {row.first:,}"
