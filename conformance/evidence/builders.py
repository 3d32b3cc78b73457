"""Processors of the families that only axolotl's newest examples train, and mistral-common's tokenizer.

Their tokenizers are not at hand: small ones in their manner, with their control tokens, take their places.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import processors, templates

MISTRAL_COMMON = "mistral_common"
_TURNS = "{%- for m in messages -%}"
_END = "{%- endfor -%}"
_CHATML = (
    _TURNS + "{{ '<|im_start|>' + m['role'] + '\\n' + parts(m['content']) + '<|im_end|>\\n' }}" + _END
) + "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
_COHERE = (
    "{%- set names = {'user': '<|USER_TOKEN|>', 'assistant': '<|CHATBOT_TOKEN|>'} -%}{{ bos_token }}"
    + _TURNS
    + "{{ '<|START_OF_TURN_TOKEN|>' + names.get(m['role'], '<|SYSTEM_TOKEN|>') + parts(m['content']) }}"
    + "{{ '<|END_OF_TURN_TOKEN|>' }}"
    + _END
    + "{%- if add_generation_prompt -%}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{%- endif -%}"
)
_GLM = (
    "{{ '[gMASK]<sop>' }}" + _TURNS + "{{ '<|' + m['role'] + '|>\\n' + parts(m['content']) }}" + _END
) + "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}"
_MUSE = (
    (_TURNS + "{{ '<|start|>' + m['role'] + (' to=user' if m['role'] == 'assistant' else '') + '<|message|>' }}")
    + ("{{ parts(m['content']) + '<|eot|>' }}" + _END)
    + "{%- if add_generation_prompt -%}{{ '<|start|>assistant' }}{%- endif -%}"
)
_PADDLE = (
    ("{{ bos_token }}" + _TURNS + "{%- if m['role'] == 'user' -%}{{ 'User: ' + parts(m['content']) + '\\n' }}")
    + "{%- elif m['role'] == 'assistant' -%}{{ 'Assistant:\\n' + parts(m['content']) + eos_token }}"
    + ("{%- else -%}{{ parts(m['content']) + '\\n' }}{%- endif -%}" + _END)
    + "{%- if add_generation_prompt -%}{{ 'Assistant:\\n' }}{%- endif -%}"
)


def _style(body: str, image: str, control: tuple[str, ...], eos: str, pad: str, **more: Any) -> templates.Style:
    return templates.Style(templates._with(body, image), control, eos, pad, **more)


STYLES = {
    "lfm2_vl": _style(
        "{{ bos_token }}" + _CHATML,
        "<image>",
        (
            *("<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"),
            *("<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>"),
            *(f"<|img_row_{row}_col_{column}|>" for row in range(1, 11) for column in range(1, 11)),
        ),
        "<|im_end|>",
        "<|pad|>",
        bos="<|startoftext|>",
        attributes={
            "image_token": "<image>",
            "image_start_token": "<|image_start|>",
            "image_end_token": "<|image_end|>",
            "image_thumbnail_token": "<|img_thumbnail|>",
        },
    ),
    "cohere_compass": _style(
        _COHERE,
        "<|VISION_START|><|IMAGE_PAD|><|VISION_END|>",
        (
            *("<PAD>", "<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"),
            *("<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>"),
            *("<|VISION_START|>", "<|VISION_END|>", "<|IMAGE_PAD|>", "<|VIDEO_PAD|>"),
        ),
        "<|END_OF_TURN_TOKEN|>",
        "<PAD>",
        bos="<BOS_TOKEN>",
    ),
    "glm46v": _style(
        _GLM,
        "<|begin_of_image|><|image|><|end_of_image|>",
        (
            *("<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
            *("<|image|>", "<|video|>", "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>"),
            "<|end_of_video|>",
        ),
        "<|endoftext|>",
        "<|endoftext|>",
    ),
    "muse_glimmer": _style(
        _MUSE,
        "<|image_start|><|patch|><|image_end|>",
        (
            *("<|finetune_right_pad|>", "<|end_of_text|>", "<|start|>", "<|message|>", "<|eot|>", "<|eom|>"),
            *("<|patch|>", "<|image_start|>", "<|image_end|>"),
            *("<|video|>", "<|vid_frame_separator|>", "<|vid_start|>", "<|vid_end|>"),
        ),
        "<|end_of_text|>",
        "<|finetune_right_pad|>",
    ),
    "paddleocr_vl": _style(
        _PADDLE,
        "<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>",
        ("<unk>", "<s>", "</s>", "<pad>", "<|IMAGE_PLACEHOLDER|>", "<|IMAGE_START|>", "<|IMAGE_END|>"),
        "</s>",
        "<pad>",
        bos="<s>",
        attributes={"image_token": "<|IMAGE_PLACEHOLDER|>"},
    ),
}


@dataclass(frozen=True)
class _Made:
    """A processor, and the ids that its model's configuration has of it: configuration key -> token."""

    processor: Any
    ids: dict[str, str] = field(default_factory=dict)


def _images(kind: str, **sizes: Any) -> Any:
    import transformers

    return getattr(transformers, kind)(**sizes)


def _lfm2_vl(tokenizer: Any) -> _Made:
    from transformers import Lfm2VlProcessor

    images = _images("Lfm2VlImageProcessor", do_image_splitting=False)
    return _Made(Lfm2VlProcessor(images, tokenizer), {"image_token_id": "<image>"})


