"""Trained tokens of each family's boundaries on the proof conversations: `python -m conformance.families` measures.

Needs the real tokenizers; writes `specs/evidence.json`, which `vlmbench families` shows and `test_families.py` holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from conformance.environment import ROOT
from conformance.pair import loaded
from tests.support import processors
from workbench.families.evidence import Counts
from workbench.families.evidence import measured as on_record
from workbench.families.library import display_media, identify
from workbench.families.spec import Family
from workbench.infer.probes import Case, proof_cases
from workbench.infer.proof import measure
from workbench.infer.search import Study, infer, study
from workbench.models.load import Loaded
from workbench.recipe.model import BoundarySpec
from workbench.tokens.boundaries import resolve
from workbench.tokens.render import Renderer

EVIDENCE = ROOT / "specs" / "evidence.json"
# The second name for Mistral's tokenizer is the same family.
MEASURED = tuple(name for name in processors.BUILDERS if name != "mistral_v7_tekken")


@dataclass(frozen=True, slots=True)
class Studied:
    """A family's model, what the probes say of its template, and the conversations that boundaries are proved on."""

    family: Family
    model: Loaded
    renderer: Renderer
    study: Study
    cases: list[Case]


@lru_cache(maxsize=1)
def studied(builder: str) -> Studied:
    """The family of that builder. What follows of one builder is studied once."""
    model = loaded(builder)
    family = identify(model.model_type, model.processor_classes, model.config, model.tokenizer)
    assert family is not None
    kinds: dict[int, Any] = {one.id: one.kind for one in display_media(family, model.tokenizer)}
    template = model.tokenizer_template or model.processor_template
    renderer = Renderer(model.tokenizer, model.processor, template, kinds)
    known = study(renderer)
    return Studied(family, model, renderer, known, proof_cases(renderer, known.shapes))


def measured(builder: str, inferred: Sequence[dict[str, Any]] | None = None) -> tuple[str, dict[str, Any]]:
    """A family's name and its entry. `inferred`: rows to measure again instead of inferring them."""
    one = studied(builder)
    rows = list(inferred if inferred is not None else infer(one.renderer, one.model.tokenizer).role_boundaries)
    keys = ("role", "start", "end", "include_start", "include_end")
    ours = [{key: getattr(boundary, key) for key in keys} for boundary in one.family.boundaries]
    entry: dict[str, Any] = {"tokenizer": processors.TOKENIZER_OF.get(builder, builder), "role_boundaries": rows}
    for name, boundaries in (("spec", ours), ("inferred", rows)):
        specs = [BoundarySpec.model_validate(boundary) for boundary in boundaries]
        found = measure(resolve(specs, one.model.tokenizer), one.cases, one.study.layout)
        figures = {role: figure for role, figure in found.items() if figure.turns}
        counts = [field.name for field in fields(Counts)]
        entry[name] = {role: [getattr(figure, count) for count in counts] for role, figure in sorted(figures.items())}
        if name == "spec":
            entry["row"] = next(iter(figures["assistant"].faults), "")
    return one.family.name, entry


def main() -> None:
    """Measure every family and write the file."""
    assert processors.TOKENIZERS is not None, "the real tokenizers are not at hand"
    found = dict(sorted(measured(builder) for builder in MEASURED))
    EVIDENCE.write_text(_lines(found) + "\n", "utf-8")
    print("\n".join(readme_rows()))


def _lines(value: Any, depth: int = 0) -> str:
    """JSON with one line for everything that holds no mapping of mappings."""
    if not isinstance(value, dict) or depth == 3:
        return json.dumps(value, ensure_ascii=False)
    pad = " " * (depth + 1)
    inside = [f"{pad}{json.dumps(key)}: {_lines(one, depth + 1)}" for key, one in value.items()]
    return "{\n" + ",\n".join(inside) + "\n" + " " * depth + "}"


def readme_rows() -> list[str]:
    """The lines of the table in `specs/README.md`: the families whose spec's markers miss or leak of the assistant."""

    def said(one: Counts) -> str:
        return f"{one.recalled / one.content:.1%} of content, {one.stopped} of {one.stops} ends, {one.leaked} leaked"

    return [
        f"| {name} | {said(one.spec['assistant'])} | {said(one.inferred['assistant'])} | {one.row} |"
        for name, one in on_record().items()
        if not one.spec["assistant"].whole
    ]


if __name__ == "__main__":
    main()
