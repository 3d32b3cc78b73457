"""A small model folder made of transformers' own classes, and a hub that serves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub_server import HubServer, repo_from, use

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ p.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
)
SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
WORLD = ("a red square on a table", "what is in the picture", "user assistant system", "one two three blue circles")
WEIGHTS = ("model-00001-of-00002.safetensors", "pytorch_model.bin", "model-Q4_K_M.gguf", "onnx/model.onnx", "model.pt")


def make_tokenizer(folder: Path, *, pad: str | None = "<|endoftext|>") -> Any:
    """A byte-level BPE of about 300 tokens, trained here, saved with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(WORLD, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|im_end|>", pad_token=pad)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer and nothing else: no config.json."""
    folder = tmp_path_factory.mktemp("text")
    make_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2-VL of no size: configuration, generation configuration, tokenizer and processor. No weights."""
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    folder = tmp_path_factory.mktemp("qwen2_vl")
    tokenizer = make_tokenizer(folder)
    processor = Qwen2VLProcessor(Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor(), chat_template=TEMPLATE)
    processor.save_pretrained(folder)
    write_json(folder / "config.json", {"model_type": "qwen2_vl", "transformers_version": "5.16.1"})
    write_json(folder / "generation_config.json", {"eos_token_id": [2, 0]})
    return folder


def write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.fixture
def hub(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with the model as `org/model`, weights listed beside it; this process uses it, with an empty cache."""
    with HubServer({"org/model": repo_from(model_folder, weights=WEIGHTS)}) as server:
        use(monkeypatch, server.endpoint, tmp_path / "home")
        yield server
