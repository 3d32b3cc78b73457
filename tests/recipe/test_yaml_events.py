"""The events that recipes are read from are PyYAML's own, place by place, and so is what is wrong with a text."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

from workbench.recipe.yaml.pyyaml import convert, events, resolve
from workbench.resources import sample_dir

TEXTS = (
    (sample_dir() / "demo.yaml").read_text("utf-8"),
    "a: {b: [1, 2, 'x'], \"c\": d}\n# c\nlist:\n- x # y\n-  - z\n",
    "%YAML 1.1\n---\nx: |\n  a\n   b\n\n# z\ny: >-\n  q\n  r\n...\n",
    "\ufeffa: b\r\nc: d\r\n",
    "? k\n: v\n&a b: *a\n!!str c: !t d\n",
    'plain: one\n  two\n\n  three\nquoted: "one\n  two \\\n  three"\n',
)
PIECES = (
    *(" ", "  ", "\n", "\r\n", "\r", "\t", "#", " # c", "\x85", "\u2028", "\ufeff", "\0", "é", "你", "😀", "\u200b"),
    *(":", ": ", "- ", "?", "? ", "&a", "*a", "!", "|", ">", "'", '"', "[", "]", "{", "}", ",", "---", "...", "%"),
    *("a" * 1030, "\\", "\\x", "\x7f", "\ud800"),
)


def changed(text: str, random: random.Random) -> str:
    """A text with a few things put in, taken out or cut off."""
    for _ in range(random.randint(0, 5)):
        at, how = random.randrange(len(text) + 1), random.random()
        if how < 0.7:
            text = text[:at] + random.choice(PIECES) + text[at:]
        else:
            text = text[:at] + (text[at + random.randint(1, 30) :] if how < 0.9 else "")
    return text


def read(found: Any) -> list[Any]:
    """All that an event says, with its places; at last the error, if there is one."""
    seen: list[Any] = []
    try:
        for event in found:
            places = [(mark.index, mark.line, mark.column) for mark in (event.start_mark, event.end_mark)]
            values = {name: value for name, value in vars(event).items() if not name.endswith("_mark")}
            seen.append((type(event), values, places))
    except (yaml.YAMLError, ValueError, IndexError, AttributeError) as error:
        seen.append((type(error), str(error)))
    return seen


@pytest.mark.parametrize("seed", range(4))
def test_events_are_pyyaml_s_own(seed: int) -> None:
    draw, refused, taken = random.Random(seed), 0, 0
    for _ in range(250):
        text = changed(draw.choice(TEXTS), draw)
        theirs = read(yaml.parse(text, Loader=yaml.SafeLoader))
        assert read(events(text)) == theirs, text
        refused += len(theirs[-1]) == 2
        taken += theirs[-1][0] is yaml.StreamEndEvent
    assert refused > 50
    assert taken > 50


def test_a_scalar_that_was_wrong_once_is_wrong_again() -> None:
    """Values are kept by their text; what cannot be a value is not."""
    for _ in range(2):
        assert (resolve("1e-4"), resolve("yes")) == ("str", "bool")
        assert convert("bool", "yes") is True
        with pytest.raises(ValueError, match="maybe"):
            convert("bool", "maybe")
        with pytest.raises(KeyError):
            convert("nothing", "yes")
