"""The tower of each part of a model, derived from the part itself rather than from its family.

A part that is a model of its own goes by the entry of the configuration that it was made from; what lies between such
parts goes by the words that transformers' authors use in names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args

TowerName = Literal["language", "experts", "embeddings", "head", "vision", "audio", "projector", "other"]
TOWERS: tuple[TowerName, ...] = get_args(TowerName)

_WORDS: tuple[tuple[TowerName, re.Pattern[str]], ...] = (
    (
        "projector",
        re.compile(
            r"project|proj$|connector|align|adapter|merger|resampl|qformer|perceiver|newline"
            r"|embed_(vision|audio)|(vision|visual|image)_embed|perception|query_tokens"
        ),
    ),
    ("audio", re.compile("audio|speech|sound|voice")),
    ("vision", re.compile("vision|visual|image|video|pixel|patch|vit|vq|sam|encoder_config")),
)
_OWN_PROJECTOR = re.compile("merger|projector|connector|aligner|adapter|adaptor")


def tower_prefixes(model: Any) -> dict[str, TowerName]:
    """The beginning of each tower: a module's or parameter's name mapped to its tower, "" for all the rest.

    The longest name that another begins with decides.
    """
    parts = _parts(model)
    # Between the towers of a composite model nothing is language; a model in one piece is language but for the rest.
    found: dict[str, TowerName] = {"": "other" if "language" in parts.values() else "language"}
    found |= parts
    found |= _between(model, parts)
    for name, tower in parts.items():
        if tower in ("vision", "audio"):
            # A tower that ends in its own projector, as Qwen's merger.
            inside = (child for child, _ in model.get_submodule(name).named_children() if _OWN_PROJECTOR.search(child))
            found |= dict.fromkeys((f"{name}.{child}" for child in inside), "projector")
    return found | dict(_ends(model, found))


def media_dtype(model: Any) -> Any:
    """The dtype of pixels and sound for a model: that of the first floating weight of its vision or audio tower.

    The model's first weight may be another: an integer where it is quantized, 32 bits where an embedding was cast.
    """
    from workbench.models.lora import innermost

    inner = innermost(model)
    prefixes = tower_prefixes(inner) if hasattr(inner, "config") else {}
    towers = [name for name, tower in prefixes.items() if tower in ("vision", "audio")]
    floating = {name: one for name, one in inner.named_parameters() if one.is_floating_point() and "lora_" not in name}
    found = (one for name, one in floating.items() if any(_within(name, tower) for tower in towers))
    first = next(found, None)
    return first.dtype if first is not None else next(iter(floating.values())).dtype


def _parts(model: Any) -> dict[str, TowerName]:
    """The parts that are models of their own."""
    from transformers import PreTrainedModel

    text = _text_config(model.config)
    parts: dict[str, TowerName] = {}
    for name, module in model.named_modules():
        if name and isinstance(module, PreTrainedModel) and module.config is not model.config:
            from_config = _of_config(module.config, model.config, text)
            tower = from_config or _of_input(module) or _by_words(name.rpartition(".")[2])
            if tower is not None:
                parts[name] = tower
    return parts


def _between(model: Any, parts: dict[str, TowerName]) -> dict[str, TowerName]:
    """The modules and parameters beside the parts, on the model itself or on what wraps them, by name."""
    from transformers import PreTrainedModel

    found: dict[str, TowerName] = {}
    wrappers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, PreTrainedModel) and not any(_within(name, part) for part in parts)
    }
    for wrapper, module in wrappers.items():
        for child, _ in (*module.named_children(), *module.named_parameters(recurse=False)):
            name = f"{wrapper}.{child}".lstrip(".")
            tower = _by_words(child)
            inside = {parts[part] for part in parts if _within(part, name)}
            if tower is not None and name not in parts and name not in wrappers and inside <= {tower}:
                found[name] = tower
    return found


def _ends(model: Any, found: dict[str, TowerName]) -> Iterator[tuple[str, TowerName]]:
    """The language model's embeddings and head."""
    import torch

    head = model.get_output_embeddings()
    try:
        entry = model.get_input_embeddings()
    except NotImplementedError:
        entry = None
    for name, module in model.named_modules():
        if module is head and name:
            yield name, "head"
        elif module is entry:
            yield name, "embeddings"
        elif isinstance(module, torch.nn.Embedding):
            owner = name
            while owner and owner not in found:
                owner = owner.rpartition(".")[0]
            if found[owner] == "language":
                yield name, "embeddings"


def _text_config(config: Any) -> Any:
    try:
        return config.get_text_config(decoder=True)
    except ValueError:
        # Some old models have several; then the words of the name decide.
        return None


def _of_config(own: Any, root: Any, text: Any) -> TowerName | None:
    """The tower of a part by the entry of the configuration that it was made from."""
    if text is not None and text is not root and (own is text or type(own) is type(text)):
        return "language"
    for key, entry in _entries(root):
        if own is entry or type(own) is type(entry):
            return "language" if re.search("text|llm|language|decoder", key) else _by_words(key)
    return None


def _of_input(module: Any) -> TowerName | None:
    """The tower of a part that takes pictures or sound and nothing else, as its class says."""
    declared = getattr(module, "input_modalities", None)
    kinds = {declared} if isinstance(declared, str) else set(declared or ())
    return "vision" if kinds and kinds <= {"image", "video"} else "audio" if kinds == {"audio"} else None


def _entries(config: Any) -> Iterator[tuple[str, Any]]:
    """Configurations inside of a configuration, the nearest first, each with the key it is under."""
    inner = [(key, getattr(config, key, None)) for key in getattr(config, "sub_configs", {})]
    inner = [(key, config) for key, config in inner if hasattr(config, "model_type")]
    yield from inner
    for _, child in inner:
        yield from _entries(child)


def _by_words(name: str) -> TowerName | None:
    return next((tower for tower, words in _WORDS if words.search(name)), None)


def _within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
