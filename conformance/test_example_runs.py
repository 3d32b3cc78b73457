"""axolotl's own multimodal examples reach a verdict on a machine without a GPU, with a tiny model in the place of each.

The default run takes two of them; `python -m conformance --full` takes all. `python -m conformance.example_runs` prints
what came out of each.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.environment import here
from conformance.example_runs import FAMILIES, STEPS, examples, run_example
from conformance.once import FULL
from conformance.train import child

PART = ("gemma3/gemma-3-4b-vision-qlora.yml", "qwen2-vl/lora-7b.yaml")
# What stops a run here stops axolotl's loader too: the words of the finding.
STOPS = {
    "LiquidAI/lfm2-vl-lora.yaml": "Siglip2VisionModel (the vision tower) does not support flash_attention_2",
    "voxtral/voxtral-mini-audio-qlora.yml": "language_model.model.layers",
} | {
    "0.19": {"llama-4/do-no-use-fa2/scout-vision-qlora-fsdp.yaml": "does not support flash_attention_2"},
    "0.20": {"archived/llama-4/do-no-use-fa2/scout-vision-qlora-fsdp.yaml": "does not support flash_attention_2"},
    "0.21": {
        "archived/llama-4/do-no-use-fa2/scout-vision-qlora-fsdp.yaml": "does not support flash_attention_2",
        "gemma4/e2b-vision-lora.yaml": "Gemma4AudioModel (the audio tower) does not support sdpa",
    },
}[here().release]
ALL = examples() if here().examples.is_dir() else []
CHOSEN = [path for path in ALL if FULL or str(path.relative_to(here().examples)) in PART]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


def test_every_example_has_a_model_that_stands_in() -> None:
    if not ALL:
        pytest.skip("axolotl's source distribution could not be fetched: `python -m conformance` says why")
    assert {path.relative_to(here().examples).parts[0] for path in ALL} <= FAMILIES.keys()


@pytest.mark.parametrize("path", CHOSEN, ids=lambda path: str(path.relative_to(here().examples)))
def test_an_example_reaches_a_verdict(path: Path, scratch: Path, tmp_path: Path) -> None:
    # A process that went backward cannot be forked to do so again, which `test_parity.py` does.
    found = child.start(lambda: run_example(path, scratch), tmp_path, "run").result()
    if found.verdict is None:
        # axolotl's own schema does not take it either (`test_examples.py`).
        assert found.refused
        return
    codes = {one.code for one in found.verdict.findings if one.severity == "error"}
    assert not codes & {"R014", "R015", "R016", "R018"}, found.verdict.findings
    if found.name in STOPS:
        assert codes == {"R017"}
        assert STOPS[found.name] in found.verdict.findings[0].message
        return
    assert "R017" not in codes, found.verdict.findings
    assert found.steps == STEPS
    text = path.read_text("utf-8")
    # Nothing here has a GPU, so what needs one is replaced, and named.
    if re.search(r"^(load_in_4bit|load_in_8bit): true", text, re.MULTILINE):
        assert {"load_in_4bit", "load_in_8bit"} & (found.replaced or {}).keys()
    if re.search(r"^optimizer: \w*8bit", text, re.MULTILINE):
        assert "optimizer" in (found.replaced or {})
