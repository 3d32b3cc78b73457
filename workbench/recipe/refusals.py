"""Values that axolotl refuses: pydantic's errors as findings in plain words, each at its place in the document."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from workbench.errors import InputError, Where
from workbench.findings import Emitter, Finding
from workbench.recipe.yaml.nodes import KeyPath, dotted
from workbench.recipe.yaml.read import Parsed

BAD_VALUE = Emitter("C010", __name__)
T = TypeVar("T", bound=BaseModel)


def validated(
    schema: type[T], data: dict[str, Any], parsed: Parsed, renamed: Mapping[str, str]
) -> tuple[T, list[Finding]]:
    """The object of `schema` without the values that it refuses, and a finding for each of those.

    Args:
        schema: the typed form.
        data: its values; left as they are.
        parsed: the document they stand in.
        renamed: the schema's name -> the document's, for keys that the document gives under another name.
    """
    findings: list[Finding] = []
    for _ in range(100):
        try:
            return schema.model_validate(data), findings
        except ValidationError as error:
            data = data if findings else deepcopy(data)
            errors = {_document_path(data, item["loc"], item["type"]): item for item in reversed(error.errors())}
        paths = [path for path in errors if not any(path[:end] in errors for end in range(len(path)))]
        for path in paths:
            place = (renamed.get(path[0], path[0]), *path[1:])
            findings.append(_refused(parsed, place, path, errors[path], data, _annotation(schema, path)))
        _drop_all(data, paths)
    raise InputError(
        "The recipe has too many values that axolotl refuses", "", "Check that this is a recipe.", Where(parsed.name)
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of the text."""
    return sorted(findings, key=lambda finding: (finding.where.line or 0, finding.where.column or 0))


def _document_path(data: Any, loc: KeyPath, kind: str) -> KeyPath:
    """A pydantic location without the names of union members, as far as the document has it."""
    path: list[Any] = []
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(step)
    if kind == "missing" and (not path or path[-1] != loc[-1]) and isinstance(data, dict):
        path.append(loc[-1])
    return tuple(path)


def _drop_all(data: Any, paths: Iterable[KeyPath]) -> None:
    """Removes refused values with as little else as possible: a row without role or start goes whole."""
    wanted = {_dropped(path) for path in paths}
    # Later entries of a list first, so that the numbers of those before them stay.
    for path in sorted(wanted, key=lambda path: [(isinstance(step, int), step) for step in path], reverse=True):
        if not any(path[:end] in wanted for end in range(len(path))):
            _drop(data, path)


def _dropped(path: KeyPath) -> KeyPath:
    """The path of what goes where the value at `path` is refused."""
    if path[0] == "role_boundaries" and len(path) > 2 and path[2] in ("role", "start"):
        return path[:2]
    return path[:3] if path[0] in ("datasets", "test_datasets") else path


def _drop(data: Any, path: KeyPath) -> None:
    parent = data
    for step in path[:-1]:
        parent = parent[step]
    if isinstance(parent, list) or path[-1] in parent:
        del parent[path[-1]]
    if parent == [] and len(path) == 2:
        del data[path[0]]


def _refused(parsed: Parsed, path: KeyPath, model_path: KeyPath, item: Any, data: Any, annotation: Any) -> Finding:
    expected = describe(annotation) if annotation is not None else item["msg"].removeprefix("Value error, ").lower()
    if item["type"] == "missing":
        message = f"{dotted(path)} is missing; expected {expected}"
        return BAD_VALUE("error", message, "axolotl needs it here.", parsed.where(path))
    value: Any = data
    for step in model_path:
        value = value[step]
    if item["type"] == "too_short":
        expected += " with at least one entry"
    shown = (
        {True: "true", False: "false"}[value] if isinstance(value, bool) else "null" if value is None else repr(value)
    )
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    hint = ""
    if isinstance(value, bool) and "text" in expected + str(get_args(annotation)):
        hint = "YAML reads yes, no, on, off, true and false without quotes as true or false: quote the text."
    elif isinstance(value, bool):
        hint = "Without quotes YAML reads yes, no, on and off as true or false; write one of the words expected."
        hint = hint if "one of" in expected or '"' in expected else "Write it as expected."
    elif isinstance(value, str) and expected.startswith("a list"):
        hint = f"Write it as a list: [{value}]"
    elif isinstance(value, (int, float)) and "text" in expected:
        hint = f'Quote it: "{value}"'
    hint = hint or f"Write {expected} here, or take the key out."
    return BAD_VALUE("error", f"{dotted(path)} is {shown}; expected {expected}", hint, parsed.where(path))


def odd_key(parsed: Parsed, key: Any) -> Finding:
    """A finding for a key of the document that is no text."""
    message = f"The key {key!r} is no text; YAML reads yes, no, on, off and numbers without quotes as other values"
    return BAD_VALUE("error", message, "Quote the key.", parsed.where((key,), key=True))


def lone_surrogates(parsed: Parsed) -> Iterator[tuple[str, Finding]]:
    """A finding for each text of the document with half a surrogate pair, which nothing can encode; with its key."""
    if "\\u" in parsed.text.lower() or _LONE.search(parsed.text):
        for path, text in _texts(parsed.data, ()):
            if _LONE.search(text):
                message = f"{dotted(path)} holds half a surrogate pair, which is no character: {text[:40]!r}"
                yield str(path[0]), BAD_VALUE("error", message, "Write the character itself.", parsed.where(path))


_LONE = re.compile("[\ud800-\udfff]")


def _texts(value: Any, at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                yield (*at, key), key
            yield from _texts(item, (*at, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _texts(item, (*at, index))


def _annotation(schema: type[BaseModel], path: KeyPath) -> Any:
    """The type of the value at `path` of a `schema`, or None where it does not say."""
    here: Any = schema
    for step in path:
        options = get_args(here) if get_origin(here) in (Union, types.UnionType) else (here,)
        found: Any = None
        for option in options:
            if isinstance(option, type) and issubclass(option, BaseModel) and step in option.model_fields:
                found = option.model_fields[step].annotation
            elif get_origin(option) in (list, tuple) and isinstance(step, int):
                found = get_args(option)[0]
            elif get_origin(option) is dict:
                found = get_args(option)[1]
        if found is None:
            return None
        here = found
    return here


def describe(annotation: Any) -> str:
    """A type in plain words: `int | tuple[int, int] | None` -> "a whole number or a list of two whole numbers"."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(arg) for arg in args if arg is not type(None)))
    if origin is Literal:
        return ("one of " if len(args) > 1 else "") + ", ".join(f'"{arg}"' for arg in args)
    if origin is tuple:
        return "a list of two whole numbers"
    if origin is list:
        plural = {str: "texts", int: "whole numbers", float: "numbers"}.get(args[0], "mappings")
        return f"a list of {plural}"
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "a mapping"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(annotation, "another value")
