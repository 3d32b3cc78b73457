"""Models from folders: what is loaded, with which of axolotl's rules, and how each broken folder is told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.models.conftest import SPECIALS, TEMPLATE, make_tokenizer, write_json
from workbench.errors import BenchError, EnvironmentProblem, InputError
from workbench.models import Loaded, load
from workbench.models.load import image_size
from workbench.models.tokenizer import is_mistral_derived

REAL = sorted((Path(__file__).parents[3] / "shared" / "tokenizers").glob("*/tokenizer.json"))


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model that a test may spoil."""
    return shutil.copytree(model_folder, tmp_path / "model")


def codes(loaded: Loaded) -> list[str]:
    assert {note.code[0] for note in loaded.notes} <= {"L"}
    return [note.code for note in loaded.notes]


def refused(folder: Path, kind: type[BenchError], **options: Any) -> BenchError:
    with pytest.raises(kind) as caught:
        load(str(folder), **options)
    assert caught.value.hint
    return caught.value


def test_a_model_folder(model_folder: Path) -> None:
    loaded = load(str(model_folder))
    assert loaded.path == model_folder.resolve()
    assert loaded.revision is None
    assert (loaded.model_type, loaded.is_multimodal) == ("qwen2_vl", True)
    assert loaded.config["transformers_version"] == "5.16.1"
    assert loaded.generation_config == {"eos_token_id": [2, 0]}
    assert (loaded.pad_id, loaded.eos_id) == (0, 2)
    assert loaded.processor_classes[0] == "Qwen2VLProcessor"
    assert "ProcessorMixin" in loaded.processor_classes
    assert loaded.processor is not None
    assert loaded.processor.tokenizer is loaded.tokenizer
    assert loaded.processor_template == loaded.tokenizer_template == TEMPLATE
    assert codes(loaded) == []


def test_the_processor_expands_a_picture_with_the_loaded_tokenizer(model_folder: Path) -> None:
    from PIL import Image

    loaded = load(str(model_folder))
    assert loaded.processor is not None
    ids = loaded.processor(text=["<|image_pad|> a red square"], images=[Image.new("RGB", (56, 56))])["input_ids"][0]
    assert list(ids).count(SPECIALS.index("<|image_pad|>")) > 1


def test_a_tokenizer_without_config_and_processor(text_folder: Path) -> None:
    loaded = load(str(text_folder))
    assert loaded.processor is None
    assert loaded.processor_classes == ()
    assert (loaded.config, loaded.model_type, loaded.auto_config) == ({}, None, None)
    assert loaded.tokenizer_template == TEMPLATE
    assert sorted(codes(loaded)) == ["L001", "L002"]
    assert "pictures are not expanded" in next(note for note in loaded.notes if note.code == "L001").message


def test_a_processor_without_a_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    loaded = load(str(folder))
    assert loaded.processor_classes[0] == "Qwen2VLProcessor"
    assert codes(loaded) == ["L002"]


def test_a_text_model(text_folder: Path, tmp_path: Path) -> None:
    model = shutil.copytree(text_folder, tmp_path / "text")
    write_json(model / "config.json", {"model_type": "qwen2"})
    loaded = load(str(model))
    assert (loaded.model_type, loaded.is_multimodal, loaded.image_size) == ("qwen2", False, None)
    assert codes(loaded) == ["L001"]


def test_an_image_processor_alone_is_no_processor(text_folder: Path, tmp_path: Path) -> None:
    model = shutil.copytree(text_folder, tmp_path / "text")
    write_json(model / "preprocessor_config.json", {"image_processor_type": "CLIPImageProcessor"})
    write_json(model / "config.json", {"model_type": "qwen2"})
    loaded = load(str(model))
    assert loaded.processor is None
    assert codes(loaded) == ["L001"]


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({"model_type": "gemma3"}, 224),
        ({"model_type": "mllama", "vision_config": {"image_size": 560}}, 560),
        ({"model_type": "internvl", "vision_config": {"image_size": [448, 336]}}, (448, 336)),
        ({"model_type": "qwen2_vl"}, None),
        ({"model_type": "clip"}, None),
    ],
)
def test_the_default_picture_size_is_that_of_the_configuration_object(
    text_folder: Path, tmp_path: Path, config: dict[str, Any], size: Any
) -> None:
    model = shutil.copytree(text_folder, tmp_path / "text")
    write_json(model / "config.json", config)
    assert load(str(model)).image_size == size


