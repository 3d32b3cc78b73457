"""The curve of losses: points where the figures are, on a scale that is labelled with them."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest

from tests.views.support import Element, read
from workbench.overfit.verdict import MEMORISED
from workbench.views.curve import curve

FIGURES = [3.0, 1.5, 0.4, 0.1, 0.02]


def drawn(losses: list[float], steps: int = 5, guess: float = math.nan) -> Element:
    return read(curve(losses, steps, guess)).one("svg")


def points(svg: Element) -> list[tuple[float, float]]:
    places = svg.one("polyline").attributes["points"].split(" ")
    return [(float(x), float(y)) for x, y in (place.split(",") for place in places)]


def height(svg: Element, loss: float) -> float:
    """The y coordinate of a loss, from two lines of the grid: the scale is logarithmic."""
    lines = svg.all("line", "grid")
    labels = [float(one.text) for one in svg.all("text") if re.fullmatch(r"[\d.e+-]+", one.text)]
    assert len(lines) == len(labels) >= 2
    at = [float(line.attributes["y1"]) for line in lines]
    assert all(line.attributes["y1"] == line.attributes["y2"] for line in lines)
    slope = (at[-1] - at[0]) / (math.log10(labels[-1]) - math.log10(labels[0]))
    return at[0] + slope * (math.log10(loss) - math.log10(labels[0]))


def test_every_loss_stands_at_its_step_and_height() -> None:
    svg = drawn(FIGURES)
    found = points(svg)
    assert len(found) == 5
    for (_, y), loss in zip(found, FIGURES, strict=True):
        assert y == pytest.approx(height(svg, loss), abs=0.2)
    steps = [x for x, _ in found]
    assert all(b - a == pytest.approx(steps[1] - steps[0], abs=0.2) for a, b in pairwise(steps))
    # Lower losses are further down; the box holds all, from the left edge of the grid to its right one.
    assert [y for _, y in found] == sorted(y for _, y in found)
    grid = svg.all("line", "grid")[0].attributes
    assert (steps[0], steps[-1]) == (float(grid["x1"]), float(grid["x2"]))
    assert all(0 < x < 640 and 0 < y < 220 for x, y in found)
    end = svg.one("circle").attributes
    assert (float(end["cx"]), float(end["cy"])) == found[-1]


def test_a_run_that_goes_on_leaves_room_for_the_steps_to_come() -> None:
    half = points(drawn(FIGURES, 9))
    assert half[-1][0] == pytest.approx((points(drawn(FIGURES))[0][0] + points(drawn(FIGURES))[-1][0]) / 2, abs=0.1)
    labels = [one.text for one in drawn(FIGURES, 9).all("text")]
    assert "step 1" in labels
    assert "step 9" in labels
    # A run that took more steps than were planned is drawn to its end.
    assert "step 5" in [one.text for one in drawn(FIGURES, 3).all("text")]


def test_the_lines_to_reach_and_to_start_from_are_labelled() -> None:
    svg = drawn(FIGURES, guess=7.24)
    goals = svg.all("line", "goal")
    assert [float(one.attributes["y1"]) for one in goals] == [
        pytest.approx(height(svg, MEMORISED), abs=0.2),
        pytest.approx(height(svg, 7.24), abs=0.2),
    ]
    labels = [one.text for one in svg.all("text")]
    assert any(one.endswith(f", {MEMORISED:g}") for one in labels)
    assert any(one.endswith(", 7.24") for one in labels)
    # Both are inside, also while every loss is above the one and below the other.
    for losses in ([1.0, 0.9], [50.0, 40.0], [0.01, 0.001]):
        svg = drawn(losses, guess=7.24)
        assert all(0 < float(one.attributes["y1"]) < 220 for one in svg.all("line"))
        assert all(0 < y < 220 for _, y in points(svg))
        assert len(svg.all("line", "goal")) == 2
    # Without a vocabulary there is no guess.
    assert len(drawn(FIGURES).all("line", "goal")) == 1


def test_the_title_says_it_in_words() -> None:
    assert drawn(FIGURES).one("title").text == "loss from 3 to 0.02 nats per token in 5 steps"
    assert drawn([1.0, math.nan, 0.5]).one("title").text == "loss from 1 to 0.5 nats per token in 3 steps"


def test_a_loss_that_is_no_number_has_no_point() -> None:
    found = points(drawn([math.nan, 2.0, math.inf, 1.0]))
    whole = points(drawn([3.0, 2.0, 1.5, 1.0], 5))
    assert [x for x, _ in found] == [whole[1][0], whole[3][0]]
    assert curve([], 10) == ""
    assert curve([math.nan, math.inf], 10) == ""


def test_a_loss_of_nothing_and_a_single_step_are_drawn() -> None:
    assert len(points(drawn([0.0, 1.0]))) == 2
    (alone,) = points(drawn([1.0], 1))
    assert 0 < alone[0] < 640


def test_a_long_run_keeps_its_extremes_and_ends() -> None:
    losses = [1 + math.sin(step / 7) / 2 for step in range(3000)]
    losses[1234], losses[2345] = 50.0, 0.001
    losses[-3:] = 2.0, 0.5, 1.0
    svg = drawn(losses, 3000)
    found = points(svg)
    assert 150 <= len(found) <= 302
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    heights = [y for _, y in found]
    assert min(heights) == pytest.approx(height(svg, 50.0), abs=0.2)
    assert max(heights) == pytest.approx(height(svg, 0.001), abs=0.2)
    # The first and the last step are there, whatever their losses.
    grid = svg.all("line", "grid")[0].attributes
    assert (found[0][0], found[-1][0]) == (float(grid["x1"]), float(grid["x2"]))
    assert found[-1][1] == pytest.approx(height(svg, losses[-1]), abs=0.2)
    assert len(points(drawn(losses[:300], 300))) == 300
