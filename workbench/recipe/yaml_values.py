"""Plain Python values of a text's nodes, as PyYAML's SafeLoader makes them: merge keys, aliases and tags."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.recipe.yaml.nodes import MERGE, Node, kind_of
from workbench.recipe.yaml.pyyaml import CORE, KNOWN, convert, resolve

if TYPE_CHECKING:
    from workbench.recipe.yaml.read import Parsed

MAX_ALIAS_NODES = 20_000


class Builder:
    """Makes plain Python values of nodes, as PyYAML's SafeLoader does; an alias becomes a copy of what it names."""

    __slots__ = ("copied", "depth", "open", "parsed")

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.copied = self.depth = 0
        self.open: set[str] = set()

    def fail(self, node: Node, cause: str, hint: str = "") -> InputError:
        return self.parsed.error("The recipe cannot be read", cause, hint, node.start)

    def mapping_or_empty(self, root: Node | None) -> dict[Any, Any]:
        data = None if root is None else self.build(root)
        if data is not None and not isinstance(data, dict):
            assert root is not None
            raise self.fail(root, f"A recipe is a mapping of keys to values, and this is {kind_of(data)}")
        return data or {}

    def build(self, node: Node) -> Any:
        if self.depth:
            self.copied += 1
            if self.copied > MAX_ALIAS_NODES:
                raise self.fail(node, f"Its aliases unfold to more than {MAX_ALIAS_NODES} values")
        if node.kind == "alias":
            with self._unfold(node) as target:
                return self.build(target)
        if node.kind == "scalar":
            return self._scalar(node)
        tag = node.tag.removeprefix(CORE) if node.tag else node.kind
        if node.kind == "seq" and tag == "seq":
            return [self.build(item) for item in node.value]
        if node.kind == "seq" and tag in ("omap", "pairs"):
            return [next(iter(self._pairs(item).items())) for item in node.value if item.kind == "map"]
        if node.kind == "map" and tag in ("map", "set"):
            pairs = self._pairs(node)
            return set(pairs) if tag == "set" else pairs
        raise self.fail(node, f"The tag {node.tag} has no meaning here", "Remove the tag: a recipe holds plain values.")

    @contextlib.contextmanager
    def _unfold(self, alias: Node) -> Iterator[Node]:
        if alias.value in self.open:
            raise self.fail(alias, f"The alias *{alias.value} contains itself")
        self.open.add(alias.value)
        self.depth += 1
        yield self.parsed.target(alias)
        self.depth -= 1
        self.open.discard(alias.value)

    def _pairs(self, node: Node) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        node.keys = []
        for key_node, value_node in node.value:
            word = key_node.value if key_node.kind == "scalar" and key_node.plain else None
            if word == "<<":
                node.keys.append(MERGE)
                merged.update(self._merge(value_node))
                continue
            key = "=" if word == "=" else self.build(key_node)
            node.keys.append(key)
            try:
                if key in own:
                    raise self.fail(
                        key_node,
                        f"The key {key!r} is given twice, first on line {lines[key]}",
                        "YAML readers keep only the last one: remove one of them.",
                    )
            except TypeError:
                raise self.fail(key_node, "A key must be a single value") from None
            lines[key] = self.parsed.place(key_node.start)[0]
            own[key] = self.build(value_node)
        return {**merged, **own} if merged else own

    def _merge(self, node: Node) -> dict[Any, Any]:
        if node.kind == "alias":
            with self._unfold(node) as target:
                return self._merge(target)
        if node.kind == "map":
            return self._pairs(node)
        if node.kind != "seq" or any(self.parsed.target(item).kind != "map" for item in node.value):
            raise self.fail(node, "The merge key << takes a mapping or a list of mappings")
        result: dict[Any, Any] = {}
        for item in reversed(node.value):
            result.update(self._merge(item))
        return result

    def _scalar(self, node: Node) -> Any:
        tag = node.tag.removeprefix(CORE) if node.tag else resolve(node.value) if node.plain else "str"
        try:
            return convert(tag, node.value)
        except (ValueError, KeyError, OverflowError):
            cause = (
                f"{node.value!r} is no valid {tag}"
                if tag in KNOWN
                else f"The tag {node.tag or tag} has no meaning here"
            )
            raise self.fail(node, cause, "" if tag in KNOWN else "Quote the text, or remove the tag.") from None
