"""Short chat templates and control tokens in each family's manner, for tests without the real tokenizers."""

from __future__ import annotations

from dataclasses import dataclass, field

# A part of a message: the text, or `IMAGE`, which each style replaces.
_PARTS = (
    "{%- macro parts(content) -%}{%- if content is string -%}{{ content }}{%- else -%}{%- for part in content -%}"
    "{%- if part['type'] == 'image' -%}{{ 'IMAGE' }}{%- elif part['type'] == 'text' -%}{{ part['text'] }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{%- endmacro -%}"
)

_CHATML = (
    "{%- for m in messages -%}{{ '<|im_start|>' + m['role'] + '\\n' + parts(m['content']) + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)

_GEMMA = (
    "{{ bos_token }}{%- set ns = namespace(lead='') -%}{%- for m in messages -%}{%- if m['role'] == 'system' -%}"
    "{%- set ns.lead = parts(m['content']) + '\\n\\n' -%}{%- else -%}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\\n' + ns.lead }}"
    "{{ parts(m['content']) | trim }}{{ '<end_of_turn>\\n' }}{%- set ns.lead = '' -%}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)

_GEMMA4 = (
    "{{ bos_token }}{%- for m in messages -%}"
    "{{ '<|turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\\n' }}{{ parts(m['content']) | trim }}"
    "{{ '<turn|>\\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|turn>model\\n' }}{%- endif -%}"
)

_MISTRAL = (
    "{{ bos_token }}{%- for m in messages -%}{%- if m['role'] == 'system' -%}"
    "{{ '[SYSTEM_PROMPT]' + parts(m['content']) + '[/SYSTEM_PROMPT]' }}{%- elif m['role'] == 'user' -%}"
    "{{ '[INST]' + parts(m['content']) + '[/INST]' }}{%- else -%}{{ parts(m['content']) + eos_token }}"
    "{%- endif -%}{%- endfor -%}"
)

_LLAMA = (
    "{{ bos_token }}{%- for m in messages -%}{{ 'OPEN' + m['role'] + 'CLOSE\\n\\n' + parts(m['content']) + 'EOT' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ 'OPENassistantCLOSE\\n\\n' }}{%- endif -%}"
)

_SMOLVLM = (
    "{{ '<|im_start|>' }}{%- for m in messages -%}{{ m['role'] | capitalize + ': ' + parts(m['content']) }}"
    "{{ '<end_of_utterance>\\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ 'Assistant:' }}{%- endif -%}"
)

_LLAVA = (
    "{%- for m in messages -%}{{ m['role'] | upper + ': ' + parts(m['content']) + ' ' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}"
)


def _with(body: str, image: str) -> str:
    return (_PARTS + body).replace("IMAGE", image)


INTERNVL = _with(_CHATML, "<IMG_CONTEXT>\\n")


@dataclass(frozen=True)
class Style:
    """A family's turn format: its template, its control tokens, and the tokenizer attributes that name some of them."""

    template: str
    control: tuple[str, ...]
    eos: str
    pad: str
    bos: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


def _llama(start: str, close: str, eot: str, pad: str, media: tuple[str, ...]) -> Style:
    body = _LLAMA.replace("OPEN", start).replace("CLOSE", close).replace("EOT", eot)
    control = ("<|begin_of_text|>", start, close, eot, pad, *media)
    return Style(_with(body, "<|image|>"), control, eot, pad, "<|begin_of_text|>")


_QWEN = Style(
    template=_with(_CHATML, "<|vision_start|><|image_pad|><|vision_end|>"),
    control=(
        *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
    ),
    eos="<|im_end|>",
    pad="<|endoftext|>",
)

_GEMMA_NAMES = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
_GEMMA3N_NAMES = {
    **_GEMMA_NAMES,
    "audio_token": "<audio_soft_token>",
    "boa_token": "<start_of_audio>",
    "eoa_token": "<end_of_audio>",
}
_GEMMA4_NAMES = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
}
_GEMMA_CONTROL = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
_MISTRAL_CONTROL = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "<pad>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    *("[IMG]", "[IMG_BREAK]", "[IMG_END]"),
)
_MISTRAL_STYLE = Style(_with(_MISTRAL, "[IMG]"), _MISTRAL_CONTROL, "</s>", "<pad>", "<s>")

STYLES: dict[str, Style] = {
    "gemma3": Style(
        _with(_GEMMA, "<start_of_image>"),
        (*_GEMMA_CONTROL, *_GEMMA_NAMES.values()),
        "<end_of_turn>",
        "<pad>",
        "<bos>",
        _GEMMA_NAMES,
    ),
    "gemma3n": Style(
        _with(_GEMMA, "<image_soft_token>"),
        (*_GEMMA_CONTROL, *_GEMMA3N_NAMES.values()),
        "<end_of_turn>",
        "<pad>",
        "<bos>",
        _GEMMA3N_NAMES,
    ),
    "gemma4": Style(
        _with(_GEMMA4, "<|image|>"),
        ("<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<turn|>", "<|video|>", *_GEMMA4_NAMES.values()),
        "<eos>",
        "<pad>",
        "<bos>",
        _GEMMA4_NAMES,
    ),
    "qwen2_vl": _QWEN,
    "qwen2_5_vl": _QWEN,
    "qwen3_vl": _QWEN,
    "qwen3_5": _QWEN,
    "llama3_2_vision": _llama(
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|finetune_right_pad_id|>",
        ("<|python_tag|>", "<|image|>"),
    ),
    "llama4": _llama(
        *("<|header_start|>", "<|header_end|>", "<|eot|>", "<|finetune_right_pad|>"),
        ("<|image_start|>", "<|image_end|>", "<|tile_x_separator|>", "<|tile_y_separator|>", "<|image|>", "<|patch|>"),
    ),
    "pixtral": _MISTRAL_STYLE,
    "mistral3_v7_tekken": _MISTRAL_STYLE,
    "smolvlm2": Style(
        _with(_SMOLVLM, "<image>"),
        (
            *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<global-img>"),
            *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
            *("<fake_token_around_image>", "<image>", "<end_of_utterance>"),
        ),
        "<end_of_utterance>",
        "<|im_end|>",
        "<|im_start|>",
        {
            "end_of_utterance_token": "<end_of_utterance>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "image_token": "<image>",
        },
    ),
    "llava_1_5": Style(
        _with(_LLAVA, "<image>\\n"),
        ("<unk>", "<s>", "</s>", "<image>", "<pad>"),
        "</s>",
        "<pad>",
        "<s>",
        {"image_token": "<image>"},
    ),
}
