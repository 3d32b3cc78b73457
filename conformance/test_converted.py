"""Rows of every shape that `vlmbench convert` wrote, on axolotl's own collator: the same ids and labels as ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.convert.shapes import CASES, written
from tests.convert.test_shapes import wanted
from workbench.bench import open
from workbench.checks.asking import ask_rows
from workbench.checks.row_checks import row_findings
from workbench.consumers.axolotl.client import close_all
from workbench.convert.run import convert
from workbench.data.sources import open_source
from workbench.paths import sample_dir


def test_axolotl_takes_converted_rows_of_every_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLMBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VLMBENCH_ASK", "1")
    with (tmp_path / "all.jsonl").open("wb") as every:
        for case in CASES:
            data = written(case, tmp_path / case.name)
            out = tmp_path / f"{case.name}.jsonl"
            convert(open_source(str(data), as_written=True), out, wanted(case))
            every.write(out.read_bytes())
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    (tmp_path / "mine.yaml").write_text(text.replace("path: shapes-heldout.jsonl", "path: all.jsonl"), "utf-8")
    (tmp_path / "vlmbench_axolotl.py").write_bytes((sample_dir() / "vlmbench_axolotl.py").read_bytes())
    try:
        bench = open(tmp_path / "mine.yaml", axolotl_python=sys.executable)
        rows = range(sum(len(case.rows) for case in CASES))
        told = ask_rows(bench, rows)
        assert told is not None
        assert told.answer is not None, told.problem
        assert told.answer.refused is None
        assert set(told.answer.rows) == set(rows)
        for index in rows:
            found = [(one.code, one.message) for one in row_findings(bench.row(index)) if one.severity != "note"]
            assert found == [], index
        assert len(list(bench.head(None))) == len(rows)
    finally:
        close_all()