def test_the_default_picture_size_of_a_processor() -> None:
    def size(**given: int) -> Any:
        return image_size(None, SimpleNamespace(size=given), multimodal=True)

    assert size(width=10, height=20) == (10, 20)
    assert size(width=10) == size(height=10) == 10
    assert size(longest_edge=10) is None
    assert image_size(None, SimpleNamespace(), multimodal=True) is None


def test_overrides_of_the_configuration_reach_the_object(model_folder: Path) -> None:
    loaded = load(str(model_folder), recipe={"overrides_of_model_config": {"image_token_id": 5}})
    assert loaded.auto_config.image_token_id == 5  # type: ignore[union-attr]
    wrong = {"overrides_of_model_config": {"vision_config": "small"}}
    assert "overrides_of_model_config.vision_config" in refused(model_folder, InputError, recipe=wrong).title


@pytest.mark.parametrize("value", [3, 0, True, ["<|end|>"], {"a": "b"}])
def test_a_special_token_that_is_no_text_is_named(model_folder: Path, value: Any) -> None:
    problem = refused(model_folder, InputError, recipe={"adapter": "lora", "special_tokens": {"eos_token": value}})
    assert problem.title == "special_tokens.eos_token is no text"


def test_special_tokens_tokens_and_pad(model_folder: Path) -> None:
    plain = load(str(model_folder))
    recipe = {
        "special_tokens": {
            "pad_token": "<|pad|>",
            "bos_token": "<|im_start|>",
            "additional_special_tokens": ["<|extra|>"],
        },
        "tokens": ["<|new|>"],
    }
    loaded = load(str(model_folder), recipe=recipe)
    size = len(plain.tokenizer)
    assert loaded.pad_id == size
    assert loaded.tokenizer.bos_token_id == SPECIALS.index("<|im_start|>")
    assert loaded.tokenizer.convert_tokens_to_ids(["<|new|>", "<|extra|>"]) == [size + 1, size + 2]
    assert loaded.processor is not None
    assert len(loaded.processor.tokenizer) == size + 3


def test_what_axolotl_would_refuse_is_noted(model_folder: Path) -> None:
    recipe = {"adapter": "lora", "special_tokens": {"eos_token": "<|the end|>"}}
    loaded = load(str(model_folder), recipe=recipe)
    assert codes(loaded) == ["L007"]
    assert "embed_tokens, lm_head" in loaded.notes[0].hint
    saved = {**recipe, "lora_modules_to_save": ["lm_head", "embed_tokens"]}
    assert codes(load(str(model_folder), recipe=saved)) == []
    assert codes(load(str(model_folder), recipe={**recipe, "special_tokens": {"eos_token": "<|im_end|>"}})) == []
    problem = refused(model_folder, InputError, recipe={"special_tokens": {"end_token": "x"}})
    assert "special_tokens.end_token" in problem.title


def test_pad_is_borrowed_from_eos(tmp_path: Path) -> None:
    make_tokenizer(tmp_path, pad=None)
    loaded = load(str(tmp_path))
    assert loaded.pad_id == loaded.eos_id == 2
    assert "L004" in codes(loaded)


def test_added_tokens_are_renamed_in_a_copy(model_folder: Path) -> None:
    before = (model_folder / "tokenizer.json").read_bytes()
    number = SPECIALS.index("<|video_pad|>")
    loaded = load(str(model_folder), recipe={"added_tokens_overrides": {str(number): "<|turn|>"}})
    assert loaded.tokenizer.encode("<|turn|>", add_special_tokens=False) == [number]
    assert len(loaded.tokenizer.encode("<|video_pad|>", add_special_tokens=False)) > 1
    assert loaded.tokenizer.chat_template == TEMPLATE
    assert (model_folder / "tokenizer.json").read_bytes() == before
    assert (
        "300 is not an added token"
        in refused(model_folder, InputError, recipe={"added_tokens_overrides": {300: "x"}}).title
    )
    refused(model_folder, InputError, recipe={"added_tokens_overrides": {"a": "x"}})


