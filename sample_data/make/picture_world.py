"""A small world of coloured shapes: pictures, questions about them, and the answers that are true.

A scene has one to four shapes on a light plain background, at most one in each quarter of the picture. Each question
has exactly one right answer, a plain function of the scene, so that answers can be compared letter by letter.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIZE = 96
"""Width and height of a picture in pixels."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "blue": (38, 84, 214),
    "green": (30, 150, 62),
    "yellow": (240, 196, 16),
    "purple": (140, 48, 172),
}

SHAPES = ("circle", "square", "triangle", "cross")

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (254, 254, 254),
    "grey": (220, 220, 222),
    "cream": (252, 242, 206),
    "pink": (252, 220, 228),
    "mint": (212, 246, 226),
}

PLACES = ("top left", "top right", "bottom left", "bottom right")
"""The quarters of a picture in reading order; an object's place is an index into this."""

PAIRS = tuple((shape, colour) for shape in SHAPES for colour in COLOURS)

HELD_OUT = frozenset({("triangle", "purple"), ("square", "green")})
"""Shape and colour pairs that no training picture, question or answer contains: a tenth of all pairs.

Each shape and each colour of theirs is seen in training, only never together, so they are new to the trained model.
"""

SEEN = tuple(pair for pair in PAIRS if pair not in HELD_OUT)

NUMBERS = ("no", "one", "two", "three", "four")

Turn = tuple[str, str]


