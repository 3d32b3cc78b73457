"""Every error and warning in axolotl's own examples is shown by an asked run, and their exports stay accepted.

A few examples with small tokenizers by default; `python -m conformance --full` takes all of them, and
`python -m conformance.evidence` writes the table.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conformance.environment import here
from conformance.evidence.examples import Example, examples
from conformance.evidence.run import examined
from conformance.once import FULL
from tests.support.processors import ensure_num2words
from workbench.consumers.axolotl import rehearsal

# Adapters on the vision tower, a tower that trains whole, an attention that a tower lacks, and no boundaries.
PART = {
    "LiquidAI/lfm2-vl-lora.yaml": {"A003", "A006", "M007", "M010"},
    "cohere-north-micro-vision-instruct/qlora-vision.yaml": {"A001"},
    "paddleocr-vl/paddleocr-vl-1_6-full-finetune.yaml": {"A011"},
}
FOUND = [one for one in examples() if not one.without and (FULL or one.name in PART)]


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    rehearsal.warm()
    ensure_num2words()


@pytest.mark.skipif(not here().examples.is_dir(), reason="axolotl's source distribution could not be fetched")
def test_no_example_is_left_out() -> None:
    assert {one.name for one in FOUND} >= PART.keys()
    assert all(one.without for one in examples() if one not in FOUND) or not FULL


def _stopped_before(finding: dict[str, Any]) -> bool:
    """True where the oldest release stops at something else, with and without the fix: it is not shown there.

    Its environment has no `kernels`, and older packages for few bits; the newest is held to every finding.
    """
    stopped = re.match(r"(kernels|model|adapters): \w+: ", finding["before"]) is not None
    return here().release == "0.19" and stopped and finding["before"] == finding["after"]


@pytest.mark.parametrize("example", FOUND, ids=lambda one: one.name)
def test_every_finding_is_shown(example: Example, tmp_path: Path) -> None:
    entry = examined(example, tmp_path)
    if problem := entry.get("problem"):
        assert entry["refused"], problem
        return
    assert [one for one in entry["findings"] if not one["shown"] and not _stopped_before(one)] == []
    assert {one["code"] for one in entry["findings"]} >= PART.get(example.name, set())
    assert entry["export"] == "" or entry["refused"] != ""
