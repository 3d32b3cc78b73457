"""Pictures counted from their sizes are what the processor makes of them, and rows with them are found as alone."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from tests.blocks.rows import Row, rows
from tests.blocks.test_path import compared, judged, opened, same_traces
from tests.support import processors
from workbench.bench import Bench
from workbench.bench import open as open_bench
from workbench.blocks.path import BlockPath
from workbench.blocks.pictures import LEARNT_FROM, PictureTexts
from workbench.data.picture_header import PictureHeader

__all__ = ["opened"]

# Counted by arithmetic, and learnt size by size; all families at 200 sizes: conformance/test_picture_sizes.py.
COUNTED = ("gemma3", "gemma4", "qwen2_5_vl", "qwen3_5", "llava_1_5", "internvl")
LEARNT = ("pixtral", "smolvlm2", "llama4", "llama3_2_vision")
SIZES, TOGETHER = 60, 20
TALK: Row = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
Opened = Callable[..., Bench]


def talk(*pictures: Any) -> list[dict[str, Any]]:
    """A conversation about pictures."""
    parts = [{"type": "image", "image": picture} for picture in pictures]
    return [
        {"role": "user", "content": [*parts, {"type": "text", "text": "And this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Two circles."}]},
    ]


@pytest.mark.parametrize("family", [*COUNTED, *LEARNT])
def test_the_text_of_a_size_is_the_processors(family: str, tmp_path: Path) -> None:
    # Small tokenizers: numbers of tokens are the image processor's. With the real ones: conformance.
    processors.ensure_num2words()
    folder = processors.build_processor(family, processors.fallback_folder(family, tmp_path), tmp_path / "model")
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps(TALK) + "\n", "utf-8")
    texts = PictureTexts(open_bench(model=str(folder), data=str(data)).renderer)
    draw = random.Random(family)
    sizes = [(draw.randint(8, 160), draw.randint(8, 160)) for _ in range(SIZES)]
    texts.learn(PictureHeader(*size) for size in sizes)
    assert not texts.reason
    assert texts.counts == (family in COUNTED)
    for first in range(0, SIZES, TOGETHER):
        some = sizes[first : first + TOGETHER]
        for group in [some] if _same(texts, some) else [[size] for size in some]:
            assert _same(texts, group), group


def _same(texts: PictureTexts, sizes: list[tuple[int, int]]) -> bool:
    """True where the processor writes for pictures of these sizes what is said of them, or refuses what is refused."""
    call = texts.renderer.tokenized(talk(*(Image.effect_noise(size, 64).convert("RGB") for size in sizes)))
    mine = [texts.of(PictureHeader(*size)) for size in sizes]
    return None in mine if call is None else texts.expanded(call.prompt, mine) == call.text


def _file(folder: Path, number: int, draw: random.Random) -> str:
    """A picture of some size, mode, format and orientation."""
    picture = Image.effect_noise((draw.randint(20, 120), draw.randint(20, 120)), 64).convert("RGB")
    kind = draw.choice(["jpg", "jpg", "png", "webp", "gif"])
    mode = draw.choice(["RGB", "RGB", "L", "P", "RGBA"] if kind == "png" else ["RGB"])
    exif = Image.Exif()
    if kind != "gif" and draw.random() < 0.4:
        exif[0x0112] = draw.randint(1, 8)
    name = f"{number}.{kind}"
    options = {} if kind == "gif" else {"exif": exif}
    picture.convert(mode).save(folder / name, **options)
    return name


def _spoilt(folder: Path, name: str, draw: random.Random) -> str:
    """The same picture with a fault."""
    body = (folder / name).read_bytes()
    fault = draw.randrange(6)
    if fault == 0:
        body = body[: len(body) // 2]
    elif fault == 1:
        body = b""
    elif fault == 2:
        body = b"no picture at all"
    elif fault == 3:
        stream = io.BytesIO()
        # A PNG's header of so many pixels, under whatever name the file has.
        Image.new("1", (20_000, 10_000)).save(stream, "PNG")
        body = stream.getvalue()
    elif fault == 4:
        at = len(body) // 2
        body = body[:at] + bytes(byte ^ 0x55 for byte in body[at : at + 8]) + body[at + 8 :]
    else:
        return f"missing-{name}"
    (folder / name).write_bytes(body)
    return name


def _with_picture(row: Row, name: str, other: str, draw: random.Random) -> None:
    """Give a row a picture in one of the ways that rows have them."""
    turn = row["messages"][0]
    if not isinstance(turn["content"], str):
        return
    said, key = {"type": "text", "text": turn["content"]}, draw.choice(["image", "path", "url"])
    way = draw.randrange(6)
    if way == 0:
        row["images"] = [name]
    elif way == 1:
        row["images"], turn["content"] = [name], [said, {"type": "image"}]
    elif way == 2:
        turn["content"] = [{"type": "image", key: name}, said, {"type": "image", key: other}]
    elif way == 3:
        turn["content"] = [{"type": "image", key: name}]
    else:
        turn["content"] = [{"type": "image", key: name}, said]


def pictured(count: int, folder: Path, seed: int, *, faulty: float = 0.1) -> list[Row]:
    """Rows of which most have pictures, some of them broken."""
    draw = random.Random(seed)
    made = rows(count, seed, faulty=0.2)
    for number, row in enumerate(made):
        name = _file(folder, number, draw)
        if draw.random() < faulty:
            name = _spoilt(folder, name, draw)
        if row["messages"] and draw.random() < 0.8:
            _with_picture(row, name, _file(folder, number + count, draw), draw)
    return made


@pytest.mark.parametrize("family", ["qwen2_5_vl", "pixtral", "smolvlm2"])
def test_every_row_with_pictures_is_found_as_alone(
    family: str, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 90
    monkeypatch.setattr("workbench.blocks.path.PROVED_FIRST", 2)
    bench = opened(family, pictured(count, tmp_path, seed=len(family)))
    results, path = judged(bench, count)
    assert not path.differs
    assert not path.uncounted
    assert path.proved_pictures == 2
    compared(bench, results)
    for result in results:
        row = bench.peek(result.index)
        if row.error is None:
            runs = row.rendering.media
            assert (result.media, result.pictures) == (int(runs.soft.sum()), runs.modality.count("image"))
    assert sum(not result.alone and result.pictures > 0 for result in results) > 20
    assert same_traces(bench, 20) > 5


def test_no_picture_is_decoded_that_is_not_proved(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.blocks.path.PROVED_FIRST", 3)
    made = []
    for number in range(12):
        name = f"{number}.{('jpg', 'png', 'webp')[number % 3]}"
        Image.effect_noise((90 + number % 3, 60), 64).convert("RGB").save(tmp_path / name)
        made.append({**TALK, "images": [name]})
    bench = opened("qwen2_5_vl", made)
    path = BlockPath(bench)
    assert not path._texts.reason
    decoded: list[object] = []
    load = ImageFile.ImageFile.load

    def counting(self: ImageFile.ImageFile) -> Any:
        decoded.append(self.size)
        return load(self)

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", counting)
    proved = path.judge([bench.peek(index) for index in range(3)])
    assert decoded
    decoded.clear()
    results = path.judge([bench.peek(index) for index in range(3, 12)])
    assert not decoded
    assert {result.media for result in (*proved, *results)} == {proved[0].media}


@pytest.mark.parametrize("size", [64, [96, 40]])
def test_a_columns_picture_has_the_recipes_size(size: Any, opened: Opened, tmp_path: Path) -> None:
    draw = random.Random(5)
    made = [{**TALK, "images": [_file(tmp_path, number, draw)]} for number in range(6)]
    bench = opened("qwen2_5_vl", made, image_size=size)
    results, path = judged(bench, len(made))
    assert not path.uncounted
    compared(bench, results)


def test_a_processor_that_counts_otherwise_is_found_out(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(1)
    made = [TALK, *({**TALK, "images": [_file(tmp_path, number, draw)]} for number in range(5))]
    bench = opened("qwen2_5_vl", made)
    counts = PictureTexts._counts

    def one_more(self: PictureTexts, sizes: Any) -> list[int | None]:
        # Right for the sizes that it is learnt from.
        found = zip(sizes, counts(self, sizes), strict=True)
        return [number if number is None or size in LEARNT_FROM else number + 1 for size, number in found]

    monkeypatch.setattr(PictureTexts, "_counts", one_more)
    results, path = judged(bench, len(made))
    assert "its tokens are others" in path.uncounted
    assert not path.differs
    found = [finding for result in results for finding in result.findings if finding.code == "D021"]
    assert len(found) == 1
    assert found[0].where.row == 1
    assert "when they are processed" in found[0].message
    assert [result.alone for result in results] == [False, *[True] * 5]
    for result in results:
        assert result.tokens == len(bench.peek(result.index).rendering)


def test_what_is_proved_in_a_block_does_not_depend_on_the_blocks_before(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.blocks.path.PROVED_FIRST", 2)
    monkeypatch.setattr("workbench.blocks.path.PROVED_EVERY", 3)
    draw = random.Random(1)
    bench = opened("qwen2_5_vl", [{**TALK, "images": [_file(tmp_path, number, draw)]} for number in range(24)])
    counts = PictureTexts._counts

    def some_more(self: PictureTexts, sizes: Any) -> list[int | None]:
        found = zip(sizes, counts(self, sizes), strict=True)
        wrong = {size for size in sizes if size not in LEARNT_FROM and size[0] % 4 == 0}
        return [number + 1 if number is not None and size in wrong else number for size, number in found]

    monkeypatch.setattr(PictureTexts, "_counts", some_more)

    def judged_in(order: tuple[int, ...]) -> dict[int, Any]:
        path, found = BlockPath(bench), {}
        for block in order:
            path.begin(first=block == 0)
            found |= {one.index: one for one in path.judge([bench.peek(6 * block + row) for row in range(6)])}
        return found

    forwards = judged_in((0, 1, 2, 3))
    assert judged_in((3, 1, 0, 2)) == forwards
    differ = {one.index // 6 for one in forwards.values() for finding in one.findings if finding.code == "D021"}
    assert differ
    assert differ < {0, 1, 2, 3}
