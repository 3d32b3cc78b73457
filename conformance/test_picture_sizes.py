"""Pictures counted from their sizes against this release's processors, for every family, at 300 sizes of all shapes."""

from __future__ import annotations

import random

import pytest
from PIL import Image

from conformance.pair import loaded
from tests.blocks.test_pictures import talk
from tests.support.processors import BUILDERS
from workbench.blocks.pictures import PictureTexts
from workbench.data.picture_header import PictureHeader
from workbench.tokens.render import Renderer

SIZES = 300


@pytest.mark.parametrize("family", sorted(BUILDERS))
def test_the_text_of_a_size_is_the_processors(family: str) -> None:
    from workbench.families.library import media_kinds_of

    model = loaded(family)
    template = model.tokenizer_template or model.processor_template
    texts = PictureTexts(Renderer(model.tokenizer, model.processor, template, media_kinds_of(model)))
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
