"""Start markers against a tokenizer: which beginning of a marker keeps its ids whatever content follows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.tokens.boundaries import encode_marker

# What content can begin with: each joins with a marker's end in some tokenizer (DESIGN section 7).
PROBES = ("\n- one", "\n\nText", "\n", " a", "7", "中文", "🙂", "```py\n", "<think>", "- one", "Text", "")


@lru_cache(maxsize=256)
def stable_prefix(tokenizer: Any, marker: str, others: tuple[tuple[int, ...], ...] = ()) -> str | None:
    """The longest beginning of `marker`, shorter than it, whose ids stay the same in front of every probe.

    It must not be the beginning of one of `others`, the ids of the other roles' markers. None where there is none.
    """
    whole = [encode_marker(tokenizer, marker + probe) for probe in PROBES]
    for length in range(len(marker) - 1, 0, -1):
        ids = encode_marker(tokenizer, marker[:length])
        if not ids or any(other[: len(ids)] == ids for other in others):
            continue
        if all(context[: len(ids)] == ids for context in whole):
            return marker[:length]
    return None


def find(ids: npt.NDArray[np.int64], marker: Sequence[int], start: int, stop: int) -> int:
    """The last place in [start, stop) where `marker` begins and ends, or -1."""
    window = ids[max(0, start) : stop]
    if not marker or len(window) < len(marker):
        return -1
    places = np.flatnonzero(window[: len(window) - len(marker) + 1] == marker[0])
    for offset in range(1, len(marker)):
        places = places[window[places + offset] == marker[offset]]
    return int(places[-1]) + max(0, start) if len(places) else -1


def tokens_under(offsets: npt.NDArray[np.int32], start: int, stop: int) -> tuple[int, int]:
    """The tokens [a, b) that touch the characters [start, stop)."""
    first = int(np.searchsorted(offsets[:, 1], start, side="right"))
    last = int(np.searchsorted(offsets[:, 0], stop, side="left"))
    return first, max(first, last)
