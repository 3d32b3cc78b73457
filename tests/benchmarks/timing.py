"""Median times of things done in turn, so that a busy moment of the machine hits all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter


def medians(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds per call, the median over `rounds`, the contenders taking turns after one warm-up each.

    A call that returns a number has timed itself: that many seconds count.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    for _ in range(rounds):
        for name, call in contenders.items():
            begin = perf_counter()
            own = call()
            times[name].append(own if isinstance(own, float) else perf_counter() - begin)
    return {name: median(values) for name, values in times.items()}
