"""The specs against real tokenizers and processors, and the choice of a strategy in axolotl's order."""

from __future__ import annotations

import gc
import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import processors
from tests.support.media_ids import MEDIA_IDS
from tests.support.small import mended
from workbench.errors import InputError
from workbench.families import library as fam
from workbench.families.spec import Family, parse
from workbench.paths import specs_dir
from workbench.recipe.axolotl_table import releases, table

ALL = fam.families()

# The assistant's header and the turn's end, measured; written down apart from the specs.
ASSISTANT = {
    "gemma3": ([105, 4368, 107], [106]),
    "gemma3n": ([105, 4368, 107], [106]),
    "gemma4": ([105, 4368, 107], [106]),
    "gemma4_unified": ([105, 4368, 107], [106]),
    "qwen2_vl": ([151644, 77091, 198], [151645]),
    "qwen2_5_vl": ([151644, 77091, 198], [151645]),
    "qwen3_vl": ([151644, 77091, 198], [151645]),
    "qwen3_5": ([248045, 74455, 198], [248046]),
    "llama3_2_vision": ([128006, 78191, 128007, 271], [128009]),
    "llama4": ([200005, 140680, 200006, 368], [200008]),
    "pixtral": ([4], [2]),
    "mistral3": ([4], [2]),
    "voxtral": ([4], [2]),
    "smolvlm2": ([9519, 9531, 42], [49279]),
    "internvl": ([151644, 77091, 198], [151645]),
}

BUILDER = {"llava": "llava_1_5"}


def real_tokenizer(name: str) -> Any:
    if processors.TOKENIZERS is None or not (processors.TOKENIZERS / name).is_dir():
        pytest.skip("the real tokenizer is not at hand")
    return _loaded(processors.TOKENIZERS / name)


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> Any:
    from transformers import AutoTokenizer

    gc.disable()  # a vocabulary is some hundred thousand objects: collecting while they are made doubles the time
    try:
        return AutoTokenizer.from_pretrained(folder)
    finally:
        gc.enable()


def ids_of(tokenizer: Any, text: str | None) -> list[int]:
    if text is None:
        return []
    if text == "eos_token":
        return [tokenizer.eos_token_id]
    return list(tokenizer.encode(text, add_special_tokens=False))


class Vocabulary:
    """A tokenizer of a few tokens; what it does not know is None, or the unknown token where it has one."""

    def __init__(
        self, tokens: dict[str, int], unk: int | None = None, eos: int | None = None, **attributes: Any
    ) -> None:
        self.tokens = tokens
        self.unk_token_id = unk
        self.unk_token = "<unk>"
        self.eos_token_id = eos
        for name, value in attributes.items():
            setattr(self, name, value)

    def convert_tokens_to_ids(self, token: str) -> int | None:
        return self.tokens.get(token, self.unk_token_id)

    def convert_ids_to_tokens(self, token: int) -> str:
        return {number: text for text, number in self.tokens.items()}.get(token, f"<{token}>")

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [self.tokens[text]] if text in self.tokens else []


# The files


def test_every_spec_is_named_as_its_file_and_its_strategy_exists() -> None:
    stems = {file.name[:-5] for file in specs_dir().iterdir() if file.name.endswith(".yaml")} - {"axolotl"}
    assert set(ALL) == stems
    for name, one in ALL.items():
        assert one.name == name
        types = one.identify[0].model_types
        classes = [text for rule in one.identify for text in rule.processors]
        chosen = fam.select_strategy(
            model_type=types[0], chat_template=one.axolotl.chat_template, processor_class_names=classes, family=one
        )
        assert chosen.name == one.axolotl.strategy, name


@pytest.mark.parametrize("release", releases())
def test_the_ten_names_with_boundaries_are_the_ten(release: str) -> None:
    assert sorted(table(release).strategies.templates) == [
        *("gemma3", "gemma3n", "gemma4", "gemma4_unified", "llama3_2_vision", "llama4"),
        *("mistral_v7_tekken", "pixtral", "qwen2_vl", "qwen3_5"),
    ]


