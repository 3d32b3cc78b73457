"""One cause is one finding: the loader's stop, the refusal of the axolotl that was asked, and the bench's own error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.support import QWEN, bench_of, of, row
from tests.checks.test_loader import refusal, says
from tests.checks.test_quantization import LORA, tiny
from workbench.bench import Bench
from workbench.checks.one_cause import one_cause
from workbench.checks.run import check_rows
from workbench.consumers.protocol import Answer, Asked
from workbench.errors import Where
from workbench.findings import Finding

TOKENS = Where(file="r.yaml", line=4, field="tokens")
OWN = Finding("A017", "error", "tokens adds 2 tokens", "Train them.", TOKENS)
STOP = Finding("A015", "error", "axolotl 0.21.0 does not load the recipe: ValueError", "", TOKENS)
REFUSED = Finding("A012", "error", "axolotl 0.21.0 refuses the recipe: ValueError")
ELSEWHERE = Finding("C010", "error", "no such optimizer", "", Where(file="r.yaml", line=9, field="optimizer"))


def test_a_stop_joins_the_error_at_its_key() -> None:
    (found, other) = one_cause([OWN, STOP, ELSEWHERE])
    assert (found.code, found.hint, other) == ("A017", "Train them.", ELSEWHERE)
    assert found.message == "tokens adds 2 tokens; the axolotl that was asked stops there"
    # A key inside of it is the same key.
    inside = replace(OWN, where=replace(TOKENS, field="tokens[1]"))
    assert [one.code for one in one_cause([inside, STOP])] == ["A017"]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [ELSEWHERE],
        [replace(OWN, severity="warning")],
        [replace(OWN, where=replace(TOKENS, row=3))],
    ],
)
def test_another_cause_leaves_the_stop(others: list[Finding]) -> None:
    assert one_cause([*others, STOP]) == [*others, STOP]


def test_a_stop_without_a_key_of_its_own_joins_nothing() -> None:
    at_model = [replace(one, where=replace(TOKENS, field="base_model")) for one in (OWN, STOP)]
    assert one_cause(at_model) == at_model


@pytest.mark.parametrize(("stage", "left"), [("validate", 1), ("kernels", 1), ("collator", 2), ("rows", 2), ("", 2)])
def test_what_stops_the_validator_stops_the_loader(stage: str, left: int) -> None:
    assert len(one_cause([REFUSED, STOP], stage)) == left


def test_kernels_of_the_table_and_of_the_axolotl_asked() -> None:
    known = replace(OWN, code="A014", where=replace(TOKENS, field="adapter"))
    (found,) = one_cause([known, REFUSED], "kernels")
    assert (found.code, "stops there" in found.message) == ("A014", True)
    assert one_cause([known, REFUSED], "validate") == [known, REFUSED]


@pytest.fixture
def bench(loaded: Any, tmp_path: Path) -> Bench:
    config = tiny("gemma3")
    known = {"auto_config": config, "config": config.to_dict(), "model_type": "gemma3", "is_multimodal": True}
    head = {"base_model": "here", "skip_prepare_dataset": True, "processor_type": "AutoProcessor", "bf16": True}
    head |= LORA | {"tokens": ["<point>"]}
    recipe = yaml.safe_dump(head) + QWEN + "datasets:\n  - path: rows.jsonl\n    type: chat_template\n"
    made = bench_of(replace(loaded("qwen2_5_vl"), **known), tmp_path, recipe, [row("a", "b")])
    made.asks_loader = True
    return made


def test_new_tokens_are_found_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "`tokens` needs lora_modules_to_save to include `embed_tokens`, `lm_head`"
    says(monkeypatch, refusal("normalize", "ValueError", message))
    found = check_rows(bench, bench.head(None)).findings
    (one,) = of(found, "A017")
    assert of(found, "A015") == []
    assert one.message.endswith("; the axolotl that was asked stops there")
    assert one.fix is not None
    # Alone where it alone is asked for.
    assert len(check_rows(bench, bench.head(None), select=["A015"]).findings) == 1


def test_kernels_that_the_axolotl_asked_has_patched_are_none_of_the_tables(bench: Bench) -> None:
    bench.asks_loader = False
    bench.loaded = replace(bench.loaded, model_type="llava")
    bench.document.delete(("tokens",))
    bench.apply()
    assert of(check_rows(bench, bench.head(None)).findings, "A014") != []
    text = bench.document.text
    refused = {"stage": "kernels", "type": "ValueError", "message": "no"}
    bench.take_answer(Asked(text, (), Answer({"axolotl": "0.21.0"}, refused, resolved={"kernels": True})))
    assert len(of(check_rows(bench, bench.head(None)).findings, "A014")) == 1
    bench.take_answer(Asked(text, (), Answer({"axolotl": "0.21.0"}, resolved={"kernels": True})))
    assert of(check_rows(bench, bench.head(None)).findings, "A014") == []
