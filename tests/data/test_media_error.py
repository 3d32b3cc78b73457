"""References in messages: short, and a file by its name."""

from __future__ import annotations

import pytest

from workbench.data.media_error import shorten


@pytest.mark.parametrize("length", [3, 40, 200])
def test_a_long_path_keeps_its_file(length: int) -> None:
    text = f"/data/{'folder-of-pictures/' * length}red.png"
    shown = shorten(text)
    assert shown.startswith("/data/folder")
    assert shown.endswith("/red.png")
    assert len(shown) <= 80


def test_what_is_no_path_is_cut_and_counted() -> None:
    shown = shorten("iVBORw0KGgo" * 50)
    assert shown.startswith("iVBORw0KGgo")
    assert shown.endswith("(550 characters)")
    assert len(shown) <= 80
    assert shorten("a.png") == "a.png"
