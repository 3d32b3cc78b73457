"""The keys that a release of axolotl knows, from its own config schema: names, types, allowed words and defaults.

The data is part of the release's table (`axolotl_table.py`). `conformance/harvest/keys.py` explains the form of a type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Literal

from workbench.recipe.yaml.nodes import KeyPath

Form = Any


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """axolotl's keys. `keys` of the top level, `plugins` by the plugin that adds them, `sections` by class name.

    `builtin`: the plugins that need not be listed.
    """

    keys: Mapping[str, Mapping[str, Any]]
    plugins: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sections: Mapping[str, Mapping[str, Mapping[str, Any]]]
    names: Mapping[str, tuple[str, ...]]
    builtin: tuple[str, ...] = ()

    def plugin_of(self, key: str) -> str | None:
        """The first plugin that adds a key which axolotl does not know where no plugin is listed."""
        homes = [name for name, keys in self.plugins.items() if key in keys]
        return None if key in self.keys or {*homes} & {*self.builtin} else next(iter(homes), None)


def known_names(keys: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names of keys, those that are read as well included."""
    return [name for key, entry in keys.items() for name in (key, *entry.get("also", ()))]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt word most likely stands for, or None where nothing is near."""
    names = list(dict.fromkeys(known))
    folded = {name.replace("-", "_").lower(): name for name in reversed(names)}
    plain = word.replace("-", "_").lower()
    if plain in folded:
        return folded[plain]
    near = difflib.get_close_matches(plain, folded, n=1, cutoff=0.8)
    return folded[near[0]] if near else None


def unknown_keys(data: Mapping[Any, Any], known: Schema) -> Iterator[tuple[KeyPath, list[str]]]:
    """(place, names known there) for each key of a recipe that axolotl does not know, sections included."""
    plugged = {name: entry for keys in known.plugins.values() for name, entry in keys.items()}
    yield from _unknown(data, [{**plugged, **known.keys}], (), known)


def _unknown(
    data: Mapping[Any, Any], members: list[Mapping[str, Any]], at: KeyPath, known: Schema
) -> Iterator[tuple[KeyPath, list[str]]]:
    names = [name for keys in members for name in known_names(keys)]
    for key, value in data.items():
        if not isinstance(key, str):
            continue
        if key not in names:
            yield (*at, key), names
            continue
        forms = [
            entry["type"] for keys in members for name, entry in keys.items() if key in (name, *entry.get("also", ()))
        ]
        yield from _inside(value, forms, (*at, key), known)


def _inside(value: Any, forms: list[Form], at: KeyPath, known: Schema) -> Iterator[tuple[KeyPath, list[str]]]:
    """The unknown keys of a value; where a plain mapping is taken as well, there are none."""
    options = [option for form in forms for option in options_of(form)]
    if isinstance(value, dict):
        sections = [option["section"] for option in options if isinstance(option, dict) and "section" in option]
        if sections and not any(isinstance(option, dict) and "map" in option for option in options):
            yield from _unknown(value, [known.sections.get(name, {}) for name in sections], at, known)
    elif isinstance(value, list):
        inner = [option["list"] for option in options if isinstance(option, dict) and "list" in option]
        for index, item in enumerate(value):
            yield from _inside(item, inner, (*at, index), known)


def options_of(form: Form) -> list[Form]:
    """The types of which a value may have any."""
    return list(form["one_of"]) if isinstance(form, dict) and "one_of" in form else [form]


def sections_of(form: Form) -> list[str]:
    """The sections that may stand in a value, or in a list that is one."""
    found: list[str] = []
    for option in options_of(form):
        if isinstance(option, dict):
            found += [option["section"]] if "section" in option else []
            found += sections_of(option["list"]) if "list" in option else []
    return found


def annotation(form: Form) -> Any:
    """A stored type as one of Python's, without the fields of sections: those are mappings."""
    plain = {"text": str, "int": int, "float": float, "bool": bool, "null": type(None), "any": Any}
    if isinstance(form, str):
        return plain[form]
    if "words" in form:
        return Literal[tuple(form["words"])]
    if "list" in form:
        return list[annotation(form["list"])]  # type: ignore[misc]
    if "map" in form:
        return dict[Any, annotation(form["map"])]  # type: ignore[misc]
    if "section" in form:
        return dict[str, Any]
    return reduce(or_, (annotation(option) for option in form["one_of"]))
