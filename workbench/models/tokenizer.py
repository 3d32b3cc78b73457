"""The tokenizer as axolotl makes it from the recipe: class, overrides, special tokens, padding."""

from __future__ import annotations

import json
import reprlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BenchError, EnvironmentProblem, InputError
from workbench.families.library import embedding_layers, is_derived
from workbench.findings import Emitter, Finding
from workbench.models import hub, problems
from workbench.models.hub import Source

VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
    "*.model",
    "*.tiktoken",
    "*.spm",
    "tokenizer*.txt",
)
# Classes of transformers that axolotl's loader asks for by name; a model of any family may have one of them.
_LLAMA_CLASSES = ("LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast")
_LLAMA_PAD = "</s>"

NO_PAD = Emitter("L004", __name__)
NEW_SPECIAL_TOKEN = Emitter("L007", __name__)


def refuse_without_vocabulary(path: Path, source: Source, trust_remote_code: bool) -> None:
    """Raise where there is nothing to tokenize with, saying what is there instead.

    Without this, transformers 5 makes an empty tokenizer from a tokenizer_config.json alone.

    Raises:
        InputError: of a folder. EnvironmentProblem: of a hub model.
    """
    if any(next(path.glob(pattern), None) for pattern in VOCABULARIES):
        return
    if trust_remote_code and any(path.glob("tokenization*.py")):
        return
    names = hub.listing(source)
    kind = InputError if source.folder is not None else EnvironmentProblem
    where = "the folder" if source.folder is not None else "the repository"
    if not names and source.folder is not None:
        raise kind(f"{source.text} is empty", "A model folder holds at least a tokenizer.json.", "Check the path.")
    if "adapter_config.json" in names:
        try:
            base = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        except (OSError, ValueError, KeyError, TypeError):
            base = "its base model"
        raise kind(
            f"{source.text} is an adapter, without a tokenizer",
            f"It was trained on {base}.",
            f"Give the base model: {base}",
        )
    if any(name.endswith(".gguf") for name in names):
        cause = f"There are GGUF files in {where}, which hold weights for llama.cpp."
    elif any(name.endswith((".safetensors", ".bin", ".pt", ".pth")) for name in names):
        cause = f"There are weights in {where}, and no tokenizer beside them."
    elif names:
        cause = f"What is there: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
    else:
        cause = f"None of {', '.join(VOCABULARIES[:4])}, tokenizer.model is there."
    raise kind(
        f"{source.text} has no tokenizer",
        cause,
        "Give the original model, or set tokenizer_config in the recipe to the model whose tokenizer it uses.",
    )


def load_tokenizer(
    path: Path,
    source: Source,
    keys: Mapping[str, Any],
    *,
    raw_config: dict[str, Any],
    auto_config: Any,
    base_model: str,
    trust_remote_code: bool,
    notes: list[Finding],
) -> Any:
    """The tokenizer in `path`, with everything that `keys` (top-level axolotl keys) say of it.

    Adds to `notes`: L004 where pad had to be borrowed, L007 where axolotl would refuse. The model's own chat template
    is left as it is.

    Raises:
        InputError, EnvironmentProblem: as `workbench.models.load.load`.
    """
    if keys.get("tokenizer_use_mistral_common"):
        from workbench.models import mistral

        return mistral.load_tokenizer(path, source)
    overrides = keys.get("added_tokens_overrides")
    with tempfile.TemporaryDirectory(prefix="vlmbench-") as copy:
        if overrides:
            _override(path, source, overrides, Path(copy), raw_config)
        tokenizer = _from_pretrained(
            Path(copy) if overrides else path, source, keys, raw_config, auto_config, trust_remote_code
        )
    if len(tokenizer) == 0:
        raise problems.broken_file(path / "tokenizer.json", ValueError("the vocabulary is empty"), source)
    _pad_and_side(tokenizer, keys, auto_config, base_model)
    _special_tokens(tokenizer, keys, auto_config, notes)
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
        message = f"no pad token: axolotl pads with the end token {tokenizer.eos_token!r} ({tokenizer.eos_token_id})"
        hint = "Pad ids are masked wherever they are, so this token is never trained: set special_tokens.pad_token."
        notes.append(NO_PAD("warning", message, hint))
    return tokenizer