def test_a_typo_names_file_line_and_field() -> None:
    text = (specs_dir() / "gemma3.yaml").read_text("utf-8")
    line = text.split("\n").index("    value: {use_reentrant: false}")
    broken = text.replace("    value: {use_reentrant: false}", "    valeu: {use_reentrant: false}", 1)
    with pytest.raises(InputError) as caught:
        parse(broken, "gemma3.yaml", Family)
    where = caught.value.where
    assert (where.file, where.field) == ("gemma3.yaml", "recipe.gradient_checkpointing_kwargs.value")
    assert where.line in (line, line + 1)
    with pytest.raises(InputError) as caught:
        parse(text.replace('token: "<end_of_image>"', 'tokens: "<end_of_image>"'), "gemma3.yaml", Family)
    place = text[: text.index('token: "<end_of_image>"')].count("\n") + 1
    assert str(caught.value.where).startswith(f"gemma3.yaml:{place}: media[2]")


def test_broken_yaml_names_the_line() -> None:
    with pytest.raises(InputError) as caught:
        parse("name: x\ntitle: [a\nmodels: b\n", "x.yaml", Family)
    assert caught.value.where.file == "x.yaml"
    assert caught.value.where.line == 3


def test_an_unknown_family_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="no family 'gemma9'") as caught:
        fam.family("gemma9")
    assert "gemma3" in caught.value.hint
    assert fam.family("mistral_v7_tekken").name == "mistral3"


# Markers and media against the real tokenizers


TOKENIZER = {name: str(one.verified.tokenizer) for name, one in ALL.items() if one.verified.tokenizer}


@pytest.mark.parametrize("name", sorted(TOKENIZER, key=lambda name: TOKENIZER[name]))
def test_the_real_tokenizer_and_processor_have_the_ids_on_record(name: str) -> None:
    """Both in one test, in the order of the tokenizers: loading one takes seconds."""
    tokenizer = real_tokenizer(TOKENIZER[name])
    if name == "internvl":  # its media are added to the tokenizer of another family
        tokenizer = deepcopy(tokenizer)
        processors.BUILDERS[name](tokenizer)
    ids_on_record(name, tokenizer)
    if name in MEDIA_IDS:
        media_ids_of_the_processor(name, tokenizer)


def ids_on_record(name: str, tokenizer: Any) -> None:
    one = ALL[name]
    for row in one.boundaries:
        assert row.ids is not None
        assert (ids_of(tokenizer, row.start), ids_of(tokenizer, row.end)) == (list(row.ids.start), list(row.ids.end))
    if name == "llava_onevision":
        return  # its media tokens are not in the vocabulary it was measured with
    for media in one.media:
        assert media.id is None or tokenizer.convert_tokens_to_ids(media.token) == media.id
        assert media.to is None or tokenizer.convert_tokens_to_ids(media.to) == media.to_id


def media_ids_of_the_processor(name: str, tokenizer: Any) -> None:
    processors.ensure_num2words()
    processor, made = processors.BUILDERS[BUILDER.get(name, name)](tokenizer)
    config = made.to_dict()
    classes = [base.__name__ for base in type(processor).__mro__]
    one = fam.identify(config["model_type"], classes, config)
    assert one is not None
    assert one.name == name
    strategy = fam.select_strategy(
        model_type=config["model_type"], chat_template=one.axolotl.chat_template, processor_class_names=classes
    )
    found = strategy.media_ids(processor, processor.tokenizer)
    assert {media.id for media in found} == MEDIA_IDS[name]
    assert len(found) == len(MEDIA_IDS[name])
    assert all(processor.tokenizer.convert_tokens_to_ids(media.token) == media.id for media in found)
    boundaries = strategy.built_in(processor.tokenizer)
    assert [row.role for row in boundaries] == [row.role for row in strategy.boundaries]
    assert bool(strategy.problem(processor, processor.tokenizer)) == (name in ("smolvlm2", "internvl"))
    base = fam.select_strategy(model_type=config["model_type"], chat_template="tokenizer_default")
    assert [media.id for media in base.media_ids(processor, processor.tokenizer)] == [
        processor.tokenizer.convert_tokens_to_ids(processor.image_token)
    ]


def test_every_masked_family_has_a_tokenizer_on_record() -> None:
    assert set(MEDIA_IDS) <= set(TOKENIZER)


@pytest.mark.parametrize("name", sorted(ASSISTANT))
def test_the_assistants_boundary_has_the_measured_ids(name: str) -> None:
    row = next(row for row in ALL[name].boundaries if row.role == "assistant")
    assert row.ids is not None
    assert (list(row.ids.start), list(row.ids.end)) == ASSISTANT[name]


