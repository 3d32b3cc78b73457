"""The keys of axolotl's own config schema, from its pydantic classes: names, types, allowed words and defaults.

The form of a type: "text", "int", "float", "bool", "null", "any", {"words": […]}, {"list": T}, {"map": T},
{"section": NAME} (see `sections`), {"one_of": [T, …]}.
"""

from __future__ import annotations

import enum
import importlib
import json
import pkgutil
import types
import typing
from typing import Any

_PLAIN = {str: "text", int: "int", float: "float", bool: "bool", type(None): "null", Any: "any", dict: {"map": "any"}}


def collect() -> dict[str, Any]:  # noqa: C901 - one walk over pydantic's fields, kind by kind
    """names (of optimizers, schedulers), builtin (plugins), keys, plugins (name -> keys), sections (class -> keys)."""
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from pydantic import BaseModel

    sections: dict[str, Any] = {}

    def words(members: Any) -> Any:
        told = [member.value if isinstance(member, enum.Enum) else member for member in members]
        plain = (
            [{"words": [one for one in told if isinstance(one, str)]}]
            if any(isinstance(one, str) for one in told)
            else []
        )
        numbers = {json.dumps(_PLAIN.get(type(one), "any")) for one in told if not isinstance(one, str)}
        return one_of([*plain, *map(json.loads, sorted(numbers))])

    def one_of(options: list[Any]) -> Any:
        kept = [one for index, one in enumerate(options) if one not in options[:index]]
        if "any" in kept:
            return "any"
        return kept[0] if len(kept) == 1 else {"one_of": kept}

    def form(annotation: Any) -> Any:
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        if origin is typing.Annotated:
            return form(args[0])
        if origin in (typing.Union, types.UnionType):
            return one_of([form(one) for one in args])
        if origin is typing.Literal:
            return words(args)
        if origin in (list, tuple, set):
            return {"list": one_of([form(one) for one in args if one is not Ellipsis])}
        if origin is dict:
            return {"map": form(args[1])}
        if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
            return words(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            section(annotation)
            return {"section": annotation.__name__}
        return "any"

    def section(model: Any) -> dict[str, Any]:
        name = model.__name__
        if name in sections:
            return sections[name]
        sections[name] = keys = {}
        rewriting = {
            field
            for one in model.__pydantic_decorators__.field_validators.values()
            if one.info.mode != "after"
            for field in one.info.fields
        }
        for key, field in model.model_fields.items():
            told = form(field.annotation)
            # What a validator rewrites first may be written in other ways than the type says.
            entry: dict[str, Any] = {"type": "any" if key in rewriting and "section" not in json.dumps(told) else told}
            if field.is_required():
                entry["required"] = True
            elif field.default_factory is None and isinstance(field.default, str | int | float | bool):
                default = field.default.value if isinstance(field.default, enum.Enum) else field.default
                entry["default"] = default
            also = field.validation_alias
            others = [also] if isinstance(also, str) else list(getattr(also, "choices", ()))
            if names := [one for one in others if one != key]:
                entry["also"] = names
            if field.deprecated:
                entry["deprecated"] = True
            keys[key] = entry
        return keys

    section(AxolotlInputConfig)
    top = sections.pop("AxolotlInputConfig")
    return {
        "names": names(),
        "builtin": builtin(),
        "keys": top,
        "plugins": {plugin: section(model) for plugin, model in plugin_models()},
        "sections": {
            name: keys
            for name, keys in sorted(sections.items())
            if name not in {model.__name__ for _, model in plugin_models()}
        },
    }


def names() -> dict[str, list[str]]:
    """The words of two keys that the schema takes as any text, and that the trainer looks up afterwards."""
    from axolotl.utils.schemas.enums import CustomSupportedOptimizers
    from transformers import SchedulerType
    from transformers.training_args import OptimizerNames

    own = [one.value for one in CustomSupportedOptimizers]
    return {
        "optimizer": sorted({*(one.value for one in OptimizerNames), *own}),
        "lr_scheduler": sorted({*(one.value for one in SchedulerType), "one_cycle", "rex"}),
    }


def builtin() -> list[str]:
    """The plugins whose keys axolotl knows where a recipe lists none."""
    from axolotl.integrations.base import PluginManager
    from axolotl.utils.config import prepare_plugins
    from axolotl.utils.dict import DictDefault

    prepare_plugins(DictDefault({}))
    # A plugin of somebody else that a recipe named stays registered for as long as the process lasts.
    return sorted(name for name in PluginManager.get_instance().plugins if name.startswith("axolotl."))


def plugin_models() -> list[tuple[str, Any]]:
    """(name of the plugin as a recipe lists it, the class of the keys that it adds), for those that axolotl ships."""
    from axolotl import integrations
    from axolotl.integrations.base import BasePlugin

    found = []
    for package in pkgutil.iter_modules(integrations.__path__):
        if not package.ispkg:
            continue
        name = f"axolotl.integrations.{package.name}"
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        # Not `vars`: some packages import their plugin only when its name is asked for.
        for label in sorted(dir(module)):
            try:
                value = getattr(module, label)
            except (ImportError, AttributeError):
                continue
            if isinstance(value, type) and issubclass(value, BasePlugin) and value is not BasePlugin:
                path = value().get_input_args()
                if path:
                    where, _, model = path.rpartition(".")
                    found.append((f"{name}.{label}", getattr(importlib.import_module(where), model)))
    return found