@dataclass(frozen=True)
class Thing:
    """One shape: what it is, the quarter it lies in, and its centre and radius in pixels."""

    shape: str
    colour: str
    place: int
    x: int
    y: int
    radius: int

    @property
    def pair(self) -> tuple[str, str]:
        """Shape and colour, as listed in `PAIRS`."""
        return self.shape, self.colour

    def outline(self, scale: float) -> list[tuple[float, float]]:
        """The corners of the shape, in pixels times `scale`; for a circle the two corners of its box."""
        x, y, r = self.x * scale, self.y * scale, self.radius * scale
        if self.shape == "circle":
            return [(x - r, y - r), (x + r, y + r)]
        if self.shape == "square":
            # A square of the full radius would reach further than the other shapes do.
            r *= 0.88
            return [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
        if self.shape == "triangle":
            return [(x, y - r), (x + r, y + r * 0.85), (x - r, y + r * 0.85)]
        # A cross: the quarter between two arms' ends, turned four times.
        arm = r * 0.36
        corners = [(-arm, -r), (arm, -r), (arm, -arm)]
        turned = []
        for _ in range(4):
            turned += [(x + dx, y + dy) for dx, dy in corners]
            corners = [(-dy, dx) for dx, dy in corners]
        return turned


@dataclass(frozen=True)
class Scene:
    """The contents of a picture. `things` are in reading order; `tint` darkens the background a little."""

    background: str
    tint: int
    things: tuple[Thing, ...]

    @property
    def has_held_out(self) -> bool:
        """True where some shape of the scene is of a pair that training leaves out."""
        return any(thing.pair in HELD_OUT for thing in self.things)

    def picture(self) -> Image.Image:
        """Draw the scene as an RGB picture of `SIZE` by `SIZE` pixels, with soft edges."""
        red, green, blue = (max(0, channel - self.tint) for channel in BACKGROUNDS[self.background])
        canvas = Image.new("RGB", (SIZE * 2, SIZE * 2), (red, green, blue))
        pen = ImageDraw.Draw(canvas)
        for thing in self.things:
            _draw(pen, thing, 2.0, COLOURS[thing.colour])
        return canvas.reduce(2)

    def cells(self, grid: int) -> np.ndarray:
        """Say what fills each cell of a `grid` by `grid` raster over the picture.

        Returns an int64 array `[grid, grid]`: an index into `PAIRS` where a shape covers at least 30% of the cell, else
        `len(PAIRS)` plus the index of the background. This is what the vision tower is warmed up on.
        """
        mask = Image.new("L", (SIZE, SIZE), 0)
        pen = ImageDraw.Draw(mask)
        for number, thing in enumerate(self.things, start=1):
            _draw(pen, thing, 1.0, number)
        step = SIZE // grid
        pixels = np.asarray(mask).reshape(grid, step, grid, step)
        labels = np.full((grid, grid), len(PAIRS) + list(BACKGROUNDS).index(self.background), dtype=np.int64)
        for number, thing in enumerate(self.things, start=1):
            covered = (pixels == number).mean(axis=(1, 3)) >= 0.3
            labels[covered] = PAIRS.index(thing.pair)
        return labels

    def turns(self, rng: random.Random, n: int) -> list[Turn]:
        """Draw `n` different questions about the scene, each with its answer."""
        found: dict[str, str] = {}
        while len(found) < n:
            ask = rng.choices(_ASK, weights=_WEIGHTS)[0]
            turn = ask(self, rng)
            if turn is not None:
                found.setdefault(*turn)
        return list(found.items())

    def inventory(self) -> Turn:
        """The request to list all shapes, with its answer; asked in training only, because the answer is long."""
        return "List the shapes.", _sentence(_join([f"{_a(t.colour)} {t.shape}" for t in self.things]))


def scene(rng: random.Random, held_out: bool | None = False) -> Scene:
    """Draw a scene.

    With `held_out` False no shape is of a held-out pair, as in training; with True at least one is; with None the pairs
    are drawn from all of them.
    """
    # A scene uses only some of the shapes and colours, so that "both are blue" happens often enough to be learnt.
    shapes = rng.sample(SHAPES, rng.randint(2, len(SHAPES)))
    colours = rng.sample(list(COLOURS), rng.randint(2, len(COLOURS)))
    pool = [(s, c) for s in shapes for c in colours if held_out is None or (s, c) not in HELD_OUT]
    places = sorted(rng.sample(range(len(PLACES)), rng.choice((1, 2, 2, 3, 3, 4, 4))))
    pairs = [rng.choice(pool) for _ in places]
    if held_out:
        pairs[rng.randrange(len(pairs))] = rng.choice(sorted(HELD_OUT))
    things = []
    for (shape, colour), place in zip(pairs, places, strict=True):
        radius = rng.randint(13, 19)
        low, high = radius + 2, SIZE // 2 - radius - 2
        x = rng.randint(low, high) + SIZE // 2 * (place % 2)
        y = rng.randint(low, high) + SIZE // 2 * (place // 2)
        things.append(Thing(shape, colour, place, x, y, radius))
    return Scene(rng.choice(list(BACKGROUNDS)), rng.randint(0, 4), tuple(things))


def _draw(pen: ImageDraw.ImageDraw, thing: Thing, scale: float, fill: tuple[int, int, int] | int) -> None:
    corners = thing.outline(scale)
    if thing.shape == "circle":
        pen.ellipse(corners, fill=fill)
    else:
        pen.polygon(corners, fill=fill)


def _a(word: str) -> str:
    return f"a {word}"


def _plural(shape: str) -> str:
    return shape + ("es" if shape.endswith("s") else "s")


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _tally(names: list[str], same: Callable[[str], str]) -> str:
    """Say how many `names` there are and what they are; `same` gives the plural word when all are equal."""
    number = NUMBERS[len(names)].capitalize()
    if len(names) == 1:
        return f"{number}. It is {names[0]}."
    if len(set(names)) == 1:
        return f"{number}. {'Both' if len(names) == 2 else 'All'} are {same(names[0])}."
    if len(names) == 2:
        return f"{number}. One is {names[0]} and one is {names[1]}."
    return f"{number}. They are {_join(names)}."


def _count_shape(view: Scene, rng: random.Random) -> Turn:
    present = rng.random() < 0.9
    shape = rng.choice([t.shape for t in view.things] if present else SHAPES)
    colours = [t.colour for t in view.things if t.shape == shape]
    answer = _tally(colours, str) if colours else f"There are no {_plural(shape)}."
    return f"How many {_plural(shape)} are there?", answer


def _count_colour(view: Scene, rng: random.Random) -> Turn:
    present = rng.random() < 0.9
    colour = rng.choice([t.colour for t in view.things] if present else list(COLOURS))
    names = [_a(t.shape) for t in view.things if t.colour == colour]
    answer = _tally(names, lambda name: _plural(name[2:])) if names else f"There are no {colour} shapes."
    return f"How many {colour} shapes are there?", answer


def _total(view: Scene, rng: random.Random) -> Turn:
    n = len(view.things)
    return "How many shapes are there?", "There is one shape." if n == 1 else f"There are {NUMBERS[n]} shapes."


def _alone(view: Scene, rng: random.Random, kind: Callable[[Thing], object]) -> Thing | None:
    """A thing that is the only one of its kind in the picture; None where there is none."""
    kinds = [kind(thing) for thing in view.things]
    single = [thing for thing in view.things if kinds.count(kind(thing)) == 1]
    return rng.choice(single) if single else None


def _where(view: Scene, rng: random.Random) -> Turn | None:
    thing = _alone(view, rng, lambda thing: thing.pair)
    if thing is None:
        return None
    return f"Where is the {thing.colour} {thing.shape}?", f"It is at the {PLACES[thing.place]}."


def _what_is_at(view: Scene, rng: random.Random) -> Turn:
    there = {t.place: t for t in view.things}
    place = rng.choice(list(there)) if rng.random() < 0.85 else rng.randrange(len(PLACES))
    thing = there.get(place)
    answer = f"There is a {thing.colour} {thing.shape}." if thing else "There is nothing there."
    return f"What is at the {PLACES[place]}?", answer


def _colour_of(view: Scene, rng: random.Random) -> Turn | None:
    thing = _alone(view, rng, lambda thing: thing.shape)
    if thing is None:
        return None
    return f"What colour is the {thing.shape}?", f"The {thing.shape} is {thing.colour}."


def _shape_of(view: Scene, rng: random.Random) -> Turn | None:
    thing = _alone(view, rng, lambda thing: thing.colour)
    if thing is None:
        return None
    return f"What is the {thing.colour} shape?", f"The {thing.colour} shape is a {thing.shape}."


def _exists(view: Scene, rng: random.Random) -> Turn:
    pairs = [t.pair for t in view.things]
    shape, colour = rng.choice(pairs) if rng.random() < 0.5 else rng.choice(SEEN)
    n = pairs.count((shape, colour))
    if n == 0:
        answer = f"No, there is no {colour} {shape}."
    else:
        answer = f"Yes, there {'is' if n == 1 else 'are'} {NUMBERS[n]}."
    return f"Is there a {colour} {shape}?", answer


def _background(view: Scene, rng: random.Random) -> Turn:
    return "What colour is the background?", f"The background is {view.background}."


_QUESTIONS: tuple[tuple[Callable[[Scene, random.Random], Turn | None], float], ...] = (
    (_count_shape, 3.0),
    (_count_colour, 3.0),
    (_total, 1.0),
    (_where, 2.0),
    (_what_is_at, 2.0),
    (_colour_of, 2.0),
    (_shape_of, 2.0),
    (_exists, 1.0),
    (_background, 1.0),
)
_ASK = [ask for ask, _ in _QUESTIONS]
_WEIGHTS = [weight for _, weight in _QUESTIONS]
