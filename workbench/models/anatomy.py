"""A model's towers, their sizes and its layers, from its configuration alone.

The model is built by transformers' own code on the meta device, so no weight exists.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem
from workbench.models.build import meta_model, weight_dtype
from workbench.models.towers import TOWERS, TowerName, tower_prefixes

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

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

    `model` is on the meta device, as transformers builds it, and never changed. Where it is not `sized`, its sizes are
    the defaults of transformers' class, and no figure of parameters or bytes is the model's.
    """

    def __init__(self, model: Any, *, sized: bool = True) -> None:
        self.model, self.sized = model, sized
        self.config = model.config
        self.facts: dict[str, Any] = {}
        """Results of other modules about this model, each under a key of its own; they live as long as the model."""
        self._towers = tower_prefixes(model)

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
        for name, parameter in self.model.named_parameters():
            tower = self.tower_of(name)
            parameters[tower] += parameter.numel()
            sizes[tower] += parameter.numel() * parameter.element_size()
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
            if type(module).__name__ != "ModuleList" or any(name.startswith(f"{block.prefix}.") for block in found):
                continue
            classes = tuple(dict.fromkeys(type(layer).__name__ for layer in module))
            if classes and any(True for _ in module.parameters()):
                found.append(Layers(name, self.tower_of(f"{name}.0"), classes, len(module)))
        return tuple(found)

    @cached_property
    def blocks(self) -> tuple[Layers, ...]:
        """The language model's layers: the longest of its repeated blocks; two where it is encoder and decoder."""
        own = [block for block in self.layers if block.tower == "language"]
        most = max((block.count for block in own), default=0)
        return tuple(block for block in own if block.count == most)

    @cached_property
    def shared(self) -> tuple[tuple[str, ...], ...]:
        """Parameters that are reached under more than one name, but for a head that is tied to the embeddings."""
        names: dict[int, list[str]] = {}
        for name, parameter in self.model.named_parameters(remove_duplicate=False):
            names.setdefault(id(parameter), []).append(name)
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
        for name, module in sorted(self.model.named_modules(), key=lambda named: self.tower_of(named[0]) != "language"):
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
            for name, parameter in self.model.named_parameters()
            if parameter.dim() == 3 and self.tower_of(name) == "experts"
        )
        return tuple(found)

    @property
    def parameters(self) -> int:
        """The number of parameters of all towers."""
        return sum(tower.parameters for tower in self.towers)

    def to_dict(self) -> dict[str, Any]:
        """The class, the towers and the language model's layers, for JSON."""
        unknown = {} if self.sized else {"parameters": None, "bytes": None}
        return {
            "class": self.class_name,
            "parameters": self.parameters if self.sized else None,
            "towers": [tower.to_dict() | unknown for tower in self.towers],
            "layers": [asdict(block) | {"classes": list(block.classes)} for block in self.blocks],
        }


def anatomy(config: Any, recipe: Recipe | None = None, *, sized: bool = True, tokens: int | None = None) -> Anatomy:
    """The anatomy of a transformers configuration; the recipe says in which dtype its weights count. The last are kept.

    `sized`: whether the sizes in it are the model's, and not the defaults of its class. `tokens`: how many the
    tokenizer has, the recipe's own counted; the embeddings are as large as axolotl makes them for it.

    Raises:
        EnvironmentProblem: transformers has no class for it, lacks a package for it, or cannot build it.
    """
    if config is None:
        raise EnvironmentProblem(
            "The model's architecture is not known", "It has no config.json.", "Add the config.json of the model."
        )
    rows = _embeddings_key(recipe, tokens)
    name = f"{type(config).__name__} {config.to_json_string(use_diff=False)}"
    key = f"{sized} {rows} {recipe and weight_dtype(recipe)} {name}"
    if key not in _kept:
        _kept[key] = Anatomy(meta_model(config, recipe, tokens=tokens if sized else None), sized=sized)
        while len(_kept) > _KEPT:
            _kept.pop(next(iter(_kept)))
    return _kept[key]


def _embeddings_key(recipe: Recipe | None, tokens: int | None) -> str:
    """The part of a recipe that decides the size of the embeddings."""
    return "" if recipe is None else f"{tokens} {recipe.resize_token_embeddings_to_32x} {recipe.shrink_embeddings}"


def wrapped_linear(module: Any) -> Any | None:
    """The linear layer inside of a wrapper such as `Gemma4ClippableLinear`, which axolotl adapts in its place."""
    import torch

    inner = getattr(module, "linear", None)
    wraps = isinstance(inner, torch.nn.Linear) and not isinstance(module, torch.nn.Linear)
    return inner if wraps and "Linear" in type(module).__name__ else None
