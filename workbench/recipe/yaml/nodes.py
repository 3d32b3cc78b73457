"""Nodes of a YAML text with their offsets, paths to values, and equality that minds types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

KeyPath = tuple[Any, ...]
MERGE: Any = object()  # stands among a mapping's keys for a merge key <<


@dataclass(slots=True, eq=False)
class Node:
    """One node of the text: offsets of its first and one past its last character, comments excluded."""

    kind: Literal["scalar", "map", "seq", "alias"]
    start: int
    end: int
    value: Any = None
    tag: str | None = None
    plain: bool = False
    style: str | None = None
    flow: bool = False
    anchor: str | None = None
    colons: list[int] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)

    def index(self, step: Any) -> int | None:
        """The index in `value` of a mapping's own key (not a merged one) or of a list's item; None where absent.

        Of a key that stands more than once, the last: its value is the one that counts.
        """
        if self.kind == "map":
            return max(self.indexes(step), default=None)
        return step if self.kind == "seq" and type(step) is int and 0 <= step < len(self.value) else None

    def indexes(self, key: Any) -> list[int]:
        """Every index in `value` of a mapping's own key, in the order of the text."""
        return [i for i, name in enumerate(self.keys) if name is not MERGE and same(name, key)]

    def item(self, index: int) -> Node:
        """The value at an index of a mapping or list."""
        found: Node = self.value[index][1] if self.kind == "map" else self.value[index]
        return found

    def child(self, step: Any) -> Node | None:
        """The value under a mapping's own key or at a list's index; None where there is none."""
        index = self.index(step)
        return None if index is None else self.item(index)


def dotted(path: Sequence[Any]) -> str:
    """A key path as people write it: ("datasets", 0, "type") -> "datasets[0].type"."""
    text = ""
    for step in path:
        text += (
            f"[{step}]" if isinstance(step, int) and not isinstance(step, bool) else f".{step}" if text else str(step)
        )
    return text


def key_path(text: str) -> tuple[str | int, ...]:
    """A path as people write it on a command line: "datasets.0.type" -> ("datasets", 0, "type")."""
    return tuple(int(step) if step.isdigit() else step for step in text.strip().split("."))


def kind_of(value: Any) -> str:
    """A value that is no mapping, in words."""
    return "a list" if isinstance(value, list) else f"the text {value!r}" if isinstance(value, str) else repr(value)


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, with NaN equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) or (left != left and right != right)


def has_key(mapping: dict[Any, Any], key: Any) -> bool:
    """True where a mapping has this key; 1 is not true here, nor 1.0."""
    return any(same(name, key) for name in mapping) if isinstance(key, (bool, int, float)) else key in mapping
