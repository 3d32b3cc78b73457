"""Knowledge that needs no model: the page of a code, and the families of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.answers import ExplainAnswer, FamiliesAnswer
from workbench.checks.registry import Code, codes
from workbench.checks.registry import explain as page_of
from workbench.families.library import families
from workbench.families.library import family as family_of
from workbench.notebook.arguments import wrong
from workbench.notebook.display import Result, plain
from workbench.views import html
from workbench.views.checks import EXPLAIN_SCHEMA, code_page, codes_table
from workbench.views.families import families_table, family_page
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from workbench.families.spec import Family


@dataclass(frozen=True, repr=False)
class Explained(Result):
    """The page of one code, or the list of all; `codes` are theirs."""

    codes: tuple[Code, ...]

    @property
    def title(self) -> str:
        return self.codes[0].code if len(self.codes) == 1 else "codes"

    def to_dict(self) -> ExplainAnswer:
        """`vlmbench.explain/1`."""
        return {"schema": EXPLAIN_SCHEMA, "codes": [code.to_dict() for code in self.codes]}

    def text(self) -> str:
        return plain(code_page(self.codes[0]) if len(self.codes) == 1 else codes_table(self.codes))

    def body(self) -> str:
        if len(self.codes) == 1:
            return draw("code.jinja", code=self.codes[0])
        return html.table(("code", "problem", "severity"), [(one.code, one.title, one.severity) for one in self.codes])


@dataclass(frozen=True, repr=False)
class KnownFamilies(Result):
    """Families of models as `specs/` describes them: all, or the one that was asked for."""

    families: tuple[Family, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, as `family=` takes them."""
        return tuple(family.name for family in self.families)

    @property
    def title(self) -> str:
        return self.names[0] if len(self.families) == 1 else "families"

    def to_dict(self) -> FamiliesAnswer:
        """`vlmbench.families/1`."""
        from workbench.views.families import families_payload

        return families_payload(self.families)

    def text(self) -> str:
        return plain(family_page(self.families[0]) if len(self.families) == 1 else families_table(self.families))

    def body(self) -> str:
        lines = [
            (
                family.name,
                family.title,
                ", ".join(dict.fromkeys(boundary.role for boundary in family.boundaries)) or "none",
                family.axolotl.chat_template or "–",
                family.verified.level,
            )
            for family in self.families
        ]
        table = html.table(("family", "", "roles", "axolotl template", "verified"), lines)
        return (
            f"{table}{draw('lines.jinja', lines=[(None, line) for line in self.text().splitlines()])}"
            if len(self.families) == 1
            else table
        )


def explain(code: str | None = None) -> Explained:
    """The page of a finding's code: cause, example and remedy; without one, the list of all codes.

    Raises:
        InputError: there is no such code; the hint names the nearest.
    """
    if code is None:
        return Explained(tuple(codes().values()))
    if not isinstance(code, str):
        raise wrong("code", code, 'a code, such as "M002"')
    return Explained((page_of(code),))


def known_families(name: str | None = None) -> KnownFamilies:
    """The model families that the bench knows, or what it knows of one.

    Raises:
        InputError: there is no such family; the hint names the nearest.
    """
    if name is None:
        return KnownFamilies(tuple(families().values()))
    if not isinstance(name, str):
        raise wrong("name", name, 'the name of a family, such as "gemma4"')
    return KnownFamilies((family_of(name),))