@pytest.mark.parametrize("builder", ["gemma3", "gemma4", "qwen2_vl", "llama4", "pixtral", "smolvlm2"])
def test_media_tokens_around_a_fallback_tokenizer(builder: str, tmp_path: Path) -> None:
    processors.fallback_tokenizer(builder).save_pretrained(tmp_path)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    processor, _ = processors.BUILDERS[builder](tokenizer)
    strategy = fam.select_strategy(
        model_type=ALL[builder].identify[0].model_types[0],
        chat_template=ALL[builder].axolotl.chat_template,
        processor_class_names=[base.__name__ for base in type(processor).__mro__],
        family=ALL[builder],
    )
    by_id = {media.id: media.token for media in ALL[builder].media}
    expected = {by_id[number] for number in MEDIA_IDS[builder]}
    assert {media.token for media in strategy.media_ids(processor, tokenizer)} == expected
    assert len(strategy.built_in(tokenizer)) == len(strategy.boundaries)


@pytest.mark.parametrize("name", ["gemma3", "gemma4", "qwen3_5", "llama4", "pixtral"])
def test_a_folder_with_a_tokenizer_only_has_the_same_ids(name: str, tmp_path: Path) -> None:
    tokenizer = processors.fallback_tokenizer(name)
    processor, _ = processors.BUILDERS[name](tokenizer)
    for template in (ALL[name].axolotl.chat_template, "tokenizer_default"):
        strategy = fam.select_strategy(chat_template=template, family=ALL[name])
        alone = {media.id for media in strategy.media_ids(None, tokenizer)}
        whole = {media.id for media in strategy.media_ids(processor, tokenizer)}
        assert alone == whole
        assert alone


def test_display_media_unfolds_numbered_tokens() -> None:
    tokenizer = processors.fallback_tokenizer("smolvlm2")
    kinds = [media.kind for media in fam.display_media(ALL["smolvlm2"], tokenizer)]
    assert kinds.count("image_tile") == 36
    assert kinds.count("image") == 1


def test_llava_markers_are_found_in_a_two_turn_rendering() -> None:
    tokenizer = real_tokenizer("llava_1_5")
    turns = [("user", "What is it?"), ("assistant", "A square."), ("user", "How many?"), ("assistant", "One.")]
    messages = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
    ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
    for row in ALL["llava"].boundaries:
        assert row.ids is not None
        start = list(row.ids.start)
        assert sum(ids[at : at + len(start)] == start for at in range(len(ids))) == 2, row.role


# Which family, which strategy


@pytest.mark.parametrize(
    ("expected", "model_type", "classes", "config"),
    [
        ("llava", "llava", (), None),
        ("llava", "llava", ("LlavaProcessor",), {"vision_config": {"model_type": "clip_vision_model"}}),
        ("pixtral", "llava", ("PixtralProcessor",), None),
        ("pixtral", "llava", (), {"vision_config": {"model_type": "pixtral"}}),
        ("mistral3", "mistral3", ("PixtralProcessor",), {"vision_config": {"model_type": "pixtral"}}),
        ("pixtral", None, ("PixtralProcessor", "ProcessorMixin"), None),
        ("qwen3_5", "qwen3_5_moe", ("Qwen3VLProcessor",), None),
        ("qwen3_vl", "qwen3_vl_moe", ("Qwen3VLProcessor",), None),
        ("qwen2_vl", "qwen2_vl", (), {}),
        ("llama3_2_vision", "mllama", (), None),
        ("glm4v", "glm4v_moe", (), None),
        (None, "unheard_of", ("Qwen2VLProcessor",), None),
        (None, None, (), None),
    ],
)
def test_identify(expected: str | None, model_type: str | None, classes: tuple[str, ...], config: Any) -> None:
    found = fam.identify(model_type, classes, config)
    assert (found.name if found else None) == expected


