"""A view as tests look at it: as lines of a terminal with their styles, and as HTML as a browser reads it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

from rich.console import Console, RenderableType

from workbench.errors import Where
from workbench.export.compose import Composed
from workbench.export.prepare import Export
from workbench.export.readiness import Proof
from workbench.export.receipt import Receipt
from workbench.findings import Finding, Severity
from workbench.views.items import visible

EVIL = '<script>alert("1")</script>\x1b[31m\u202e & [bold]it\'s[/bold]'
"""Markup for a page and for Rich, a control code, a character that turns the direction of text, and quotes."""
SAFE = visible(EVIL)
assert "\x1b" not in SAFE


def lines(view: RenderableType, width: int = 100) -> list[str]:
    """The lines that a terminal without colour shows."""
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None, highlight=False).print(view)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def styles(view: RenderableType, text: str, width: int = 200) -> set[str]:
    """The styles in which a terminal shows this text, wherever it stands in one piece."""
    console = Console(file=io.StringIO(), width=width, color_system="truecolor", force_terminal=True)
    return {str(piece.style or "") for piece in console.render(view) if text in piece.text}


def flat(view: RenderableType) -> str:
    """All that a wide terminal shows, with spaces in one."""
    return " ".join(" ".join(lines(view, 2000)).split())


def note(code: str, severity: Severity, message: str = "m", hint: str = "", row: int | None = None) -> Finding:
    """A finding about a row, or about none."""
    return Finding(code, severity, message, hint, Where(row=row))


def holder(*findings: Finding) -> Any:
    """Something with findings, as a bench has them, or a row that was checked."""
    masking = object()
    bench = SimpleNamespace(masking=masking, asked=None)
    return SimpleNamespace(findings=list(findings), bench=bench, checked=(masking, list(findings)))


def exported(
    *proofs: Proof, by: str = "", needs: tuple[str, ...] = (), text: str = "a: 1\n", files: tuple[str, ...] = ()
) -> Export:
    """An export of this text with these proofs; `by`: who proved it, where nothing is missing."""
    composed = Composed(text, (), needs, dict.fromkeys(files, b""))
    return Export(composed, proofs, Receipt(by or False, "2030-01-02", {}, {}, {}), ())


_VOID = {"meta", "br", "line", "circle", "polyline", "img"}


@dataclass
class Element:
    """An element of a page, with what stands in it."""

    name: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        return "".join(one if isinstance(one, str) else "\n" if one.name == "br" else one.text for one in self.inside)

    def all(self, name: str = "", of_class: str = "") -> list[Element]:
        """The elements inside, at any depth, with this name and this class."""
        return [
            one for one in self._walk() if (not name or one.name == name) and (not of_class or of_class in one.classes)
        ]

    def one(self, name: str = "", of_class: str = "") -> Element:
        """The only such element."""
        (found,) = self.all(name, of_class)
        return found

    def _walk(self) -> Iterator[Element]:
        for one in self.inside:
            if isinstance(one, Element):
                yield one
                yield from one._walk()

    def table(self) -> list[list[str]]:
        """The cells' texts of the only table here, the head first."""
        return [[cell.text for cell in row.inside if isinstance(cell, Element)] for row in self.one("table").all("tr")]


class _Reader(HTMLParser):
    """Reads a fragment; tags that do not match fail."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read(html: str) -> Element:
    """A fragment or page as a browser reads it. Nothing in it may be a script, act on an event or fetch anything.

    A picture brings its own bytes, and a link leads to a page beside this one.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], f"<{reader.open[-1].name}> is never ended"
    for element in reader.root.all():
        assert element.name not in ("script", "iframe", "link", "object", "embed", "base", "form")
        assert not [name for name in element.attributes if name.startswith("on")]
        if "src" in element.attributes:
            assert element.name == "img"
            assert re.fullmatch(r"data:image/jpeg;base64,[\w+/]+=*", element.attributes["src"])
        if "href" in element.attributes:
            assert element.name == "a"
            assert re.fullmatch(r"([\w/-]+\.html)?(#[\w-]+)?", element.attributes["href"])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", html)
    return reader.root


def words(elements: Iterable[Element]) -> list[str]:
    """The texts of elements."""
    return [one.text for one in elements]
