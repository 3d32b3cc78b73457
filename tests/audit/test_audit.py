"""An audit judges every row once, keeps what it knows, and steps over rows that end its processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.blocks.rows import rows
from workbench.audit import plan as plans
from workbench.audit import run as running
from workbench.audit.largest import Largest
from workbench.audit.plan import RowPlan
from workbench.audit.repeats import Repeats
from workbench.audit.report import AuditReport
from workbench.audit.run import AuditProgress, audit, row_plan
from workbench.audit.worker import Job
from workbench.audit.workers import _Worker
from workbench.bench import Bench, open
from workbench.blocks.path import BlockPath
from workbench.checks.row_checks import check_row
from workbench.cli import cli
from workbench.errors import InputError
from workbench.judged import JudgedRow
from workbench.paths import sample_dir

COUNT = 150


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of few rows; what builds the model is tested elsewhere."""
    monkeypatch.setattr(plans, "BLOCK", 20)
    monkeypatch.setattr("workbench.audit.beside.check_recipe", lambda bench: [])
    monkeypatch.setattr("workbench.audit.tally.estimated", lambda bench, place, tokens: Largest(place, tokens))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    made = rows(COUNT, seed=5, faulty=0.2)
    made[140] = made[3]
    made[50] = {"messages": []}
    path.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    return path


@pytest.fixture
def bench(data: Path) -> Bench:
    return open(model=str(sample_dir() / "demo-model"), data=str(data))


def told(report: AuditReport) -> dict[str, Any]:
    """All that a report says of the rows."""
    return report.to_dict()


def test_blocks_begin_at_multiples_and_hold_every_row() -> None:
    draw = random.Random(3)
    for _ in range(200):
        first = draw.randrange(100)
        plan = RowPlan(first, first + draw.randrange(100))
        blocks = plan.blocks()
        assert [row for block in blocks for row in block] == list(range(plan.first, plan.stop))
        assert all(block[0] % 20 == 0 for block in blocks[1:])


def test_a_sample_is_drawn_evenly_and_always_the_same(bench: Bench) -> None:
    plan = row_plan(bench, 10, 90, sample=30)
    drawn = [row for _, block in plan.blocks() for row in block]
    assert len(drawn) == len(set(drawn)) == len(plan) == 30
    assert drawn == sorted(drawn)
    assert all(10 <= row < 90 for row in drawn)
    assert row_plan(bench, 10, 90, sample=30).described() == plan.described()
    assert len(row_plan(bench, 10, 90, sample=80)) == len(row_plan(bench, 10, 90)) == 80


def test_what_is_found_is_what_every_row_alone_has(bench: Bench) -> None:
    report = audit(bench, row_plan(bench), workers=2)
    assert report.whole
    assert report.rows == COUNT
    assert not report.interrupted
    assert not report.lost
    expected: Counter[str] = Counter()
    trained = 0
    for index in range(COUNT):
        row = bench.peek(index)
        expected.update(finding.code for finding in check_row(row, in_parts=False))
        trained += row.mask.trained if row.error is None else 0
    found = Counter({cause.code: 0 for cause in report.causes})
    for cause in report.causes:
        found[cause.code] += cause.count
    for code in ("T002", "T004"):
        found.pop(code, None)
    assert found == expected
    assert report.trained is not None
    assert report.trained.total == trained
    assert report.twice == Repeats(1, (((0, 3), (0, 140)),))


def test_neither_processes_nor_order_change_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    report = told(audit(bench, row_plan(bench), workers=1))
    assert told(audit(bench, row_plan(bench), workers=3)) == report
    monkeypatch.setattr("workbench.audit.workers.can_fork", lambda: False)
    assert told(audit(bench, row_plan(bench))) == report