def test_a_pixtral_tokenizer_alone_is_told_from_llava() -> None:
    for name in ("pixtral", "llava"):
        tokenizer = processors.fallback_tokenizer(BUILDER.get(name, name))
        found = fam.identify("llava", (), {"model_type": "llava"}, tokenizer)
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize(
    ("expected", "model_type", "template", "classes"),
    [
        ("gemma4", "gemma4", "gemma4", ("Gemma4Processor",)),
        ("base", "gemma4", "tokenizer_default", ("Gemma4Processor",)),
        ("base", "gemma4", None, ("Gemma4Processor",)),
        ("base", "gemma4", "tokenizer_default_fallback_gemma4", ()),
        ("base", "llava", "llava", ("LlavaProcessor",)),
        ("qwen2_vl", "gemma4", "qwen2_vl", ("Gemma4Processor",)),
        ("qwen2_vl", "internvl", "qwen2_vl", ("InternVLProcessor",)),
        ("internvl", "internvl", "tokenizer_default", ("InternVLProcessor", "ProcessorMixin")),
        ("smolvlm2", "smolvlm", None, ("SmolVLMProcessor",)),
        ("base", "idefics3", None, ("Idefics3Processor",)),
        ("voxtral", "voxtral", None, ("VoxtralProcessor",)),
        ("mistral3", "mistral3", None, ("Mistral3Processor",)),
        ("base", "mistral3", "jinja", ("PixtralProcessor",)),
        ("mistral_v7_tekken", "mistral3", "mistral_v7_tekken", ("PixtralProcessor",)),
        ("glm4v", "glm46v", None, ("Glm46VProcessor",)),
        ("paddleocr_vl", "paddleocr_vl", "gemma3", ()),
        ("paddleocr_vl", "llava", "paddleocr_vl", ()),
        ("paddleocr_vl", None, "gemma3", ("PaddleOCRVLProcessor",)),
        ("qwen4_exp", "qwen4_exp", "gemma3", ("Qwen3VLProcessor",)),
        ("muse_glimmer", "muse_glimmer", "qwen2_vl", ("CohereCompassProcessor",)),
        ("gemma3", "kimi_linear", "gemma3", ("PaddleOCRVLProcessor",)),
        ("gemma3", "bailing_hybrid", "gemma3", ("SmolVLMProcessor",)),
    ],
)
def test_strategies_are_tried_in_axolotls_order(
    expected: str, model_type: str | None, template: str | None, classes: tuple[str, ...]
) -> None:
    chosen = fam.select_strategy(model_type=model_type, chat_template=template, processor_class_names=classes)
    assert chosen.name == expected


# The odd cases of what is masked


def strategy(template: str | None = None, *classes: str, family: str | None = None) -> fam.Strategy:
    return fam.select_strategy(
        chat_template=template, processor_class_names=classes, family=ALL[family] if family else None
    )


def masked(chosen: fam.Strategy, processor: Any, tokenizer: Any) -> list[tuple[int, str]]:
    return [(media.id, media.kind) for media in chosen.media_ids(processor, tokenizer)]


def test_gemma3_takes_the_tokenizers_boi_before_the_processors_image_token() -> None:
    tokens = {"<boi>": 7, "<pic>": 8, "<image_soft_token>": 9}
    with_boi = Vocabulary(tokens, unk=0, boi_token="<boi>")
    processor = SimpleNamespace(image_token="<pic>")
    assert masked(strategy("gemma3"), processor, with_boi) == [(7, "image_start"), (9, "image")]
    assert masked(strategy("gemma3"), processor, Vocabulary(tokens, unk=0)) == [(8, "image"), (9, "image")]


@pytest.mark.parametrize("unk", [None, 3])
def test_gemma3_masks_its_default_id_where_the_soft_token_is_unknown(unk: int | None) -> None:
    assert masked(strategy("gemma3"), SimpleNamespace(), Vocabulary({}, unk=unk)) == [(262144, "image")]


def test_gemma4_leaves_out_unknown_delimiters() -> None:
    processor = SimpleNamespace(
        image_token="<|image|>", boi_token="<nothing>", eoi_token="<image|>", boa_token=None, video_token_id=3
    )
    tokenizer = Vocabulary({"<|image|>": 5, "<image|>": 6}, unk=3, image_token_id=5, audio_token_id=None)
    assert masked(strategy("gemma4"), processor, tokenizer) == [(5, "image"), (6, "image_end")]


def test_the_base_strategy_masks_unk_where_the_image_token_is_unknown() -> None:
    processor = SimpleNamespace(image_token="<nothing>")
    assert masked(strategy("tokenizer_default"), processor, Vocabulary({}, unk=3)) == [(3, "image")]
    assert masked(strategy("tokenizer_default"), processor, Vocabulary({})) == []
    assert masked(strategy("tokenizer_default"), SimpleNamespace(), Vocabulary({}, unk=3)) == []


