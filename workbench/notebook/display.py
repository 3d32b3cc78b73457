"""Display in a notebook: plain text, HTML that brings its own style, and data as the command line's JSON."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType

from workbench.views.about import ALONE, About, about_bench
from workbench.views.html import document, fragment

if TYPE_CHECKING:
    from workbench.notebook.open_recipe import OpenRecipe

_WIDTH = 100


class Result(ABC):
    """A result. A notebook shows `html`, a prompt `text`; neither has a script, nor asks anything of the network."""

    @abstractmethod
    def to_dict(self) -> Mapping[str, object]:
        """The data, as the command line's JSON has it."""

    @abstractmethod
    def text(self) -> str:
        """The result as plain text."""

    @abstractmethod
    def body(self) -> str:
        """The result as HTML, without its style."""

    @property
    def title(self) -> str:
        """The title of a page that shows it."""
        return type(self).__name__.lower()

    @property
    def about(self) -> About:
        """The model, recipe and rows that a page of it names; only its date and versions where it is of none."""
        return ALONE

    def html(self) -> str:
        """The result as a page of its own, to share: no script in it, and its policy forbids every request."""
        return document(self.title, self.body(), self.about)

    def _repr_html_(self) -> str:
        return fragment(self.body())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self._repr_html_()}

    def __repr__(self) -> str:
        return self.text()


class RecipeResult(Result):
    """A result of the recipe that is open in `session`."""

    session: OpenRecipe

    @property
    def about(self) -> About:
        return about_bench(self.session.bench)


def plain(*parts: RenderableType) -> str:
    """The text that the terminal would show, without colours."""
    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False, force_jupyter=False)
    for part in parts:
        console.print(part)
    return stream.getvalue().rstrip("\n")
