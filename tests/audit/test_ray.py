"""An audit on a Ray cluster of two processes says what the audit on one machine says."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.audit.test_audit import told
from tests.blocks.rows import rows
from workbench.audit import plan as plans
from workbench.audit.block_file import block_bytes, read_block
from workbench.audit.largest import Largest
from workbench.audit.ray_engine import STARTS, RayJudge, RayWorkers, start_ray
from workbench.audit.run import audit, question_of, recipe_plan, row_plan
from workbench.audit.worker import Job, Judge
from workbench.bench import Bench, open
from workbench.errors import EnvironmentProblem
from workbench.paths import sample_dir

COUNT = 90
SIDES = ("whole", "cluster")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe with two data sets and an evaluation, in blocks of few rows."""
    monkeypatch.setattr(plans, "BLOCK", 20)
    monkeypatch.setattr("workbench.audit.beside.check_recipe", lambda bench: [])
    monkeypatch.setattr("workbench.audit.tally.estimated", lambda bench, place, tokens: Largest(place, tokens))
    made = rows(COUNT, seed=9, faulty=0.2)
    for name, some in (("a", made[:60]), ("b", made[60:]), ("held", made[50:70])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some), "utf-8")
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"base_model: {sample_dir() / 'demo-model'}\nprocessor_type: AutoProcessor\nchat_template: tokenizer_default\n"
        "datasets:\n"
        + "".join(f"  - path: {tmp_path / name}.jsonl\n    type: chat_template\n" for name in "ab")
        + f"test_datasets:\n  - path: {tmp_path / 'held'}.jsonl\n    type: chat_template\n",
        "utf-8",
    )
    return file


def test_without_ray_the_error_names_the_package(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    bench = open(recipe)
    with pytest.raises(EnvironmentProblem, match="Ray is not installed") as raised:
        audit(bench, row_plan(bench), engine="ray")
    assert "vlmbench[ray]" in raised.value.hint


class _Slow:
    """Ray on a machine so busy that its processes are not up in time, so many times."""

    def __init__(self, times: int, problem: str = "The current node timed out during startup.") -> None:
        self.left, self.problem = times, problem
        self.calls: list[str] = []

    def init(self, **options: object) -> None:
        self.calls.append("init")
        if self.left:
            self.left -= 1
            raise Exception(self.problem)

    def shutdown(self) -> None:
        self.calls.append("shutdown")


def test_a_start_that_was_too_slow_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    slow = _Slow(2)
    start_ray(slow, num_cpus=2)
    assert slow.calls == ["init", "shutdown"] * 2 + ["init"]
    never, wrong, elsewhere = _Slow(99), _Slow(1, "no such thing"), _Slow(1)
    for ray, starts, hint in ((never, STARTS, "less busy"), (wrong, 1, "less busy"), (elsewhere, 1, "RAY_ADDRESS")):
        if ray is elsewhere:
            monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:1")
        with pytest.raises(EnvironmentProblem, match="No Ray cluster") as raised:
            start_ray(ray, num_cpus=2)
        assert hint in raised.value.hint
        assert ray.calls == ["init", "shutdown"] * starts


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, with two cores; what its processes import is what this one does."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install vlmbench[ray]")
    env = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
    start_ray(ray, num_cpus=2, runtime_env={"env_vars": env})
    yield
    ray.shutdown()


def test_ray_says_what_one_machine_says(recipe: Path, cluster: None, tmp_path: Path) -> None:
    bench = open(recipe)
    local = told(audit(bench, recipe_plan(bench), workers=2))
    assert local["causes"]
    assert local["overlap"]
    out = tmp_path / "kept"
    assert told(audit(bench, recipe_plan(bench), engine="ray", workers=2, out=out)) == local
    # What a cluster has judged one machine goes on with.
    (out / "blocks" / "0000001.parquet").unlink()
    again = audit(bench, recipe_plan(bench), out=out, resume=True)
    assert told(again) == local
    assert again.resumed == COUNT - 20