def test_qwen_ignores_the_processors_image_token() -> None:
    tokenizer = Vocabulary({"<|image_pad|>": 1, "<|video_pad|>": 2, "<pic>": 9})
    processor = SimpleNamespace(image_token="<pic>")
    assert masked(strategy("qwen2_vl"), processor, tokenizer) == [(1, "image")]
    assert masked(strategy("qwen3_5"), processor, tokenizer) == [(1, "image"), (2, "video")]


def test_mistral3_reads_control_ids() -> None:
    special = SimpleNamespace(img=10, img_break=12, img_end=None)
    control = {"[SYSTEM_PROMPT]": 17, "[/SYSTEM_PROMPT]": 18, "[INST]": 3, "[/INST]": 4}

    def get(marker: str) -> int:
        if marker not in control:
            raise ValueError(marker)
        return control[marker]

    inner = SimpleNamespace(
        image_encoder=SimpleNamespace(special_ids=special), tokenizer=SimpleNamespace(get_special_token=get)
    )
    tokenizer = Vocabulary({}, eos=2, tokenizer=SimpleNamespace(instruct_tokenizer=inner))
    chosen = strategy(None, "Mistral3Processor")
    assert masked(chosen, SimpleNamespace(), tokenizer) == [(10, "image"), (12, "image_break")]
    rows = [(row.role, row.start, row.end, row.include_end) for row in chosen.built_in(tokenizer)]
    assert rows == [("system", (17,), (18,), True), ("user", (3,), (4,), False), ("assistant", (4,), (2,), True)]
    assert chosen.problem(SimpleNamespace(), tokenizer) is None
    del control["[SYSTEM_PROMPT]"]
    assert chosen.built_in(tokenizer) == []
    assert "mistral-common" in str(chosen.problem(SimpleNamespace(), Vocabulary({})))


def test_boundaries_whose_markers_encode_to_nothing_are_left_out() -> None:
    tokens = {"<|im_end|>": 1, "<|im_start|>user\n": 2, "<|im_start|>assistant\n": 3}
    assert [row.role for row in strategy("qwen2_vl").built_in(Vocabulary(tokens))] == ["user", "assistant"]
    assert strategy("qwen2_vl").built_in(Vocabulary({"<|im_start|>user\n": 2})) == []
    assert strategy("pixtral").built_in(Vocabulary({"[/INST]": 4}, eos=2)) == []
    assert strategy("pixtral").built_in(Vocabulary({"[INST]": 3, "[/INST]": 4})) == []
    assert strategy("tokenizer_default").built_in(Vocabulary(tokens)) == []
    bare = strategy("mistral_v7_tekken").built_in(Vocabulary({"[INST]": 3, "[/INST]": 4}, eos=2))
    assert [row.role for row in bare] == ["user", "assistant"]


def test_smolvlm_and_internvl_cannot_be_built_on_transformers_5() -> None:
    smol = strategy(None, "SmolVLMProcessor")
    assert "additional_special_tokens_ids" in str(smol.problem(SimpleNamespace(), Vocabulary({})))
    assert smol.problem(SimpleNamespace(), Vocabulary({}, additional_special_tokens_ids=[1])) is None
    intern = strategy(None, "InternVLProcessor")
    assert "image_ids" in str(intern.problem(SimpleNamespace(image_token_ids=[1]), Vocabulary({})))
    old = SimpleNamespace(image_ids=[5, None, 6])
    assert intern.problem(old, Vocabulary({})) is None
    assert [number for number, _ in masked(intern, old, Vocabulary({}))] == [5, 6]


def test_muse_glimmer_names_terminators() -> None:
    chosen = strategy("muse_glimmer")
    assert chosen.terminator_ids(Vocabulary({"<|eot|>": 8, "<|eom|>": 9})) == (8, 9)
    assert chosen.terminator_ids(Vocabulary({"<|eot|>": 8})) == (8,)
    assert strategy("gemma3").terminator_ids(Vocabulary({"<|eot|>": 8})) == ()


def test_a_row_for_a_recipe_leaves_out_defaults() -> None:
    user, assistant = ALL["pixtral"].boundaries
    assert user.as_recipe() == {"role": "user", "start": "[INST]", "end": "[/INST]", "include_end": False}
    assert assistant.as_recipe() == {"role": "assistant", "start": "[/INST]", "end": "eos_token"}


