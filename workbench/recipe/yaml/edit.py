"""Edits of one text by what its data shall become: each is read back, and must change what was asked and no more."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from workbench.errors import InputError, Where
from workbench.recipe.yaml.nodes import KeyPath, Node, dotted, has_key, kind_of, same
from workbench.recipe.yaml.read import Parsed, ValueBuilder
from workbench.recipe.yaml.splice import CannotSplice, Splice
from workbench.recipe.yaml.write import as_inline, plain

ABSENT: Any = object()
Method = Callable[[Splice, KeyPath, Any], str]


class Editor:
    """Edits one text by small replacements; `parsed` is the reading after the last of them."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.newline = "\r\n" if "\r\n" in parsed.text else "\n"

    # -- what is asked

    def assign(self, path: KeyPath, value: Any) -> None:
        """Sets the value at `path`: mappings key by key and lists item by item, so that the rest keeps its form."""
        value = plain(value)
        if not path:
            if not isinstance(value, dict):
                raise InputError(
                    "A recipe is a mapping of keys to values", f"It cannot become {kind_of(value)}.", "Give a mapping."
                )
            if not self.parsed.data or not value:
                return self._apply((), value, Splice.replace)
        old = self._value(path)
        if old is ABSENT:
            return self._create(path, value)
        if same(old, value):
            return None
        if isinstance(old, dict) and isinstance(value, dict) and old and value:
            for key in [key for key in old if not has_key(value, key)]:
                self.remove((*path, key))
            for key, item in value.items():
                self.assign((*path, key), item)
        elif isinstance(old, list) and isinstance(value, list) and old and value:
            self._assign_list(path, old, value)
        else:
            self._apply(path, value, Splice.insert if self._is_merged(path) else Splice.replace)
        return None

    def _is_merged(self, path: KeyPath) -> bool:
        """True where the value stands in its mapping through a merge key only."""
        parent = self.parsed.find(path[:-1])[0]
        return parent is not None and parent.kind == "map" and parent.index(path[-1]) is None

    def _assign_list(self, path: KeyPath, old: list[Any], new: list[Any]) -> None:
        matcher = difflib.SequenceMatcher(None, [*map(_identity, old)], [*map(_identity, new)], autojunk=False)
        for _, start, stop, new_start, new_stop in reversed(matcher.get_opcodes()):
            shared = min(stop - start, new_stop - new_start)
            for index in reversed(range(start + shared, stop)):
                self.remove((*path, index))
            for index in range(shared):
                self.assign((*path, start + index), new[new_start + index])
            for index in range(shared, new_stop - new_start):
                self._apply((*path, start + index), new[new_start + index], Splice.insert)

    def _create(self, path: KeyPath, value: Any) -> None:
        parent = self._value(path[:-1])
        step = path[-1]
        if parent is ABSENT or parent is None:
            if isinstance(step, int) and step != 0:
                raise self._refuse(path, "the list has no items yet, so only item 0 can be added")
            return self.assign(path[:-1], [value] if isinstance(step, int) else {step: value})
        if isinstance(parent, list) and type(step) is int and step != len(parent):
            raise self._refuse(path, f"the list has {len(parent)} items")
        if not isinstance(parent, dict) and not (isinstance(parent, list) and type(step) is int):
            raise self._refuse(path, f"{dotted(path[:-1])} is {kind_of(parent)}")
        if not parent:
            return self.assign(path[:-1], [value] if isinstance(parent, list) else {step: value})
        return self._apply(path, value, Splice.insert)

    def remove(self, path: KeyPath) -> None:
        """Removes a key or list item; a parent that it leaves empty is written as {} or []."""
        if self._value(path) is ABSENT or not path:
            return
        parent = self._value(path[:-1])
        with contextlib.suppress(InputError):
            # Else the mapping is written anew, without any of them.
            self.unrepeat(path)
        if len(parent) == 1 and len(path) > 1:
            self._apply(path[:-1], type(parent)(), Splice.replace)
        else:
            self._apply(path, ABSENT, Splice.cut)

    def unrepeat(self, path: KeyPath) -> None:
        """Removes the earlier ones of a key that stands more than once, which no reader minds.

        Raises:
            InputError: one of them cannot be taken out alone, such as one that holds an anchor.
        """
        while (parent := self.parsed.find(path[:-1])[0]) is not None and parent.kind == "map":
            if len(parent.indexes(path[-1])) < 2:
                return
            try:
                parsed = Parsed(Splice(self.parsed, self.newline).cut_earlier(path), self.parsed.name)
            except (InputError, CannotSplice) as problem:
                raise self._refuse(path, "an earlier one cannot be taken out alone") from problem
            if not same(parsed.data, self.parsed.data):
                raise self._refuse(path, "an earlier one cannot be taken out alone")
            self.parsed = parsed

    def rename(self, path: KeyPath, name: str) -> None:
        """Writes another name over a key. Where its form resists that, the old one goes and the new one is inserted."""
        parent, old = self._value(path[:-1]), self._value(path)
        if old is ABSENT or same(path[-1], name):
            return
        if not isinstance(parent, dict):
            raise self._refuse(path, "only a key of a mapping has a name")
        self.unrepeat(path)
        if has_key(parent, name):
            raise self._refuse((*path[:-1], name), "it is there already")
        self._unshare(path)
        wanted = _changed(self.parsed.data, path[:-1], {name if same(k, path[-1]) else k: v for k, v in parent.items()})
        try:
            parsed = Parsed(Splice(self.parsed, self.newline).rekey(path, name), self.parsed.name)
        except (InputError, CannotSplice):
            parsed = None
        if parsed is not None and same(parsed.data, wanted):
            self.parsed = parsed
            return
        value = deepcopy(old)
        self.remove(path)
        self.assign((*path[:-1], name), value)

    def _refuse(self, path: KeyPath, cause: str) -> InputError:
        return InputError(
            f"{dotted(path)} cannot be set",
            f"{cause[:1].upper()}{cause[1:]}.",
            "Change it in the recipe's text.",
            self.parsed.where(path),
        )

    def _value(self, path: KeyPath) -> Any:
        value: Any = self.parsed.data
        for step in path:
            known = isinstance(value, dict) and has_key(value, step)
            if not known and not (isinstance(value, list) and type(step) is int and 0 <= step < len(value)):
                return ABSENT
            value = value[step]
        return value

    # -- how it is done

    def _apply(self, path: KeyPath, value: Any, method: Method) -> None:
        """Runs one edit; where the written form resists it, the smallest enclosing value is written anew."""
        self._unshare(path)
        wanted = _changed(self.parsed.data, path, value, insert=method is Splice.insert)
        for depth in range(len(path), -1, -1):
            try:
                text = method(Splice(self.parsed, self.newline), path, value)
                parsed = Parsed(text, self.parsed.name)
                if same(parsed.data, wanted):
                    self.parsed = parsed
                    return
            except (InputError, CannotSplice):
                pass
            method, path = Splice.replace, path[: depth - 1] if depth else ()
            value = wanted
            for step in path:
                value = value[step]
        raise InputError(
            "The edit cannot be written as YAML",
            "The written text does not read back as the new value.",
            "Change it in the recipe's text.",
            Where(self.parsed.name),
        )

    def _unshare(self, path: KeyPath) -> None:
        """Writes aliases out where the edit would reach other values through them."""
        for _ in range(10_000):
            alias = self._shared(path)
            if alias is None:
                return
            written = as_inline(ValueBuilder(self.parsed).build(alias), flow=True)
            text = self.parsed.text
            self.parsed = Parsed(text[: alias.start] + written + text[alias.end :], self.parsed.name)

    def _shared(self, path: KeyPath) -> Node | None:
        """An alias on the way to `path`, else one of a value that the edit would change; None where there is none."""
        node, names = self.parsed.root, set[str]()
        for step in path:
            if node is None:
                break
            if node.kind == "alias":
                return node
            if node.anchor:
                names.add(node.anchor)
            node = node.child(step)
        if node is not None:
            names |= {name for name, item in self.parsed.anchors.items() if node.start <= item.start <= node.end}
        return next((alias for alias in self.parsed.aliases if alias.value in names), None)


def _identity(item: Any) -> str:
    """The key that matches a list's items, so that a changed one keeps its comments: role or path, else all of it."""
    if isinstance(item, dict):
        return repr(next((item[key] for key in ("role", "path", "name") if key in item), item))
    return repr(item)


def _changed(data: dict[Any, Any], path: KeyPath, value: Any, *, insert: bool = False) -> Any:
    """A copy of `data` with the value at `path` set, inserted or (for ABSENT) removed."""
    if not path:
        return deepcopy(value)
    copy = deepcopy(data)
    parent: Any = copy
    for step in path[:-1]:
        parent = parent[step]
    if value is ABSENT:
        del parent[path[-1]]
    elif insert and isinstance(parent, list):
        parent.insert(path[-1], deepcopy(value))
    else:
        parent[path[-1]] = deepcopy(value)
    return copy
