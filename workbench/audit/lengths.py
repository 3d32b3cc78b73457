"""The lengths of the rows: those over `sequence_len`, and how the rest would fill packed sequences.

axolotl cuts or drops long rows where it tokenizes them before the run; rows that its collator tokenizes are trained
whole, and cannot be packed. Packing is first-fit over shuffled rows, as its sampler does it
(`axolotl.utils.samplers.multipack`): sequences of `sequence_len` tokens, 200 rows in one at most.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from workbench.bench import Bench

Fate = Literal["whole", "cut", "dropped", "refused"]
_A_SEQUENCE = 200
PACKED = 20_000
"""Rows that are packed to see how they fill; of more an even sample stands for all."""
_SEED = 42


@dataclass(frozen=True, slots=True)
class Limit:
    """`rows` are longer than `limit`, and axolotl takes each as `fate` says; they have `over` tokens beyond it.

    `named`: the recipe says `sequence_len`. `lost`: the tokens that are cut off, or all of the rows that are dropped.
    """

    limit: int
    named: bool
    fate: Fate
    rows: int
    over: int
    lost: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Packing:
    """Rows packed into sequences of `limit` tokens: `sequences` for an epoch, filled to `fill`, with `rows` rows in
    one; `steps` of an optimizer an epoch on one device, against `unpacked` without packing. `asked`: the recipe packs.

    `sampled`: the rows that this was found on, where they are not all.
    """

    limit: int
    asked: bool
    sequences: int
    fill: float
    rows: float
    steps: int
    unpacked: int
    sampled: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def limit_of(bench: Bench, lengths: npt.NDArray[Any]) -> Limit | None:
    """The rows over the limit; None where the recipe has none that counts."""
    text = bench.masking.text
    named = isinstance(bench.document.get(("sequence_len",)), int)
    if text is not None:
        limit = text.limit
        fates: dict[str, Fate] = {"truncate": "cut", "raise": "refused"}
        fate: Fate = fates.get(text.excess, "dropped")
    else:
        limit = bench.recipe.sequence_len if named else None
        whole = bench.recipe.multimodal and bool(bench.recipe.skip_prepare_dataset)
        fate = "whole" if whole else "cut" if bench.recipe.excess_length_strategy == "truncate" else "dropped"
    if limit is None:
        return None
    long = lengths[lengths > limit].astype(np.int64)
    over = int((long - limit).sum())
    lost = {"whole": 0, "cut": over, "dropped": int(long.sum()), "refused": int(long.sum())}[fate]
    return Limit(limit, named, fate, len(long), over, lost)


def packing_of(bench: Bench, lengths: npt.NDArray[Any], trained: npt.NDArray[Any]) -> Packing | None:
    """The rows packed into sequences; None on a path where axolotl packs none."""
    text = bench.masking.text
    if text is None or text.limit is None:
        return None
    kept = lengths[(lengths >= max(1, text.least)) & (trained > 0)]
    kept = np.minimum(kept, text.limit) if text.excess == "truncate" else kept[kept <= text.limit]
    if not len(kept):
        return None
    recipe = bench.recipe
    some = np.random.default_rng(_SEED).permutation(kept)[:PACKED]
    bins = first_fit(some.tolist(), text.limit)
    fill, rows = float(some.sum()) / (bins * text.limit), len(some) / bins
    sequences = bins if len(some) == len(kept) else math.ceil(float(kept.sum()) / (fill * text.limit))
    a_step = (recipe.micro_batch_size or 1) * (recipe.gradient_accumulation_steps or 1)
    return Packing(
        text.limit,
        bool(recipe.sample_packing),
        sequences,
        fill,
        rows,
        math.ceil(sequences / a_step),
        math.ceil(len(kept) / a_step),
        len(some) if len(some) < len(kept) else None,
    )


def first_fit(lengths: list[int], limit: int, most: int = _A_SEQUENCE) -> int:
    """The number of sequences where each row goes into the first sequence that has room for it.

    A tree over the sequences holds the most room below each node, so that a row costs the tree's height.
    """
    leaves = 1
    while leaves < len(lengths):
        leaves *= 2
    room = [limit] * (2 * leaves)
    held = [0] * leaves
    used = 0
    for length in lengths:
        at = 1
        while at < leaves:
            at = 2 * at if room[2 * at] >= length else 2 * at + 1
        place = at - leaves
        used = max(used, place + 1)
        held[place] += 1
        # A sequence of so many rows is full, whatever its room.
        room[at] = room[at] - length if held[place] < most else -1
        while at > 1:
            at //= 2
            room[at] = max(room[2 * at], room[2 * at + 1])
    return used
