"""One small replacement in a text: a value written over another, a new one beside its siblings, one cut out.

Nothing is checked here: the caller reads the new text back, and tries a larger replacement where it is wrong.
"""

from __future__ import annotations

import re
from typing import Any

from workbench.recipe.yaml.key_order import key_order
from workbench.recipe.yaml.nodes import MERGE, KeyPath, Node
from workbench.recipe.yaml.read import Parsed
from workbench.recipe.yaml.write import after_key, as_block, as_inline, as_literal, is_short


class CannotSplice(Exception):
    """The written form does not allow the small edit."""


class Splice:
    """Gives the text with one value replaced, inserted or cut. Raises CannotSplice where its form forbids it."""

    def __init__(self, parsed: Parsed, newline: str) -> None:
        self.parsed, self.newline = parsed, newline

    def replace(self, path: KeyPath, value: Any) -> str:
        """`value` written over the one at `path`, in its quoting and in its place on the line."""
        text = self.parsed.text
        if not path:
            return self._replace_root(value)
        node, parent, index = self._locate(path)
        assert parent is not None
        if parent.flow:
            return self._splice(
                node.start, node.end, self._pad(node.start) + as_inline(value, style=node.style, flow=True)
            )
        flow_stays = node.flow and isinstance(value, list) and len(as_inline(value)) <= 100
        literal = None
        if isinstance(value, str) and node.style == "|" and "\n" in value:
            literal = as_literal(value, self._column(parent.start) + 2)
        if parent.kind == "seq":
            if is_short(value) or flow_stays or isinstance(value, str):
                written = literal or as_inline(value, style=node.style)
            else:
                written = as_block(value, self._column(parent.start) + 2, self._step()).lstrip(" ")
            return self._splice(node.start, node.end, self._pad(node.start) + written)
        colon = parent.colons[index]
        below = "\n" in text[colon : node.start]
        indent = self._column(parent.value[index][0].start)
        if literal or flow_stays or is_short(value) or (isinstance(value, str) and node.style in ("'", '"')):
            written = literal or as_inline(value, style=node.style)
            if not below:
                return self._splice(node.start, node.end, self._pad(node.start) + written)
            gap = text[colon + 1 : self._line_end(colon)]
            return self._splice(colon + 1, node.end, f" {written}{gap if gap.strip() else ''}")
        block = after_key(value, indent, self._step())
        if isinstance(value, str):
            return self._splice(node.start, node.end, self._pad(node.start) + block.lstrip(" "))
        if below:
            return self._splice(node.start - self._column(node.start), node.end, block[1:])
        rest = text[node.end : self._line_end(node.end)]
        return self._splice(colon + 1, node.end + len(rest), (rest.rstrip("\r") if rest.strip() else "") + block)

    def _replace_root(self, value: Any) -> str:
        text, root = self.parsed.text, self.parsed.root
        written = as_block(value, 0, self._step()) if value else ""
        if root is not None:
            return self._splice(root.start, root.end, written)
        return self._splice(len(text), len(text), ("\n" if text and not text.endswith("\n") else "") + written + "\n")

    def insert(self, path: KeyPath, value: Any) -> str:
        """A new key where people look for it, or a new list item before the one at `path`."""
        parent, _, _ = self._locate(path[:-1])
        step = path[-1]
        if parent.kind not in ("map", "seq") or not parent.value:
            raise CannotSplice
        if parent.flow:
            head = f"{as_inline(step, flow=True)}: " if parent.kind == "map" else ""
            written = head + as_inline(value, flow=True)
            if parent.kind == "seq" and step < len(parent.value):
                return self._splice(parent.value[step].start, parent.value[step].start, f"{written}, ")
            end = parent.item(-1).end
            return self._splice(end, end, f", {written}")
        indent = self._column(parent.start if parent.kind == "seq" else parent.value[0][0].start)
        if parent.kind == "seq":
            written = as_block([value], indent, self._step())
            if step == 0:
                return self._insert_above(parent.start, written)
            return self._insert_below(parent.value[step - 1], written)
        written = as_block({step: value}, indent, self._step())
        after = _place_of(path, parent.keys)
        if after < 0 and not self.parsed.text[parent.start - indent : parent.value[0][0].start].strip():
            return self._insert_above(parent.value[0][0].start, written)
        return self._insert_below(parent.item(max(after, 0)), written)

    def _insert_above(self, offset: int, written: str) -> str:
        start = offset - self._column(offset)
        if self.parsed.text[start:offset].strip():
            raise CannotSplice
        return self._splice(start, start, written + "\n")

    def _insert_below(self, node: Node, written: str) -> str:
        end = self._line_end(node.end)
        rest = self.parsed.text[node.end : end].strip()
        if rest and not rest.startswith("#"):
            raise CannotSplice
        return self._splice(end, end, "\n" + written)

    def cut(self, path: KeyPath, _value: Any = None) -> str:
        """Without the key or list item at `path`; comments on lines of their own stay."""
        _, parent, index = self._locate(path)
        assert parent is not None
        return self._cut_at(parent, index)

    def cut_earlier(self, path: KeyPath) -> str:
        """Without the first of the places where the key at `path` stands."""
        _, parent, _ = self._locate(path)
        assert parent is not None
        return self._cut_at(parent, parent.indexes(path[-1])[0])

    def _cut_at(self, parent: Node, index: int) -> str:
        text, node = self.parsed.text, parent.item(index)
        items = parent.value if parent.kind == "seq" else [pair[0] for pair in parent.value]
        if parent.flow:
            if index + 1 < len(items):
                return self._splice(items[index].start, items[index + 1].start, "")
            return self._splice(parent.item(index - 1).end if index else items[index].start, node.end, "")
        start = items[index].start
        if parent.kind == "seq":
            before_end = parent.start if index == 0 else self.parsed.skip_blank(parent.value[index - 1].end)
            start = before_end if text[before_end : before_end + 1] == "-" else start
        line_start = start - self._column(start)
        if not text[line_start:start].strip():
            return self._splice(line_start, self._next_line(node.end), "")
        if index + 1 >= len(items):
            raise CannotSplice
        kept = [
            line for line in text[self._next_line(node.end) : items[index + 1].start].split("\n")[:-1] if line.strip()
        ]
        pad = " " * self._column(start)
        joined = "".join(f"\n{line.rstrip()}" for line in kept)
        return self._splice(start - (1 if kept else 0), items[index + 1].start, f"{joined}\n{pad}" if kept else "")

    def rekey(self, path: KeyPath, name: str) -> str:
        """Another name in the place of the key at `path`, in its quoting."""
        _, parent, index = self._locate(path)
        if parent is None or parent.kind != "map":
            raise CannotSplice
        key = parent.value[index][0]
        if key.kind != "scalar" or key.style in ("|", ">"):
            raise CannotSplice
        return self._splice(key.start, key.end, as_inline(name, style=key.style, flow=parent.flow))

    # -- places

    def _locate(self, path: KeyPath) -> tuple[Node, Node | None, int]:
        """The node, its parent and its index there. Raises CannotSplice where merge keys or aliases stand between."""
        node, index = self.parsed.root, 0
        parent: Node | None = None
        for step in path:
            parent, found = node, node.index(step) if node else None
            if parent is None or found is None:
                raise CannotSplice
            node, index = parent.item(found), found
        if node is None:
            raise CannotSplice
        return node, parent, index

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
        """The indent of lists under their key in this text: 0 or 2."""
        found = re.search(
            r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*( *)- ", self.parsed.text, re.M
        )
        return 0 if found and len(found[2]) == len(found[1]) else 2


def _place_of(path: KeyPath, keys: list[Any]) -> int:
    """The index of the key after which a new one goes: axolotl's usual order, else the end; -1 for the very top."""
    order = {name: rank for rank, name in enumerate(key_order(path[:-1]))}
    if path[-1] not in order:
        return len(keys) - 1
    before = [i for i, key in enumerate(keys) if key is MERGE or (key in order and order[key] < order[path[-1]])]
    return max(before, default=-1)
