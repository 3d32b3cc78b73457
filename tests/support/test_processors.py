"""Each family's small processor folder loads, and a row with a picture goes through it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import processors

PICTURE_ROW = [
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is in the picture?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "A red square."}]},
]

# The id that a picture is made of, from the family's documents; the fallback tokenizers have others.
PICTURE_ID = {
    "gemma3": 262144,
    "gemma3n": 262145,
    "gemma4": 258880,
    "gemma4_unified": 258880,
    "qwen2_vl": 151655,
    "qwen2_5_vl": 151655,
    "qwen3_vl": 151655,
    "qwen3_5": 248056,
    "llama3_2_vision": 128256,
    "llama4": 200092,
    "pixtral": 10,
    "mistral3": 10,
    "smolvlm2": 49190,
    "llava_1_5": 32000,
    "internvl": 151667,
}

MODEL_TYPE = {"llama3_2_vision": "mllama", "pixtral": "llava", "llava_1_5": "llava", "smolvlm2": "smolvlm"}


def encode(folder: Path, rows: list[dict[str, Any]]) -> Any:
    from PIL import Image
    from transformers import AutoProcessor

    processors.ensure_num2words()
    processor = AutoProcessor.from_pretrained(folder)
    row = [dict(message) for message in rows]
    picture = {"type": "image", "image": Image.new("RGB", (48, 32), "red")}
    row[0] = {**row[0], "content": [picture, *row[0]["content"][1:]]}
    encoded = processor.apply_chat_template([row], tokenize=True, return_dict=True, return_tensors="pt")
    return processor, encoded


@pytest.mark.parametrize("family", sorted(PICTURE_ID))
def test_a_picture_goes_through_the_real_tokenizer(family: str, processor_folder: Callable[[str], Path]) -> None:
    source = processors.TOKENIZERS and processors.TOKENIZERS / processors.TOKENIZER_OF.get(family, family)
    if source is None or not source.is_dir():
        pytest.skip("the real tokenizer is not at hand")
    processor, encoded = encode(processor_folder(family), PICTURE_ROW)
    ids = encoded["input_ids"][0].tolist()
    assert 1 <= ids.count(PICTURE_ID[family]) <= 70
    assert "A red square." in processor.tokenizer.decode(ids)
    assert "pixel_values" in encoded


@pytest.mark.parametrize("family", sorted(PICTURE_ID))
def test_a_picture_goes_through_the_fallback_tokenizer(family: str, tmp_path: Path) -> None:
    from transformers import AutoConfig

    processors.fallback_tokenizer(family).save_pretrained(tmp_path / "tokenizer")
    folder = processors.build_processor(family, tmp_path / "tokenizer", tmp_path / "model")
    processor, encoded = encode(folder, PICTURE_ROW)
    ids = encoded["input_ids"][0].tolist()
    assert "A red square." in processor.tokenizer.decode(ids)
    assert "pixel_values" in encoded
    assert len(ids) < 150
    assert AutoConfig.from_pretrained(folder).model_type == MODEL_TYPE.get(family, family)
