"""What a model is made of, from its configuration alone: its towers, their sizes, its layers.

The model is built by transformers' own code on the meta device, so no weight exists, and its parts are told by what
they are rather than by family: a part that is a model of its own goes by the entry of the configuration that it was
made from; what lies between such parts goes by the words that transformers' authors use in names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from workbench.errors import EnvironmentProblem

if TYPE_CHECKING:
    from workbench.models.forward import Forward
    from workbench.models.targets import Trained
    from workbench.recipe.model import Recipe

TowerName = Literal["language", "experts", "embeddings", "head", "vision", "audio", "projector", "other"]
TOWERS: tuple[TowerName, ...] = get_args(TowerName)
LANGUAGE: tuple[TowerName, ...] = ("language", "experts", "embeddings", "head")

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
_KEPT = 4
_kept: dict[str, Anatomy] = {}
_EXPERTS = re.compile(r"(^|\.)experts?(\.|$)")


@dataclass(frozen=True, slots=True)
class Tower:
    """A group of parts. `prefixes` are where module names of it begin; `linears` how many linear layers it has.

    `parameters` are counted once each, in the tower where they come first; `bytes` in the dtype asked for.
    """

    name: TowerName
    prefixes: tuple[str, ...]
    linears: int
    parameters: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"prefixes": list(self.prefixes)}


@dataclass(frozen=True, slots=True)
class Layers:
    """A repeated block of a tower: where the blocks are, of which classes, how many."""

    prefix: str
    tower: TowerName
    classes: tuple[str, ...]
    count: int


class Anatomy:
    """A model without weights. Made by `anatomy`.

    `model` is on the meta device, as transformers builds it; nobody changes it.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.config = model.config
        self.last_trained: tuple[str, Trained] | None = None
        self._towers = _assigned(model)

    @property
    def class_name(self) -> str:
        return type(self.model).__name__

    def tower_of(self, name: str) -> TowerName:
        """The tower of a module or parameter, by its name; names inside of PEFT's wrapping are understood."""
        name = name.removeprefix("base_model.model.")
        if _EXPERTS.search(name) and self._longest(name) == "language":
            return "experts"
        return self._longest(name)

    def _longest(self, name: str) -> TowerName:
        while name:
            if name in self._towers:
                return self._towers[name]
            name = name.rpartition(".")[0]
        return self._towers[""]

    @cached_property
    def linears(self) -> dict[str, TowerName]:
        """Every linear layer by name, with its tower; wrappers of a linear layer count as one, what they hold not."""
        import torch

        found: dict[str, TowerName] = {}
        for name, module in self.model.named_modules():
            inside = name.rpartition(".")[0] in found
            if not inside and (isinstance(module, torch.nn.Linear) or wrapped_linear(module) is not None):
                found[name] = self.tower_of(name)
        return found

    @cached_property
    def towers(self) -> tuple[Tower, ...]:
        """The towers that have anything, in the order of `TOWERS`."""
        linears = Counter(self.linears.values())
        parameters: Counter[TowerName] = Counter()
        sizes: Counter[TowerName] = Counter()
        for name, one in self.model.named_parameters():
            tower = self.tower_of(name)
            parameters[tower] += one.numel()
            sizes[tower] += one.numel() * one.element_size()
        prefixes: dict[TowerName, list[str]] = {}
        for prefix, tower in self._towers.items():
            if prefix and self._longest(prefix.rpartition(".")[0]) != tower:
                prefixes.setdefault(tower, []).append(prefix)
        return tuple(
            Tower(name, tuple(prefixes.get(name, ())), linears[name], parameters[name], sizes[name])
            for name in TOWERS
            if parameters[name]
        )

    @cached_property
    def layers(self) -> tuple[Layers, ...]:
        """The repeated blocks, outermost only, in the order of the model."""
        found: list[Layers] = []
        for name, module in self.model.named_modules():
            if type(module).__name__ != "ModuleList" or any(name.startswith(f"{one.prefix}.") for one in found):
                continue
            classes = tuple(dict.fromkeys(type(one).__name__ for one in module))
            if classes and any(True for _ in module.parameters()):
                found.append(Layers(name, self.tower_of(f"{name}.0"), classes, len(module)))
        return tuple(found)

    @cached_property
    def blocks(self) -> tuple[Layers, ...]:
        """The language model's layers: the longest of its repeated blocks; two where it is encoder and decoder."""
        own = [one for one in self.layers if one.tower == "language"]
        most = max((one.count for one in own), default=0)
        return tuple(one for one in own if one.count == most)

    @cached_property
    def shared(self) -> tuple[tuple[str, ...], ...]:
        """Parameters that are reached under more than one name, but for a head that is tied to the embeddings."""
        names: dict[int, list[str]] = {}
        for name, one in self.model.named_parameters(remove_duplicate=False):
            names.setdefault(id(one), []).append(name)
        tied = {"embeddings", "head"}
        return tuple(
            tuple(group)
            for group in names.values()
            if len(group) > 1 and not all(self.tower_of(name) in tied for name in group)
        )

    @cached_property
    def head_dims(self) -> dict[int, str]:
        """The sizes of attention heads, each with the first module that has it, the language model's before others."""
        found: dict[int, str] = {}
        for name, module in sorted(self.model.named_modules(), key=lambda one: self.tower_of(one[0]) != "language"):
            size = getattr(module, "head_dim", None)
            if isinstance(size, int):
                found.setdefault(size, name)
        return found

    @cached_property
    def classes(self) -> frozenset[str]:
        """The names of all classes that the modules have."""
        return frozenset(type(module).__name__ for module in self.model.modules())

    @cached_property
    def expert_parameters(self) -> tuple[str, ...]:
        """The experts' matrices, as `lora_target_parameters` names them: three-dimensional parameters, each once."""
        found = dict.fromkeys(
            ".".join(name.split(".")[-2:])
            for name, one in self.model.named_parameters()
            if one.dim() == 3 and self.tower_of(name) == "experts"
        )
        return tuple(found)

    @cached_property
    def forward(self) -> Forward:
        """What a training step on text does; a second or two, once."""
        from workbench.models.forward import forward_facts

        return forward_facts(self)

    @property
    def parameters(self) -> int:
        """How many there are in all."""
        return sum(one.parameters for one in self.towers)

    def to_dict(self) -> dict[str, Any]:
        """What a program reads: the class, the towers and the language model's layers."""
        return {
            "class": self.class_name,
            "parameters": self.parameters,
            "towers": [one.to_dict() for one in self.towers],
            "layers": [asdict(one) | {"classes": list(one.classes)} for one in self.blocks],
        }


