"""The modules that a recipe trains, by tower: PEFT itself is applied to the model without weights."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.models.anatomy import Anatomy, wrapped_linear
from workbench.models.lora import SETTINGS, TARGETS, refusal_error, refused_key
from workbench.models.towers import TOWERS, TowerName

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

# Linear layers that choose experts are left as they are: an adapter there changes which expert is chosen.
_ROUTER = re.compile(r"(^|\.)(gate|router|shared_expert_gate)(\.|$)")
_KEY = "trained"
_ADAPTER = re.compile(r"\.(base_layer|lora_[A-Za-z_]+|token_adapter|modules_to_save|original_module)(\.|$)")


@dataclass(frozen=True, slots=True)
class Trained:
    """The trained parameters and modules, by tower.

    `modules` and `parameters` are what adapters are on, by name. `redirected` are those modules among them that PEFT
    alone refuses and axolotl adapts inside. `dead` are adapters that are frozen afterwards. `counts` are the numbers
    of trained values, adapters and whole parameters alike. `unreached`: numbers of the language model's layers without
    any adapter. `refusal` is set where no model comes out; then nothing is trained.
    """

    modules: dict[str, TowerName] = field(default_factory=dict)
    parameters: dict[str, TowerName] = field(default_factory=dict)
    redirected: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    counts: dict[TowerName, int] = field(default_factory=dict)
    unreached: tuple[int, ...] = ()
    refusal: InputError | None = None
    matched: bool = True

    @property
    def hits(self) -> dict[TowerName, int]:
        """The number of modules and parameters that have an adapter, by tower, in the order of `TOWERS`."""
        found = Counter([*self.modules.values(), *self.parameters.values()])
        return {tower: found[tower] for tower in TOWERS if found[tower]}

    def to_dict(self) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "hits": self.hits,
            "trained_parameters": self.counts,
            "redirected": len(self.redirected),
            "dead": len(self.dead),
            "unreached_layers": list(self.unreached),
        }
        return payload if self.refusal is None else payload | {"refusal": str(self.refusal)}


def trained(anatomy: Anatomy, recipe: Recipe) -> Trained:
    """Apply a recipe's adapters and freezing to a new model of this anatomy, and look at what came out.

    Under a second for a model of 31 billion parameters; the last recipe's is kept. What PEFT refuses is in
    `refusal`, not raised.
    """
    key = recipe.model_dump_json()
    last: tuple[str, Trained] | None = anatomy.facts.get(_KEY)
    if last is None or last[0] != key:
        last = anatomy.facts[_KEY] = key, _applied(anatomy, recipe)
    return last[1]


def _applied(anatomy: Anatomy, recipe: Recipe) -> Trained:
    from workbench.models.build import adapted_meta_model

    with warnings.catch_warnings():
        # The cases that PEFT warns of are looked at below.
        warnings.simplefilter("ignore")
        try:
            model = adapted_meta_model(anatomy.config, recipe)
        except InputError as problem:
            return Trained(
                refusal=_refusal_at_setting(anatomy, recipe, problem), matched=bool(_matched(anatomy, recipe))
            )
    tuner = getattr(model, "base_model", None)
    modules = once_each(anatomy, getattr(tuner, "targeted_module_names", ()))
    parameters = list(dict.fromkeys(getattr(tuner, "targeted_parameter_names", ())))
    counts: Counter[TowerName] = Counter()
    alive: list[str] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            counts[anatomy.tower_of(name)] += parameter.numel()
            alive.append(name)
    return Trained(
        {name: anatomy.tower_of(name) for name in modules},
        {name: anatomy.tower_of(name) for name in parameters},
        tuple(name for name in modules if wrapped_linear(anatomy.model.get_submodule(name)) is not None),
        without_gradient(modules, alive),
        dict(counts),
        _unreached(anatomy, [*modules, *parameters]) if modules or parameters else (),
    )


def _refusal_at_setting(anatomy: Anatomy, recipe: Recipe, problem: InputError) -> InputError:
    """PEFT's refusal at the setting that it is about, where the targets are not: without that one it takes them."""
    from workbench.models.build import adapted_meta_model

    def without(key: str) -> Callable[[], Any]:
        return lambda: adapted_meta_model(anatomy.config, recipe.model_copy(update={key: SETTINGS[key]}))

    if problem.where.field not in TARGETS or not isinstance(problem.__cause__, Exception):
        return problem
    known = recipe.model_dump(exclude_none=True)
    key = refused_key((key, without(key)) for key, harmless in SETTINGS.items() if known.get(key, harmless) != harmless)
    return problem if key is None else refusal_error(recipe, problem.__cause__, key)


