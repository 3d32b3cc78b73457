"""The words that a chat template looks for in what is said, and which of them a text holds.

A template may write a conversation otherwise for a word in one of its texts: Qwen3 keeps the thinking of an answer by
whether a user turn after it is a tool's response. Conversations that hold the same of these words in the same turns
take the same way through it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from workbench.tokens.message_variables import syntax_tree

Marks = tuple[object, ...]
_WRITES_ALONE = frozenset(
    (
        *("strip", "lstrip", "rstrip", "replace", "get", "items", "append", "join", "format", "raise_exception"),
        *(
            "strftime_now",
            "trim",
            "tojson",
            "default",
            "selectattr",
            "rejectattr",
            "map",
            "attr",
            "dictsort",
            "namespace",
        ),
    )
)
"""Calls, filters and tests that choose nothing by a word in a text: white space at its ends is looked at anyway."""
_COUNTS = ("length", "count", "wordcount")
_KEY = re.compile(r"\w+")
_LISTS = ("messages", "content")


@dataclass(frozen=True)
class TemplateWords:
    """The words of one template: `held`, that a text may hold somewhere, and `equal`, that it may be as a whole.

    `lengths` are those that a text's is compared with. `whole`: the template looks at texts in a way of which these
    words say too little, so that only equal texts are alike.
    """

    held: tuple[str, ...] = ()
    equal: frozenset[str] = frozenset()
    lengths: tuple[int, ...] = ()
    whole: bool = False

    def marks(self, text: str) -> Marks:
        """All that the template may tell this text from others by."""
        held = [(word, text.startswith(word), text.endswith(word)) for word in self.held if word in text]
        equal = text if self.whole or text in self.equal else None
        sizes = [(len(text) < size, len(text) == size) for size in self.lengths]
        return not text, not text.strip(), text[:1].isspace(), text[-1:].isspace(), equal, *held, *sizes


@lru_cache(maxsize=16)
def template_words(template: str) -> TemplateWords | None:
    """The words that a template's syntax shows; None where it cannot be read."""
    try:
        tree = syntax_tree(template)
    except TemplateSyntaxError:
        return None
    keyed = set(_over_keys(tree))
    held: set[str] = set()
    equal: set[str] = set()
    for compared in tree.find_all(nodes.Compare):
        _of_comparison(compared, keyed, held, equal)
    asked = [argument for argument in _arguments(tree) if not isinstance(argument, nodes.Getitem)]
    held |= {text for argument in asked for text in _texts(argument)}
    held |= set(_through_names(tree, asked))
    lengths, whole = _sizes(tree)
    return TemplateWords(tuple(sorted(held - {""})), frozenset(equal), tuple(sorted(lengths)), whole)


def _sizes(tree: nodes.Node) -> tuple[set[int], bool]:
    """The lengths that those of contents are compared with, and whether a content is looked at in some other way."""
    # Each with the variable whose content it is.
    names = {"content": ""} | {
        _named(one.target): _first_name(one.node)
        for one in tree.find_all(nodes.Assign)
        if _named(_bare(one.node)) == "content"
    }
    lengths: set[int] = set()
    whole = False
    for compared in tree.find_all(nodes.Compare):
        sides = [compared.expr, *(operand.expr for operand in compared.ops)]
        texts = [side for side in sides if _named(_bare(side)) in names]
        whole |= len(texts) > 1 and not _of_one_message(texts, names)
        whole |= any(_is_piece(side, names) for side in sides)
        if any(isinstance(side, nodes.Filter) and side.name in _COUNTS for side in texts):
            numbers = {side.value for side in sides if isinstance(side, nodes.Const) and isinstance(side.value, int)}
            lengths |= numbers
            whole |= not numbers
    return lengths, whole


def _of_one_message(texts: Sequence[nodes.Node], names: Mapping[str, str]) -> bool:
    """True for contents of the message that a loop is at."""
    whose = {names.get(name) or name for name in map(_first_name, texts)}
    return len(whose) == 1 and not whose & {"messages", "content"}


def _first_name(node: nodes.Node) -> str:
    """The variable at the beginning of an expression, or ""."""
    node = _bare(node)
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        node = _bare(node.node)
    return node.name if isinstance(node, nodes.Name) else ""


