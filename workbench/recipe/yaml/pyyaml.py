"""PyYAML's events and values, because axolotl trains with its `SafeLoader`: `yes` is true, `1e-4` text, `010` is 8.

The loader in Python is used, not the one in C: only its marks count characters, by which edits are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

CORE = "tag:yaml.org,2002:"
KNOWN = ("null", "bool", "int", "float", "timestamp", "binary", "str")

_RESOLVER: Any = Resolver()
_PLAIN = (True, False)


def events(text: str) -> Iterator[Any]:
    """The parser's events for `text`. Raises yaml.YAMLError, or ValueError and its like for malformed escapes."""
    return iter(yaml.parse(text, Loader=yaml.SafeLoader))


def resolve(value: str) -> str:
    """The core type of a plain scalar: "int", "float", "bool", "null", "timestamp", "merge", "value" or "str"."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, value, _PLAIN)).removeprefix(CORE)


def convert(tag: str, value: str) -> Any:
    """The Python value of a scalar. Raises ValueError where it is no such value, KeyError for an unknown tag."""
    if tag not in KNOWN:
        raise KeyError(tag)
    try:
        return SafeConstructor().construct_object(yaml.ScalarNode(CORE + tag, value))
    except (yaml.YAMLError, LookupError, AttributeError, TypeError) as error:
        # PyYAML's constructors take the form of the text for granted.
        raise ValueError(value) from error
