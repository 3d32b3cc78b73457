"""With no axolotl at hand everything works from a table, and says of which release: inspect, check and export."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import of
from tests.export.support import demo, record
from workbench.bench import Bench, open
from workbench.checks.asking import ask_rows
from workbench.checks.run import check_rows
from workbench.consumers.axolotl.at_hand import package_at_hand
from workbench.export.prepare import prepare_export
from workbench.recipe.axolotl_table import releases
from workbench.views.asked import asked_name
from workbench.views.checks import check_payload
from workbench.views.inspect_json import inspect_payload

ROWS = range(4)


@pytest.fixture(scope="module")
def opened() -> Bench:
    return open()


@pytest.fixture(autouse=True)
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """No axolotl can be imported or found, and nobody starts a process to ask one."""
    monkeypatch.setitem(sys.modules, "axolotl", None)
    monkeypatch.setenv("VLMBENCH_ASK", "1")

    def started(*given: Any, **options: Any) -> None:
        raise AssertionError(f"a process was started: {given}")

    monkeypatch.setattr(subprocess, "Popen", started)
    assert package_at_hand(None) is None


@pytest.fixture(params=releases())
def bench(request: pytest.FixtureRequest, opened: Bench, tmp_path: Path) -> Bench:
    """The demo by the table of each release."""
    made = demo(opened, tmp_path, rows=len(ROWS), axolotl_version=request.param)
    made.asks = True
    made.asks_loader = True
    return made


def test_rows_are_shown(bench: Bench, opened: Bench) -> None:
    assert ask_rows(bench, ROWS) is None
    payload = inspect_payload(bench, [bench.row(index) for index in ROWS])
    assert payload["asked"] == {"by": None, "table": bench.axolotl.name, "problem": None}
    assert list(payload)[:2] == ["schema", "path"]
    assert payload["path"]["kind"] == "multimodal"
    assert payload["recipe"]["strategy"] == "base"
    for index in ROWS:
        shown = payload["rows"][index]
        ids, labels = bench.row(index).rendering.input_ids, bench.row(index).mask.labels
        assert (shown["input_ids"], shown["labels"]) == (ids.tolist(), labels.tolist())
        assert 0 < sum(label != -100 for label in shown["labels"]) < len(shown["labels"])
    assert asked_name(bench) == f"from the table of {bench.axolotl.release}"


def test_a_recipe_is_checked(bench: Bench) -> None:
    bench.document.set(("num_epoch",), 3)
    bench.document.set(("lora_qkv_kernel",), True)
    bench.loaded = _of_type(bench, "llava")
    bench.apply()
    report = check_rows(bench, bench.head(len(ROWS)))
    payload = check_payload(bench, report)
    assert payload["asked"]["table"] == bench.axolotl.name
    (unknown,) = of(report.findings, "C002")
    assert f"(from the table of {bench.axolotl.name})" in unknown.message
    (kernels,) = of(report.findings, "A014")
    assert f"(from the table of {bench.axolotl.name})" in kernels.message
    assert of(report.findings, "A015") + of(report.findings, "M020") == []


def test_a_recipe_is_exported(bench: Bench, tmp_path: Path) -> None:
    record(bench)
    made = prepare_export(bench, tmp_path / "full.yaml")
    assert made.to_dict()["path"]["kind"] == "multimodal"
    assert not made.validated
    consumer = next(proof for proof in made.proofs if proof.step == "consumer")
    assert consumer.ok is None
    path = made.write(unvalidated=True)
    again = Bench(bench.document.from_file(path), axolotl_version=bench.axolotl.release)
    again.loaded, again.family = bench.loaded, bench.family
    again.apply()
    for index in ROWS:
        assert again.row(index).mask.labels.tolist() == bench.row(index).mask.labels.tolist()


def _of_type(bench: Bench, model_type: str) -> Any:
    from dataclasses import replace

    return replace(bench.loaded, model_type=model_type)
