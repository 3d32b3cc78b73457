"""Pictures counted from their sizes against this release's processors, at sizes of all shapes, and whole rows with
pictures, judged in a block, against axolotl's collator."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conformance.once import AGAIN, FULL
from conformance.pair import FIELD, TEMPLATE_OF, Pair, model_folder, opened, parsed_once
from tests.blocks.test_pictures import TALK, talk
from tests.support.processors import BUILDERS, ensure_num2words
from workbench.blocks.path import BlockPath
from workbench.blocks.pictures import PictureTexts
from workbench.data.picture_header import PictureHeader

SIZES = 200 if FULL else 12 if AGAIN else 40
# More than those that are processed in full before any is counted.
ROWS = 40


@pytest.mark.parametrize("family", sorted(BUILDERS))
def test_the_text_of_a_size_is_the_processors(family: str, tmp_path: Path) -> None:
    ensure_num2words()
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps(TALK) + "\n", "utf-8")
    texts = PictureTexts(opened(family, model=str(model_folder(family)), data=str(data)).renderer)
    draw = random.Random(family)
    assert not texts.reason
    for _ in range(SIZES):
        size = draw.randint(1, 40) * draw.randint(1, 40), draw.randint(1, 40) * draw.randint(1, 40)
        call = texts.renderer.tokenized(talk(Image.effect_noise(size, 64).convert("RGB")))
        mine = texts.of(PictureHeader(*size))
        if call is None:
            assert mine is None, size
        else:
            assert texts.expanded(call.prompt, [mine]) == call.text, size


@pytest.mark.parametrize("family", sorted(TEMPLATE_OF))
def test_rows_of_a_block_are_the_collators(family: str, tmp_path: Path) -> None:
    draw = random.Random(family)
    rows: list[dict[str, Any]] = []
    for number in range(ROWS):
        name = str(tmp_path / f"{number}.{draw.choice(['jpg', 'png', 'webp'])}")
        exif = Image.Exif()
        exif[0x0112] = draw.randint(1, 8) if name.endswith("jpg") else 1
        size = draw.randint(10, 400), draw.randint(10, 400)
        Image.effect_noise(size, 64).convert("RGB").save(name, exif=exif)
        row: dict[str, Any] = {FIELD: [dict(turn) for turn in TALK["messages"]]}
        if number % 3 == 0:
            row["images"] = [name]
        elif number % 3 == 1:
            row[FIELD][0]["content"] = [{"type": "image", "path": name}, {"type": "text", "text": "What is it?"}]
        rows.append(row if "images" in row else {**row, "images": None})
    with parsed_once(family):
        pair = Pair(family, tmp_path, kept=True)
        pair.give(rows)
        pair.use(pair.template)
        path = BlockPath(pair.bench)
        results = path.judge([pair.bench.peek(index) for index in range(ROWS)])
    assert [path.reason, path.differs, path.uncounted] == ["", "", ""]
    assert not all(result.alone for result in results)
    for result in results:
        theirs = pair.theirs([result.index])
        if isinstance(theirs, Exception):
            assert result.tokens < 0, theirs
        else:
            ids, labels = theirs
            assert (result.tokens, result.trained) == (ids.size, int((labels != -100).sum()))