def test_a_row_that_ends_its_process_is_named_on_a_cluster_too(
    recipe: Path, cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = open(model=str(sample_dir() / "demo-model"), data=str(recipe.parent / "a.jsonl"))
    plan = row_plan(bench, 10, 24)
    whole = told(audit(bench, plan, workers=1))
    monkeypatch.setattr("workbench.audit.ray_engine.RayJudge", _Poisoned)
    report = audit(bench, plan, engine="ray", workers=2)
    (lost,) = [cause for cause in report.causes if cause.code == "D020"]
    # Its block and the row itself; no block or row that merely waited for the same process.
    assert [finding.where.row for finding in lost.examples] == [13]
    assert report.whole
    assert report.lost == 2
    left = [cause for cause in told(report)["causes"] if cause["code"] != "D020"]
    assert {cause["code"] for cause in left} <= {cause["code"] for cause in whole["causes"]}


class _Neighbours(RayWorkers):
    """Row 13 ends its process, and what that process was to do next is lost with it."""

    def _judged(self, jobs: Sequence[Job]) -> Iterator[tuple[int, int, bytes]]:
        judge, gone = Judge(self._plan), False
        for job in jobs:
            before, gone = gone, 13 in job.rows
            if not gone and not before:
                yield job.number, job.rows[0], block_bytes(judge.judge(job), self._question)


def test_what_is_lost_with_a_row_is_not_taken_for_it(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.audit.ray_engine.ray_at_hand", lambda: SimpleNamespace(is_initialized=lambda: True))
    bench = open(recipe)
    plan = row_plan(bench, 0, 50)
    whole = audit(bench, plan, workers=1, out=tmp_path / "whole")
    monkeypatch.setattr("workbench.audit.run.RayWorkers", _Neighbours)
    report = audit(bench, plan, engine="ray", workers=2, out=tmp_path / "cluster")
    (lost,) = [cause for cause in report.causes if cause.code == "D020"]
    assert [finding.where.row for finding in lost.examples] == [13, 13]
    # Of the data set and of the evaluation, the block and the row in it.
    assert report.lost == 4
    assert report.rows == whole.rows
    # A block that was only lost with another is not cut up: which rows are checked alone goes by the block.
    for name in ("0000001.parquet", "0000002.parquet"):
        mine, theirs = (read_block(tmp_path / side / "blocks" / name, question_of(bench, plan)) for side in SIDES)
        assert mine is not None
        assert mine == theirs


class _Poisoned:
    """A judge whose process ends at row 13."""

    def __init__(self, *arguments: object) -> None:
        from workbench.audit.ray_engine import RayJudge

        self._judge = RayJudge(*arguments)  # type: ignore[arg-type]

    def __call__(self, batch: dict[str, object]) -> dict[str, list[object]]:
        from workbench.audit.ray_engine import _unpacked

        for text in batch["rows"]:  # type: ignore[attr-defined]
            if 13 in _unpacked(str(text)):
                os._exit(3)
        return self._judge(batch)  # type: ignore[return-value]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process of its own")
def test_a_block_that_never_ends_ends_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even in one call of C, in which no other thread of Python runs."""
    monkeypatch.setattr("workbench.audit.ray_engine.PATIENCE", 0.05)
    judge = RayJudge.__new__(RayJudge)
    judge._judge, judge._name = SimpleNamespace(judge=lambda job: re.match("(a+)+b", "a" * 60)), ""  # type: ignore[assignment]
    batch = {"number": [0], "source": [0], "rows": ["0:1"]}
    process = multiprocessing.get_context("fork").Process(target=judge, args=(batch,))
    process.start()
    process.join(60)
    assert process.exitcode == 1


def test_an_opened_bench_travels(recipe: Path) -> None:
    from workbench.audit.question import asked, bench_of

    bench: Bench = open(recipe)
    bench.document.set(("sequence_len",), 77)
    other = bench_of(json.loads(json.dumps(asked(bench)))).load()
    assert other.document.text == bench.document.text
    assert [row.raw.data for row in other.head(3)] == [row.raw.data for row in bench.head(3)]
