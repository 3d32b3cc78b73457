"""Fingerprints hold what they should, and say what has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.bench import Bench, open, prepare
from workbench.fingerprint import Fingerprint, fingerprint


@pytest.fixture(scope="module")
def bench() -> Bench:
    return open()


def changed(bench: Bench, **edits: object) -> list[str]:
    """The parts of the fingerprint that differ after an edit of the recipe, which is undone."""
    before = fingerprint(bench, [0, 1])
    for key, value in edits.items():
        path = tuple(int(step) if step.isdigit() else step for step in key.split("__"))
        bench.document.set(path, value, group="all")
    bench.apply()
    after = fingerprint(bench, [0, 1])
    bench.document.undo()
    bench.apply()
    assert fingerprint(bench, [0, 1]) == before
    return [one.what for one in before.differences(after)]


def test_the_same_bench_is_the_same(bench: Bench) -> None:
    one = fingerprint(bench, [0, 1])
    assert one.differences(fingerprint(open(), [0, 1])) == []
    assert Fingerprint.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_an_edit_of_the_mask_changes_the_labels(bench: Bench) -> None:
    assert changed(bench, datasets__0__train_on_eos="none") == ["recipe.datasets[0].train_on_eos", "labels"]
    assert changed(bench, role_boundaries__0__start="<|turn>modle\n") == ["recipe.role_boundaries", "labels"]


def test_other_keys_are_named_and_what_proves_nothing_is_not(bench: Bench) -> None:
    assert changed(bench, lora_r=8) == ["recipe.lora_r"]
    assert changed(bench, output_dir="./elsewhere", num_epochs=3) == []


def test_other_rows_and_another_model(bench: Bench, tmp_path: Path) -> None:
    one = fingerprint(bench, [0, 1])
    assert [each.what for each in one.differences(fingerprint(bench, [0, 2]))] == ["labels", "rows", "which rows"]
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n' * 2)
    other = fingerprint(prepare(data=str(rows)).load(), [0, 1])
    assert {"labels", "rows", "data"} <= {each.what for each in one.differences(other)}
    revised = Fingerprint.from_dict(one.to_dict() | {"model": "x@abc", "versions": one.versions | {"torch": "0"}})
    assert [each.what for each in one.differences(revised)] == ["model", "version of torch"]
