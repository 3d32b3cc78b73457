"""Models that stand in for those of the examples: type and sizes, the tokenizer where it is at hand, no weights.

What a finding could hang on is the checkpoint's own: the model type, the sizes and layers of `config.json`, ids of
control tokens, the template, and the ids at which generation stops. Widths are the published ones; what is not named
here is the configuration class's default. Layers repeat: of each part the first few stand for all, so that a model is
built and loaded in a second or two.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.environment import ROOT, here
from conformance.evidence.builders import BUILDERS, MISTRAL_COMMON
from tests.support import processors, small


@dataclass(frozen=True)
class StandIn:
    """A checkpoint: its model type, whose processor it has, at which tokens generation stops, and its sizes."""

    model_type: str
    processor: str
    stops: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


_CHATML = ("<|im_end|>", "<|endoftext|>")
_GEMMA3_STOPS, _GEMMA4_STOPS = ("<eos>", "<end_of_turn>"), ("<eos>", "<turn|>")
_LLAMA4_STOPS = ("<|end_of_text|>", "<|eom|>", "<|eot|>")


def _text(hidden: int, inner: int, layers: int, heads: int, groups: int, **more: Any) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        **more,
    }


def _gemma_layers(layers: int, period: int) -> list[str]:
    return ["full_attention" if (n + 1) % period == 0 else "sliding_attention" for n in range(layers)]


def _qwen_layers(layers: int) -> list[str]:
    return ["full_attention" if (n + 1) % 4 == 0 else "linear_attention" for n in range(layers)]


_SIGLIP = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 896,
    "patch_size": 14,
}
_GEMMA4_VISION: dict[str, Any] = {"model_type": "gemma4_vision"}
_GEMMA4_AUDIO: dict[str, Any] = {"model_type": "gemma4_audio"}


def _gemma3(hidden: int, inner: int, layers: int, heads: int, groups: int, head: int = 256) -> StandIn:
    kinds = {"head_dim": head, "layer_types": _gemma_layers(layers, 6)}
    text = _text(hidden, inner, layers, heads, groups, **kinds)
    return StandIn("gemma3", "gemma3", _GEMMA3_STOPS, {"text_config": text, "vision_config": _SIGLIP})


def _gemma4(text: dict[str, Any], **more: Any) -> StandIn:
    wide = {"head_dim": 256, "global_head_dim": 512}
    return StandIn("gemma4", "gemma4", _GEMMA4_STOPS, {"text_config": wide | text, **more})


_GEMMA4_26B = _gemma4(
    _text(
        2816,
        2112,
        30,
        16,
        8,
        num_global_key_value_heads=2,
        enable_moe_block=True,
        num_experts=128,
        top_k_experts=8,
        moe_intermediate_size=704,
        hidden_size_per_layer_input=0,
        layer_types=_gemma_layers(30, 6),
    ),
    vision_config=_GEMMA4_VISION,
)
_GEMMA4_31B = _gemma4(
    _text(
        5376,
        21504,
        60,
        32,
        16,
        num_global_key_value_heads=4,
        hidden_size_per_layer_input=0,
        layer_types=_gemma_layers(60, 6),
    ),
    vision_config=_GEMMA4_VISION,
)


def _qwen3_5(hidden: int, inner: int, layers: int, heads: int, groups: int, values: int = 32) -> StandIn:
    text = _text(hidden, inner, layers, heads, groups, layer_types=_qwen_layers(layers), linear_num_value_heads=values)
    vision = {"out_hidden_size": hidden}
    return StandIn("qwen3_5", "qwen3_5", _CHATML, {"text_config": text, "vision_config": vision})


def _qwen3_5_moe(hidden: int = 2048, layers: int = 40, heads: int = 16, inner: int = 512) -> StandIn:
    text = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "moe_intermediate_size": inner,
        "shared_expert_intermediate_size": inner,
        "layer_types": _qwen_layers(layers),
    }
    vision = {"out_hidden_size": hidden}
    return StandIn("qwen3_5_moe", "qwen3_5", _CHATML, {"text_config": text, "vision_config": vision})


def _mistral3(text: dict[str, Any], kind: str = "mistral", processor: str = "mistral3") -> StandIn:
    return StandIn("mistral3", processor, ("</s>",), {"text_config": {"model_type": kind, **text}})


_MINISTRAL = _text(3072, 9216, 26, 32, 8, head_dim=128)
_SMALL_24B = _text(5120, 32768, 40, 32, 8, head_dim=128)
_SCOUT = StandIn("llama4", "llama4", _LLAMA4_STOPS, {"text_config": {"num_local_experts": 16}})
_MAVERICK = StandIn(
    "llama4", "llama4", _LLAMA4_STOPS, {"text_config": {"num_local_experts": 128, "interleave_moe_layer_step": 2}}
)
_QWEN4 = StandIn(
    "qwen4_exp",
    "qwen3_5",
    _CHATML,
    {
        "text_config": {
            "indexer_n_heads": 4,
            "indexer_kv_heads": 1,
            "indexer_head_dim": 128,
            "indexer_budget": 2048,
            "indexer_compress_ratio": 4,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000000.0, "partial_rotary_factor": 0.25},
        }
    },
)
_COHERE_ROPE = {"rope_type": "default", "rope_theta": 50000.0}
_COHERE = StandIn(
    "cohere_compass",
    "cohere_compass",
    ("<|END_OF_TURN_TOKEN|>",),
    {
        "text_config": _text(
            2048,
            8192,
            36,
            16,
            4,
            layer_types=["full_attention" if (n + 1) % 4 == 0 else "sliding_attention" for n in range(36)],
            rope_parameters={"full_attention": _COHERE_ROPE, "sliding_attention": _COHERE_ROPE},
        ),
        "vision_config": {"out_hidden_size": 2048},
    },
)
_MUSE = StandIn("muse_glimmer", "muse_glimmer", ("<|eot|>",))
_GLM = StandIn("glm46v", "glm46v", ("<|endoftext|>", "<|user|>"))
_PADDLE = StandIn("paddleocr_vl", "paddleocr_vl", ("</s>",))
_QWEN2_7B = _text(3584, 18944, 28, 28, 4)

STAND_INS: dict[str, StandIn] = {
    "LiquidAI/LFM2-VL-450M": StandIn(
        "lfm2_vl",
        "lfm2_vl",
        ("<|im_end|>",),
        {
            "text_config": _text(
                1024,
                6656,
                16,
                16,
                8,
                layer_types=["full_attention" if n in (2, 5, 8, 10, 12, 14) else "conv" for n in range(16)],
            )
        },
    ),
    "CohereLabs/North-Micro-Vision-Instruct": _COHERE,
    "HuggingFaceTB/SmolVLM2-2.2B-Instruct": StandIn(
        "smolvlm",
        "smolvlm2",
        ("<end_of_utterance>",),
        {
            "text_config": _text(2048, 8192, 24, 32, 32, model_type="llama", vocab_size=49280),
            "vision_config": {**_SIGLIP, "image_size": 384},
            "scale_factor": 3,
        },
    ),
    "Inferact/Qwen3.8-Flash-Next-NVFP4": _QWEN4,
    "OpenGVLab/InternVL3_5-8B-HF": StandIn(
        "internvl",
        "internvl",
        _CHATML,
        {"text_config": _text(4096, 12288, 36, 32, 8, model_type="qwen3", head_dim=128)},
    ),
    "PaddlePaddle/PaddleOCR-VL-1.6": _PADDLE,
    "Qwen/Qwen2-VL-7B-Instruct": StandIn(
        "qwen2_vl", "qwen2_vl", _CHATML, {"text_config": _QWEN2_7B, "vision_config": {"hidden_size": 3584}}
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": StandIn(
        "qwen2_5_vl",
        "qwen2_5_vl",
        _CHATML,
        {"text_config": _QWEN2_7B, "vision_config": {"hidden_size": 1280, "out_hidden_size": 3584}},
    ),
    "Qwen/Qwen3.5-4B": _qwen3_5(2560, 9216, 32, 16, 4),
    "Qwen/Qwen3.5-9B": _qwen3_5(4096, 12288, 32, 16, 4),
    "Qwen/Qwen3.5-27B": _qwen3_5(5120, 17408, 64, 24, 4, 48),
    "Qwen/Qwen3.8-27B": _qwen3_5(5120, 17408, 64, 24, 4, 48),
    "Qwen/Qwen3.5-35B-A3B": _qwen3_5_moe(),
    "Qwen/Qwen3.5-35B-A3B-Base": _qwen3_5_moe(),
    "Qwen/Qwen3.6-35B-A3B": _qwen3_5_moe(),
    "nex-agi/Nex-N2.5-mini": _qwen3_5_moe(),
    "Qwen/Qwen3.5-122B-A10B": _qwen3_5_moe(3072, 48, 32, 1024),
    "Qwen/Qwen3.8-Flash-Next": _QWEN4,
    "alpindale/Llama-3.2-11B-Vision-Instruct": StandIn(
        "mllama", "llama3_2_vision", ("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>")
    ),
    "axolotl-ai-co/Mistral-Medium-3.5-128B-BF16": _mistral3(
        _text(12288, 28672, 88, 96, 8, head_dim=128), kind="ministral3"
    ),
    "axolotl-ai-co/Mistral-Small-4-119B-2603-BF16": _mistral3({}, kind="mistral4"),
    "axolotl-quants/Llama-4-Maverick-17B-128E-Linearized-bnb-nf4-bf16": _MAVERICK,
    "axolotl-quants/Llama-4-Scout-17B-16E-Linearized-bnb-nf4-bf16": _SCOUT,
    "google/gemma-3-4b-it": _gemma3(2560, 10240, 34, 8, 4),
    "google/gemma-3-12b-it": _gemma3(3840, 15360, 48, 16, 8),
    "google/gemma-3-27b-it": _gemma3(5376, 21504, 62, 32, 16, 128),
    "google/gemma-3n-E2B-it": StandIn(
        "gemma3n",
        "gemma3n",
        _GEMMA3_STOPS,
        {
            "text_config": {
                "intermediate_size": 8192,
                "num_hidden_layers": 30,
                "num_kv_shared_layers": 10,
                "layer_types": _gemma_layers(30, 5),
                "activation_sparsity_pattern": [0.95] * 10 + [0.0] * 20,
            }
        },
    ),
    "google/gemma-4-12B-it": StandIn(
        "gemma4_unified",
        "gemma4_unified",
        _GEMMA4_STOPS,
        {
            "text_config": _text(
                3840, 15360, 48, 16, 8, global_head_dim=512, head_dim=256, layer_types=_gemma_layers(48, 6)
            ),
            "vision_config": {"model_type": "gemma4_unified_vision", "output_proj_dims": 3840},
            "audio_config": {"model_type": "gemma4_unified_audio"},
        },
    ),
    "google/gemma-4-E2B-it": _gemma4(
        _text(1536, 6144, 35, 8, 1, num_kv_shared_layers=20, layer_types=_gemma_layers(35, 5)),
        vision_config=_GEMMA4_VISION,
        audio_config=_GEMMA4_AUDIO,
    ),
    "google/gemma-4-26B-A4B": _GEMMA4_26B,
    "nvidia/Gemma-4-26B-A4B-NVFP4": _GEMMA4_26B,
    "google/gemma-4-31B": _GEMMA4_31B,
    "llava-hf/llava-1.5-7b-hf": StandIn("llava", "llava_1_5", ("</s>",), {"text_config": {"vocab_size": 32064}}),
    "meta-models/Muse-Glimmer-30B": _MUSE,
    "mistral-community/pixtral-12b": StandIn(
        "llava",
        "pixtral",
        ("</s>",),
        {
            "text_config": _text(5120, 14336, 40, 32, 8, model_type="mistral", head_dim=128, vocab_size=131072),
            "vision_config": {
                "model_type": "pixtral",
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "image_size": 1024,
                "patch_size": 16,
                "head_dim": 64,
            },
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "full",
        },
    ),
    "mistralai/Magistral-Small-2509": _mistral3(_SMALL_24B, processor=MISTRAL_COMMON),
    "mistralai/Ministral-3-3B-Reasoning-2512": _mistral3(_MINISTRAL, "ministral3", MISTRAL_COMMON),
    "mistralai/Mistral-Small-3.1-24B-Instruct-2503": _mistral3(_SMALL_24B, processor=MISTRAL_COMMON),
    "mistralai/Shieldstral-1.0-3B": _mistral3(_MINISTRAL, "ministral3", MISTRAL_COMMON),
    "mistralai/Voxtral-Mini-3B-2507": StandIn("voxtral", "voxtral", ("</s>",)),
    "zai-org/GLM-4.6V-Flash": _GLM,
}
WITHOUT = {
    "nvidia/Nemotron-Labs-Diffusion-VLM-8B": "its classes are Python code of the checkpoint, which is not at hand",
}
"""Models with pictures for which nothing can stand in, and why."""

_IDS = ("_token_id", "_token_index")
_LAYERS = 8
"""Of a language model: whole periods of every pattern of layers that a family has, but for the longest's second."""
_PER_LAYER = ("layer_types", "mlp_layer_types", "activation_sparsity_pattern")


