"""Every line of the data file is read, whatever the number of rows that are checked; and codes that do not exist."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.checks.test_recipes import run
from workbench.data.rows import Lines
from workbench.data.sources import open_source
from workbench.errors import InputError


def row(number: int) -> str:
    turns = [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": f"a{number}"}]
    return json.dumps({"messages": turns})


def broken(path: Path, *places: int, rows: int = 30) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = [row(number)[:-3] if number in places else row(number) for number in range(rows)]
    path.write_text("\n".join(text) + "\n", "utf-8")
    return path


def test_a_broken_line_beyond_the_rows_that_are_checked_is_found(tmp_path: Path) -> None:
    file = broken(tmp_path / "rows.jsonl", 25)
    seen = run("check", "--data", str(file), "--rows", "4", "--format", "json")
    told = json.loads(seen.out)
    (found,) = [one for one in told["findings"] if one["code"] == "D001"]
    assert seen.code == 1
    assert (found["where"]["row"], found["where"]["line"]) == (25, 26)
    assert (told["summary"]["rows"], told["summary"]["rows_known"], told["summary"]["rows_read"]) == (4, 30, 30)


@pytest.mark.parametrize(
    ("words", "code", "read"),
    [
        (["--select", "M"], 1, 30),
        (["--select", "m001,T"], 1, 30),
        (["--row", "0"], 1, 30),
        (["--rows", "all"], 1, 30),
        (["--ignore", "D001"], 0, 30),
        (["--select", "A,C"], 0, None),
    ],
)
def test_the_file_is_read_where_a_code_that_looks_at_rows_is_selected(
    tmp_path: Path, words: list[str], code: int, read: int | None
) -> None:
    file = broken(tmp_path / "rows.jsonl", 25)
    seen = run("check", "--data", str(file), *words, "--format", "json")
    assert seen.code == code
    told = json.loads(seen.out)
    assert told["summary"]["rows_read"] == read
    assert sum(one["code"] == "D001" for one in told["findings"]) == (code == 1)


def test_text_and_html_say_how_many_rows_of_how_many_were_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    file = broken(tmp_path / "rows.jsonl")
    assert "4 of 30 rows, the syntax of all 30 read" in run("check", "--data", str(file), "--rows", "4").out
    assert "all 30 rows ·" in run("check", "--data", str(file)).out
    bench = workbench.open(data=str(file))
    report = bench.check(4)
    assert "4 of 30 rows, the syntax of all 30 read" in report.html()


def test_a_bad_row_is_told_once(tmp_path: Path) -> None:
    bench = workbench.open(data=str(broken(tmp_path / "rows.jsonl", 2, 25)))
    found = bench.check(4).to_dict()["findings"]
    assert [one["where"]["row"] for one in found if one["code"] == "D001"] == [2, 25]


@pytest.mark.parametrize("kind", ["file", "zipped", "list", "folder", "slice"])
def test_the_faults_of_each_kind_of_source(tmp_path: Path, kind: str) -> None:
    file = broken(tmp_path / "a" / "one.jsonl", 3, 7, rows=10)
    source: Any = str(file)
    options: dict[str, Any] = {}
    wanted = [(3, 4), (7, 8)]
    if kind == "zipped":
        source = str(tmp_path / "rows.jsonl.gz")
        Path(source).write_bytes(gzip.compress(file.read_bytes()))
    elif kind == "list":
        source = str(tmp_path / "rows.json")
        Path(source).write_text("[\n" + ",\n".join([row(0), "7", row(2), "{"]), "utf-8")
        wanted = [(1, 3), (3, 5)]
    elif kind == "folder":
        broken(tmp_path / "a" / "two.jsonl", 1, rows=5)
        source = str(tmp_path / "a")
        wanted += [(11, 2)]
    elif kind == "slice":
        options["split"] = "train[2:5]"
        wanted = [(1, 4), (-1, 8)]
    opened = open_source(source, **options)
    assert isinstance(opened, Lines)
    assert [(one.index, one.error.where.line) for one in opened.faults() if one.error] == wanted


@pytest.mark.parametrize("option", ["--select", "--ignore"])
@pytest.mark.parametrize(
    ("code", "near"), [("M0O1", "Did you mean M001"), ("T07", "T007"), ("Z", "A beginning will do")]
)
def test_a_code_that_does_not_exist_is_refused_with_the_nearest(option: str, code: str, near: str) -> None:
    seen = run("check", option, f"M,{code}")
    assert seen.code == 2
    assert f"There is no code {code!r}" in seen.err
    assert near in seen.err


def test_the_notebook_refuses_it_too_and_takes_one_text() -> None:
    bench = workbench.open()
    with pytest.raises(InputError, match="There is no code 'M0O1'"):
        bench.check(1, select=["M0O1"])
    with pytest.raises(InputError, match="There is no code 'Q'"):
        bench.check(1, ignore=["Q"])
    assert bench.check(1, select="M,T007").to_dict()["summary"]["rows"] == 1
