"""Real processors of each family, made from transformers' own classes; a picture is some dozens of tokens in them.

`build_processor` writes a folder that AutoProcessor, AutoTokenizer and AutoConfig load, around the family's real
tokenizer where the test data is at hand. Where it is not, `fallback_tokenizer` trains a byte-level BPE in memory
that has the family's control tokens.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import templates
from workbench.models.load import gc_paused

ROOT = Path(__file__).resolve().parents[2]


def _tokenizers() -> Path | None:
    named = os.environ.get("VLMBENCH_TOKENIZERS")
    folder = Path(named) if named else ROOT.parent / "shared" / "tokenizers"
    return folder if folder.is_dir() else None


TOKENIZERS: Path | None = _tokenizers()

# Whose tokenizer a family uses, where it is not its own.
TOKENIZER_OF = {
    "gemma4_unified": "gemma4",
    "internvl": "qwen2_5_vl",
    "mistral3": "mistral3_v7_tekken",
    "mistral_v7_tekken": "mistral3_v7_tekken",
    "llava": "llava_1_5",
}

# Line breaks stay together, as in the real vocabularies: a header's last one merges with the content's first.
_PIECES = r"\n+|\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|[^\S\n]+"

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def tokenizer_folder(family: str, scratch: Path) -> Path:
    """The folder of the family's real tokenizer, or of a fallback that is written under `scratch`."""
    name = TOKENIZER_OF.get(family, family)
    if TOKENIZERS is not None and (TOKENIZERS / name).is_dir():
        return TOKENIZERS / name
    return fallback_folder(family, scratch)


def fallback_folder(family: str, scratch: Path) -> Path:
    """The folder, under `scratch`, of a small tokenizer with the family's control tokens."""
    name = TOKENIZER_OF.get(family, family)
    out = scratch / f"tokenizer-{name}"
    if not out.exists():
        fallback_tokenizer(name).save_pretrained(out)
    return out


def fallback_tokenizer(name: str) -> Any:
    """A tiny byte-level BPE with the control tokens and the turn format of the family `name`."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    style = templates.STYLES[TOKENIZER_OF.get(name, name)]
    control = list(dict.fromkeys(style.control))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(control) + 200,
        special_tokens=control,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_TEXT] * 4, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=style.bos,
        eos_token=style.eos,
        pad_token=style.pad,
        extra_special_tokens=dict(style.attributes),
    )
    fast.chat_template = style.template
    return fast


def build_processor(family: str, tokenizer_dir: Path, out: Path) -> Path:
    """Write a processor folder of the family around the tokenizer in `tokenizer_dir`; returns `out`.

    Raises:
        KeyError: no builder for this family; the families are `BUILDERS`.
    """
    from transformers import AutoTokenizer

    with gc_paused():
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_dir)
        before = len(tokenizer)
        processor, config = BUILDERS[family](tokenizer)
        template = tokenizer_dir / "chat_template.jinja"
        if template.is_file() and not getattr(processor, "chat_template", None):
            processor.chat_template = template.read_text("utf-8")
        own = [name for name in TOKENIZER_FILES if (tokenizer_dir / name).is_file()]
        same = len(processor.tokenizer) == before
        if same and len(own) == len(TOKENIZER_FILES):
            # All that saving it would write is written over below, and a large vocabulary takes seconds to write.
            tokenizer.save_pretrained = lambda *_, **__: ()
        processor.save_pretrained(out)
        if same:
            # Saving may rewrite a tokenizer's config; the family's own files are what is under test.
            for name in own:
                shutil.copyfile(tokenizer_dir / name, out / name)
        config.save_pretrained(out)
    return out


_TEXT = """user
assistant
model
system
What is in the picture?

A red square on a table.\n\n\nA blue circle and a green triangle are in the picture of the table.
"""


def _size(edge: int) -> dict[str, int]:
    return {"height": edge, "width": edge}


def _text(tokenizer: Any, **more: Any) -> dict[str, Any]:
    """A text model small enough to run: two layers of width 64."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        **more,
    }


def _vision(**more: Any) -> dict[str, Any]:
    return {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, **more}


def _id(tokenizer: Any, token: str) -> int:
    return int(tokenizer.convert_tokens_to_ids(token))


