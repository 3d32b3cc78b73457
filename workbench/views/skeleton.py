"""HTML from the skeletons in `pages/`: jinja2 escapes every value that is put into one, and `visible` comes before.

A skeleton's lines are joined without what is between them, so that they can be written one below the other; a space
that is meant stands as `{{ " " }}`. The filter `join` escapes and makes nothing visible: join before. HTML that a
function here has made is `Markup` and stays as it is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.escaping import visible
from workbench.views.palette import SEVERITY_GLYPH

_PAGES = Path(__file__).with_name("pages")


def draw(skeleton: str, /, **values: Any) -> Markup:
    """The skeleton of this name with these values, each made visible and escaped unless it is `Markup`."""
    return Markup(_environment().get_template(skeleton).render(values))


def safe(text: object) -> Markup:
    """Text made visible and escaped, for content and attributes: what a skeleton does with a value."""
    return text if isinstance(text, Markup) else escape(visible(str(text)))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_source), autoescape=True, finalize=_shown, undefined=StrictUndefined, cache_size=50
    )
    environment.globals |= {"glyphs": SEVERITY_GLYPH, "feed": Markup("\n")}
    return environment


def _source(name: str) -> str:
    return "".join(line.strip() for line in (_PAGES / name).read_text("utf-8").splitlines())


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible(str(value))
