"""Recipes with one defect each, on the demo model: each is told at the line that has it, and mended where it can be."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import bad
from workbench.bench import Bench
from workbench.checks.apply_fixes import mend
from workbench.checks.run import check_rows
from workbench.cli import main
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document

RECIPES = sorted((Path(__file__).parent / "recipes").glob("*.yaml"))
FIXABLE = (
    "end_not_included",
    "eos_never",
    "misspelt_role",
    "no_boundaries",
    "no_end",
    "pad_is_end",
    "wrong_end",
)


@pytest.fixture(scope="module")
def demo() -> Any:
    from workbench.models.load import load

    return load(str(sample_dir() / "demo-model"))


def opened(name: str, folder: Path, model: Any) -> Bench:
    file = folder / f"{name}.yaml"
    text = (Path(__file__).parent / "recipes" / f"{name}.yaml").read_text("utf-8")
    file.write_text(text.replace("SAMPLES", str(sample_dir())), "utf-8")
    bench = Bench(Document.from_file(file))
    if "special_tokens" in text:
        return bench.load()
    bench.loaded = model
    bench.family = bench._identify()
    bench.apply()
    return bench


def expected(name: str) -> tuple[str, int]:
    lines = (Path(__file__).parent / "recipes" / f"{name}.yaml").read_text("utf-8").splitlines()
    ((number, line),) = [(number, line) for number, line in enumerate(lines, 1) if "# expect: " in line]
    return line.rsplit("# expect: ", 1)[1], number


@pytest.mark.parametrize("name", [file.stem for file in RECIPES])
def test_each_defect_is_told_at_its_line(name: str, tmp_path: Path, demo: Any) -> None:
    code, line = expected(name)
    bench = opened(name, tmp_path, demo)
    report = check_rows(bench, bench.head(4))
    found = [one for one in report.findings if one.code == code and one.where.line == line]
    assert found, [(one.code, one.where.line, one.message) for one in report.findings]
    assert all(one.where.file == str(tmp_path / f"{name}.yaml") for one in found)
    assert any(group.code == code and group.count == len(found) for group in report.groups)


@pytest.mark.parametrize("name", FIXABLE)
def test_a_fix_leaves_a_recipe_that_checks_clean(name: str, tmp_path: Path, demo: Any) -> None:
    bench = opened(name, tmp_path, demo)
    before = bench.document.text
    mended = mend(bench, lambda: check_rows(bench, bench.head(4)))
    assert mended.fixes
    assert bad(mended.report.findings) == []
    comments = [line for line in before.splitlines() if line.startswith("#")]
    assert [line for line in bench.document.text.splitlines() if line.startswith("#")] == comments
    assert Path(str(bench.document.path)).read_text("utf-8") == before


def test_the_demo_is_clean() -> None:
    bench = Bench(Document.from_file(sample_dir() / "demo.yaml")).load()
    report = check_rows(bench, bench.head(None))
    assert report.rows == 8
    assert bad(report.findings) == []
    assert report.trained > 150


# -- the command line


@dataclass
class Ran:
    code: int
    out: str
    err: str


def run(*arguments: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(list(arguments))
    return Ran(int(str(left.value.code)), out.getvalue(), err.getvalue())


def test_fix_shows_the_diff_and_writes_when_told(tmp_path: Path, demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    opened("wrong_end", tmp_path, demo)
    file = tmp_path / "wrong_end.yaml"
    before = file.read_text("utf-8")
    seen = run("check", str(file), "--rows", "2", "--fix")
    assert seen.code == 1
    assert '+    end: "<turn|>"' in seen.out
    assert "nothing written" in seen.err
    assert file.read_text("utf-8") == before
    done = run("check", str(file), "--rows", "2", "--fix", "--yes", "--ignore", "A012")
    assert done.code == 0
    assert f"wrote {file}" in done.err
    after = file.read_text("utf-8")
    assert after.splitlines()[0] == before.splitlines()[0]
    assert '"<turn|>" # expect: M003' in after
    again = run("check", str(file), "--rows", "2", "--select", "M,T", "--format", "json")
    told = json.loads(again.out)
    assert again.code == 0
    assert told["schema"] == "vlmbench.check/1"
    assert told["findings"] == []
    assert told["summary"]["rows"] == 2


def test_fix_does_not_write_over_what_somebody_else_wrote_meanwhile(
    tmp_path: Path, demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened("wrong_end", tmp_path, demo)
    file = tmp_path / "wrong_end.yaml"
    theirs = file.read_text("utf-8") + "# written meanwhile\n"

    def and_meanwhile(*arguments: Any) -> Any:
        file.write_text(theirs, "utf-8")
        return mend(*arguments)

    monkeypatch.setattr("workbench.checks.apply_fixes.mend", and_meanwhile)
    ran = run("check", str(file), "--rows", "1", "--fix", "--yes", "--format", "json")
    assert ran.code == 2
    assert "changed meanwhile" in ran.err
    assert '+    end: "<turn|>"' in ran.err
    assert json.loads(ran.out)["schema"] == "vlmbench.check/1"
    assert file.read_text("utf-8") == theirs


def test_errors_leave_with_one_and_bad_usage_with_two(tmp_path: Path, demo: Any) -> None:
    opened("misspelt_role", tmp_path, demo)
    found = run("check", str(tmp_path / "misspelt_role.yaml"), "--rows", "1", "--format", "json")
    assert found.code == 1
    told = json.loads(found.out)
    (one,) = [one for one in told["findings"] if one["code"] == "M009" and one["severity"] == "error"]
    assert one["where"]["line"] == expected("misspelt_role")[1]
    assert one["fix"]["edits"] == [{"path": ["datasets", 0, "roles_to_train", 0], "value": "assistant"}]
    assert run("check", "--fix").code == 2
    assert run("explain", "Z999").code == 2


def test_explain_gives_page_and_list() -> None:
    page = run("explain", "m002")
    assert page.code == 0
    assert "M002" in page.out
    assert "What to do" in page.out
    listed = json.loads(run("explain", "--format", "json").out)
    assert {"M001", "T001", "D001", "L001"} <= {one["code"] for one in listed["codes"]}