def _gemma3(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Gemma3Config, Gemma3ImageProcessor, Gemma3Processor

    images = Gemma3ImageProcessor(size=_size(56), do_pan_and_scan=False)
    processor = Gemma3Processor(images, tokenizer, image_seq_length=16)
    config = Gemma3Config(
        text_config=_text(tokenizer, layer_types=["sliding_attention", "full_attention"], sliding_window=64),
        vision_config=_vision(image_size=56, patch_size=14, model_type="siglip_vision_model"),
        mm_tokens_per_image=16,
        image_token_index=_id(tokenizer, tokenizer.image_token),
        boi_token_index=_id(tokenizer, tokenizer.boi_token),
        eoi_token_index=_id(tokenizer, tokenizer.eoi_token),
        architectures=["Gemma3ForConditionalGeneration"],
    )
    return processor, config


def _gemma3n(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Gemma3nAudioFeatureExtractor, Gemma3nConfig, Gemma3nProcessor, SiglipImageProcessor

    # 16 tokens at a stride of 32.
    images = SiglipImageProcessor(size=_size(128))
    sound = Gemma3nAudioFeatureExtractor()
    processor = Gemma3nProcessor(sound, images, tokenizer, audio_seq_length=8, image_seq_length=16)
    config = Gemma3nConfig(
        text_config=_text(
            tokenizer,
            vocab_size_per_layer_input=256,
            layer_types=["sliding_attention", "full_attention"],
            num_kv_shared_layers=0,
        ),
        # A small one of timm's in the place of the 300 million parameters of MobileNet.
        vision_config={"architecture": "resnet18", "hidden_size": 512},
        audio_config={"hidden_size": 32, "conf_num_hidden_layers": 1, "conf_num_attention_heads": 2},
        vision_soft_tokens_per_image=16,
        audio_soft_tokens_per_image=8,
        boi_token_id=_id(tokenizer, tokenizer.boi_token),
        eoi_token_id=_id(tokenizer, tokenizer.eoi_token),
        image_token_id=_id(tokenizer, tokenizer.image_token),
        boa_token_id=_id(tokenizer, tokenizer.boa_token),
        eoa_token_id=_id(tokenizer, tokenizer.eoa_token),
        audio_token_id=_id(tokenizer, tokenizer.audio_token),
        architectures=["Gemma3nForConditionalGeneration"],
    )
    return processor, config


def _gemma4_text(tokenizer: Any) -> dict[str, Any]:
    return _text(
        tokenizer,
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=64,
        global_head_dim=32,
        num_global_key_value_heads=2,
        num_kv_shared_layers=0,
        hidden_size_per_layer_input=0,
    )


def _gemma4_ids(tokenizer: Any) -> dict[str, int]:
    return {
        "boi_token_id": _id(tokenizer, tokenizer.boi_token),
        "eoi_token_id": _id(tokenizer, tokenizer.eoi_token),
        "image_token_id": _id(tokenizer, tokenizer.image_token),
        "boa_token_id": _id(tokenizer, tokenizer.boa_token),
        "eoa_token_index": _id(tokenizer, tokenizer.eoa_token),
        "audio_token_id": _id(tokenizer, tokenizer.audio_token),
        "video_token_id": _id(tokenizer, "<|video|>"),
    }


def _gemma4(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import (
        Gemma4AudioFeatureExtractor,
        Gemma4Config,
        Gemma4ImageProcessor,
        Gemma4Processor,
        Gemma4VideoProcessor,
    )

    # 70 soft tokens is the smallest number the image processor allows.
    parts = (Gemma4AudioFeatureExtractor(), Gemma4ImageProcessor(max_soft_tokens=70), tokenizer, Gemma4VideoProcessor())
    processor = Gemma4Processor(*parts, image_seq_length=70)
    config = Gemma4Config(
        text_config=_gemma4_text(tokenizer),
        vision_config=_vision(head_dim=16, num_key_value_heads=2, patch_size=16, default_output_length=70),
        # As in E2B and E4B; the larger ones have none.
        audio_config={"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "output_proj_dims": 32},
        **_gemma4_ids(tokenizer),
        architectures=["Gemma4ForConditionalGeneration"],
    )
    return processor, config


def _gemma4_unified(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import (
        Gemma4UnifiedAudioFeatureExtractor,
        Gemma4UnifiedConfig,
        Gemma4UnifiedImageProcessor,
        Gemma4UnifiedProcessor,
        Gemma4UnifiedVideoProcessor,
    )

    images = Gemma4UnifiedImageProcessor(max_soft_tokens=70)
    parts = (Gemma4UnifiedAudioFeatureExtractor(), images, tokenizer, Gemma4UnifiedVideoProcessor())
    processor = Gemma4UnifiedProcessor(*parts, image_seq_length=70)
    config = Gemma4UnifiedConfig(
        text_config=_gemma4_text(tokenizer),
        vision_config={"mm_embed_dim": 64, "output_proj_dims": 64},
        audio_config={"audio_embed_dim": 64},
        **_gemma4_ids(tokenizer),
        architectures=["Gemma4UnifiedForConditionalGeneration"],
    )
    return processor, config


def _qwen_ids(tokenizer: Any) -> dict[str, int]:
    return {
        "image_token_id": _id(tokenizer, "<|image_pad|>"),
        "video_token_id": _id(tokenizer, "<|video_pad|>"),
        "vision_start_token_id": _id(tokenizer, "<|vision_start|>"),
        "vision_end_token_id": _id(tokenizer, "<|vision_end|>"),
    }


def _qwen_images(patch: int) -> Any:
    from transformers import Qwen2VLImageProcessor

    unit = (2 * patch) ** 2
    return Qwen2VLImageProcessor(
        size={"shortest_edge": 4 * unit, "longest_edge": 16 * unit}, patch_size=patch, merge_size=2
    )


_MROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1000000.0}


def _qwen2_vl(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Qwen2VLConfig, Qwen2VLProcessor, Qwen2VLVideoProcessor

    processor = Qwen2VLProcessor(_qwen_images(14), tokenizer, Qwen2VLVideoProcessor())
    config = Qwen2VLConfig(
        text_config=_text(tokenizer, rope_parameters=_MROPE),
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(tokenizer),
        architectures=["Qwen2VLForConditionalGeneration"],
    )
    return processor, config


def _qwen2_5_vl(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLProcessor, Qwen2VLVideoProcessor

    processor = Qwen2_5_VLProcessor(_qwen_images(14), tokenizer, Qwen2VLVideoProcessor())
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer, rope_parameters=_MROPE),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "out_hidden_size": 64,
            "intermediate_size": 64,
            "num_heads": 2,
            "fullatt_block_indexes": [1],
        },
        **_qwen_ids(tokenizer),
        architectures=["Qwen2_5_VLForConditionalGeneration"],
    )
    return processor, config


def _qwen3_vision() -> dict[str, Any]:
    return {
        "depth": 2,
        "hidden_size": 32,
        "out_hidden_size": 64,
        "intermediate_size": 64,
        "num_heads": 2,
        "num_position_embeddings": 64,
    }


def _qwen3_vl(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Qwen3VLConfig, Qwen3VLProcessor, Qwen3VLVideoProcessor

    processor = Qwen3VLProcessor(_qwen_images(16), tokenizer, Qwen3VLVideoProcessor())
    config = Qwen3VLConfig(
        text_config=_text(tokenizer, rope_parameters={**_MROPE, "mrope_interleaved": True}),
        vision_config={**_qwen3_vision(), "deepstack_visual_indexes": [0]},
        **_qwen_ids(tokenizer),
        architectures=["Qwen3VLForConditionalGeneration"],
    )
    return processor, config


def _qwen3_5(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Qwen3_5Config, Qwen3VLProcessor, Qwen3VLVideoProcessor

    processor = Qwen3VLProcessor(_qwen_images(16), tokenizer, Qwen3VLVideoProcessor())
    text = _text(
        tokenizer,
        layer_types=["linear_attention", "full_attention"],
        linear_key_head_dim=16,
        linear_value_head_dim=16,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
    )
    config = Qwen3_5Config(
        text_config=text,
        vision_config=_qwen3_vision(),
        **_qwen_ids(tokenizer),
        architectures=["Qwen3_5ForConditionalGeneration"],
    )
    return processor, config


def _llama3_2_vision(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import MllamaConfig, MllamaImageProcessor, MllamaProcessor

    processor = MllamaProcessor(MllamaImageProcessor(size=_size(56), max_image_tiles=2), tokenizer)
    text = _text(tokenizer, num_hidden_layers=3, cross_attention_layers=[1])
    picture = _id(tokenizer, "<|image|>")
    # The embeddings have eight rows more; the real tokenizer's picture token, its last, is the first of them.
    text["vocab_size"] = picture if picture == len(tokenizer) - 1 else len(tokenizer)
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "max_num_tiles": 2,
        "intermediate_layers_indices": [0, 1],
        "vision_output_dim": 96,
        "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
    }
    config = MllamaConfig(
        text_config=text,
        vision_config=vision,
        image_token_index=picture,
        architectures=["MllamaForConditionalGeneration"],
    )
    return processor, config


def _llama4(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Llama4Config, Llama4ImageProcessor, Llama4Processor

    images = Llama4ImageProcessor(size=_size(56), max_patches=4)
    processor = Llama4Processor(images, tokenizer, patch_size=14, pixel_shuffle_ratio=0.5)
    config = Llama4Config(
        text_config=_text(tokenizer, intermediate_size_mlp=128, num_local_experts=2, moe_layers=[1]),
        vision_config=_vision(
            image_size=56,
            patch_size=14,
            vision_output_dim=64,
            projector_input_dim=64,
            projector_output_dim=64,
            intermediate_size=128,
        ),
        image_token_index=_id(tokenizer, "<|patch|>"),
        boi_token_index=_id(tokenizer, "<|image_start|>"),
        eoi_token_index=_id(tokenizer, "<|image_end|>"),
        architectures=["Llama4ForConditionalGeneration"],
    )
    return processor, config


def _pixtral_processor(tokenizer: Any, merge: int) -> Any:
    from transformers import PixtralImageProcessor, PixtralProcessor

    images = PixtralImageProcessor(size={"longest_edge": 64}, patch_size=_size(16))
    return PixtralProcessor(images, tokenizer, patch_size=16, spatial_merge_size=merge)


def _pixtral(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import LlavaConfig

    config = LlavaConfig(
        text_config=_text(tokenizer, model_type="mistral"),
        vision_config=_vision(model_type="pixtral", image_size=64, patch_size=16, head_dim=16),
        image_token_index=_id(tokenizer, "[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        architectures=["LlavaForConditionalGeneration"],
    )
    return _pixtral_processor(tokenizer, 1), config


def _mistral3(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Mistral3Config

    config = Mistral3Config(
        text_config=_text(tokenizer, model_type="mistral"),
        vision_config=_vision(model_type="pixtral", image_size=64, patch_size=16, head_dim=16),
        image_token_index=_id(tokenizer, "[IMG]"),
        spatial_merge_size=2,
        architectures=["Mistral3ForConditionalGeneration"],
    )
    return _pixtral_processor(tokenizer, 2), config


def _smolvlm2(tokenizer: Any) -> tuple[Any, Any]:
    ensure_num2words()
    from transformers import SmolVLMConfig, SmolVLMImageProcessor, SmolVLMProcessor, SmolVLMVideoProcessor

    edge = {"longest_edge": 64}
    images = SmolVLMImageProcessor(size={"longest_edge": 128}, max_image_size=edge)
    processor = SmolVLMProcessor(
        images, tokenizer, SmolVLMVideoProcessor(size=edge, max_image_size=edge), image_seq_len=4
    )
    config = SmolVLMConfig(
        text_config=_text(tokenizer, model_type="llama"),
        vision_config=_vision(image_size=64, patch_size=16),
        scale_factor=2,
        image_token_id=_id(tokenizer, "<image>"),
        pad_token_id=tokenizer.pad_token_id,
        architectures=["SmolVLMForConditionalGeneration"],
    )
    return processor, config


def _llava_1_5(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaProcessor

    images = CLIPImageProcessor(size={"shortest_edge": 56}, crop_size=_size(56))
    processor = LlavaProcessor(
        images, tokenizer, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1
    )
    config = LlavaConfig(
        text_config=_text(tokenizer, model_type="llama"),
        vision_config=_vision(model_type="clip_vision_model", image_size=56, patch_size=14, projection_dim=32),
        image_token_index=_id(tokenizer, "<image>"),
        image_seq_length=16,
        architectures=["LlavaForConditionalGeneration"],
    )
    return processor, config


def _internvl(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import GotOcr2ImageProcessor, InternVLConfig, InternVLProcessor, InternVLVideoProcessor

    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    more = ["<quad>", "</quad>", "<ref>", "</ref>", "<box>", "</box>"]
    tokens = [
        *(named[key] for key in ("start_image_token", "end_image_token", "context_image_token")),
        *more,
        "<video>",
    ]
    tokenizer.add_tokens(tokens, special_tokens=True)
    for key, text in named.items():
        tokenizer._set_model_specific_special_tokens({key: text})
    images = GotOcr2ImageProcessor(size=_size(56), crop_to_patches=False)
    processor = InternVLProcessor(images, tokenizer, InternVLVideoProcessor(size=_size(56)), image_seq_length=4)
    processor.chat_template = templates.INTERNVL
    config = InternVLConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config=_vision(image_size=[56, 56], patch_size=[14, 14]),
        image_token_id=_id(tokenizer, "<IMG_CONTEXT>"),
        image_seq_length=4,
        architectures=["InternVLForConditionalGeneration"],
    )
    return processor, config


def ensure_num2words() -> None:
    """Let SmolVLM's processor load without the `num2words` package, which only spells the frame count of a video."""
    from transformers.models.smolvlm import processing_smolvlm

    if processing_smolvlm.num2words is None:
        processing_smolvlm.num2words = str


BUILDERS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "gemma3": _gemma3,
    "gemma3n": _gemma3n,
    "gemma4": _gemma4,
    "gemma4_unified": _gemma4_unified,
    "qwen2_vl": _qwen2_vl,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "qwen3_5": _qwen3_5,
    "llama3_2_vision": _llama3_2_vision,
    "llama4": _llama4,
    "pixtral": _pixtral,
    "mistral3": _mistral3,
    "mistral_v7_tekken": _mistral3,
    "smolvlm2": _smolvlm2,
    "llava_1_5": _llava_1_5,
    "internvl": _internvl,
}
