"""Boxes and points in a text, in the forms in which models are taught to write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"-?\d+(?:\.\d+)?"
_TWO = rf"{_NUMBER}\s*,\s*{_NUMBER}"
_FOUR = rf"{_TWO}\s*,\s*{_TWO}"
_FORMS = re.compile(
    rf"""["'](?:bbox_2d|bbox|box_2d|point_2d|point)["']\s*:\s*\[\s*(?:{_FOUR}|{_TWO})\s*\]"""
    rf"|<\|box_start\|>\s*\(\s*{_TWO}\s*\)\s*,\s*\(\s*{_TWO}\s*\)\s*<\|box_end\|>"
    rf"|<box>\s*\[\s*\[\s*{_FOUR}\s*\](?:\s*,\s*\[\s*{_FOUR}\s*\])*\s*\]\s*</box>"
)
_VALUE = re.compile(_NUMBER)
_NEAR = 400
"""Characters beside a form in which its label is looked for."""
_KEY_LABEL = re.compile(r'["\'](?:label|text_content|name|ref)["\']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\')')
_REF_LABEL = re.compile(r"(?:<\|object_ref_start\|>([^<]*)<\|object_ref_end\|>|<ref>([^<]*)</ref>)\s*$")


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A box (x, y of two corners) or a point (x, y), and the place [start, stop) of its form in the text."""

    values: tuple[float, ...]
    start: int
    stop: int
    label: str = ""
    """The name that the text gives it beside its form; a list of boxes of one form shares it."""

    @property
    def x(self) -> tuple[float, ...]:
        return self.values[0::2]

    @property
    def y(self) -> tuple[float, ...]:
        return self.values[1::2]

    @property
    def fractions(self) -> bool:
        """True where all values are within 0 and 1, and one is no whole number."""
        return all(0 <= one <= 1 for one in self.values) and any(one != int(one) for one in self.values)

    def within(self, width: float, height: float) -> bool:
        """True where no corner lies outside a picture of this size."""
        return all(0 <= one <= width for one in self.x) and all(0 <= one <= height for one in self.y)


def holds_coordinates(text: str) -> bool:
    """True where a text has a box or point."""
    return _FORMS.search(text) is not None


def coordinates(text: str) -> Iterator[Coordinates]:
    """The boxes and points of a text, in its order."""
    for found in _FORMS.finditer(text):
        form = found[0]
        # The names of forms have digits: what counts stands in the brackets.
        begin = min(at for at in (form.find("["), form.find("(")) if at >= 0)
        values = [float(one) for one in _VALUE.findall(form[begin:])]
        size = 4 if len(values) % 4 == 0 else 2
        label = _label(text, found.start(), found.end())
        for at in range(0, len(values), size):
            yield Coordinates(tuple(values[at : at + size]), found.start(), found.end(), label)


def _label(text: str, start: int, stop: int) -> str:
    """The label of a form: of its JSON object, or of the reference that stands before it."""
    before, after = text[max(0, start - _NEAR) : start], text[stop : stop + _NEAR]
    if (ref := _REF_LABEL.search(before)) is not None:
        return (ref[1] or ref[2] or "").strip()
    found = _KEY_LABEL.search(after)
    if found is None or not {"{", "}"}.isdisjoint(after[: found.start()]):
        # Of another object.
        found = next(iter(reversed([*_KEY_LABEL.finditer(before.rpartition("{")[2])])), None)
    if found is None:
        return ""
    if found[1] is None:
        return str(found[2])
    try:
        return str(json.loads(f'"{found[1]}"', strict=False))
    except ValueError:
        return str(found[1])
