"""Rows as one batch: padded arrays, as the trainer's collator makes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.answers import BatchAnswer
from workbench.errors import InputError
from workbench.notebook.display import Result
from workbench.tokens.mask import IGNORE
from workbench.views import html
from workbench.views.about import ALONE, About, about_bench

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row


@dataclass(frozen=True, repr=False, eq=False)
class Masks(Result):
    """A batch of `B` rows, padded to the longest of `L` tokens on the tokenizer's side.

    `rows` are their numbers; `skipped` are rows that cannot be rendered, with the reason.
    """

    rows: tuple[int, ...]
    input_ids: npt.NDArray[np.int64]
    """The ids `[B, L]`; padding has the pad id."""
    labels: npt.NDArray[np.int64]
    """The labels `[B, L]`, -100 where nothing is trained."""
    attention_mask: npt.NDArray[np.bool_]
    """True at each token that is no padding, `[B, L]`."""
    skipped: dict[int, str]
    about: About = ALONE

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """True at each trained token, `[B, L]`."""
        kept: npt.NDArray[np.bool_] = self.labels != IGNORE
        return kept

    def __len__(self) -> int:
        """The number of rows, B."""
        return len(self.rows)

    @property
    def title(self) -> str:
        return f"{len(self)} rows as a batch"

    def to_dict(self) -> BatchAnswer:
        """`rows`, `input_ids`, `labels`, `attention_mask` as lists, and `skipped`."""
        return {
            "rows": list(self.rows),
            "input_ids": self.input_ids.tolist(),
            "labels": self.labels.tolist(),
            "attention_mask": self.attention_mask.astype(np.int64).tolist(),
            "skipped": {str(row): reason for row, reason in self.skipped.items()},
        }

    def text(self) -> str:
        shape = " × ".join(f"{size:,}" for size in self.labels.shape)
        real, trained = int(self.attention_mask.sum()), int(self.keep.sum())
        padding = self.labels.size - real
        line = f"input_ids, labels {shape} · {trained:,} of {real:,} tokens trained · {padding:,} of padding"
        return "\n".join([line, *(f"row {row} left out: {reason}" for row, reason in self.skipped.items())])

    def body(self) -> str:
        lines = [
            (row, f"{int(self.attention_mask[at].sum()):,}", f"{int(self.keep[at].sum()):,}")
            for at, row in enumerate(self.rows)
        ]
        lines += [(row, reason, "–") for row, reason in self.skipped.items()]
        return html.table(("row", "tokens", "trained"), lines, numbers=("row", "trained"))


def batch_of(bench: Bench, rows: Iterable[Row]) -> Masks:
    """The batch of those of these rows that can be rendered.

    Raises:
        InputError: none can.
    """
    ids: list[npt.NDArray[np.int64]] = []
    labels: list[npt.NDArray[np.int64]] = []
    numbers: list[int] = []
    skipped: dict[int, str] = {}
    for row in rows:
        if row.error is not None:
            skipped[row.index] = row.error.message
            continue
        numbers.append(row.index)
        ids.append(row.rendering.input_ids)
        labels.append(row.mask.labels)
    if not numbers:
        cause = next((f"Row {row}: {reason}." for row, reason in skipped.items()), "There is no row.")
        raise InputError("No row can be rendered", cause, "Look at one: .rows[0]")
    length = max(map(len, ids))
    left = getattr(bench.loaded.tokenizer, "padding_side", "right") == "left"
    pad = bench.loaded.pad_id if bench.loaded.pad_id is not None else 0
    whole_ids = np.full((len(ids), length), pad, dtype=np.int64)
    whole_labels = np.full((len(ids), length), IGNORE, dtype=np.int64)
    attention = np.zeros((len(ids), length), dtype=np.bool_)
    for at, (mine, theirs) in enumerate(zip(ids, labels, strict=True)):
        place = slice(length - len(mine), length) if left else slice(0, len(mine))
        whole_ids[at, place], whole_labels[at, place], attention[at, place] = mine, theirs, True
    return Masks(tuple(numbers), whole_ids, whole_labels, attention, skipped, about_bench(bench))
