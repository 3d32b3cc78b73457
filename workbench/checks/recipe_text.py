"""The checks for which a recipe's text is enough; `text_run.py` runs them where no model is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.checks import schema
from workbench.checks.recipe_facts import TextFacts
from workbench.checks.registry import checks, run
from workbench.findings import Finding
from workbench.recipe.axolotl_table import AxolotlTable, table

if TYPE_CHECKING:
    from workbench.recipe.yaml.document import Document

TEXT_CHECKS = checks("text", schema)


def text_findings(document: Document, axolotl: AxolotlTable | None = None) -> Iterator[Finding]:
    """The findings for which the recipe's text alone is enough, by the table of a release, by default the newest."""
    return run(TEXT_CHECKS, TextFacts(document, axolotl or table()))
