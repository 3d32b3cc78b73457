"""What the boundaries of each family train of the proof conversations: `python -m conformance.families` measures anew.

Needs the real tokenizers; writes `specs/evidence.json`, which `vlmbench families` shows and `test_families.py` holds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from conformance.environment import ROOT
from tests.support import processors

EVIDENCE = ROOT / "specs" / "evidence.json"
# The second name for Mistral's tokenizer is the same family.
MEASURED = tuple(name for name in processors.BUILDERS if name != "mistral_v7_tekken")


def measured(builder: str, inferred: Sequence[dict[str, Any]] | None = None) -> tuple[str, dict[str, Any]]:
    """A family's name and its entry. `inferred`: rows to measure again instead of inferring them."""
    from workbench.models.load import load
    from workbench.recipe.families import display_media, identify
    from workbench.recipe.measured import Counts
    from workbench.recipe.model import BoundarySpec
    from workbench.tokens.boundaries import resolve
    from workbench.tokens.infer import infer, prove, study
    from workbench.tokens.render import Renderer

    processors.ensure_num2words()
    with tempfile.TemporaryDirectory() as scratch:
        source = processors.tokenizer_folder(builder, Path(scratch))
        model = load(str(processors.build_processor(builder, source, Path(scratch) / "model")))
        family = identify(model.model_type, model.processor_classes, model.config, model.tokenizer)
        assert family is not None
        kinds: dict[int, Any] = {one.id: one.kind for one in display_media(family, model.tokenizer)}
        template = model.tokenizer_template or model.processor_template
        renderer = Renderer(model.tokenizer, model.processor, template, kinds)
        studied = study(renderer)
        rows = list(inferred if inferred is not None else infer(renderer, model.tokenizer).role_boundaries)
        keys = ("role", "start", "end", "include_start", "include_end")
        ours = [{key: getattr(one, key) for key in keys} for one in family.boundaries]
        entry: dict[str, Any] = {"tokenizer": source.name, "role_boundaries": rows}
        for name, boundaries in (("spec", ours), ("inferred", rows)):
            specs = [BoundarySpec.model_validate(one) for one in boundaries]
            figures = prove(resolve(specs, model.tokenizer), renderer, studied)
            counts = [field.name for field in fields(Counts)]
            entry[name] = {role: [getattr(one, count) for count in counts] for role, one in sorted(figures.items())}
            if name == "spec":
                entry["row"] = next(iter(figures["assistant"].faults), "")
    return family.name, entry


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
    from workbench.recipe.measured import Counts, measured

    def said(one: Counts) -> str:
        return f"{one.recalled / one.content:.1%} of content, {one.stopped} of {one.stops} ends, {one.leaked} leaked"

    return [
        f"| {name} | {said(one.spec['assistant'])} | {said(one.inferred['assistant'])} | {one.row} |"
        for name, one in measured().items()
        if not one.spec["assistant"].whole
    ]


if __name__ == "__main__":
    main()
