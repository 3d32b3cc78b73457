"""Pictures counted from their sizes are what the processor makes of them, and rows with them are found as alone."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.blocks.rows import rows, text
from tests.blocks.test_path import compared, judged, opened
from tests.support import processors
from workbench.bench import Bench
from workbench.blocks import path as block_path
from workbench.blocks.pictures import PictureTexts, TokenRun
from workbench.data.picture_header import PictureHeader
from workbench.models.load import load
from workbench.tokens.render import Renderer

__all__ = ["opened"]

# Counted by arithmetic, and learnt size by size.
COUNTED = ("gemma3", "gemma3n", "gemma4", "gemma4_unified", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "llava_1_5")
LEARNT = ("internvl", "pixtral", "mistral3", "smolvlm2", "llama4", "llama3_2_vision")
SIZES = 200


def talk(*pictures: Any) -> list[dict[str, Any]]:
    """A conversation about pictures."""
    parts = [{"type": "image", "image": picture} for picture in pictures]
    return [
        {"role": "user", "content": [*parts, {"type": "text", "text": "And this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Two circles."}]},
    ]


def texts_of(folder: Path) -> PictureTexts:
    processors.ensure_num2words()
    loaded = load(str(folder))
    template = loaded.tokenizer_template or loaded.processor_template
    return PictureTexts(Renderer(loaded.tokenizer, loaded.processor, template, loaded.media_kinds))


@pytest.mark.parametrize("family", (*COUNTED, *LEARNT))
def test_the_text_of_a_size_is_the_processors(family: str, processor_folder: Callable[[str], Path]) -> None:
    texts = texts_of(processor_folder(family))
    draw = random.Random(family)
    sizes = [(draw.randint(8, 160), draw.randint(8, 160)) for _ in range(SIZES)]
    texts.learn(PictureHeader(*size) for size in sizes)
    assert not texts.reason
    refused = 0
    for size in sizes:
        call = texts.renderer.tokenized(talk(Image.effect_noise(size, 64).convert("RGB")))
        mine = texts.of(PictureHeader(*size))
        if call is None:
            refused += 1
            assert mine is None
        else:
            assert texts.expanded(call.prompt, [mine]) == call.text, size
    assert refused < SIZES // 10
