"""Pages that people follow, run as they stand: the tutorial's commands, the notebook's cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbench
from tests.test_cli import run
from workbench.notebook.display import Result
from workbench.paths import sample_dir

DOCS = Path(__file__).resolve().parents[2] / "docs"
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAILS = {"check recipe.yaml": 1}
"""Commands that find something on purpose."""


def edited(text: str, diff: str) -> str:
    """The text with the lines of a diff that has no context exchanged."""
    for old, new in zip(*(re.findall(rf"^\{sign}(.*)$", diff, re.MULTILINE) for sign in "-+"), strict=True):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def test_the_tutorial_goes_from_a_table_to_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "sample_data").symlink_to(sample_dir())
    ran = []
    for kind, title, body in FENCE.findall((DOCS / "tutorial.md").read_text("utf-8")):
        if kind == "console":
            command, *wanted = body.splitlines()
            arguments = command.removeprefix("$ vlmbench ")
            assert arguments != command
            done = run(*arguments.split())
            said = done.stdout + done.stderr
            assert done.returncode == FAILS.get(arguments, 0), said
            for line in wanted:
                assert line in said, (line, said)
            ran.append(arguments.split()[0])
        elif kind == "diff":
            file = tmp_path / title
            file.write_text(edited(file.read_text("utf-8"), body), "utf-8")
        else:
            (tmp_path / title).write_text(body, "utf-8")
    assert ran == ["convert", "export", "inspect", "check", "check", "overfit", "export"]
    assert "roles_to_train" in (tmp_path / "full.yaml").read_text("utf-8")


def cells() -> list[str]:
    return [body for kind, _, body in FENCE.findall((DOCS / "notebook.md").read_text("utf-8")) if kind == "python"]


def test_the_notebook_guide_runs_as_it_stands() -> None:
    names: dict[str, object] = {}
    for cell in cells():
        exec(compile(cell, "notebook.md", "exec"), names)
        # What a cell ends with is shown.
        last = cell.strip().splitlines()[-1].split("  #")[0]
        if not last.startswith(("assert", "worst", "row", "masks", " ", "]")) and "=" not in last.split("(")[0]:
            shown = eval(last, names)
            assert not isinstance(shown, Result) or shown._repr_mimebundle_()["text/html"]
    assert isinstance(names["bench"], workbench.Session)


def test_every_name_of_a_variable_is_on_the_page_of_variables() -> None:
    page = (DOCS / "environment.md").read_text("utf-8")
    used = {
        name
        for folder in ("workbench", "screens")
        for path in (DOCS.parent / folder).rglob("*.py")
        for name in re.findall(r"_?VLMBENCH_[A-Z_]+", path.read_text("utf-8"))
    }
    assert len(used) > 5
    assert sorted(name for name in used if f"`{name}`" not in page) == []
