"""The axolotl YAML as a living document: read as axolotl reads it, edited in place, undone, compared and saved.

Reading: ruamel's parser gives the events at YAML 1.1, and values are resolved as PyYAML's `SafeLoader` does, because
that is what axolotl trains with (`yes` is true, `1e-4` a string, `010` is 8). Editing: only the characters of the
edited value change, so comments, order, quoting and line endings stay. An edit is read back and compared; only one
line of text typed over another is not, whose nodes just move.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import difflib
import errno
import os
import re
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.reader import Reader
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import ScalarToken

from workbench.errors import EnvironmentProblem, InputError, Where

Key = str | int
KeyPath = tuple[Any, ...]

MAX_BYTES = 1 << 20
MAX_ALIAS_NODES = 20_000
MAX_DEPTH = 64
MAX_UNDO = 500

_CORE = "tag:yaml.org,2002:"
_BOOLS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}
_INT = re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)")
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?"
    r"(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?",
    re.ASCII,
)
_PLAIN_WORD = r"(?:[A-Za-z0-9_./+@()=~^-]|:(?=[^\s:]))+"
_PLAIN = re.compile(rf"(?![-=~]|\.\.\.$)(?=[A-Za-z0-9_./(-]){_PLAIN_WORD}(?: (?!#){_PLAIN_WORD})*")
_ENDS = r"\0 \t\r\n\x85\u2028\u2029"
_PLAIN_BLOCK = re.compile(rf"(?:[^{_ENDS}:]|:(?![{_ENDS}]))+")
_PLAIN_FLOW = re.compile(rf"(?:[^{_ENDS}:,?\[\]{{}}]|:(?![{_ENDS},\[\]{{}}]))+")
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


class _Resolver11(VersionedResolver):
    """Keeps ruamel's scanner at YAML 1.1, whatever the %YAML directive says, as PyYAML is."""

    @property
    def processing_version(self) -> Any:
        return (1, 1)


class _Reader11(Reader):
    """Counts lines as YAML 1.1 does (NEL, LS and PS break lines too)."""

    forward = Reader.forward_1_1


class _Scanner11(Scanner):
    """Differs from ruamel's scanner where PyYAML's does: tabs, plain scalars in brackets, blank lines in literals."""

    def scan_to_next_token(self) -> Any:
        while True:
            while self.reader.peek() == " ":
                self.reader.forward()
            if self.reader.peek() == "#":
                while self.reader.peek() not in "\0\r\n\x85\u2028\u2029":
                    self.reader.forward()
            if not self.scan_line_break():
                return
            self.allow_simple_key = self.allow_simple_key or not self.flow_level

    def scan_plain(self) -> Any:
        reader, chunks, spaces = self.reader, list[str](), list[str]()
        start = end = reader.get_mark()
        word = _PLAIN_FLOW if self.flow_level else _PLAIN_BLOCK
        while reader.peek() != "#" and (found := word.match(reader.buffer, reader.pointer)):
            self.allow_simple_key = False
            chunks += [*spaces, found[0]]
            reader.forward(len(found[0]))
            end = reader.get_mark()
            spaces = self.scan_plain_spaces(self.indent + 1, start)
            if not spaces or (not self.flow_level and reader.column <= self.indent):
                break
        return ScalarToken("".join(chunks), True, start, end)

    def scan_block_scalar_indentation(self) -> Any:
        reader, chunks, indent, end = self.reader, [], 0, self.reader.get_mark()
        while reader.peek() in " \r\n\x85\u2028\u2029":
            if reader.peek() == " ":
                reader.forward()
                indent = max(indent, reader.column)
            else:
                chunks.append(self.scan_line_break())
                end = reader.get_mark()
        return chunks, indent, end


@dataclass(slots=True, eq=False)
class _Node:
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


_MERGE: Any = object()


def dotted(path: Sequence[Any]) -> str:
    """A key path as people write it: ("datasets", 0, "type") -> "datasets[0].type"."""
    text = ""
    for step in path:
        text += (
            f"[{step}]" if isinstance(step, int) and not isinstance(step, bool) else f".{step}" if text else str(step)
        )
    return text


