"""Every family's boundaries, measured again: `specs/evidence.json` and the table in `specs/README.md` say the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from conformance.environment import ROOT
from conformance.families import EVIDENCE, MEASURED, measured, readme_rows, studied
from tests.support import processors
from workbench.infer.search import infer
from workbench.recipe.model import BoundarySpec
from workbench.tokens.boundaries import resolve
from workbench.tokens.mask import scan

KEPT: dict[str, Any] = json.loads(EVIDENCE.read_text("utf-8"))


@pytest.fixture(params=MEASURED)
def builder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def boundaries(builder: str) -> list[dict[str, Any]]:
    """The inferred boundaries on record; with the stand-ins those that are inferred now."""
    if processors.TOKENIZERS is None:
        one = studied(builder)
        return infer(one.renderer, one.model.tokenizer).role_boundaries
    return next(entry["role_boundaries"] for name, entry in KEPT.items() if builder in (name, entry["tokenizer"]))


def test_recall_and_leaks_are_those_on_record(builder: str) -> None:
    if processors.TOKENIZERS is None:
        # The stand-ins give other figures; a spec whose markers do not fit at all shows with them too.
        _, entry = measured(builder, inferred=[])
        recalled, content, *_ = entry["spec"]["assistant"]
        assert recalled > content / 2
        return
    name, entry = measured(builder, inferred=boundaries(builder))
    assert entry == KEPT[name]
    for role, (recalled, content, stopped, stops, *leaked) in entry["spec"].items():
        print(f"{name:18} {role:10} recall {recalled / content:7.1%}  ends {stopped}/{stops}  leaked {sum(leaked)}")


def test_axolotl_scans_inferred_boundaries_as_the_bench_does(builder: str) -> None:
    """In axolotl's own hands: its override and both its scanners give the labels of the bench."""
    from axolotl import processing_strategies as axolotl

    rows, one = boundaries(builder), studied(builder)
    assert rows
    theirs = axolotl._resolve_role_boundary_override([dict(row) for row in rows], one.model.tokenizer)
    ours = resolve([BoundarySpec.model_validate(row) for row in rows], one.model.tokenizer)
    torch.set_num_threads(1)
    trained = 0
    # axolotl's plain scanner takes a tensor's ids one by one: a part of the conversations is enough for it.
    for case in one.cases[::12]:
        ids = case.rendering.input_ids
        batch = torch.from_numpy(ids[None, :])
        for roles in ({"assistant"}, {row["role"] for row in rows}):
            keep = scan(ids, ours, roles_to_train=roles, train_on_eos="turn").keep
            arguments = (batch, theirs, roles, "turn")
            assert np.array_equal(keep, axolotl._compute_role_keep_mask(*arguments)[0].numpy()), case.label
            assert np.array_equal(keep, axolotl._compute_role_keep_mask_vectorized(*arguments)[0].numpy()), case.label
            trained += int(keep.sum())
    assert trained > 500


def test_every_measured_family_is_on_record() -> None:
    assert len(KEPT) == len(MEASURED)


def test_the_readme_shows_what_is_on_record() -> None:
    shown = (ROOT / "specs" / "README.md").read_text("utf-8").splitlines()
    rows = readme_rows()
    assert len(rows) >= 5
    head = next(number for number, line in enumerate(shown) if line.startswith("| family | assistant, by the spec"))
    table = list(shown[head + 2 : shown.index("", head)])
    assert table == rows