# What a recipe needs


def test_needs_depend_on_the_config() -> None:
    key = "fsdp_config.transformer_layer_cls_to_wrap"
    dense = ALL["qwen3_vl"].settings({"model_type": "qwen3_vl"})
    experts = ALL["qwen3_vl"].settings({"model_type": "qwen3_vl_moe"})
    assert (dense[key].value, experts[key].value) == ("Qwen3VLTextDecoderLayer", "Qwen3VLMoeTextDecoderLayer")
    assert "lora_target_parameters" in experts
    assert "lora_target_parameters" not in dense
    assert "lora_target_parameters" not in ALL["qwen3_vl"].settings()
    assert "lora_target_parameters" in ALL["gemma4"].settings({"text_config": {"enable_moe_block": True}})


# Default configs that are another family's model.
PARTS: dict[str, dict[str, Any]] = {
    "pixtral": {"text_config": {"model_type": "mistral"}, "vision_config": {"model_type": "pixtral"}},
    "llava_next": {"text_config": {"model_type": "mistral"}},
    "gemma4": {"vision_config": {}, "audio_config": {}},
    "gemma4_unified": {"vision_config": {}, "audio_config": {}},
}


def small_model(name: str, model_type: str) -> Any:
    """The family's model with the default config but few layers, on the meta device."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForMultimodalLM

    config = mended(CONFIG_MAPPING[model_type](**PARTS.get(name, {})))
    for part in (
        config.get_text_config(),
        getattr(config, "vision_config", None),
        getattr(config, "audio_config", None),
    ):
        if getattr(part, "num_hidden_layers", None):
            if getattr(part, "layer_types", None):
                part.layer_types = part.layer_types[:6]
            part.num_hidden_layers = 6
        if getattr(part, "depth", None):
            part.depth = 2
    with torch.device("meta"):
        return AutoModelForMultimodalLM.from_config(config)


TYPES = {
    name: model_type
    for name, one in ALL.items()
    for model_type in one.identify[0].model_types
    if name not in ("gemma3n", "cohere_compass", "qwen4_exp")  # no timm; defaults that build no model
}
PAIRS = [(name, model_type) for name in TYPES for model_type in ALL[name].identify[0].model_types]


@pytest.mark.parametrize(("name", "model_type"), PAIRS)
def test_the_lora_pattern_hits_the_language_model_alone(name: str, model_type: str) -> None:
    import torch

    one = ALL[name]
    model = small_model(name, model_type)
    assert one.modules is not None
    needs = one.settings(model.config.to_dict())
    pattern = re.compile(str(needs["lora_target_modules"].value))
    names = [path for path, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    hit = [path for path in names if pattern.fullmatch(path)]
    assert hit
    assert all(path.startswith(one.modules.language) for path in hit)
    layers = {re.search(r"layers\.(\d+)\.", path)[1] for path in hit}  # type: ignore[index]
    assert len(layers) == 6
    parts = {path for path, _ in model.named_modules()}
    for prefix in (*one.modules.language, *one.modules.vision, *one.modules.audio, *one.modules.projector):
        assert prefix in parts, prefix
    wrap = str(needs["fsdp_config.transformer_layer_cls_to_wrap"].value).split(",")
    classes = {type(module).__name__ for module in model.modules()}
    assert set(wrap) <= classes
    if "lora_target_parameters" in needs:
        parameters = [path for path, parameter in model.named_parameters() if parameter.ndim == 3]
        for wanted in needs["lora_target_parameters"].value:  # type: ignore[union-attr]
            assert any(path.endswith(str(wanted)) for path in parameters), wanted


def test_what_axolotl_decides_by_model_type_or_name() -> None:
    assert fam.is_named_multimodal("mistral-community/Pixtral-12B")
    assert not fam.is_named_multimodal("Qwen/Qwen2-7B")
    assert fam.is_derived("mistral", "mistral")
    assert not fam.is_derived("mistral3", "mistral")
    assert fam.embedding_layers("gpt_neox") == ("embed_in", "embed_out")
    assert fam.embedding_layers("falcon") == fam.embedding_layers("bailing_hybrid") == ("word_embeddings", "lm_head")
    assert fam.embedding_layers("nemotron_h") == ("embeddings", "lm_head")
    assert fam.embedding_layers("qwen2") == fam.embedding_layers(None) == ("embed_tokens", "lm_head")