def _from_pretrained(
    path: Path, source: Source, keys: Mapping[str, Any], raw: dict[str, Any], auto_config: Any, trust: bool
) -> Any:
    name = keys.get("tokenizer_type")
    tokenizer_class = problems.transformers_class(str(name or "AutoTokenizer"), "tokenizer_type")
    fast = keys.get("tokenizer_use_fast")
    options: dict[str, Any] = {"trust_remote_code": trust, "use_fast": True if fast is None else fast}
    if keys.get("tokenizer_legacy") is not None:
        options["legacy"] = keys["tokenizer_legacy"]
    if not name and source.repo and (path / "config.json").is_file() and auto_config is not None and not trust:
        # transformers chooses some classes by the hub's name, which a folder does not have.
        auto_config._name_or_path = source.repo
        options["config"] = auto_config
    try:
        return tokenizer_class.from_pretrained(path, **options)
    except BenchError:
        raise
    except BaseException as error:
        # The tokenizers library panics on some broken files, and a panic is no Exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        raise problems.explain(error, "tokenizer", source, path, raw) from error


def _pad_and_side(tokenizer: Any, keys: Mapping[str, Any], auto_config: Any, base_model: str) -> None:
    name = type(tokenizer).__name__
    if name in _LLAMA_CLASSES and not getattr(tokenizer, "pad_token", None):
        tokenizer.pad_token = _LLAMA_PAD
    if name == "GPTNeoXTokenizerFast":
        tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    model_type = getattr(auto_config, "model_type", None)
    if is_mistral_derived(model_type, base_model, keys) and _flash_attention(keys) and not keys.get("sample_packing"):
        tokenizer.padding_side = "left"
    if (is_derived(model_type, "qwen") or keys.get("is_qwen_derived_model")) and hasattr(tokenizer, "eod_id"):
        for role in ("bos", "eos", "pad", "unk"):
            if getattr(tokenizer, f"{role}_token_id") is None:
                setattr(tokenizer, f"{role}_token_id", tokenizer.eod_id)
        for role in ("bos", "eos", "pad", "unk"):
            if getattr(tokenizer, f"{role}_token") is None:
                setattr(tokenizer, f"{role}_token", "<|endoftext|>")


def is_mistral_derived(model_type: str | None, base_model: str, keys: Mapping[str, Any]) -> bool:
    """axolotl's rule: by model type, the last part of the model's name, the recipe's type_of_model, or its own word."""
    # Not in a spec: the word is axolotl's, in the name of its key too, and says nothing of a family.
    return (
        is_derived(model_type, "mistral")
        or bool(keys.get("is_mistral_derived_model"))
        or "mistral" in base_model.lower().split("/")[-1]
        or "mistral" in str(keys.get("type_of_model") or "").lower()
    )


def _flash_attention(keys: Mapping[str, Any]) -> bool:
    backend = keys.get("attn_implementation")
    return backend == "flash_attention_2" or (not backend and bool(keys.get("flash_attention")))