def _bare(node: nodes.Node) -> nodes.Node:
    """The node that filters and calls of its methods are applied to."""
    while True:
        if isinstance(node, nodes.Filter) and node.node is not None:
            node = node.node
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            node = node.node.node
        else:
            return node


def _is_piece(node: nodes.Node, names: Collection[str]) -> bool:
    """True for some characters of a content: of a list of parts, a key follows."""
    piece = _bare(node)
    by_place = isinstance(piece, nodes.Getitem) and not (
        isinstance(piece.arg, nodes.Const) and isinstance(piece.arg.value, str)
    )
    return by_place and isinstance(piece, nodes.Getitem) and _named(_bare(piece.node)) in names


def _arguments(tree: nodes.Node) -> Iterator[nodes.Node]:
    """The arguments of methods, filters and tests that may choose something by it."""
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr not in _WRITES_ALONE:
            yield from call.args
    for kind in (nodes.Filter, nodes.Test):
        for one in tree.find_all(kind):
            if one.name not in _WRITES_ALONE:
                yield from one.args


def _through_names(tree: nodes.Node, asked: Sequence[nodes.Node]) -> Iterator[str]:
    """The words that variables may stand for which are looked for in something."""
    looked_for = {argument.name for argument in asked if isinstance(argument, nodes.Name)}
    for compared in tree.find_all(nodes.Compare):
        if any(operand.op in ("in", "notin") for operand in compared.ops) and isinstance(compared.expr, nodes.Name):
            looked_for.add(compared.expr.name)
    for assigned in tree.find_all(nodes.Assign):
        if _named(assigned.target) in looked_for:
            yield from _texts(assigned.node)
    for loop in tree.find_all(nodes.For):
        if _named(loop.target) in looked_for:
            yield from _texts(loop.iter)
    if any(argument.name in looked_for for macro in tree.find_all(nodes.Macro) for argument in macro.args):
        for call in tree.find_all(nodes.Call):
            yield from (text for argument in call.args for text in _texts(argument))


def _of_comparison(compared: nodes.Compare, keyed: set[str], held: set[str], equal: set[str]) -> None:
    """Add the words of a comparison to those that are held, or to those that are equal."""
    left: nodes.Expr = compared.expr
    for operand in compared.ops:
        right = operand.expr
        if operand.op in ("eq", "ne"):
            equal |= {*_texts(left), *_texts(right)}
        elif operand.op in ("in", "notin"):
            # Of a list, one entry is the text as a whole.
            equal |= set(_texts(right)) if isinstance(right, (nodes.List, nodes.Tuple)) else set()
            if not isinstance(right, (nodes.List, nodes.Tuple)):
                held |= set(_texts(right))
            of_keys = isinstance(right, nodes.Name) and right.name in keyed
            held |= {word for word in _texts(left) if not (of_keys and _KEY.fullmatch(word))}
        else:
            held |= {*_texts(left), *_texts(right)}
        left = right


def _over_keys(tree: nodes.Node) -> Iterator[str]:
    """Variables of loops over messages or over the parts of a content: a word in one of them is a key.

    A content that is a text is looped over by its characters, and no word is in one of these.
    """
    names = {"messages"} | {
        node.target.name
        for node in tree.find_all(nodes.Assign)
        if isinstance(node.target, nodes.Name) and _named(node.node) in _LISTS
    }
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.target, nodes.Name) and _named(loop.iter) in (*names, *_LISTS):
            yield loop.target.name


def _named(node: nodes.Node) -> str:
    """The last name of an expression such as `message.content` or `messages[1:]`; "" for any other."""
    if isinstance(node, nodes.Getitem):
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return node.arg.value
        return _named(node.node)
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.name if isinstance(node, nodes.Name) else ""


def _texts(node: nodes.Node) -> Iterator[str]:
    """The texts that are written in an expression, but for the keys in it."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for name, child in node.iter_fields():
        if isinstance(node, (nodes.Getitem, nodes.Call)) and name in ("arg", "args"):
            continue
        for one in child if isinstance(child, list) else (child,):
            if isinstance(one, nodes.Node):
                yield from _texts(one)
