"""Probes of a model after a run, with a model that says what it is told to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.overfit.conftest import demo
from workbench.overfit.probes import Examiner
from workbench.overfit.training import Collator


class Parrot(torch.nn.Module):
    """Goes on with the row that a prompt begins, for every prompt that begins it."""

    device = torch.device("cpu")

    def __init__(self, row: list[int], stop: int) -> None:
        super().__init__()
        self.generation_config = SimpleNamespace(eos_token_id=stop)
        self.row, self.weight = row, torch.nn.Parameter(torch.zeros(1))

    def generate(self, input_ids: Any, **_: Any) -> Any:
        asked = input_ids[0].tolist()
        assert self.row[: len(asked)] == asked
        return torch.tensor([self.row])


@pytest.mark.parametrize("start", ["<|turn>model\n", "<|turn>model"])
def test_what_the_prompt_writes_is_not_asked_for_again(tmp_path: Path, start: str) -> None:
    """With the shorter marker the line break after it is trained, and the generation prompt brings it."""
    bench = demo(tmp_path, {("role_boundaries", 0, "start"): start})
    row = bench.row(0)
    assert bench.masking.boundaries[0].role == "assistant"
    collator = Collator(bench, (0,), frozenset(("input_ids", "attention_mask")))
    parrot = Parrot(row.rendering.input_ids.tolist(), bench.masking.boundaries[0].end[0])
    told = Examiner(bench, (0,), collator, trim=False).decode(parrot, 64)
    assert len(told["turns"]) >= 1
    for turn in told["turns"]:
        assert turn["exact"], turn
        assert not turn["wanted"].startswith("\n")