def test_flash_attention_pads_a_mistral_on_the_left(model_folder: Path) -> None:
    def side(**keys: Any) -> str:
        return str(load(str(model_folder), recipe=keys).tokenizer.padding_side)

    mistral = {"base_model": "mistralai/Mistral-Small", "attn_implementation": "flash_attention_2"}
    assert side(**mistral) == "left"
    assert side(base_model="x/mistral", flash_attention=True) == "left"
    assert side(**mistral, sample_packing=True) == "right"
    assert side(**{**mistral, "attn_implementation": "sdpa"}) == "right"
    assert side(**{**mistral, "base_model": "mistralai/Pixtral-12B"}) == "right"


def test_what_is_derived_from_mistral() -> None:
    assert is_mistral_derived("mistral", "x", {})
    assert is_mistral_derived(None, "x", {"type_of_model": "MistralForCausalLM"})
    assert is_mistral_derived(None, "x", {"is_mistral_derived_model": True})
    assert not is_mistral_derived("mistral3", "mistralai/pixtral", {})


def test_classes_named_by_the_recipe(model_folder: Path) -> None:
    recipe = {"processor_type": "Qwen2VLProcessor", "tokenizer_type": "PreTrainedTokenizerFast"}
    assert load(str(model_folder), recipe=recipe).processor_classes[0] == "Qwen2VLProcessor"
    problem = refused(model_folder, InputError, recipe={"processor_type": "Qwen2VLProcesor"})
    assert "Qwen2VLProcessor" in problem.hint
    refused(model_folder, InputError, recipe={"tokenizer_type": "NoTokenizerAtAll"})


def test_processor_kwargs_reach_the_processor(model_folder: Path) -> None:
    kwargs = {"min_pixels": 28 * 28 * 4, "max_pixels": 28 * 28 * 16}
    loaded = load(str(model_folder), recipe={"processor_kwargs": kwargs})
    assert loaded.processor is not None
    assert loaded.processor.image_processor.size["longest_edge"] == kwargs["max_pixels"]


def test_the_processor_may_come_from_another_folder(model_folder: Path, text_folder: Path) -> None:
    loaded = load(str(text_folder), recipe={"processor_config": str(model_folder)})
    assert loaded.processor_path == model_folder.resolve()
    assert loaded.tokenizer_path == text_folder.resolve()


