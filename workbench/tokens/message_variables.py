"""The properties of a message that a chat template reads, as axolotl finds them in the template's syntax.

axolotl takes a message's own keys along to the template where this names them (0.19 to 0.21, in
`JinjaTemplateAnalyzer.get_message_vars`). It looks at what is written on a variable named `message`, so a template that
calls it otherwise loses `tool_calls` or `reasoning_content` there: what is found here must be the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.meta import find_undeclared_variables

from workbench.errors import InputError

_MESSAGE = "message"


class _GenerationTags(Extension):
    """Lets `{% generation %}` pass, which is transformers' own."""

    tags = {"generation", "endgeneration"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        parser.stream.skip(1)
        return nodes.Const("")


class _Names:
    """The attributes that the template reads of each variable, and the variables assigned to each other."""

    def __init__(self, tree: nodes.Node) -> None:
        self.properties: dict[str, set[str]] = {}
        self.indexed: set[str] = set()
        self.assigned: dict[str, str] = {}
        self._visit(tree)

    def _visit(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Getattr):
            if base := _base(node.node):
                self.properties.setdefault(base, set()).add(node.attr)
        elif isinstance(node, nodes.Getitem):
            if (base := _base(node.node)) and isinstance(node.arg, nodes.Const):
                if isinstance(node.arg.value, (int, float)):
                    self.indexed.add(base)
                else:
                    self.properties.setdefault(base, set()).add(node.arg.value)
        elif isinstance(node, nodes.For):
            if (base := _base(node.iter)) and isinstance(node.target, nodes.Name):
                self.properties.setdefault(base, set())
        elif isinstance(node, nodes.Assign):
            if (base := _base(node.node)) and isinstance(node.target, nodes.Name):
                self.assigned[node.target.name] = base
        elif isinstance(node, nodes.Filter) and node.name == "selectattr" and (base := _base(node.node)):
            self.assigned[f"filtered_{base}"] = base
        for child in node.iter_child_nodes():
            self._visit(child)

    def of(self, name: str, known: set[str]) -> set[str]:
        """The attributes read of a variable, and of those that are assigned from it."""
        found: set[str] = set()
        waiting, seen = [name], {name}
        while waiting:
            one = waiting.pop()
            found |= self.properties.get(one, set())
            following = [target for target, source in self.assigned.items() if source == one]
            if one in known and one in self.indexed and f"{one}_slice" in self.properties:
                following.append(f"{one}_slice")
            waiting += [other for other in following if other not in seen]
            seen |= set(following)
        return found


def _base(node: Any) -> str | None:
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        node = node.node
    return node.name if isinstance(node, nodes.Name) else None


def syntax_tree(template: str) -> nodes.Template:
    """The syntax of a template, transformers' own tags among it.

    Raises:
        TemplateSyntaxError: it is no Jinja, or uses a tag that axolotl does not know.
    """
    return Environment(autoescape=True, extensions=[_GenerationTags, "jinja2.ext.loopcontrols"]).parse(template)


@lru_cache(maxsize=32)
def message_variables(template: str, field_messages: str = "messages") -> frozenset[str]:
    """The properties of a message that a template reads; `field_messages` is the dataset's key of the messages.

    Raises:
        InputError: the template is no Jinja, or uses a tag that axolotl does not know.
    """
    try:
        tree = syntax_tree(template)
    except TemplateSyntaxError as problem:
        raise InputError(
            "axolotl cannot read the chat template",
            f"Jinja, line {problem.lineno}: {problem.message}",
            "Mend the template; it is read before the first row.",
        ) from problem
    names = _Names(tree)
    known = find_undeclared_variables(tree) | names.properties.keys()
    found = set(names.properties.get(_MESSAGE, set()))
    sliced = f"{field_messages}_slice"
    if field_messages in known and field_messages in names.indexed and sliced in names.properties:
        found |= names.of(sliced, known)
    return frozenset(found)
