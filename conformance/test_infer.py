"""Inferred boundaries in axolotl's own hands: its override and both its scanners give the labels of the bench."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from conformance.pair import model_folder
from workbench.recipe.model import BoundarySpec
from workbench.tokens.boundaries import resolve
from workbench.tokens.mask import scan
from workbench.tokens.probes import proof_cases

FAMILIES = (
    *("gemma3", "gemma4", "llama3_2_vision", "llama4", "llava_1_5"),
    *("mistral3", "qwen2_5_vl", "qwen3_5", "smolvlm2"),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_axolotl_scans_as_the_bench_does(family: str) -> None:
    from axolotl import processing_strategies as axolotl

    from tests.support import processors
    from workbench.models.load import load
    from workbench.recipe.families import display_media, identify
    from workbench.tokens.infer import infer
    from workbench.tokens.render import Renderer

    processors.ensure_num2words()
    model = load(str(model_folder(family)))
    known = identify(model.model_type, model.processor_classes, model.config, model.tokenizer)
    kinds: dict[int, Any] = {one.id: one.kind for one in display_media(known, model.tokenizer)} if known else {}
    renderer = Renderer(model.tokenizer, model.processor, model.tokenizer_template or model.processor_template, kinds)
    rows = infer(renderer, model.tokenizer).role_boundaries
    assert rows
    theirs = axolotl._resolve_role_boundary_override([dict(row) for row in rows], model.tokenizer)
    ours = resolve([BoundarySpec.model_validate(row) for row in rows], model.tokenizer)
    # axolotl's plain scanner takes a tensor's ids one by one: every third case is enough for it.
    cases = proof_cases(renderer, [("user", "assistant", "user", "assistant"), ("system", "user", "assistant")])[::3]
    assert len(cases) > 15
    torch.set_num_threads(1)
    trained = 0
    for case in cases:
        ids = case.rendering.input_ids
        batch = torch.from_numpy(ids[None, :])
        for roles in ({"assistant"}, {row["role"] for row in rows}):
            keep = scan(ids, ours, roles_to_train=roles, train_on_eos="turn").keep
            arguments = (batch, theirs, roles, "turn")
            assert np.array_equal(keep, axolotl._compute_role_keep_mask(*arguments)[0].numpy()), case.label
            assert np.array_equal(keep, axolotl._compute_role_keep_mask_vectorized(*arguments)[0].numpy()), case.label
            trained += int(keep.sum())
    assert trained > 500