def test_rows_that_are_taken_to_be_like_others_are_the_same_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many rows of one structure: those that are checked alone are the first of each block."""
    row = {"messages": [{"role": "user", "content": "a red square"}]}
    path = tmp_path / "same.jsonl"
    path.write_text((json.dumps(row) + "\n") * 60)
    bench = open(model=str(sample_dir() / "demo-model"), data=str(path))
    report = told(audit(bench, row_plan(bench), workers=1))
    assert 0 < report["checked_alone"]["rows"] < 60
    assert told(audit(bench, row_plan(bench), workers=3)) == report
    out = tmp_path / "kept"
    audit(bench, row_plan(bench), workers=1, out=out)
    (out / "blocks" / "0000001.parquet").unlink()
    assert told(audit(bench, row_plan(bench), workers=1, out=out, resume=True)) == report


def test_it_goes_on_where_it_was_interrupted(bench: Bench, tmp_path: Path) -> None:
    whole = told(audit(bench, row_plan(bench)))
    out = tmp_path / "kept"

    def stop(step: AuditProgress) -> None:
        if step.done >= 40:
            raise KeyboardInterrupt

    first = audit(bench, row_plan(bench), workers=1, out=out, progress=stop)
    assert first.interrupted
    assert 40 <= first.rows < COUNT
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "blocks").glob("*.parquet")}
    assert len(kept) >= 2
    # A file that was cut is judged again.
    cut = out / "blocks" / "0000000.parquet"
    cut.write_bytes(cut.read_bytes()[:100])
    again = audit(bench, row_plan(bench), out=out, resume=True)
    assert told(again) == whole
    assert again.resumed == first.rows - 20
    untouched = {path.name: path.stat().st_mtime_ns for path in (out / "blocks").glob("*.parquet")}
    assert all(untouched[name] == time for name, time in kept.items() if name != cut.name)


def test_results_of_another_question_are_neither_taken_nor_lost(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "kept"
    audit(bench, row_plan(bench, 0, 40), out=out)
    with pytest.raises(InputError, match="holds an audit already"):
        audit(bench, row_plan(bench, 0, 40), out=out)
    bench.document.set(("sequence_len",), 10)
    bench.apply()
    report = audit(bench, row_plan(bench, 0, 40), out=out, resume=True)
    assert report.resumed == 0
    assert any(cause.code == "D006" for cause in report.causes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes of its own")
@pytest.mark.parametrize("way", ["exit", "signal"])
def test_a_row_that_ends_its_process_is_named_and_stepped_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    whole = audit(bench, row_plan(bench))
    judge = BlockPath.judge

    def poisoned(self: BlockPath, some: Any) -> list[JudgedRow]:
        if any(row.index in (37, 92) for row in some):
            os._exit(3) if way == "exit" else os.kill(os.getpid(), 9)
        return judge(self, some)

    monkeypatch.setattr(BlockPath, "judge", poisoned)
    report = audit(bench, row_plan(bench), workers=2)
    assert report.whole
    (lost,) = [cause for cause in report.causes if cause.code == "D020"]
    assert [finding.where.row for finding in lost.examples] == [37, 92]
    assert lost.rows == 2
    assert report.unrendered == whole.unrendered + sum(bench.peek(row).error is None for row in (37, 92))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes of its own")
def test_a_row_that_never_ends_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = BlockPath.judge

    def endless(self: BlockPath, some: Any) -> list[JudgedRow]:
        while any(row.index == 5 for row in some):
            pass
        return judge(self, some)

    monkeypatch.setattr(BlockPath, "judge", endless)
    monkeypatch.setattr("workbench.audit.workers.SECONDS_A_ROW", 3.0)
    monkeypatch.setattr("workbench.audit.workers.SECONDS_MORE", 0.0)
    # However busy the machine is: no other row had so much time on a processor.
    monkeypatch.setattr("workbench.audit.workers.PATIENCE", 1000)
    report = audit(bench, row_plan(bench, 4, 6), workers=1)
    assert report.whole
    assert [cause.examples[0].where.row for cause in report.causes if cause.code == "D020"] == [5]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes of its own")
def test_a_process_is_late_by_its_own_time_and_one_that_waits_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    try:
        worker: Any = _Worker(process, None, None, Job(0, 0, range(1000), None), time.monotonic() - 700)  # type: ignore[arg-type]
        assert not worker.is_late
        worker.since -= 5 * 700
        assert worker.is_late
        monkeypatch.setattr("workbench.audit.workers._processor_seconds", lambda process: 700.0)
        worker.since = time.monotonic() - 700
        assert worker.is_late
        worker.since = time.monotonic() - 500
        assert not worker.is_late
    finally:
        process.kill()
        process.join()


def test_the_command_tells_it_as_text_and_as_json(data: Path, tmp_path: Path) -> None:
    words = ["audit", "--model", str(sample_dir() / "demo-model"), "--data", str(data), "--rows", "0:60"]
    text = CliRunner().invoke(cli, words, standalone_mode=False)
    assert text.return_value == 1
    assert "60 rows" in text.output
    assert "trained share" in text.output
    made = CliRunner().invoke(cli, [*words, "--format", "json", "--sample", "30"])
    payload = json.loads(made.stdout)
    assert payload["schema"] == "vlmbench.audit/1"
    assert payload["rows"] == payload["planned"] == 30
    for wrong in ("5", "9:3", "a:b", "-1:4", "5:5"):
        assert CliRunner().invoke(cli, [*words[:-1], wrong]).exit_code == 2


def test_the_question_is_of_all_that_decides(bench: Bench, data: Path) -> None:
    first = running.question_of(bench, row_plan(bench))
    assert running.question_of(bench, row_plan(bench)) == first
    assert running.question_of(bench, row_plan(bench, 0, 5)) != first
    data.write_text(data.read_text("utf-8") + "\n", "utf-8")
    assert running.question_of(bench, row_plan(bench)) != first
