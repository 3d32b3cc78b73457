"""Reading of a YAML text: nodes with their offsets, the data they stand for, and the line and column of a value."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from yaml import YAMLError

from workbench.errors import InputError, Where
from workbench.recipe.yaml.nodes import MERGE, KeyPath, Node, dotted, kind_of
from workbench.recipe.yaml.pyyaml import CORE, KNOWN, convert, events, resolve

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_ALIAS_NODES = 20_000
MAX_NODES = 20_000
"""Keys and values of a text: a recipe has a hundred, and one that lists every module of a large model ten thousand."""
MAX_BITS = 4_096
"""Of a whole number: Python does not even write larger ones out."""

_ANCHOR = re.compile(r"[0-9A-Za-z_-]+")
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")

_HINTS = (
    ("'\\t'", "Indent with spaces: YAML does not allow tabs there."),
    (
        "mapping values are not allowed",
        "Quote a value that contains a colon followed by a space, and check the indentation.",
    ),
    ("could not find expected ':'", "A key needs a colon and a space before its value."),
    ("expected <block end>", "This line is indented differently from the lines it belongs with."),
    ("unexpected end of stream", "A quote or bracket that was opened is never closed."),
    ("unknown escape", "In double quotes a backslash begins an escape: use single quotes for patterns and paths."),
    ("special characters", "Write this character as an escape inside double quotes."),
    ("undefined alias", "Define it with &name before it is used, or quote a value that begins with *."),
    ("cannot start any token", "Quote a value that begins with this character."),
)


_CORRECT = "Correct this line of the recipe."


def _hint(problem: str) -> str:
    return next((text for sign, text in _HINTS if sign in problem), _CORRECT)


def too_large(name: str) -> InputError:
    """The error for a recipe of more than MAX_BYTES."""
    hint = "Check that this is a recipe."
    return InputError("The recipe is too large", f"A recipe has at most {MAX_BYTES // 1024} KiB.", hint, Where(name))


class Parsed:
    """A text with its data and the place of each value. It never changes."""

    __slots__ = ("_lines", "_nodes", "aliases", "anchors", "data", "name", "root", "text")

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.anchors: dict[str, Node] = {}
        self.aliases: list[Node] = []
        self._nodes = 0
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise too_large(name)
        self.root = self._read()
        self.data: dict[Any, Any] = ValueBuilder(self).mapping_or_empty(self.root)

    # -- places ------------------------------------------------------------------------------------------------------

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both from 1; only a line feed ends a line."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def find(self, path: Sequence[Any], *, key: bool = False) -> tuple[Node | None, int, bool]:
        """The node at `path` or None, the offset of it or its nearest ancestor, and True where an alias leads there."""
        node, offset, shared = self.root, self.root.start if self.root else 0, False
        for depth, step in enumerate(path):
            while node is not None and node.kind == "alias":
                node, shared = self.anchors[node.value], True
            child = None
            if node is not None and node.kind == "map":
                child, merged, at = self._entry(node, step)
                shared = shared or merged
                if child is not None and key and depth == len(path) - 1:
                    offset = at
                    return child, offset, shared
            elif node is not None:
                child = node.child(step)
            if child is None:
                return None, offset, shared
            node, offset = child, child.start
        return node, offset, shared

    def _entry(self, node: Node, key: Any) -> tuple[Node | None, bool, int]:
        index = node.index(key)
        if index is not None:
            return node.item(index), False, node.value[index][0].start
        merges = [value for (_, value), name in zip(node.value, node.keys, strict=True) if name is MERGE]
        for value in reversed(merges):
            for source in [self.target(value)] if self.target(value).kind == "map" else self.target(value).value:
                child, _, at = self._entry(self.target(source), key)
                if child is not None:
                    return child, True, at
        return None, False, node.start

    def target(self, node: Node) -> Node:
        return self.anchors[node.value] if node.kind == "alias" else node

    def repeated(self) -> list[tuple[KeyPath, list[int]]]:
        """Each key that stands more than once in its mapping: its path, and the lines (from 1) where it stands."""
        found: list[tuple[KeyPath, list[int]]] = []
        if self.root is not None:
            self._repeated(self.root, (), found)
        return found

    def _repeated(self, node: Node, at: KeyPath, found: list[tuple[KeyPath, list[int]]]) -> None:
        if node.kind == "seq":
            for index, item in enumerate(node.value):
                self._repeated(item, (*at, index), found)
        if node.kind != "map" or not node.keys:
            return
        places: dict[Any, list[int]] = {}
        for index, key in enumerate(node.keys):
            if key is not MERGE:
                places.setdefault(key, []).append(index)
        for key, indexes in places.items():
            if len(indexes) > 1:
                found.append(((*at, key), [self.place(node.value[index][0].start)[0] for index in indexes]))
            self._repeated(node.item(indexes[-1]), (*at, key), found)

    def line(self, path: Sequence[Any], *, key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of the value at `path`, or its key; of the nearest ancestor where it is absent."""
        return self.place(self.find(path, key=key)[1])

    def where(self, path: Sequence[Any], *, key: bool = False) -> Where:
        """The place of a value as an errors.Where, with the dotted path as its field."""
        line, column = self.line(path, key=key)
        return Where(file=self.name, line=line, column=column, field=dotted(path) or None)

    def error(self, title: str, cause: str, hint: str = _CORRECT, offset: int = 0) -> InputError:
        """An InputError at a character offset that quotes the offending line."""
        line, column = self.place(min(offset, len(self.text)))
        shown = self.text[self._lines[line - 1] :].split("\n", 1)[0].rstrip("\r")[:160]
        shown = "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in shown)
        quoted = f"line {line}: {shown}" if shown else f"line {line} is empty"
        return InputError(title, f"{cause} ({quoted})", hint, Where(self.name, line, column))

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self) -> Node | None:
        try:
            stream = events(self.text)
            next(stream)
            root, documents = None, 0
            for event in stream:
                kind = type(event).__name__
                if kind == "DocumentStartEvent":
                    documents += 1
                    if documents > 1:
                        raise self.error(
                            "The recipe holds several YAML documents",
                            "A second document begins here; axolotl reads one",
                            "Remove the line '---', or keep the documents in files of their own.",
                            event.start_mark.index,
                        )
                elif kind not in ("DocumentEndEvent", "StreamEndEvent"):
                    root = self._node(event, stream, 0)
        except InputError:
            raise
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            offset = mark.index if mark is not None else getattr(error, "position", 0)
            problem = next(filter(None, (getattr(error, name, None) for name in ("problem", "reason", "context"))), "")
            raise self.error(
                "The recipe is not valid YAML", problem[:1].upper() + problem[1:], _hint(problem), offset
            ) from None
        except (ValueError, OverflowError, AttributeError, IndexError) as error:
            raise self.error("The recipe is not valid YAML", f"{error}") from None
        if root is not None and root.kind == "scalar" and root.value == "" and root.plain:
            return None
        return root

    def _node(self, event: Any, stream: Iterator[Any], depth: int) -> Node:
        kind, start, end = type(event).__name__, event.start_mark.index, event.end_mark.index
        anchor = event.anchor
        self._bound(depth, start)
        if anchor is not None and not _ANCHOR.fullmatch(anchor):
            raise self.error(
                "The recipe is not valid YAML", f"Unexpected characters in the name {anchor!r}", offset=start
            )
        if kind == "AliasEvent":
            if anchor not in self.anchors:
                cause = f"Found undefined alias {anchor!r}"
                raise self.error("The recipe is not valid YAML", cause, _hint(cause), start)
            node = Node("alias", start, end, anchor)
            self.aliases.append(node)
            return node
        if anchor in self.anchors:
            hint = "Readers refuse this: give one of them another name."
            raise self.error("The recipe is not valid YAML", f"The anchor &{anchor} is defined twice", hint, start)
        tag = None if event.tag is None or str(event.tag) == "!" else str(event.tag)
        if kind == "ScalarEvent":
            node = Node("scalar", start, end, event.value, tag, bool(event.implicit[0]), event.style, anchor=anchor)
            if event.style in ("|", ">"):
                node.end = start + len(self.text[start:end].rstrip("\r\n"))
        else:
            node = Node("map" if kind == "MappingStartEvent" else "seq", start, end, [], tag, anchor=anchor)
            node.flow = bool(event.flow_style)
        if anchor is not None:
            self.anchors[anchor] = node
        if node.kind == "map":
            while type(event := next(stream)).__name__ != "MappingEndEvent":
                key = self._node(event, stream, depth + 1)
                value = self._node(next(stream), stream, depth + 1)
                colon = self.skip_blank(key.end)
                if value.start == value.end and self.text[colon : colon + 1] == ":":
                    value.start = value.end = colon + 1
                node.colons.append(colon)
                node.value.append((key, value))
                node.end = value.end
        elif node.kind == "seq":
            while type(event := next(stream)).__name__ != "SequenceEndEvent":
                node.value.append(self._node(event, stream, depth + 1))
                node.end = node.value[-1].end
        if node.kind in ("map", "seq") and node.flow:
            node.end = event.end_mark.index
        return node

    def _bound(self, depth: int, start: int) -> None:
        """Count a node, and raise InputError where there are too many, or too many inside each other."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            cause = f"At most {MAX_NODES:,} keys and values are read"
            raise self.error("The recipe holds too much", cause, "Check that this is a recipe.", start)
        if depth > MAX_DEPTH:
            raise self.error("The recipe is nested too deeply", f"At most {MAX_DEPTH} levels are read", offset=start)

    def skip_blank(self, offset: int) -> int:
        """The offset of the next character that is neither white space nor in a comment."""
        found = _BLANK.match(self.text, offset)
        return found.end() if found else offset


class ValueBuilder:
    """Builder of plain Python values, the same as PyYAML's SafeLoader makes; an alias becomes a copy of its node."""

    __slots__ = ("copied", "depth", "open", "parsed")

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.copied = self.depth = 0
        self.open: set[str] = set()

    def fail(self, node: Node, cause: str, hint: str = _CORRECT) -> InputError:
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
                own[key] = None
            except TypeError:
                raise self.fail(key_node, "A key must be a single value") from None
            # Of a key that stands twice the last one counts, as PyYAML has it; finding C012.
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
            value = convert(tag, node.value)
        except (ValueError, KeyError, OverflowError):
            cause = (
                f"{node.value!r} is no valid {tag}"
                if tag in KNOWN
                else f"The tag {node.tag or tag} has no meaning here"
            )
            hint = "Quote the text, or remove the tag."
            raise self.fail(node, cause, hint if tag not in KNOWN else "Correct it, or quote it as text.") from None
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise self.fail(node, "A number of more than a thousand digits stands here", "Write a smaller number.")
        return value
