"""D013: coordinates that are not counted as the family counts them, on real processors' sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.checks.support import HEAD, SETS, Make, boundaries_of, of
from workbench.checks.grounding import resized_pictures
from workbench.checks.row_checks import check_row
from workbench.checks.row_facts import RowFacts
from workbench.data.coordinates import coordinates, holds_coordinates

WIDE = (1000, 600)


def pointing(folder: Path, answer: str) -> dict[str, Any]:
    Image.new("RGB", WIDE, (200, 30, 30)).save(folder / "wide.png")
    ask = [{"type": "image", "path": str(folder / "wide.png")}, {"type": "text", "text": "Where is it?"}]
    return {
        "messages": [
            {"role": "user", "content": ask},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
    }


def box(*values: float) -> str:
    return json.dumps([{"bbox_2d": list(values), "label": "it"}])


CASES = [
    ("qwen3_vl", box(10, 20, 300, 999), None),
    ("qwen3_vl", box(10, 20, 1300, 900), "1 box lies outside 0 to 1000 ([10, 20, 1300, 900])"),
    ("qwen3_vl", box(0.1, 0.2, 0.5, 0.75), "1 box is fractions of one"),
    ("qwen3_vl", '{"point_2d": [1200, 3]}', "1 point lies outside"),
    ("qwen2_vl", "<|box_start|>(10,20),(300,999)<|box_end|>", None),
    ("qwen2_vl", "<|box_start|>(10,20),(1300,999)<|box_end|> <|box_start|>(1,2),(3,4)<|box_end|>", "1 of 2 boxes"),
    ("qwen2_5_vl", box(1, 2, 90, 80), None),
    ("qwen2_5_vl", "A table.", None),
]


@pytest.mark.parametrize(("family", "answer", "message"), CASES)
def test_each_family_by_its_unit(family: str, answer: str, message: str | None, make: Make, tmp_path: Path) -> None:
    bench = make([pointing(tmp_path, answer)], HEAD + boundaries_of(family) + SETS, family)
    found = of(check_row(bench.row(0)), "D013")
    assert [one.severity for one in found] == ([] if message is None else ["warning"])
    for one in found:
        assert message is not None
        assert message in one.message
        assert one.where.message == 1
        assert one.hint


def test_pixels_of_the_file_where_the_processor_resizes(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = HEAD + "processor_kwargs: {max_pixels: 50176}\n" + boundaries_of("qwen2_5_vl") + SETS
    bench = make([pointing(tmp_path, box(700, 20, 990, 590))], recipe, "qwen2_5_vl")
    # The processor is shared with other tests.
    sizes = {"shortest_edge": 3136, "longest_edge": 50176}
    monkeypatch.setattr(bench.loaded.processor.image_processor, "size", sizes)
    facts = RowFacts(bench.row(0))
    ((width, height),) = resized_pictures(facts)
    assert width * height <= 50176
    assert width < WIDE[0]
    (found,) = of(check_row(bench.row(0)), "D013")
    assert f"lies outside {width}×{height}" in found.message
    assert f"write x · {width} / {WIDE[0]}, y · {height} / {WIDE[1]}" in found.hint
    # Followed, the hint leaves nothing to say.
    right = box(
        *(
            round(v * n / m)
            for v, n, m in ((700, width, 1000), (20, height, 600), (990, width, 1000), (590, height, 600))
        )
    )
    again = make([pointing(tmp_path, right)], recipe, "qwen2_5_vl")
    assert of(check_row(again.row(0)), "D013") == []


@given(st.lists(st.tuples(*[st.integers(0, 4000)] * 4), min_size=1, max_size=5))
def test_every_form_is_read_as_it_is_written(boxes: list[tuple[int, ...]]) -> None:
    forms = (
        json.dumps([{"bbox_2d": list(one)} for one in boxes]),
        " and ".join(f"<|box_start|>({a},{b}),({c},{d})<|box_end|>" for a, b, c, d in boxes),
        f"<box>{json.dumps([list(one) for one in boxes])}</box>",
    )
    for text in forms:
        assert [one.values for one in coordinates(text)] == [tuple(map(float, one)) for one in boxes]
        assert holds_coordinates(text)


LABELS = [
    ('[{"bbox_2d": [1, 2, 3, 4], "label": "a \\"cat\\" \\u00e9"}, {"bbox_2d": [5, 6, 7, 8]}]', ['a "cat" é', ""]),
    ('[{"label": "dog", "bbox_2d": [5, 6, 7, 8]}, {"point_2d": [1, 1], "label": "x"}]', ["dog", "x"]),
    ("{'point_2d': [1, 2], 'label': 'in quotes'}", ["in quotes"]),
    (
        "<|object_ref_start|>the cup<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>"
        " and <|box_start|>(1,2),(3,4)<|box_end|>",
        ["the cup", ""],
    ),
    ("<ref>a man</ref><box>[[1, 2, 3, 4], [5, 6, 7, 8]]</box>", ["a man", "a man"]),
    ('{"bbox_2d": [1, 2, 3, 4]} "label": "of nothing"', [""]),
]


@pytest.mark.parametrize(("text", "labels"), LABELS)
def test_a_label_is_the_one_of_its_own_form(text: str, labels: list[str]) -> None:
    assert [one.label for one in coordinates(text)] == labels


@given(st.text())
def test_other_text_holds_none_and_is_read_in_time(text: str) -> None:
    assert holds_coordinates(text) == bool(list(coordinates(text)))
