"""An audit as text, as JSON and as a page."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.views.support import EVIL, SAFE, flat, read
from workbench.audit.budget import Budget
from workbench.audit.causes import Cause
from workbench.audit.largest import Largest
from workbench.audit.lengths import Limit, Packing
from workbench.audit.repeats import Overlap, Repeats
from workbench.audit.report import AuditReport
from workbench.audit.sources import RowPlace
from workbench.audit.spread import Spread
from workbench.bench import Bench, open, prepare
from workbench.commands.inspect import inspect
from workbench.errors import Where
from workbench.findings import Finding
from workbench.models.memory import MemoryEstimate
from workbench.paths import sample_dir
from workbench.views.audit import audit_payload, audit_view
from workbench.views.audit_facts import audit_facts, inspect_command
from workbench.views.audit_files import write_report
from workbench.views.durations import duration
from workbench.views.histogram import histogram
from workbench.views.html_audit import audit_page

SPREAD = Spread((1, 2, 30, 50, 60, 64), 3000.0, (0.0, 32.0, 64.0), (70, 30))
SHARE = Spread((0.0, 0.1, 0.4, 0.8, 0.9, 1.0), 40.0, (0.0, 0.5, 1.0), (60, 40))
MEMORY = MemoryEstimate(480, 12, 12, 24, 900, 310, 2, 64, 64, 3, 10)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return open()


def found(row: int, message: str = EVIL) -> Finding:
    return Finding("M001", "error", message, EVIL, Where(file=EVIL, line=row + 1, row=row, message=1))


@pytest.fixture
def report() -> AuditReport:
    cause = Cause(("M001", "error", "m", ""), 40, 41, [found(3), found(7, "another")], [0, 1])
    budgets = (
        Budget(0, EVIL, 60, 80, 1, 2000, 500, 0.25, {"assistant": 500}),
        Budget(1, "b.jsonl", 40, 40, 0, 1000, 1500, 0.75, {"assistant": 1200, EVIL: 300}),
    )
    return AuditReport(
        planned=100,
        rows=100,
        recipe=(Finding("C001", "warning", "of the recipe"),),
        causes=(cause,),
        unrendered=1,
        tokens=SPREAD,
        trained=SPREAD,
        share=SHARE,
        media=SPREAD,
        datasets=budgets,
        epochs=3.0,
        steps=500,
        largest=Largest(RowPlace(1, 9), 64, MEMORY),
        limit=Limit(32, True, "cut", 30, 300, 300),
        packing=Packing(32, True, 90, 0.875, 1.5, 45, 60, None),
        twice=Repeats(2, ((RowPlace(0, 1), RowPlace(0, 4), RowPlace(1, 5)),)),
        pictures=Repeats(1, ((RowPlace(0, 2), RowPlace(1, 2)),)),
        overlap=Overlap(10, 1, 2, ((RowPlace(-1, 4), RowPlace(0, 8)),), ()),
        split=0.1,
        alone=4,
        by_row="",
        seconds=2.0,
    )


def test_the_text_has_each_figure(bench: Bench, report: AuditReport) -> None:
    text = flat(audit_view(bench, report))
    assert SAFE in text
    assert "(40 rows, 40%: 3 of datasets[0], 7 of datasets[1], …)" in text
    for words in (
        "500 (25%) 25% 1,500 assistant 100%",
        "times 3 epochs, unless max_steps 500 end the run before",
        "row 9 of datasets[1] needs the most memory, with 64 tokens: about 1.70 KiB for its step of 2 such rows",
        "30 rows are longer than sequence_len (32): they are cut, 300 tokens are lost",
        "packed into sequences of 32: 90 an epoch, 88% full, 1.5 rows in each; 45 steps an epoch on one",
        "2 rows repeat an earlier one (rows 1, 4 of datasets[0], 5 of datasets[1])",
        "1 picture stands in an earlier row too, by the bytes of their files (rows 2 of datasets[0], 2 of datasets[1])",
        "1 of 10 rows of the evaluation stand in the training too (4 of test_datasets[0] = 8 of datasets[0])",
        "2 of 10 rows of the evaluation have a picture that is trained",
        "val_set_size takes 10% of these rows from the training, drawn at random; rows that stand twice may fall on",
        "100 rows, 3,000 of 3,000 tokens trained (100%), 50 rows/s: 41 errors, 1 warning",
    ):
        assert words in text, words


def test_facts_that_do_not_hold_are_not_said(report: AuditReport) -> None:
    plain = replace(
        report, steps=None, limit=None, packing=None, twice=Repeats(), pictures=Repeats(), overlap=None, split=0.0
    )
    plain = replace(plain, unrendered=0, epochs=1.0, largest=Largest(RowPlace(0, 9), 64, None, "no sizes"))
    assert audit_facts(plain) == [
        "in the run: trained tokens times 1 epoch; the loss weighs each trained token alike",
        "row 9 of datasets[0] needs the most memory, with 64 tokens; its step is not estimated: no sizes",
    ]


def test_the_page_is_escaped_and_each_example_has_a_command_line(bench: Bench, report: AuditReport) -> None:
    html = audit_page(bench, report)
    assert "<script" not in html
    page = read(html)
    commands = [one.text for one in page.all("code", "paste")]
    assert commands == ["vlmbench inspect --row 3", "vlmbench inspect --dataset 1 --row 7"]
    assert SAFE in page.text
    assert "another" in page.text
    assert len(page.all("svg")) == 4
    budget = next(table for table in (one.table() for one in page.all("div", "scroll")) if table[0][0] == "data set")
    assert [line[0] for line in budget[1:]] == [f"0 {SAFE}", "1 b.jsonl", "all"]
    assert budget[3][3:6] == ["2,000 (67%)", "100%", "6,000"]


def test_a_command_line_reads_as_it_was_meant(tmp_path: Path) -> None:
    """The words that the shell makes of it are the arguments of `inspect`."""
    file = tmp_path / "my recipe; rm -rf $HOME.yaml"
    file.write_text((sample_dir() / "demo.yaml").read_text("utf-8"), "utf-8")
    line = inspect_command(prepare(str(file), model="some/model", data="it's.jsonl", offline=True), RowPlace(2, 17))
    name, command, *words = shlex.split(line)
    assert (name, command) == ("vlmbench", "inspect")
    with click.Context(inspect) as context:
        inspect.parse_args(context, words)
    assert context.params["config"] == str(file)
    assert context.params["data"] == "it's.jsonl"
    assert (context.params["model"], context.params["offline"]) == ("some/model", True)
    assert (context.params["dataset"], context.params["row"]) == (2, 17)


def test_a_histogram_has_a_column_for_each_bin_with_rows() -> None:
    drawn = read(histogram(Spread((0,) * 6, 3.0, (0.0, 1.0, 2.0, 3.0), (1, 0, 1000)), lambda value: f"{value:g}"))
    assert [one.text for one in drawn.all("rect")] == ["0 to 1: 1 row", "2 to 3: 1,000 rows"]
    assert all(float(one.attributes["height"]) >= 2 for one in drawn.all("rect"))


def test_the_files_hold_the_same_report(bench: Bench, report: AuditReport, tmp_path: Path) -> None:
    write_report(tmp_path, bench, report)
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert told == json.loads(json.dumps(audit_payload(bench, report)))
    assert [one["code"] for one in told["findings"]] == ["C001"]
    assert [one["dataset"] for one in told["causes"][0]["examples"]] == [0, 1]
    assert told["largest"]["step_memory"]["total"] == MEMORY.total
    assert told["overlap"]["first"] == [
        {"evaluated": {"test_dataset": 0, "row": 4}, "trained": {"dataset": 0, "row": 8}}
    ]
    read((tmp_path / "report.html").read_text("utf-8").partition("<body>")[2].partition("</body>")[0])


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.4, 65, 3723)] == ["0:00", "1:05", "1:02:03"]


def test_the_command_writes_page_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.cli import cli

    monkeypatch.setattr("workbench.audit.beside.check_recipe", lambda bench: [])
    out = tmp_path / "out"
    words = ["audit", "--rows", "0:4", "--workers", "1", "--format", "html", "--out", str(out)]
    made = CliRunner().invoke(cli, words, standalone_mode=False)
    assert made.exception is None
    assert made.stdout == (out / "report.html").read_text("utf-8")
    assert json.loads((out / "report.json").read_text("utf-8"))["rows"] == 4
    assert (out / "rows.parquet").exists()
