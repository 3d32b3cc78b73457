"""Examples on the codes' pages: each has the finding that it is there for, and without the fault has not."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.making.examples import RECORDED, ROWS, Example, examples, named_tests
from workbench.bench import Bench
from workbench.checks.registry import codes
from workbench.checks.run import check_rows
from workbench.findings import Finding
from workbench.overfit.events import read
from workbench.overfit.verdict import judge
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document

LOADING = {"tokens", "special_tokens", "attn_implementation"}
ON_THE_DEMO = [one for one in examples().values() if not one.recorded]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data in a folder of their own."""
    made = tmp_path_factory.mktemp("examples") / "samples"
    shutil.copytree(sample_dir(), made, ignore=shutil.ignore_patterns("make", "*.ipynb"))
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    from workbench.models.load import load

    return load(str(folder / "demo-model"))


def found(document: Document, model: Any, *codes: str) -> list[Finding]:
    bench = Bench(document)
    if LOADING & document.data.keys():
        bench.load()
    else:
        bench.loaded = model
        bench.family = bench._identify()
        bench.apply()
    return list(check_rows(bench, bench.head(4), select=codes).findings)


@pytest.mark.parametrize("example", ON_THE_DEMO, ids=[one.code for one in ON_THE_DEMO])
def test_an_example_has_its_finding_and_without_the_fault_has_not(example: Example, folder: Path, model: Any) -> None:
    if example.row:
        (folder / ROWS).write_text(example.row + "\n", "utf-8")
    document = example.recipe(folder)
    mine = found(document, model, example.code)
    assert mine
    assert any(one.message.startswith(example.finds) for one in mine), [one.message for one in mine]
    if example.row:
        assert example.clean
        (folder / ROWS).write_text(example.clean + "\n", "utf-8")
        assert found(example.recipe(folder), model, example.code) == []


def test_the_demo_without_a_change_has_none_of_them(folder: Path, model: Any) -> None:
    unchanged = Document((folder / "demo.yaml").read_text("utf-8"), "demo.yaml", path=folder / "demo.yaml")
    assert not {one.code for one in found(unchanged, model)} & examples().keys()


@cache
def judged(name: str) -> tuple[Finding, ...]:
    return judge(read(RECORDED / f"{name}.jsonl")).findings


@pytest.mark.parametrize("code", [one.code for one in examples().values() if one.recorded])
def test_a_recorded_run_has_its_finding_and_one_with_another_fault_has_not(code: str) -> None:
    example = examples()[code]
    assert any(one.code == code and one.message.startswith(example.finds) for one in judged(example.recorded))
    others = {one.stem: {finding.code for finding in judged(one.stem)} for one in RECORDED.glob("*.jsonl")}
    assert any(code not in named for named in others.values())


def test_every_code_has_an_example_or_tests() -> None:
    listed = named_tests()
    assert examples().keys() <= codes().keys()
    assert [code for code in codes() if code not in examples() and not listed.get(code)] == []
    assert len(examples()) >= 60


def test_an_example_is_one_change(folder: Path) -> None:
    for example in examples().values():
        changed = bool(example.set or example.remove or example.append or example.row)
        assert changed != bool(example.recorded), example.code
        for row in (example.row, example.clean):
            assert not row or isinstance(json.loads(row), dict), example.code
