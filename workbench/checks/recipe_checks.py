"""Every finding about a recipe and its model, without any row checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.checks import (
    adapter_folder,
    adapters,
    data,
    kernels,
    loader,
    model,
    quantization,
    recipe,
    template,
    text_path,
)
from workbench.checks.recipe_facts import ModelFacts, RecipeFacts, RowsSeen, TextFacts
from workbench.checks.recipe_text import TEXT_CHECKS, text_findings
from workbench.checks.registry import checks, run
from workbench.errors import EnvironmentProblem
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

__all__ = ["model_findings", "recipe_errors", "recipe_findings", "rows_findings", "text_findings"]
RECIPE_CHECKS = checks("recipe", data, recipe, template, kernels, text_path)
MODEL_CHECKS = checks("model", adapters, adapter_folder, quantization, model, loader)
ROWS_CHECKS = checks("rows", recipe)


def recipe_findings(bench: Bench, few: Iterable[Row] | None = None) -> Iterator[Finding]:
    """Every finding about the recipe itself, after those that the bench has from reading it.

    `few`: rows that show how the template ends turns; by default the first of the data.
    """
    facts = RecipeFacts(bench, few)
    found = list(run(RECIPE_CHECKS, facts))
    ignored = {_place(finding) for finding in bench.findings if finding.code == "M013"}
    # One key, one finding: the first dataset's rule says more than "has no effect", and that more than an unknown key.
    ruled = {_place(finding) for finding in found if finding.code == "D009"}
    for finding in bench.findings:
        if finding.code != "M013" or _place(finding) not in ruled:
            yield finding
    yield from found
    text = TextFacts(bench.document, bench.axolotl, lambda: facts.has_media, int(bench.options["dataset"]))
    for finding in run(TEXT_CHECKS, text):
        if _place(finding) not in ignored:
            yield finding


def recipe_errors(bench: Bench) -> list[Finding]:
    """The errors of the recipe itself beside those that the bench has from reading it; no model is built for them."""
    return [one for one in recipe_findings(bench) if one.severity == "error" and one not in bench.findings]


def model_findings(bench: Bench) -> Iterator[Finding]:
    """Every finding about the recipe's model, in seconds; none where there is no config.json.

    Where the bench asks axolotl's loader, its answer is among them.
    """
    from workbench.models.targets import trained

    if bench.loaded.auto_config is None:
        return
    try:
        facts = ModelFacts(bench, bench.anatomy, trained(bench.anatomy, bench.recipe))
    except EnvironmentProblem as problem:
        where = bench.recipe.where(("base_model",), key=True)
        yield model.NOT_CHECKED("note", f"{problem.title}: {problem.cause}", problem.hint, where)
        return
    if bench.asks_loader:
        facts = replace(facts, rehearsal=bench.rehearsal())
    yield from run(MODEL_CHECKS, facts)


def rows_findings(seen: RowsSeen) -> Iterator[Finding]:
    """The findings about the recipe that only many rows can show."""
    return run(ROWS_CHECKS, seen)


def _place(finding: Finding) -> tuple[int | None, str | None]:
    return finding.where.line, finding.where.field