def folder(base_model: str) -> Path:
    """The folder of the model that stands in; made once for as long as what it is made from is unchanged."""
    kept = here().home / "stand-ins" / _digest()
    out = kept / base_model.replace("/", "--")
    if not out.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        # Two processes may build it at once; the first that is done has it.
        with tempfile.TemporaryDirectory(dir=kept) as scratch:
            made = Path(scratch) / out.name
            made.mkdir()
            _build(STAND_INS[base_model], made, Path(scratch))
            with suppress(OSError):
                made.rename(out)
    return out


def _digest() -> str:
    digest = hashlib.sha256(str(processors.TOKENIZERS is not None).encode())
    for place in (ROOT / "tests" / "support", Path(__file__).parent):
        for source in sorted(place.glob("*.py")):
            if place.name == "support" or source.name in ("stand_ins.py", "builders.py"):
                digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _build(one: StandIn, out: Path, kept: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    processors.ensure_num2words()
    if one.processor in BUILDERS:
        built = BUILDERS[one.processor](out, kept)
    else:
        tokenizer = processors.tokenizer_folder(one.processor, kept)
        processors.build_processor(one.processor, tokenizer, out)
        built = json.loads((out / "config.json").read_text("utf-8"))
    config = small.mended(AutoConfig.for_model(one.model_type, **_shortened(one)))
    for key, value in built.items():
        if key.endswith(_IDS) and isinstance(value, int) and hasattr(config, key):
            setattr(config, key, value)
    tokenizer = AutoTokenizer.from_pretrained(out)
    text = config.get_text_config()
    text.vocab_size = max(text.vocab_size, len(tokenizer))
    config.architectures = [_class_name(config)]
    config.save_pretrained(out)
    known = tokenizer.get_vocab()
    stops = [known[stop] for stop in one.stops if stop in known]
    (out / "generation_config.json").write_text(json.dumps({"eos_token_id": stops}), "utf-8")


def _shortened(one: StandIn) -> dict[str, Any]:
    """The values with few layers of the language model, and of a vision tower that names none of them by number."""
    from transformers import AutoConfig

    whole = AutoConfig.for_model(one.model_type, **one.values)
    values = {key: dict(value) if isinstance(value, Mapping) else value for key, value in one.values.items()}
    text = dict(values.get("text_config") or {})
    count = whole.get_text_config().num_hidden_layers
    few = min(count, _LAYERS)
    text["num_hidden_layers"] = few
    for key in _PER_LAYER:
        if isinstance(text.get(key), list):
            text[key] = text[key][:few]
    if shared := text.get("num_kv_shared_layers"):
        # The last layers of each kind share what the last one before them of that kind has.
        text["num_kv_shared_layers"] = min(shared, few - 6)
    cross = getattr(whole.get_text_config(), "cross_attention_layers", None)
    if cross:
        text["cross_attention_layers"] = [layer for layer in cross if layer < few]
    values["text_config"] = text
    vision = getattr(whole, "vision_config", None)
    if vision is not None and one.model_type not in ("mllama", "qwen2_5_vl", "qwen3_vl", "gemma3n", "llava"):
        for key in ("depth", "num_hidden_layers"):
            if isinstance(getattr(vision, key, None), int):
                values["vision_config"] = {**(values.get("vision_config") or {}), key: 4}
    return values


def _class_name(config: Any) -> str:
    from transformers.models.auto import modeling_auto

    for table in (
        modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    ):
        if config.model_type in table:
            found = table[config.model_type]
            return found if isinstance(found, str) else found[0]
    return f"{type(config).__name__.removesuffix('Config')}ForConditionalGeneration"