def anatomy(config: Any, recipe: Recipe | None = None) -> Anatomy:
    """The anatomy of a transformers configuration; the recipe says in which dtype its weights count. The last are kept.

    Raises:
        EnvironmentProblem: transformers has no class for it, lacks a package for it, or cannot build it.
    """
    if config is None:
        raise EnvironmentProblem("The model's architecture is not known", "It has no config.json.")
    from workbench.models.memory import weight_dtype

    key = f"{recipe and weight_dtype(recipe)} {type(config).__name__} {config.to_json_string(use_diff=False)}"
    if key not in _kept:
        _kept[key] = Anatomy(bare(config, recipe))
        while len(_kept) > _KEPT:
            _kept.pop(next(iter(_kept)))
    return _kept[key]


def bare(config: Any, recipe: Recipe | None = None) -> Any:
    """The model that a run would load, on the meta device, without adapters.

    Raises:
        EnvironmentProblem: as for `anatomy`.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    from workbench.models.memory import weight_dtype
    from workbench.models.weights import attention

    images = type(config) in AutoModelForImageTextToText._model_mapping
    kind = AutoModelForImageTextToText if images else AutoModelForCausalLM
    options: dict[str, Any] = {"dtype": torch.bfloat16 if recipe is None else weight_dtype(recipe)}
    if recipe is not None and attention(recipe) == "eager":
        # Every other kernel keeps what transformers' own choice keeps: the output and a number for each head and token.
        options["attn_implementation"] = "eager"
    try:
        with torch.device("meta"):
            return kind.from_config(config, **options)
    except ImportError as problem:
        package = re.search(r"requires the (\w+) library", str(problem))
        raise EnvironmentProblem(
            f"A package is missing to build {type(config).__name__}'s model",
            str(problem).strip().splitlines()[0][:200],
            f"Install {package[1]}." if package else "Install what is missing.",
        ) from problem
    except Exception as problem:
        raise EnvironmentProblem(
            f"transformers cannot build a model of this {type(config).__name__}",
            f"{type(problem).__name__}: {str(problem).splitlines()[0][:200] if str(problem) else ''}",
            "Look at config.json; another release of transformers may know it.",
        ) from problem


def wrapped_linear(module: Any) -> Any | None:
    """The linear layer inside of a wrapper such as `Gemma4ClippableLinear`, which axolotl adapts in its place."""
    import torch

    inner = getattr(module, "linear", None)
    wraps = isinstance(inner, torch.nn.Linear) and not isinstance(module, torch.nn.Linear)
    return inner if wraps and "Linear" in type(module).__name__ else None


def _assigned(model: Any) -> dict[str, TowerName]:
    """Where each tower begins: a module's name to its tower. The longest that a name begins with decides."""
    from transformers import PreTrainedModel

    text = _text_config(model.config)
    parts: dict[str, TowerName] = {}
    for name, module in model.named_modules():
        if name and isinstance(module, PreTrainedModel) and module.config is not model.config:
            told = _of_config(module.config, model.config, text)
            tower = told or _of_input(module) or _by_words(name.rpartition(".")[2])
            if tower is not None:
                parts[name] = tower
    composite = "language" in parts.values()
    # Between the towers of a composite model nothing is language; a model in one piece is language but for the rest.
    found: dict[str, TowerName] = {"": "other" if composite else "language"}
    found |= parts
    wrappers = [
        name
        for name, module in model.named_modules()
        if name not in parts and isinstance(module, PreTrainedModel) and not any(_within(name, one) for one in parts)
    ]
    for wrapper in wrappers:
        outside = model.get_submodule(wrapper)
        for child, _ in (*outside.named_children(), *outside.named_parameters(recurse=False)):
            name = f"{wrapper}.{child}".lstrip(".")
            inside = {parts[one] for one in parts if _within(one, name)}
            tower = _by_words(child)
            if tower is not None and name not in found and name not in wrappers and inside <= {tower}:
                found[name] = tower
    for tower_name, tower in parts.items():
        if tower in ("vision", "audio"):
            # A tower that ends in its own projector, as Qwen's merger.
            for child, _ in model.get_submodule(tower_name).named_children():
                if re.search("merger|projector|connector|aligner|adapter|adaptor", child):
                    found[f"{tower_name}.{child}"] = "projector"
    return found | dict(_ends(model, found))


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
        # Some old models have several; then the words decide.
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
    told = getattr(module, "input_modalities", None)
    kinds = {told} if isinstance(told, str) else set(told or ())
    return "vision" if kinds and kinds <= {"image", "video"} else "audio" if kinds == {"audio"} else None


def _entries(config: Any) -> Iterator[tuple[str, Any]]:
    """Configurations inside of a configuration, the nearest first, each with the key it is under."""
    inner = [(key, getattr(config, key, None)) for key in getattr(config, "sub_configs", {})]
    inner = [(key, one) for key, one in inner if hasattr(one, "model_type")]
    yield from inner
    for _, one in inner:
        yield from _entries(one)


def _by_words(name: str) -> TowerName | None:
    return next((tower for tower, words in _WORDS if words.search(name)), None)


def _within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