class Parsed:
    """One text, read: its data and where each value stands. Never changes."""

    __slots__ = ("_aliases", "_anchors", "_lines", "data", "name", "root", "text")

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._anchors: dict[str, _Node] = {}
        self._aliases: list[_Node] = []
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise InputError(
                "The recipe is too large", f"A recipe has at most {MAX_BYTES // 1024} KiB.", where=Where(name)
            )
        self.root = self._read()
        self.data: dict[Any, Any] = _Builder(self).mapping_or_empty(self.root)

    # -- places ------------------------------------------------------------------------------------------------------

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both from 1; only a line feed ends a line."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def find(self, path: Sequence[Any], *, key: bool = False) -> tuple[_Node | None, int, bool]:
        """The node at `path` or None, the offset of it or its nearest ancestor, and whether an alias leads there."""
        node, offset, shared = self.root, self.root.start if self.root else 0, False
        for depth, step in enumerate(path):
            while node is not None and node.kind == "alias":
                node, shared = self._anchors[node.value], True
            child = None
            if node is not None and node.kind == "map":
                child, merged, at = self._entry(node, step)
                shared = shared or merged
                if child is not None and key and depth == len(path) - 1:
                    offset = at
                    return child, offset, shared
            elif node is not None and node.kind == "seq" and type(step) is int and 0 <= step < len(node.value):
                child = node.value[step]
            if child is None:
                return None, offset, shared
            node, offset = child, child.start
        return node, offset, shared

    def _entry(self, node: _Node, key: Any) -> tuple[_Node | None, bool, int]:
        merges = []
        for (key_node, value), name in zip(node.value, node.keys, strict=True):
            if name is _MERGE:
                merges.append(value)
            elif _same(name, key):
                return value, False, key_node.start
        for value in reversed(merges):
            for source in [self._target(value)] if self._target(value).kind == "map" else self._target(value).value:
                child, _, at = self._entry(self._target(source), key)
                if child is not None:
                    return child, True, at
        return None, False, node.start

    def _target(self, node: _Node) -> _Node:
        return self._anchors[node.value] if node.kind == "alias" else node

    def line(self, path: Sequence[Any], *, key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of the value at `path`, or its key; of the nearest ancestor where it is absent."""
        return self.place(self.find(path, key=key)[1])

    def where(self, path: Sequence[Any], *, key: bool = False) -> Where:
        """The place of a value as an errors.Where, with the dotted path as its field."""
        line, column = self.line(path, key=key)
        return Where(file=self.name, line=line, column=column, field=dotted(path) or None)

    def error(self, title: str, cause: str, hint: str = "", offset: int = 0) -> InputError:
        """An InputError at a character offset that quotes the offending line."""
        line, column = self.place(min(offset, len(self.text)))
        shown = self.text[self._lines[line - 1] :].split("\n", 1)[0].rstrip("\r")[:160]
        shown = "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in shown)
        quoted = f"line {line}: {shown}" if shown else f"line {line} is empty"
        return InputError(title, f"{cause} ({quoted})", hint, Where(self.name, line, column))

    def with_scalar(self, node: _Node, written: str, data: dict[Any, Any]) -> Parsed:
        """This reading with a one-line scalar written anew: the same nodes, moved. Spares a keystroke the parser."""
        moved = len(written) - (node.end - node.start)
        copies: dict[int, _Node] = {}

        def copy(old: _Node) -> _Node:
            new = replace(old)
            new.start += moved if old.start > node.start else 0
            new.end += moved if old.end >= node.end else 0
            if old.kind == "map":
                new.value = [(copy(key), copy(value)) for key, value in old.value]
                new.colons = [colon + moved if colon > node.start else colon for colon in old.colons]
            elif old.kind == "seq":
                new.value = [copy(item) for item in old.value]
            copies[id(old)] = new
            return new

        fresh = object.__new__(Parsed)
        fresh.name, fresh.data = self.name, data
        fresh.text = self.text[: node.start] + written + self.text[node.end :]
        fresh._lines = [start + moved if start > node.start else start for start in self._lines]
        fresh.root = copy(self.root) if self.root else None
        fresh._anchors = {name: copies[id(old)] for name, old in self._anchors.items()}
        fresh._aliases = []
        twin = copies[id(node)]
        twin.plain, twin.style = written[0] not in "\"'", written[0] if written[0] in "\"'" else None
        return fresh

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self) -> _Node | None:
        loader = YAML(typ="safe", pure=True)
        loader.Resolver, loader.Reader, loader.Scanner = _Resolver11, _Reader11, _Scanner11
        loader.top_level_block_style_scalar_no_indent_error_1_1 = True
        try:
            events = loader.parse(self.text)
            next(events)
            root, documents = None, 0
            for event in events:
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
                    root = self._node(event, events, 0)
        except InputError:
            raise
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            offset = mark.index if mark is not None else getattr(error, "position", 0)
            problem = next(filter(None, (getattr(error, name, None) for name in ("problem", "reason", "context"))), "")
            hint = next((text for sign, text in _HINTS if sign in problem), "")
            raise self.error("The recipe is not valid YAML", problem[:1].upper() + problem[1:], hint, offset) from None
        except (ValueError, OverflowError, AttributeError, IndexError) as error:
            raise self.error("The recipe is not valid YAML", f"{error}") from None
        if root is not None and root.kind == "scalar" and root.value == "" and root.plain:
            return None
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> _Node:
        kind, start, end = type(event).__name__, event.start_mark.index, event.end_mark.index
        anchor = event.anchor
        if depth > MAX_DEPTH:
            raise self.error("The recipe is nested too deeply", f"At most {MAX_DEPTH} levels are read", offset=start)
        if anchor is not None and not _ANCHOR.fullmatch(anchor):
            raise self.error(
                "The recipe is not valid YAML", f"Unexpected characters in the name {anchor!r}", offset=start
            )
        if kind == "AliasEvent":
            if anchor not in self._anchors:
                raise self.error(
                    "The recipe is not valid YAML", f"Found undefined alias {anchor!r}", _HINTS[7][1], start
                )
            node = _Node("alias", start, end, anchor)
            self._aliases.append(node)
            return node
        if anchor in self._anchors:
            hint = "Readers refuse this: give one of them another name."
            raise self.error("The recipe is not valid YAML", f"The anchor &{anchor} is defined twice", hint, start)
        tag = None if event.tag is None or str(event.tag) == "!" else str(event.tag)
        if kind == "ScalarEvent":
            node = _Node("scalar", start, end, event.value, tag, bool(event.implicit[0]), event.style, anchor=anchor)
            if event.style in ("|", ">"):
                node.end = start + len(self.text[start:end].rstrip("\r\n"))
        else:
            node = _Node("map" if kind == "MappingStartEvent" else "seq", start, end, [], tag, anchor=anchor)
            node.flow = bool(event.flow_style)
        if anchor is not None:
            self._anchors[anchor] = node
        if node.kind == "map":
            while type(event := next(events)).__name__ != "MappingEndEvent":
                key = self._node(event, events, depth + 1)
                value = self._node(next(events), events, depth + 1)
                colon = self._skip(key.end)
                if value.start == value.end and self.text[colon : colon + 1] == ":":
                    value.start = value.end = colon + 1
                node.colons.append(colon)
                node.value.append((key, value))
                node.end = value.end
        elif node.kind == "seq":
            while type(event := next(events)).__name__ != "SequenceEndEvent":
                node.value.append(self._node(event, events, depth + 1))
                node.end = node.value[-1].end
        if node.kind in ("map", "seq") and node.flow:
            node.end = event.end_mark.index
        return node

    def _skip(self, offset: int) -> int:
        """The offset of the next character that is neither white space nor in a comment."""
        found = _BLANK.match(self.text, offset)
        return found.end() if found else offset


class _Builder:
    """Makes plain Python values of nodes, as PyYAML's SafeLoader does; an alias becomes a copy of what it names."""

    __slots__ = ("copied", "depth", "open", "parsed")

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.copied = self.depth = 0
        self.open: set[str] = set()

    def fail(self, node: _Node, cause: str, hint: str = "") -> InputError:
        return self.parsed.error("The recipe cannot be read", cause, hint, node.start)

    def mapping_or_empty(self, root: _Node | None) -> dict[Any, Any]:
        data = None if root is None else self.build(root)
        if data is not None and not isinstance(data, dict):
            assert root is not None
            raise self.fail(root, f"A recipe is a mapping of keys to values, and this is {_kind(data)}")
        return data or {}

    def build(self, node: _Node) -> Any:
        if self.depth:
            self.copied += 1
            if self.copied > MAX_ALIAS_NODES:
                raise self.fail(node, f"Its aliases unfold to more than {MAX_ALIAS_NODES} values")
        if node.kind == "alias":
            with self._unfold(node) as target:
                return self.build(target)
        if node.kind == "scalar":
            return self._scalar(node)
        tag = node.tag.removeprefix(_CORE) if node.tag else node.kind
        if node.kind == "seq" and tag == "seq":
            return [self.build(item) for item in node.value]
        if node.kind == "seq" and tag in ("omap", "pairs"):
            return [next(iter(self._pairs(item).items())) for item in node.value if item.kind == "map"]
        if node.kind == "map" and tag in ("map", "set"):
            pairs = self._pairs(node)
            return set(pairs) if tag == "set" else pairs
        raise self.fail(node, f"The tag {node.tag} has no meaning here", "Remove the tag: a recipe holds plain values.")

    @contextlib.contextmanager
    def _unfold(self, alias: _Node) -> Iterator[_Node]:
        if alias.value in self.open:
            raise self.fail(alias, f"The alias *{alias.value} contains itself")
        self.open.add(alias.value)
        self.depth += 1
        yield self.parsed._target(alias)
        self.depth -= 1
        self.open.discard(alias.value)

    def _pairs(self, node: _Node) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        node.keys = []
        for key_node, value_node in node.value:
            word = key_node.value if key_node.kind == "scalar" and key_node.plain else None
            if word == "<<":
                node.keys.append(_MERGE)
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

    def _merge(self, node: _Node) -> dict[Any, Any]:
        if node.kind == "alias":
            with self._unfold(node) as target:
                return self._merge(target)
        if node.kind == "map":
            return self._pairs(node)
        if node.kind != "seq" or any(self.parsed._target(item).kind != "map" for item in node.value):
            raise self.fail(node, "The merge key << takes a mapping or a list of mappings")
        result: dict[Any, Any] = {}
        for item in reversed(node.value):
            result.update(self._merge(item))
        return result

    def _scalar(self, node: _Node) -> Any:
        tag = node.tag.removeprefix(_CORE) if node.tag else _resolve(node.value) if node.plain else "str"
        try:
            return _convert(tag, node.value)
        except (ValueError, KeyError, OverflowError):
            cause = (
                f"{node.value!r} is no valid {tag}"
                if tag in _KNOWN
                else f"The tag {node.tag or tag} has no meaning here"
            )
            raise self.fail(node, cause, "" if tag in _KNOWN else "Quote the text, or remove the tag.") from None


_KNOWN = ("null", "bool", "int", "float", "timestamp", "binary", "str")


def _resolve(value: str) -> str:
    """The core type of a plain scalar in YAML 1.1 as PyYAML reads it: "int", "float", "bool", "null", …, "str"."""
    if value in ("", "~", "null", "Null", "NULL"):
        return "null"
    if value.lower() in _BOOLS and value in (value.lower(), value.upper(), value.capitalize()):
        return "bool"
    if value[0] in "-+.0123456789":
        if _FLOAT.fullmatch(value):
            return "float"
        if _INT.fullmatch(value):
            return "int"
        date_only = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
        found = _TIME.fullmatch(value)
        if date_only or (found and found[4]):
            return "timestamp"
    return {"=": "value", "<<": "merge"}.get(value, "str")


def _convert(tag: str, value: str) -> Any:
    if tag == "str":
        return value
    if tag == "null":
        return None
    if tag == "bool":
        return _BOOLS[value.lower()]
    if tag == "binary":
        return base64.decodebytes(value.encode("ascii"))
    if tag == "timestamp":
        return _timestamp(value)
    if tag not in ("int", "float"):
        raise KeyError(tag)
    text = value.replace("_", "").lower() if tag == "float" else value.replace("_", "")
    sign, text = (-1 if text[:1] == "-" else 1), text[1:] if text[:1] in ("-", "+") else text
    if tag == "int" and ":" in text and text[0] != "0":
        return sign * sum(int(part) * 60**power for power, part in enumerate(reversed(text.split(":"))))
    if tag == "int":
        base = {"0b": 2, "0x": 16}.get(text[:2], 8 if text.startswith("0") and text != "0" else 10)
        return sign * int(text[2:] if base in (2, 16) else text, base)
    if ":" in text:
        return sign * sum(float(part) * 60**power for power, part in enumerate(reversed(text.split(":"))))
    return sign * float(text[1:] if text in (".inf", ".nan") else text)


def _timestamp(value: str) -> datetime.date:
    found = _TIME.fullmatch(value)
    if found is None:
        raise ValueError(value)
    year, month, day = (int(found[index]) for index in (1, 2, 3))
    if found[4] is None:
        return datetime.date(year, month, day)
    zone = None
    if found[9]:
        shift = datetime.timedelta(hours=int(found[10]), minutes=int(found[11] or 0))
        zone = datetime.timezone(-shift if found[9] == "-" else shift)
    elif found[8]:
        zone = datetime.UTC
    micros = int((found[7] or "0")[:6].ljust(6, "0"))
    return datetime.datetime(year, month, day, int(found[4]), int(found[5]), int(found[6]), micros, zone)


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"the text {value!r}" if isinstance(value, str) else repr(value)


def _same(left: Any, right: Any) -> bool:
    """Equal in value and type, with NaN equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) or (left != left and right != right)


# -- writing values ----------------------------------------------------------------------------------------------------


def _double(text: str) -> str:
    """A double-quoted YAML string; every character that a reader could not see is an escape."""
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
    out = []
    for ch in text:
        code = ord(ch)
        wide = f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}" if code < 65536 else f"\\U{code:08X}"
        out.append(named.get(ch) or (ch if ch.isprintable() else wide))
    return f'"{"".join(out)}"'


def _string(text: str, *, flow: bool, style: str | None) -> str:
    """A one-line YAML string: in its old `style` ('"', "'" or None) where that can hold it, else plain or quoted."""
    single_works = text.isprintable()
    if style == "'" and single_works:
        return "'" + text.replace("'", "''") + "'"
    if (
        style != '"'
        and single_works
        and _PLAIN.fullmatch(text)
        and _resolve(text) == "str"
        and not (flow and ":" in text)
    ):
        return text
    if style != '"' and single_works and ("\\" in text or '"' in text) and "'" not in text:
        return f"'{text}'"
    return _double(text)


def _literal(text: str, indent: int) -> str | None:
    """`text` as a block literal whose lines stand at `indent`, or None where a literal cannot hold it."""
    lines = text.split("\n")
    if not lines[0].strip() or lines[0][0] in " \t" or not all(line.replace("\t", "").isprintable() for line in lines):
        return None
    body = text.rstrip("\n")
    chomp = {0: "-", 1: ""}.get(len(text) - len(body), "+")
    pad = " " * indent
    tail = "\n" * (len(text) - len(body) - 1)
    return f"|{chomp}\n" + "\n".join(pad + line if line else "" for line in body.split("\n")) + tail


def _inline(value: Any, *, style: str | None = None, flow: bool = False) -> str:
    """`value` on one line: a scalar, or a flow collection."""
    value = value.value if isinstance(value, Enum) else value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, str):
        return _string(str(value), flow=flow, style=style)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(k, flow=True)}: {_inline(v, flow=True)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inline(item, flow=True) for item in value) + "]"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"!!binary {_double(base64.b64encode(value).decode())}"
    raise InputError("This value cannot be written to a recipe", f"It is of type {type(value).__name__}.")


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": ".inf", "-inf": "-.inf"}.get(repr(value), ".nan")
    mantissa, mark, exponent = repr(value).partition("e")
    if not mark:
        return mantissa
    # Without the point and the sign, YAML 1.1 reads 2e-05 as text.
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"


def _is_short(value: Any) -> bool:
    """Whether people write this value on the line of its key."""
    if isinstance(value, (list, tuple)):
        return not any(isinstance(item, (dict, list, tuple)) for item in value) and len(_inline(value)) <= 80
    if isinstance(value, str):
        return sum(1 for line in value.split("\n") if line.strip()) < 3 or _literal(value, 0) is None
    return not isinstance(value, dict) or not value


def _block(value: Any, indent: int, step: int) -> str:
    """`value` as block lines at `indent` (the last without a line feed); `step` indents lists under their key."""
    pad = " " * indent
    lines = []
    if isinstance(value, dict):
        for key, item in value.items():
            head = f"{pad}{_inline(key, flow=True)}:"
            lines.append(head + _after_head(item, indent, step))
    else:
        for item in value:
            nested = isinstance(item, (dict, list, tuple)) and not _is_short(item)
            text = _block(item, indent + 2, step).lstrip(" ") if nested else _inline(item)
            lines.append(f"{pad}- {text}")
    return "\n".join(lines)


def _after_head(value: Any, indent: int, step: int) -> str:
    """What follows `key:` (whose column is `indent`) for this value."""
    if _is_short(value):
        return " " + _inline(value)
    if isinstance(value, str):
        return " " + (_literal(value, indent + 2) or _double(value))
    return "\n" + _block(value, indent + (2 if isinstance(value, dict) else step), step)


def write_value(key: str, value: Any) -> str:
    """`key: value` as a person would write it at the top level of a recipe, without a last line feed."""
    return f"{_inline(key, flow=True)}:{_after_head(_plain(value), 0, 2)}"


# -- the document ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _State:
    text: str
    group: str | None = None


class Document:
    """A recipe's YAML text with its data, its places and its history.

    Paths are tuples of keys and indexes: ("datasets", 0, "roles_to_train"). `text` is always what a file would hold.
    While a text typed by a person does not parse, `data` stays the last good one and `error` says what is wrong.
    """

    def __init__(self, text: str = "", name: str = "<recipe>", *, path: Path | None = None) -> None:
        self.name, self.path = name, path
        self._bom = "\ufeff" if text.startswith("\ufeff") else ""
        self._parsed = Parsed(text.removeprefix("\ufeff"), name)
        self._text = self._parsed.text
        self._saved: str = text
        self._undo: list[_State] = []
        self._redo: list[_State] = []
        self._last_group: str | None = None
        self.error: InputError | None = None

    @classmethod
    def from_text(cls, text: str, name: str = "<recipe>") -> Document:
        """Reads `text`; raises InputError with line and column where it is not a recipe's YAML."""
        return cls(text, name)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Document:
        """Reads a file: UTF-8, at most 1 MiB. Raises InputError with the file, and line and column where there are."""
        file = Path(path)
        try:
            with file.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 4)
        except OSError as error:
            hints = {errno.ENOENT: "Check the path.", errno.EISDIR: "Give the YAML file inside this folder."}
            reason = f"{error.strerror or error}."
            raise InputError(
                "The recipe cannot be opened", reason, hints.get(error.errno or 0, ""), Where(str(file))
            ) from None
        if len(raw) > MAX_BYTES + 3:
            raise InputError(
                "The recipe is too large", f"A recipe has at most {MAX_BYTES // 1024} KiB.", where=Where(str(file))
            )
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            column = error.start - raw.rfind(b"\n", 0, error.start)
            raise InputError(
                "The recipe is not UTF-8 text",
                f"Byte {error.start} is 0x{raw[error.start]:02x}.",
                "Save the file as UTF-8.",
                Where(str(file), line, column),
            ) from None
        return cls(text, str(file), path=file)

    # -- reading

    @property
    def text(self) -> str:
        """The whole text as a file would hold it, byte order mark included."""
        return self._bom + self._text

    @property
    def parsed(self) -> Parsed:
        """The last good reading, with its places. It never changes; an edit makes a new one."""
        return self._parsed

    @property
    def data(self) -> dict[Any, Any]:
        """The recipe as plain Python values (a copy), as axolotl would load it."""
        return deepcopy(self._parsed.data)

    @property
    def dirty(self) -> bool:
        """Whether the text differs from what was opened or last saved."""
        return self.text != self._saved

    def get(self, path: Sequence[Any], default: Any = None) -> Any:
        """The value at `path` (a copy), or `default` where there is none."""
        value: Any = self._parsed.data
        for step in path:
            known = isinstance(value, dict) and step in value
            if not known and not (isinstance(value, list) and type(step) is int and 0 <= step < len(value)):
                return default
            value = value[step]
        return deepcopy(value)

    def line(self, path: Sequence[Any], *, key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of a value, or of its key; of the nearest ancestor where it is absent."""
        return self._parsed.line(path, key=key)

    def where(self, path: Sequence[Any], *, key: bool = False) -> Where:
        """The place of a value, with the file's name and the dotted path."""
        return self._parsed.where(path, key=key)

    # -- editing

    def set(self, path: Sequence[Any], value: Any, *, group: str | None = None) -> None:
        """Sets the value at `path`, making parents that are missing; nothing else in the text changes.

        Edits that follow each other with the same `group` undo as one. Raises InputError where the text does not parse
        at present, where a parent is neither mapping nor list, or where a value has no YAML form.
        """
        self._edit(lambda editor: editor.assign(tuple(path), value), group)

    def delete(self, path: Sequence[Any], *, group: str | None = None) -> None:
        """Removes a key or a list item; nothing happens where it is absent."""
        self._edit(lambda editor: editor.remove(tuple(path)), group)

    def replace_text(self, text: str, *, group: str | None = None) -> None:
        """Takes a whole text from an editor; never raises. Where it does not parse, `data` stays and `error` is set."""
        if text != self.text:
            self._remember(group)
            self._show(text)

    def undo(self) -> bool:
        """Takes back the last edit or group of edits; False where there is none."""
        return self._travel(self._undo, self._redo)

    def redo(self) -> bool:
        """Makes an undone edit again; False where there is none."""
        return self._travel(self._redo, self._undo)

    def diff(self, other: str | Document | None = None) -> str:
        """Unified diff from `other` (by default what was opened or last saved) to this text; "" where equal."""
        old = self._saved if other is None else other.text if isinstance(other, Document) else other
        lines = difflib.unified_diff(
            old.splitlines(keepends=True), self.text.splitlines(keepends=True), self.name, f"{self.name} (edited)"
        )
        missing = "\n\\ No newline at end of file\n"
        return "".join(line if line.endswith("\n") else line + missing for line in lines)

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes the text to `path` (by default where it came from): all of it or nothing, the file's mode kept.

        Raises EnvironmentProblem (full disk, no permission) or InputError (no such folder), the old file untouched.
        """
        if path is None and self.path is None:
            raise InputError("This recipe has no file yet", "It was not opened from one.", "Give a path to save it to.")
        target = Path(path if path is not None else self.path or "")
        write_atomically(target, self.text.encode("utf-8"))
        self.path, self.name, self._saved = target, str(target), self.text
        if self.error is None:
            self._parsed = Parsed(self._text, self.name)
        return target

    # -- inside

    def _edit(self, change: Any, group: str | None) -> None:
        if self.error is not None:
            raise self.error
        editor = _Editor(self._parsed)
        change(editor)
        if editor.parsed.text != self._text:
            self._remember(group)
            self._parsed, self._text = editor.parsed, editor.parsed.text

    def _remember(self, group: str | None) -> None:
        if group is None or group != self._last_group or not self._undo:
            self._undo.append(_State(self.text, group))
            del self._undo[:-MAX_UNDO]
        self._redo.clear()
        self._last_group = group

    def _travel(self, source: list[_State], sink: list[_State]) -> bool:
        if not source:
            return False
        state = source.pop()
        sink.append(_State(self.text, state.group))
        self._last_group = None
        self._show(state.text)
        return True

    def _show(self, text: str) -> None:
        self._bom = "\ufeff" if text.startswith("\ufeff") else ""
        self._text = text.removeprefix("\ufeff")
        try:
            self._parsed, self.error = Parsed(self._text, self.name), None
        except InputError as error:
            self.error = error


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file's contents in one step: a temporary file beside it, flushed to disk, then renamed over it."""
    target = path.resolve()
    temporary = None
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        mode = target.stat().st_mode & 0o7777 if target.exists() else None
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is None:
            umask = os.umask(0)
            os.umask(umask)
            mode = 0o666 & ~umask
        os.chmod(temporary, mode)
        os.replace(temporary, target)
        temporary = None
        with contextlib.suppress(OSError):
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        usage = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
        kind = InputError if usage else EnvironmentProblem
        raise kind(
            "The file was not written",
            f"{error.strerror or error}; what was there before is unchanged.",
            "Save to another place, or make room and try again.",
            Where(str(path)),
        ) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


class _Editor:
    """Edits one text by small replacements, each read back: the data must change as asked and nowhere else."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.newline = "\r\n" if "\r\n" in parsed.text else "\n"

    # -- what is asked

    def assign(self, path: KeyPath, value: Any) -> None:
        value = _plain(value)
        if not path:
            if not isinstance(value, dict):
                raise InputError("A recipe is a mapping of keys to values", f"It cannot become {_kind(value)}.")
            if not self.parsed.data or not value:
                return self._apply((), value, self._replace)
        old = self._value(path)
        if old is _MERGE:
            return self._create(path, value)
        if _same(old, value):
            return None
        if isinstance(old, dict) and isinstance(value, dict) and old and value:
            for key in [key for key in old if not _holds(value, key)]:
                self.remove((*path, key))
            for key, item in value.items():
                self.assign((*path, key), item)
        elif isinstance(old, list) and isinstance(value, list) and old and value:
            self._assign_list(path, old, value)
        else:
            self._apply(path, value, self._insert if self._is_merged(path) else self._replace)
        return None

    def _is_merged(self, path: KeyPath) -> bool:
        """Whether the value stands in its mapping through a merge key only."""
        parent = self.parsed.find(path[:-1])[0]
        return parent is not None and parent.kind == "map" and not any(_same(key, path[-1]) for key in parent.keys)

    def _assign_list(self, path: KeyPath, old: list[Any], new: list[Any]) -> None:
        matcher = difflib.SequenceMatcher(None, [*map(_identity, old)], [*map(_identity, new)], autojunk=False)
        for _, start, stop, new_start, new_stop in reversed(matcher.get_opcodes()):
            shared = min(stop - start, new_stop - new_start)
            for index in reversed(range(start + shared, stop)):
                self.remove((*path, index))
            for index in range(shared):
                self.assign((*path, start + index), new[new_start + index])
            for index in range(shared, new_stop - new_start):
                self._apply((*path, start + index), new[new_start + index], self._insert)

    def _create(self, path: KeyPath, value: Any) -> None:
        parent = self._value(path[:-1])
        step = path[-1]
        if parent is _MERGE or parent is None:
            if isinstance(step, int) and step != 0:
                raise self._refuse(path, "the list has no items yet, so only item 0 can be added")
            return self.assign(path[:-1], [value] if isinstance(step, int) else {step: value})
        if isinstance(parent, list) and type(step) is int and step != len(parent):
            raise self._refuse(path, f"the list has {len(parent)} items")
        if not isinstance(parent, dict) and not (isinstance(parent, list) and type(step) is int):
            raise self._refuse(path, f"{dotted(path[:-1])} is {_kind(parent)}")
        if not parent:
            return self.assign(path[:-1], [value] if isinstance(parent, list) else {step: value})
        return self._apply(path, value, self._insert)

    def remove(self, path: KeyPath) -> None:
        if self._value(path) is _MERGE or not path:
            return
        parent = self._value(path[:-1])
        if len(parent) == 1 and len(path) > 1:
            self._apply(path[:-1], type(parent)(), self._replace)
        else:
            self._apply(path, _MERGE, self._cut)

    def _refuse(self, path: KeyPath, cause: str) -> InputError:
        return InputError(
            f"{dotted(path)} cannot be set", f"{cause[:1].upper()}{cause[1:]}.", where=self.parsed.where(path)
        )

    def _value(self, path: KeyPath) -> Any:
        value: Any = self.parsed.data
        for step in path:
            known = isinstance(value, dict) and _holds(value, step)
            if not known and not (isinstance(value, list) and type(step) is int and 0 <= step < len(value)):
                return _MERGE
            value = value[step]
        return value

    # -- how it is done

    def _apply(self, path: KeyPath, value: Any, method: Any) -> None:
        """Runs one edit; where the written form resists it, the smallest enclosing value is written anew."""
        self._unshare(path)
        wanted = _changed(self.parsed.data, path, value, insert=method == self._insert)
        if method == self._replace and isinstance(value, str) and self._type_over(path, value, wanted):
            return
        for depth in range(len(path), -1, -1):
            try:
                text = method(path, value)
                parsed = Parsed(text, self.parsed.name)
                if _same(parsed.data, wanted):
                    self.parsed = parsed
                    return
            except (InputError, _Resists):
                pass
            method, path = self._replace, path[: depth - 1] if depth else ()
            value = wanted
            for step in path:
                value = value[step]
        raise InputError(
            "The edit cannot be written as YAML", "It did not read back as it was meant.", where=Where(self.parsed.name)
        )

    def _type_over(self, path: KeyPath, value: str, wanted: dict[Any, Any]) -> bool:
        """Writes one line of text over another without reading all of it again; False where that is not safe."""
        node, parent = self.parsed.find(path)[0], self.parsed.find(path[:-1])[0]
        if node is None or parent is None or node.kind != "scalar" or node.tag or node.anchor or self.parsed._aliases:
            return False
        old = self.parsed.text[node.start : node.end]
        written = _inline(value, style=node.style, flow=parent.flow)
        is_line = (
            old and "\n" not in old + written and node.style in (None, '"', "'") and len(written) < MAX_BYTES // 64
        )
        if not is_line or len(self.parsed.text) > MAX_BYTES // 8 or not _is_short(value):
            return False
        self.parsed = self.parsed.with_scalar(node, written, wanted)
        return True

    def _unshare(self, path: KeyPath) -> None:
        """Writes aliases out where the edit would reach other values through them."""
        for _ in range(10_000):
            aliases = self.parsed._aliases
            node = self.parsed.root
            inside: set[str] = set()
            victims: list[_Node] = []
            for step in path:
                if node is None or victims:
                    break
                if node.kind == "alias":
                    victims = [node]
                    break
                if node.anchor:
                    inside.add(node.anchor)
                if node.kind == "map":
                    index = next((i for i, key in enumerate(node.keys) if key is not _MERGE and _same(key, step)), None)
                    node = None if index is None else node.value[index][1]
                else:
                    node = node.value[step] if node.kind == "seq" and step < len(node.value) else None
            if node is not None and not victims:
                inside |= {name for name, item in self.parsed._anchors.items() if node.start <= item.start <= node.end}
            victims = victims or [alias for alias in aliases if alias.value in inside][:1]
            if not victims:
                return
            alias = victims[0]
            written = _inline(_Builder(self.parsed).build(alias), flow=True)
            text = self.parsed.text
            self.parsed = Parsed(text[: alias.start] + written + text[alias.end :], self.parsed.name)

    def _locate(self, path: KeyPath) -> tuple[_Node, _Node | None, int]:
        """The node, its parent and its index there. Raises _Resists where merge keys or aliases stand between."""
        node, parent, index = self.parsed.root, None, 0
        for step in path:
            parent = node
            if parent is None or parent.kind not in ("map", "seq"):
                raise _Resists
            index = step
            if parent.kind == "map":
                index = next((i for i, key in enumerate(parent.keys) if key is not _MERGE and _same(key, step)), -1)
                if index < 0:
                    raise _Resists
            node = parent.value[index] if parent.kind == "seq" else parent.value[index][1]
        if node is None:
            raise _Resists
        return node, parent, index

    def _replace(self, path: KeyPath, value: Any) -> str:
        text = self.parsed.text
        if not path:
            return self._replace_root(value)
        node, parent, index = self._locate(path)
        assert parent is not None
        if parent.flow:
            return self._splice(
                node.start, node.end, self._pad(node.start) + _inline(value, style=node.style, flow=True)
            )
        flow_stays = node.flow and isinstance(value, list) and len(_inline(value)) <= 100
        literal = None
        if isinstance(value, str) and node.style == "|" and "\n" in value:
            literal = _literal(value, self._column(parent.start) + 2)
        if parent.kind == "seq":
            if _is_short(value) or flow_stays or isinstance(value, str):
                written = literal or _inline(value, style=node.style)
            else:
                written = _block(value, self._column(parent.start) + 2, self._step()).lstrip(" ")
            return self._splice(node.start, node.end, self._pad(node.start) + written)
        colon = parent.colons[index]
        below = "\n" in text[colon : node.start]
        indent = self._column(parent.value[index][0].start)
        if literal or flow_stays or _is_short(value) or (isinstance(value, str) and node.style in ("'", '"')):
            written = literal or _inline(value, style=node.style)
            if not below:
                return self._splice(node.start, node.end, self._pad(node.start) + written)
            gap = text[colon + 1 : self._line_end(colon)]
            return self._splice(colon + 1, node.end, f" {written}{gap if gap.strip() else ''}")
        block = _after_head(value, indent, self._step())
        if isinstance(value, str):
            return self._splice(node.start, node.end, self._pad(node.start) + block.lstrip(" "))
        if below:
            start = node.start - (self._column(node.start))
            return self._splice(start, node.end, block[1:])
        rest = text[node.end : self._line_end(node.end)]
        return self._splice(colon + 1, node.end + len(rest), (rest.rstrip("\r") if rest.strip() else "") + block)

    def _replace_root(self, value: Any) -> str:
        text, root = self.parsed.text, self.parsed.root
        written = _block(value, 0, self._step()) if value else ""
        if root is not None:
            return self._splice(root.start, root.end, written)
        return self._splice(len(text), len(text), ("\n" if text and not text.endswith("\n") else "") + written + "\n")

    def _insert(self, path: KeyPath, value: Any) -> str:
        parent, _, _ = self._locate(path[:-1])
        step = path[-1]
        if parent.kind not in ("map", "seq") or not parent.value:
            raise _Resists
        last = parent.value[-1][1] if parent.kind == "map" else parent.value[-1]
        if parent.flow:
            head = f"{_inline(step, flow=True)}: " if parent.kind == "map" else ""
            written = head + _inline(value, flow=True)
            if parent.kind == "seq" and step < len(parent.value):
                return self._splice(parent.value[step].start, parent.value[step].start, f"{written}, ")
            return self._splice(last.end, last.end, f", {written}")
        indent = self._column(parent.start if parent.kind == "seq" else parent.value[0][0].start)
        if parent.kind == "seq":
            written = _block([value], indent, self._step())
            if step == 0:
                return self._insert_above(parent.start, written)
            return self._insert_below(parent.value[step - 1], written)
        written = _block({step: value}, indent, self._step())
        after = _place_of(path, parent.keys)
        if after < 0 and not self.parsed.text[parent.start - indent : parent.value[0][0].start].strip():
            return self._insert_above(parent.value[0][0].start, written)
        return self._insert_below(parent.value[max(after, 0)][1], written)

    def _insert_above(self, offset: int, written: str) -> str:
        start = offset - self._column(offset)
        if self.parsed.text[start:offset].strip():
            raise _Resists
        return self._splice(start, start, written + "\n")

    def _insert_below(self, node: _Node, written: str) -> str:
        end = self._line_end(node.end)
        if self.parsed.text[node.end : end].strip() and not self.parsed.text[node.end : end].strip().startswith("#"):
            raise _Resists
        return self._splice(end, end, "\n" + written)

    def _cut(self, path: KeyPath, _value: Any) -> str:
        text = self.parsed.text
        node, parent, index = self._locate(path)
        assert parent is not None
        items = parent.value if parent.kind == "seq" else [pair[0] for pair in parent.value]
        if parent.flow:
            if index + 1 < len(items):
                return self._splice(items[index].start, items[index + 1].start, "")
            before = parent.value[index - 1] if parent.kind == "seq" else parent.value[index - 1][1]
            return self._splice(before.end if index else items[index].start, node.end, "")
        start = items[index].start
        if parent.kind == "seq":
            before_end = parent.start if index == 0 else self.parsed._skip(parent.value[index - 1].end)
            start = before_end if text[before_end : before_end + 1] == "-" else start
        line_start = start - self._column(start)
        if not text[line_start:start].strip():
            return self._splice(line_start, self._next_line(node.end), "")
        if index + 1 >= len(items):
            raise _Resists
        kept = [
            line for line in text[self._next_line(node.end) : items[index + 1].start].split("\n")[:-1] if line.strip()
        ]
        pad = " " * self._column(start)
        joined = "".join(f"\n{line.rstrip()}" for line in kept)
        return self._splice(start - (1 if kept else 0), items[index + 1].start, f"{joined}\n{pad}" if kept else "")

    # -- text

    def _splice(self, start: int, end: int, written: str) -> str:
        text = self.parsed.text
        return text[:start] + written.replace("\r\n", "\n").replace("\n", self.newline) + text[end:]

    def _column(self, offset: int) -> int:
        return self.parsed.place(offset)[1] - 1

    def _line_end(self, offset: int) -> int:
        end = self.parsed.text.find("\n", offset)
        end = len(self.parsed.text) if end < 0 else end
        return end - 1 if self.parsed.text[max(end - 1, offset) : end] == "\r" else end

    def _next_line(self, offset: int) -> int:
        return self.parsed.text.find("\n", offset) + 1 or len(self.parsed.text)

    def _pad(self, offset: int) -> str:
        return " " if self.parsed.text[offset - 1 : offset] in (":", "-") else ""

    def _step(self) -> int:
        """How far this text indents a list under its key: 0 or 2."""
        found = re.search(
            r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*( *)- ", self.parsed.text, re.M
        )
        return 0 if found and len(found[2]) == len(found[1]) else 2


class _Resists(Exception):
    """The written form does not allow the small edit."""


def _plain(value: Any) -> Any:
    """Tuples become lists and enumeration members their values, as they read back."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    for kind in (str, float):
        if isinstance(value, kind):
            return kind(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _identity(item: Any) -> str:
    """What tells a list's items apart, so that a changed one keeps its comments: its role or path, else all of it."""
    if isinstance(item, dict):
        return repr(next((item[key] for key in ("role", "path", "name") if key in item), item))
    return repr(item)


def _holds(mapping: dict[Any, Any], key: Any) -> bool:
    return any(_same(name, key) for name in mapping) if isinstance(key, (bool, int, float)) else key in mapping


def _changed(data: dict[Any, Any], path: KeyPath, value: Any, *, insert: bool) -> Any:
    """A copy of `data` with the value at `path` set, inserted or (for _MERGE) removed."""
    if not path:
        return deepcopy(value)
    copy = deepcopy(data)
    parent: Any = copy
    for step in path[:-1]:
        parent = parent[step]
    if value is _MERGE:
        del parent[path[-1]]
    elif insert and isinstance(parent, list):
        parent.insert(path[-1], deepcopy(value))
    else:
        parent[path[-1]] = deepcopy(value)
    return copy


def _place_of(path: KeyPath, keys: list[Any]) -> int:
    """The index of the key after which a new one goes: axolotl's usual order, else the end; -1 for the very top."""
    from workbench.recipe.model import key_order

    order = {name: rank for rank, name in enumerate(key_order(path[:-1]))}
    if path[-1] not in order:
        return len(keys) - 1
    before = [i for i, key in enumerate(keys) if key is _MERGE or (key in order and order[key] < order[path[-1]])]
    return max(before, default=-1)
