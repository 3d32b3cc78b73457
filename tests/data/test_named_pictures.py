"""The pictures that a raw row names, as they are counted where it cannot be rendered."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.data.pictures import named_pictures

PART = {"type": "image"}
TEXT = {"type": "text", "text": "image"}


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        ({"messages": [{"role": "user", "content": [PART, PART, TEXT]}], "images": ["a.png"]}, 2),
        ({"messages": [{"role": "user", "content": [PART, TEXT]}], "images": ["a.png", "b.png"]}, 2),
        ({"conversations": [{"from": "human", "value": "image"}], "image": "a.png"}, 1),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]}, 1),
        ({"messages": [{"role": "user", "content": [TEXT]}], "images": []}, 0),
        ({"messages": [{"role": "user", "content": "an image"}], "images": None}, 0),
        ("no row at all", 0),
        (None, 0),
    ],
)
def test_pictures_are_counted_in_parts_and_in_the_column(raw: Any, count: int) -> None:
    assert named_pictures(raw) == count