def test_an_empty_folder_and_one_without_vocabulary(tmp_path: Path) -> None:
    assert "is empty" in refused(tmp_path, InputError).title
    write_json(tmp_path / "tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer"})
    assert "no tokenizer" in refused(tmp_path, InputError).title
    (tmp_path / "model.safetensors").touch()
    assert "weights" in refused(tmp_path, InputError).cause


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "tokenizer_config.json", "processor_config.json"])
def test_a_file_that_was_cut_off_is_named_with_its_line(folder: Path, name: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(text[: len(text) // 2], encoding="utf-8")
    problem = refused(folder, InputError)
    assert problem.title == f"{name} is broken"
    assert problem.where.file == str(folder / name)
    assert problem.where.line


def test_a_tokenizer_file_that_is_json_but_no_tokenizer(folder: Path) -> None:
    write_json(folder / "tokenizer.json", {"model": {"type": "BPE"}})
    assert "tokenizer" in refused(folder, InputError).title


def test_a_configuration_that_is_no_object(folder: Path) -> None:
    write_json(folder / "config.json", [1])
    assert refused(folder, InputError).title == "config.json is broken"


def test_an_architecture_that_this_transformers_does_not_know(folder: Path) -> None:
    import transformers

    write_json(folder / "config.json", {"model_type": "gemma99", "transformers_version": "6.1.0"})
    problem = refused(folder, EnvironmentProblem)
    assert "'gemma99'" in problem.title
    assert transformers.__version__ in problem.title
    assert "6.1.0" in problem.hint


def test_a_model_with_code_of_its_own_needs_the_users_word(folder: Path) -> None:
    marker = folder / "ran"
    code = f"open({str(marker)!r}, 'w')\nfrom transformers import Qwen2VLConfig\n"
    code += "class Own(Qwen2VLConfig):\n    model_type = 'own'\n"
    (folder / "configuration_own.py").write_text(code, encoding="utf-8")
    write_json(folder / "config.json", {"model_type": "own", "auto_map": {"AutoConfig": "configuration_own.Own"}})
    for options in ({}, {"recipe": {"trust_remote_code": True}}):
        problem = refused(folder, EnvironmentProblem, **options)
        assert "--trust-remote-code" in problem.hint
    assert not marker.exists()
    assert load(str(folder), trust_remote_code=True).model_type == "own"
    assert marker.exists()


def test_the_recipes_trust_is_not_the_users(folder: Path) -> None:
    data = {"model_type": "qwen2_vl", "auto_map": {"AutoConfig": "configuration_own.Own"}}
    write_json(folder / "config.json", data)
    assert codes(load(str(folder), recipe={"trust_remote_code": True})) == ["L005"]


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def fail(*args: Any, **options: Any) -> None:
        raise ImportError("Own requires the nosuchthing library but it was not found in your environment.")

    monkeypatch.setattr(transformers.Qwen2VLProcessor, "from_pretrained", fail)
    problem = refused(folder, EnvironmentProblem)
    assert "nosuchthing" in problem.title
    assert problem.hint == "Install it: pip install nosuchthing"


def test_mistral_common_is_an_extra(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.models.problems.importable", lambda module: False)
    problem = refused(model_folder, EnvironmentProblem, recipe={"tokenizer_use_mistral_common": True})
    assert "mistral-common" in problem.title


def test_mistral_commons_own_tokenizer(tmp_path: Path) -> None:
    package = pytest.importorskip("mistral_common", reason="mistral-common is an extra")
    vocabulary = next((Path(package.__file__).parent / "data").glob("tekken*.json"))
    shutil.copyfile(vocabulary, tmp_path / "tekken.json")
    loaded = load(str(tmp_path), recipe={"tokenizer_use_mistral_common": True, "is_multimodal": True})
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
    assert loaded.processor is not None
    ids = loaded.processor.apply_chat_template([turns])["input_ids"][0].tolist()
    assert loaded.tokenizer.decode(ids) == "<s>[INST]hi[/INST]yo</s>"
    assert loaded.tokenizer.apply_chat_template(turns[:1], add_generation_prompt=True)["input_ids"] == ids[:4]
    assert (loaded.pad_id, loaded.eos_id, loaded.tokenizer.padding_side) == (11, 2, "left")


def test_warnings_of_transformers_become_notes(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import transformers

    original = transformers.Qwen2VLProcessor.from_pretrained

    def warn(*args: Any, **options: Any) -> Any:
        transformers.utils.logging.get_logger("transformers.own").warning("an incorrect\nregex")
        return original(*args, **options)

    monkeypatch.setattr(transformers.Qwen2VLProcessor, "from_pretrained", warn)
    notes = load(str(model_folder)).notes
    assert [(note.code, note.message) for note in notes] == [("L006", "an incorrect regex")]
    assert "regex" not in capfd.readouterr().err


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "huggingface_hub", "PIL", "numpy")
    program = f"import sys, workbench.models; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not REAL, reason="the real tokenizers are not beside the checkout")
@pytest.mark.parametrize("name", ["smolvlm2", "llava_1_5", "pixtral"])
def test_a_real_tokenizer_folder(name: str) -> None:
    path = next(file.parent for file in REAL if file.parent.name == name)
    loaded = load(str(path))
    assert loaded.processor is None
    assert loaded.is_multimodal
    assert loaded.tokenizer_template == (path / "chat_template.jinja").read_text(encoding="utf-8")
    assert loaded.model_type == json.loads((path / "config.json").read_text())["model_type"]
    assert (loaded.pad_id, loaded.eos_id) == {"smolvlm2": (2, 49279), "llava_1_5": (32001, 2), "pixtral": (11, 2)}[name]
