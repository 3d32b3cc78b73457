"""The losses of a run as an inline SVG: logarithmic, with the line below which the model reproduces the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.overfit.verdict import MEMORISED

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 26, 26
_POINTS = 300


def curve(losses: Sequence[float], steps: int, guess: float = math.nan) -> str:
    """The losses of steps 1, 2, … of `steps`, in nats per trained token; `guess` is the loss of knowing nothing.

    A loss that is no number has no point. "" where there is nothing to draw.
    """
    points = [(at, max(loss, 1e-6)) for at, loss in enumerate(losses, 1) if math.isfinite(loss)]
    if not points:
        return ""
    known = [loss for _, loss in points] + ([guess] if math.isfinite(guess) else [])
    high, low = math.log10(max(known)) + 0.08, math.log10(min([*known, MEMORISED])) - 0.08
    last = max(steps, points[-1][0], 2)

    def x(step: float) -> float:
        return _LEFT + (step - 1) / (last - 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(loss: float) -> float:
        return _TOP + (high - math.log10(loss)) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    # Colours of their own keep the lines where a page drops the style.
    parts = []
    for power in range(math.ceil(low), math.floor(high) + 1):
        at = y(10.0**power)
        parts.append(
            f'<line class="grid" stroke="#888" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        )
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for value, what in ((MEMORISED, "reproduced"), (guess, "a guess among all tokens")):
        if math.isfinite(value):
            at = y(value)
            parts.append(
                f'<line class="goal" stroke="#888" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
            parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{at - 5:.1f}" text-anchor="end">{what}, {value:.3g}</text>')
    drawn = _thinned(points)
    line = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in drawn)
    parts.append(f'<polyline class="curve" fill="none" stroke="#0b7a43" points="{line}"/>')
    end = drawn[-1]
    parts.append(f'<circle class="end" cx="{x(end[0]):.1f}" cy="{y(end[1]):.1f}" r="3.5"/>')
    for step, anchor in ((1, "start"), (last, "end")):
        parts.append(f'<text x="{x(step):.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">step {step}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_TOP - 14}">nats per token</text>')
    description = f"loss from {points[0][1]:.3g} to {points[-1][1]:.3g} nats per token in {points[-1][0]} steps"
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return f'<svg {size} role="img"><title>{description}</title>{"".join(parts)}</svg>'


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `_POINTS` points: of each stretch the lowest and the highest."""
    if len(points) <= _POINTS:
        return list(points)
    size = 2 * len(points) / _POINTS
    kept: set[tuple[int, float]] = {points[0], points[-1]}
    for number in range(_POINTS // 2):
        stretch = points[int(number * size) : int((number + 1) * size)]
        kept |= {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
    return sorted(kept)
