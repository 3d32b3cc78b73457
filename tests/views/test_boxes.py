"""Boxes of answers on the pictures that they are about: in the family's unit, on the picture as it is resized."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.checks.support import HEAD, SETS, bench_of, boundaries_of
from workbench.bench import Bench
from workbench.families.spec import Grounding
from workbench.views.box_drawing import drawn, mark
from workbench.views.boxed_pictures import boxed_pictures
from workbench.views.boxes import Box, PictureBoxes, boxes_of
from workbench.views.html import page
from workbench.views.palette import BOX_COLOURS

FAMILY = "qwen2_5_vl"
WIDE = (600, 300)
RED = (200, 30, 30)
Opened = Callable[..., Bench]


def pointing(folder: Path, *answers: str, pictures: int = 1) -> dict[str, Any]:
    Image.new("RGB", WIDE, RED).save(folder / "wide.png")
    part = {"type": "image", "path": str(folder / "wide.png")}
    messages: list[dict[str, Any]] = []
    for number, answer in enumerate(answers):
        ask = [*([part] * pictures if not number else []), {"type": "text", "text": "Where is it?"}]
        messages += [
            {"role": "user", "content": ask},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
    return {"messages": messages}


def boxes(*values: tuple[float, ...], label: str = "it") -> str:
    return json.dumps([{"bbox_2d" if len(one) == 4 else "point_2d": list(one), "label": label} for one in values])


@pytest.fixture
def on(loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Makes a bench on one row, of a family that counts in a unit; its processor takes pictures of so many pixels."""

    def build(unit: str, *answers: str, pictures: int = 1, pixels: int = 0) -> Bench:
        recipe = HEAD + boundaries_of(FAMILY) + SETS
        bench = bench_of(loaded(FAMILY), tmp_path, recipe, [pointing(tmp_path, *answers, pictures=pictures)])
        assert bench.family is not None
        grounding = Grounding(unit=unit) if unit else None  # type: ignore[arg-type]
        bench.family = bench.family.model_copy(update={"grounding": grounding})
        if pixels:
            # The processor is shared with other tests.
            sizes = {"shortest_edge": 3136, "longest_edge": pixels}
            monkeypatch.setattr(bench.loaded.processor.image_processor, "size", sizes)
        return bench

    return build


def test_thousandths_and_pixels_stand_where_the_model_looks_for_them(on: Opened) -> None:
    (found,) = boxes_of(on("thousandths", boxes((100, 200, 500, 900)), pixels=1 << 20).row(0)).values()
    assert found.boxes == (Box((0.1, 0.5), (0.2, 0.9), 1, "it"),)
    assert found.remarks == ()
    bench = on("pixels", boxes((0, 0, 112, 56), (56, 28)), pixels=12544)
    (found,) = boxes_of(bench.row(0)).values()
    assert found.resized is not None
    width, height = found.resized
    assert (width, height) != WIDE
    assert width * height <= 12544
    assert found.boxes[0].x == (0, 112 / width)
    assert found.boxes[0].y == (0, 56 / height)
    assert found.boxes[1] == Box((56 / width,), (28 / height,), 1, "it")


def test_what_is_not_in_the_picture_is_said(on: Opened) -> None:
    text = boxes((900, 900, 1200, 950), (1200, 10, 1300, 20), (800, 100, 100, 300))
    (found,) = boxes_of(on("thousandths", text).row(0)).values()
    assert [box.seen for box in found.boxes] == [True, False, True]
    assert [box.within for box in found.boxes] == [False, False, True]
    # Corners in the other order are a box all the same.
    assert found.boxes[2].x == (0.1, 0.8)
    assert found.remarks == ("1 of 3 lies outside the picture", "1 of 3 reaches beyond its edge")


def test_boxes_go_to_the_pictures_before_them(on: Opened) -> None:
    row = on("thousandths", boxes((1, 2, 3, 4)), boxes((5, 6)), pictures=2).row(0)
    found = boxes_of(row)
    assert list(found) == [0, 1]
    for one in found.values():
        assert [box.message for box in one.boxes] == [1, 3]
        assert one.remarks == ("2 pictures: the text does not say which of them is meant",)
    assert boxes_of(on("thousandths", "Nowhere.").row(0)) == {}
    assert boxes_of(on("thousandths", boxes((1, 2, 3, 4)), pictures=0).row(0)) == {}


def test_a_family_whose_unit_is_not_known_draws_none_and_says_so(on: Opened) -> None:
    (found,) = boxes_of(on("", boxes((1, 2, 3, 4))).row(0)).values()
    assert found.boxes == ()
    assert "1 box or point not drawn: it is not known how Qwen2.5-VL" in found.remarks[0]


SHARES = st.floats(-3, 3)


@given(st.lists(SHARES, min_size=2, max_size=2), st.lists(SHARES, min_size=2, max_size=2))
def test_a_box_is_drawn_on_its_edges_as_far_as_it_is_in_the_picture(x: list[float], y: list[float]) -> None:
    picture = Image.new("RGB", (80, 60))
    box = Box(tuple(sorted(x)), tuple(sorted(y)), 0)
    mark(picture, [box])
    inside = [
        (column, line) for line in range(60) for column in range(80) if picture.getpixel((column, line)) != (0, 0, 0)
    ]
    if box.within:
        assert min(inside) == (round(box.x[0] * 79), round(box.y[0] * 59))
        assert max(inside) == (round(box.x[1] * 79), round(box.y[1] * 59))
    if not box.seen:
        assert inside == []


def test_the_picture_has_the_shape_that_the_processor_gives_it() -> None:
    picture = Image.new("RGB", WIDE, RED)
    found = PictureBoxes((Box((0.5, 1.0), (0.0, 1.0), 1, "half"),), (300, 300))
    small = drawn(picture, found, (200, 200))
    assert small.size == (200, 200)
    colour = tuple(bytes.fromhex(BOX_COLOURS[0][1:]))
    assert small.getpixel((round(0.5 * 199), 150)) == colour
    assert small.getpixel((50, 150)) == RED
    assert picture.getpixel((300, 0)) == RED
    assert drawn(picture, found, (900, 900)).size == (300, 300)
    assert drawn(picture, found, (900, 900), grow=True).size == (900, 900)


def test_pages_carry_the_picture_and_escape_the_label(on: Opened) -> None:
    bench = on("thousandths", boxes((100, 200, 500, 900), (2000, 1, 2100, 2), label="<b>a\x1b[31m"), pixels=1 << 20)
    html = str(page(bench, [bench.row(0)]))
    assert "img-src data:" in html
    (source,) = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', html)
    with Image.open(io.BytesIO(base64.b64decode(source))) as picture:
        assert picture.size[0] == 448
        left = picture.getpixel((round(0.1 * 447), round(0.5 * (picture.height - 1))))
    yellow = bytes.fromhex(BOX_COLOURS[0][1:])
    assert isinstance(left, tuple)
    assert all(abs(one - other) < 60 for one, other in zip(left, yellow, strict=True)), left
    assert "0 &lt;b&gt;a" in html
    assert "<b>a" not in html
    assert "\x1b" not in html
    assert "1 of 2 lies outside the picture" in html
    assert "message 1, outside" in html
    plain = on("thousandths", "Nothing.")
    assert boxed_pictures(plain.row(0)) == ""
    assert '<figure class="boxed"' not in page(plain, [plain.row(0)])
