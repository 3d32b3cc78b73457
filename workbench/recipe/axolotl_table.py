"""axolotl's answers about itself, one table a release, for when no axolotl is there to be asked.

The tables are data, in `workbench/consumers/axolotl/tables/`. `python -m conformance.harvest` writes them: it asks the
axolotl of each release, in an environment of its own. A bench goes by one of them (`Bench.axolotl`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from workbench.errors import InputError
from workbench.recipe.lora_kernels import KernelSupport
from workbench.recipe.schema import Schema

BASE_STRATEGY = "ProcessingStrategy"


@dataclass(frozen=True, slots=True)
class StrategyChoice:
    """The rule by which a release picks a strategy, by the names of axolotl's classes.

    `registered`: model type -> class; None where the search goes on at the template's name. `matched`: processor class
    -> class, for registered architectures. `templates`: template's name -> class. `processors`: processor class ->
    class, asked last. `masks`: class -> the sources of the ids that it masks besides pad, as the harvest names them.
    """

    registered: Mapping[str, str | None]
    matched: Mapping[str, str]
    templates: Mapping[str, str]
    processors: Mapping[str, str]
    masks: Mapping[str, tuple[str, ...]]

    def pick(self, model_type: str | None, chat_template: str | None, processor_classes: Iterable[str]) -> str:
        """The class of the strategy. `processor_classes`: the names of the processor's class and its bases."""
        classes = tuple(processor_classes)
        name = next((one for one in (model_type, chat_template) if one in self.registered), None)
        found = self.registered[name] if name is not None else _first(self.matched, classes)
        return found or self.templates.get(chat_template or "") or _first(self.processors, classes) or BASE_STRATEGY


@dataclass(frozen=True, slots=True, eq=False)
class AxolotlTable:
    """The answers of one release.

    `release`: "0.21"; `version`: the one that was asked, "0.21.0". `templates`: name -> sha256 of the bundled text.
    `multimodal`: model type -> the class that loads it. `reentrant`: model type -> `use_reentrant` where checkpointing
    is on and nothing else is said; "" is every other model type. `by_tokens`: model type -> how its trainer divides the
    loss of a step, likewise. `removed`, `renamed`: keys of older releases.
    """

    release: str
    version: str
    schema: Schema
    removed: frozenset[str]
    renamed: Mapping[str, str]
    templates: Mapping[str, str]
    strategies: StrategyChoice
    kernels: KernelSupport
    multimodal: Mapping[str, str]
    reentrant: Mapping[str, bool]
    by_tokens: Mapping[str, bool]

    @property
    def name(self) -> str:
        """The release in words."""
        return f"axolotl {self.release}"

    def is_bundled(self, name: str, text: str | None) -> bool:
        """True where a text is to the letter what this release bundles under a name."""
        return text is not None and self.templates.get(name) == hashlib.sha256(text.encode()).hexdigest()

    def use_reentrant(self, model_type: str | None, *, zero3: bool = False) -> bool:
        """The kind of checkpointing that a recipe gets which turns it on and names none; ZeRO-3 keeps the reentrant."""
        return self.reentrant.get(model_type or "", zero3 or self.reentrant[""])

    def loss_by_tokens(self, model_type: str | None) -> bool:
        """True where a step's loss is divided by all its trained tokens; else it is the mean of its micro batches'."""
        return self.by_tokens.get(model_type or "", self.by_tokens[""])


def _first(known: Mapping[str, str], classes: tuple[str, ...]) -> str | None:
    return next((known[one] for one in classes if one in known), None)


def _folder() -> Traversable:
    # They lie with the rest of what is known of this consumer, which stands above this layer.
    return files("workbench").joinpath("consumers", "axolotl", "tables")


@cache
def releases() -> tuple[str, ...]:
    """The releases that there is a table of, the oldest first."""
    names = (one.name.removesuffix(".json") for one in _folder().iterdir() if one.name.endswith(".json"))
    return tuple(sorted(names, key=_numbers))


def table(release: str | None = None) -> AxolotlTable:
    """The table of a release ("0.21"), or of the newest.

    Raises:
        InputError: there is no table of it; the hint lists those that there are.
    """
    known = releases()
    if release is not None and release not in known:
        raise InputError(f"There is no table of axolotl {release}", hint=f"There are {', '.join(known)}.")
    return _read(release or known[-1])


def nearest(version: str) -> AxolotlTable:
    """The table of the release that a version ("0.20.1") is of, or of the nearest one; of two as near the newer."""
    wanted, known = _numbers(version), releases()
    if not wanted or wanted >= _numbers(known[-1]):
        return table()
    # Below the newest there is one major number yet.
    return table(min(reversed(known), key=lambda release: abs(_numbers(release)[1] - wanted[1])))


def release_of(version: str) -> str:
    """Major and minor number of a version: "0.21" of "0.21.3.dev0"."""
    return ".".join(map(str, _numbers(version)))


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor number; an empty tuple where the version does not begin with two numbers."""
    numbers = version.split(".")[:2]
    return tuple(map(int, numbers)) if len(numbers) == 2 and all(one.isdigit() for one in numbers) else ()


@cache
def _read(release: str) -> AxolotlTable:
    stored: dict[str, Any] = json.loads(_folder().joinpath(f"{release}.json").read_text("utf-8"))
    keys, chosen, kernels = stored["schema"], stored["strategies"], stored["kernels"]
    return AxolotlTable(
        release,
        stored["versions"]["axolotl"],
        Schema(
            keys["keys"],
            keys["plugins"],
            keys["sections"],
            {key: tuple(words) for key, words in keys["names"].items()},
            tuple(keys["builtin"]),
        ),
        frozenset(stored["outdated"]["removed"]),
        stored["outdated"]["renamed"],
        stored["templates"],
        StrategyChoice(
            chosen["registered"],
            chosen["matched"],
            chosen["templates"],
            chosen["processors"],
            {name: tuple(sources) for name, sources in chosen["masks"].items()},
        ),
        KernelSupport(
            frozenset(kernels["through"]),
            frozenset(kernels["off"]),
            {name: why for why, names in kernels["raises"].items() for name in names},
            frozenset(kernels["layerless"]),
        ),
        stored["multimodal"],
        stored["use_reentrant"],
        stored["loss_by_tokens"],
    )