def language_model_pattern(anatomy: Anatomy) -> str | None:
    """A pattern for `lora_target_modules` that names the language model's layers and nothing else.

    It takes the linear layers of attention and MLP, as they are called in this model, wherever they are repeated; not
    the routers of experts. None where the language model has no repeated layers with linear ones in them.
    """
    alternatives = []
    for block in anatomy.blocks:
        inside = re.compile(rf"{re.escape(block.prefix)}\.\d+\.(.+)")
        found = [
            match[1]
            for name, tower in anatomy.linears.items()
            if tower == "language" and (match := inside.fullmatch(name))
        ]
        suffixes = [suffix for suffix in dict.fromkeys(found) if not _ROUTER.search(suffix)]
        holders: dict[str, list[str]] = {}
        for suffix in suffixes:
            holder, _, leaf = suffix.rpartition(".")
            holders.setdefault(holder, []).append(leaf)
        if len([holder for holder in holders if holder]) > 1:
            # What hangs on the layer itself is neither attention nor MLP where both have a place of their own.
            holders.pop("", None)
        parts = [
            "".join(f"{piece}\\." for piece in holder.split(".") if piece)
            + (f"({'|'.join(leaves)})" if len(leaves) > 1 else leaves[0])
            for holder, leaves in holders.items()
        ]
        if parts:
            prefix = block.prefix.replace(".", r"\.")
            alternatives.append(rf"{prefix}\.[\d]+\.(_checkpoint_wrapped_module\.)?({'|'.join(parts)})")
    return "|".join(alternatives) or None


def _matched(anatomy: Anatomy, recipe: Recipe) -> list[str]:
    """The modules that PEFT's matching takes, whether it can adapt them or not."""
    from peft.tuners.tuners_utils import _maybe_include_all_linear_layers, check_target_module_exists

    from workbench.models.lora import lora_config

    try:
        config = lora_config(recipe, anatomy.model)
        if config is None:
            return []
        config = _maybe_include_all_linear_layers(config, anatomy.model)
    except (InputError, ValueError):
        return []
    names = [name for name, _ in anatomy.model.named_modules() if name]
    return [name for name in names if bool(config.target_modules) and check_target_module_exists(config, name)]


def once_each(anatomy: Anatomy, names: Iterable[str]) -> list[str]:
    """The modules that PEFT names as its targets, each layer once.

    Where the targets name a wrapper and the linear layer inside of it too, as lora_target_linear does, PEFT names both,
    and there is one adapter.
    """
    found = dict.fromkeys(names)
    modules = dict(anatomy.model.named_modules())
    wrapped = {name for name in found if name in modules and wrapped_linear(modules[name]) is not None}
    return [name for name in found if name.removesuffix(".linear") not in wrapped - {name}]


def without_gradient(modules: Iterable[str], trained: Iterable[str]) -> tuple[str, ...]:
    """Those of the adapted modules of which no parameter is trained; `trained` are names in PEFT's wrapping."""
    alive = {_owner(name) for name in trained}
    return tuple(name for name in modules if name not in alive and f"{name}.linear" not in alive)


def _owner(name: str) -> str:
    """The module that a parameter of an adapter belongs to."""
    return _ADAPTER.split(name.removeprefix("base_model.model."), maxsplit=1)[0]


def _unreached(anatomy: Anatomy, names: list[str]) -> tuple[int, ...]:
    numbers: set[int] = set()
    reached: set[int] = set()
    for block in anatomy.blocks:
        numbers |= set(range(block.count))
        inside = re.compile(rf"{re.escape(block.prefix)}\.(\d+)\.")
        reached |= {int(match[1]) for name in names if (match := inside.match(name))}
    return tuple(sorted(numbers - reached))
