"""The regular expressions in a recipe: where they stand, what PEFT and axolotl compile of them, and which are none.

A pattern that is being typed often does not compile yet, so nothing may raise on it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.recipe.yaml.nodes import KeyPath, dotted

ALL_LINEAR = "all-linear"
_ADAPTERS = ("lora", "qlora")
_SHOWN = 80
_RANGE = re.compile(r"\[[0-9]*(:[0-9]*)?\]$")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression at a path of a recipe: what is `written` there, and what is `compiled` of it."""

    path: KeyPath
    written: str
    compiled: str

    @property
    def problem(self) -> str:
        """Python's reason why the pattern does not compile; "" where it does."""
        try:
            with warnings.catch_warnings():
                # Python warns of sets that may one day mean something else; PEFT compiles them all the same.
                warnings.simplefilter("ignore")
                re.compile(self.compiled)
        except re.error as problem:
            at = self.compiled.find(self.written) if problem.pos is not None else -1
            inside = at >= 0 and 0 <= (problem.pos or 0) - at <= len(self.written)
            return f"{problem.msg} at character {(problem.pos or 0) - at + 1}" if inside else problem.msg
        except (OverflowError, RecursionError) as problem:
            return str(problem) or type(problem).__name__
        return ""

    @property
    def shown(self) -> str:
        """The pattern as it was written, between quotes; a long one cut."""
        return f'"{self.written if len(self.written) <= _SHOWN else self.written[:_SHOWN] + "…"}"'

    def __str__(self) -> str:
        return dotted(self.path)


def patterns(recipe: Mapping[str, Any]) -> Iterator[Pattern]:
    """Every pattern of a recipe that is read in training, in the order of PEFT's and axolotl's use."""
    if recipe.get("adapter") in _ADAPTERS:
        # Beside lora_target_linear it is the name of a module.
        if not recipe.get("lora_target_linear") and recipe.get("lora_target_modules") != ALL_LINEAR:
            yield from _texts(recipe, "lora_target_modules", "{}", lists=False)
        for name in ("lora_rank_pattern", "lora_alpha_pattern"):
            keys = recipe.get(name)
            for key in keys if isinstance(keys, Mapping) else ():
                yield Pattern((name, key), str(key), rf"(.*\.)?({key})$")
        yield from _texts(recipe, "lora_modules_to_save", r"(^|.*\.){}($|\..*)")
        yield from _texts(recipe, "peft_layers_pattern", r"(?:^|.*?\.){}\.(?P<idx>\d+)\.")
    for pattern in _texts(recipe, "unfrozen_parameters", "{}"):
        yield Pattern(pattern.path, pattern.written, unfrozen_pattern(pattern.written))


def unfrozen_pattern(written: str) -> str:
    """The pattern that axolotl makes of an `unfrozen_parameters` entry: dots are literal, a row range is cut off."""
    return re.sub(r"\.(?!\+)", r"\\.", _RANGE.sub("", written))


def takes_rows(written: str) -> bool:
    """True where an entry of `unfrozen_parameters` ends in a range of rows."""
    return _RANGE.search(written) is not None


def broken(recipe: Mapping[str, Any]) -> Iterator[tuple[Pattern, str]]:
    """The patterns that do not compile, each with why."""
    for pattern in patterns(recipe):
        if problem := pattern.problem:
            yield pattern, problem


def _texts(recipe: Mapping[str, Any], name: str, form: str, *, lists: bool = True) -> Iterator[Pattern]:
    value = recipe.get(name)
    if isinstance(value, str):
        yield Pattern((name,), value, form.replace("{}", value))
    elif lists and isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield Pattern((name, index), item, form.replace("{}", item))