def _cohere_compass(tokenizer: Any) -> _Made:
    from transformers import CohereCompassProcessor, CohereCompassVideoProcessor

    # In tokens of 32 by 32 pixels.
    images = _images("CohereCompassImageProcessor", size={"shortest_edge": 4 * 32**2, "longest_edge": 16 * 32**2})
    return _Made(
        CohereCompassProcessor(images, tokenizer, CohereCompassVideoProcessor()),
        {
            "image_token_id": "<|IMAGE_PAD|>",
            "video_token_id": "<|VIDEO_PAD|>",
            "vision_start_token_id": "<|VISION_START|>",
            "vision_end_token_id": "<|VISION_END|>",
        },
    )


def _glm46v(tokenizer: Any) -> _Made:
    from transformers import Glm46VProcessor, Glm46VVideoProcessor

    images = _images("Glm46VImageProcessor", size={"shortest_edge": 4 * 28**2, "longest_edge": 16 * 28**2})
    return _Made(
        Glm46VProcessor(images, tokenizer, Glm46VVideoProcessor()),
        {
            "image_token_id": "<|image|>",
            "video_token_id": "<|video|>",
            "image_start_token_id": "<|begin_of_image|>",
            "image_end_token_id": "<|end_of_image|>",
            "video_start_token_id": "<|begin_of_video|>",
            "video_end_token_id": "<|end_of_video|>",
        },
    )


def _muse_glimmer(tokenizer: Any) -> _Made:
    from transformers import MuseGlimmerProcessor, MuseGlimmerVideoProcessor

    images = _images("MuseGlimmerImageProcessor", max_image_tokens=16)
    made = MuseGlimmerProcessor(images, MuseGlimmerVideoProcessor(), tokenizer)
    return _Made(made, {"image_token_id": "<|patch|>", "video_token_id": "<|video|>"})


def _paddleocr_vl(tokenizer: Any) -> _Made:
    from transformers import PaddleOCRVLProcessor

    images = _images("PaddleOCRVLImageProcessor", size={"shortest_edge": 4 * 28**2, "longest_edge": 16 * 28**2})
    ids = {
        "image_token_id": "<|IMAGE_PLACEHOLDER|>",
        "vision_start_token_id": "<|IMAGE_START|>",
        "vision_end_token_id": "<|IMAGE_END|>",
    }
    return _Made(PaddleOCRVLProcessor(images, tokenizer), ids)


def _with_a_small_tokenizer(name: str, make: Callable[[Any], _Made]) -> Callable[[Path, Path], dict[str, Any]]:
    def build(out: Path, kept: Path) -> dict[str, Any]:
        templates.STYLES.setdefault(name, STYLES[name])
        tokenizer = processors.fallback_tokenizer(name)
        made = make(tokenizer)
        made.processor.chat_template = tokenizer.chat_template
        made.processor.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return {key: tokenizer.convert_tokens_to_ids(token) for key, token in made.ids.items()}

    return build


def _mistral_common(out: Path, kept: Path) -> dict[str, Any]:
    """mistral-common's own vocabulary, read as version 7, which is that of the models with a system prompt."""
    import mistral_common

    tokenizer = processors.tokenizer_folder("mistral3", kept)
    processors.build_processor("mistral3", tokenizer, out)
    vocabulary = Path(str(mistral_common.__file__)).parent / "data" / "tekken_240911.json"
    content = json.loads(vocabulary.read_text("utf-8"))
    content["config"]["version"] = "v7"
    content["image"] = {"image_patch_size": 16, "max_image_size": 64, "spatial_merge_size": 2}
    (out / "tekken.json").write_text(json.dumps(content), "utf-8")
    return dict(json.loads((out / "config.json").read_text("utf-8")))


def _voxtral(out: Path, kept: Path) -> dict[str, Any]:
    """The same with a part for sound; the processor finds its tokenizer in that file."""
    from transformers import WhisperFeatureExtractor

    _mistral_common(out, kept)
    content = json.loads((out / "tekken.json").read_text("utf-8"))
    del content["image"]
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    known = [{**one, "token_str": str(one["token_str"].value)} for one in Tekkenizer.DEPRECATED_SPECIAL_TOKENS]
    more = {24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 34: "[TRANSCRIBE]"}
    content["special_tokens"] = known + [
        {"rank": rank, "token_str": more.get(rank, f"<SPECIAL_{rank}>"), "is_control": True} for rank in range(20, 35)
    ]
    content["audio"] = {
        "sampling_rate": 16000,
        "frame_rate": 12.5,
        "audio_encoding_config": {"num_mel_bins": 128, "window_size": 400, "hop_length": 160},
        "chunk_length_s": 30.0,
    }
    (out / "tekken.json").write_text(json.dumps(content), "utf-8")
    for name in ("processor_config.json", "preprocessor_config.json"):
        (out / name).unlink(missing_ok=True)
    WhisperFeatureExtractor(feature_size=128, processor_class="VoxtralProcessor").save_pretrained(out)
    return {"audio_token_id": 24}


BUILDERS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "lfm2_vl": _with_a_small_tokenizer("lfm2_vl", _lfm2_vl),
    "cohere_compass": _with_a_small_tokenizer("cohere_compass", _cohere_compass),
    "glm46v": _with_a_small_tokenizer("glm46v", _glm46v),
    "muse_glimmer": _with_a_small_tokenizer("muse_glimmer", _muse_glimmer),
    "paddleocr_vl": _with_a_small_tokenizer("paddleocr_vl", _paddleocr_vl),
    MISTRAL_COMMON: _mistral_common,
    "voxtral": _voxtral,
}