def _special_tokens(tokenizer: Any, keys: Mapping[str, Any], auto_config: Any, notes: list[Finding]) -> None:
    from transformers import AddedToken

    wanted = dict(keys.get("special_tokens") or {})
    additional = wanted.pop("additional_special_tokens", None)
    for role, text in wanted.items():
        if text is None:
            continue
        if not isinstance(text, str):
            cause = f"it is {reprlib.repr(text)}"
            raise InputError(f"special_tokens.{role} is no text", cause, f'Write it as {role}: "<|x|>".')
        _note_if_refused(tokenizer, keys, auto_config, role, text, notes)
        token = AddedToken(text, rstrip=False, lstrip=False, normalized=False)
        try:
            tokenizer.add_special_tokens({role: token})
        except (ValueError, TypeError, AssertionError) as error:
            raise InputError(
                f"special_tokens.{role}: {text!r} cannot be set",
                str(error).splitlines()[0],
                "The keys are bos_token, eos_token, pad_token, unk_token and additional_special_tokens (a list).",
            ) from error
    both = {"bos_token", "eos_token"} <= wanted.keys()
    if both and type(tokenizer).__name__ in ("LlamaTokenizerFast", "CodeLlamaTokenizerFast"):
        tokenizer.update_post_processor()
    if keys.get("tokens"):
        tokenizer.add_tokens(
            [AddedToken(token, rstrip=False, lstrip=False, normalized=False) for token in keys["tokens"]]
        )
    if additional is not None:
        tokenizer.add_special_tokens({"additional_special_tokens": additional})


def _note_if_refused(
    tokenizer: Any, keys: Mapping[str, Any], auto_config: Any, role: str, text: str, notes: list[Finding]
) -> None:
    layers = embedding_layers(getattr(auto_config, "model_type", None))
    saved = keys.get("lora_modules_to_save") or []
    changed = getattr(tokenizer, role, None) != text and len(tokenizer.encode(text, add_special_tokens=False)) > 2
    if role == "pad_token" or not changed or not keys.get("adapter") or all(layer in saved for layer in layers):
        return
    message = f"special_tokens.{role} {text!r} is new to this tokenizer: axolotl refuses it with an adapter"
    notes.append(NEW_SPECIAL_TOKEN("error", message, f"Set lora_modules_to_save to [{', '.join(layers)}]."))


def _override(path: Path, source: Source, overrides: Any, copy: Path, raw: dict[str, Any]) -> None:
    """Write the tokenizer to `copy` with the strings of some added tokens replaced, ids kept.

    Raises:
        InputError: `overrides` is no mapping of ids to strings, or names an id that is not an added token.
    """
    try:
        renamed = {int(number): str(text) for number, text in dict(overrides).items()}
    except (TypeError, ValueError) as error:
        hint = 'Write it as {128041: "<|x|>"}.'
        raise InputError("added_tokens_overrides maps token ids to strings", str(error), hint) from error
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(path, use_fast=True).save_pretrained(copy)
    except Exception as error:
        raise problems.explain(error, "tokenizer", source, path, raw) from error
    for name in ("tokenizer_config.json", "tokenizer.json"):
        file = copy / name
        if not file.is_file():
            continue
        data = json.loads(file.read_text(encoding="utf-8"))
        known = data.get("added_tokens_decoder") if name == "tokenizer_config.json" else None
        listed = {entry["id"]: entry for entry in data.get("added_tokens", ())}
        for number, text in renamed.items():
            entry = known.get(str(number)) if known is not None else listed.get(number)
            if entry is not None:
                entry["content"] = text
            elif known is not None or "added_tokens" in data:
                raise InputError(
                    f"added_tokens_overrides: {number} is not an added token of {source.text}",
                    f"It has {len(known if known is not None else listed)} added tokens.",
                    "Only reserved or added tokens can be renamed; a token of the vocabulary cannot.",
                )
        vocabulary = data.get("model", {}).get("vocab") if name == "tokenizer.json" else None
        if isinstance(vocabulary, dict):
            for old in [text for text, number in vocabulary.items() if number in renamed]:
                number = vocabulary.pop(old)
                vocabulary[renamed[number]] = number
        file.write_text(json.dumps(data, ensure_ascii=False, indent=2), encoding="utf-8")
    config = path / "config.json"
    if config.is_file() and not (copy / "config.json").exists():
        shutil.copyfile(config, copy / "config.json")
