"""The folder that axolotl must be started in, and what a row then says of files beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.bench import open as open_bench
from workbench.bench import prepare
from workbench.checks.row_checks import row_findings
from workbench.paths import sample_dir
from workbench.recipe.start_folder import starting_folder
from workbench.recipe.yaml.document import Document


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("base_model: model\n", True),
        ("base_model: google/gemma-4-E2B-it\n", False),
        ("base_model: org/model\ndatasets:\n  - path: rows.jsonl\n", True),
        ("base_model: org/model\ndatasets:\n  - path: here.jsonl\n", False),
        ("base_model: org/model\ndatasets:\n  - rows.jsonl\n  - path: [rows.jsonl]\n", False),
        ("datasets: rows.jsonl\n", False),
        ("base_model: " + "x" * 5000 + "\n", False),
    ],
)
def test_the_folder_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, there: bool) -> None:
    folder, here = tmp_path / "recipes", tmp_path / "here"
    (folder / "model").mkdir(parents=True)
    here.mkdir()
    for file in (folder / "rows.jsonl", folder / "here.jsonl", here / "here.jsonl"):
        file.touch()
    monkeypatch.chdir(here)
    assert starting_folder(Document(text), folder) == (folder if there else None)
    monkeypatch.chdir(folder)
    assert starting_folder(Document(text), folder) is None


def test_pictures_beside_the_data_are_found_where_axolotl_must_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note where axolotl would miss them; none where it can only be started in their folder."""
    monkeypatch.chdir(tmp_path)
    for name, relative in (("beside", "rows.jsonl"), ("below", "data/rows.jsonl")):
        data = tmp_path / name / relative
        data.parent.mkdir(parents=True)
        shutil.copy(sample_dir() / "shapes-heldout.jsonl", data)
        shutil.copytree(sample_dir() / "pictures", data.parent / "pictures")
        text = (
            (sample_dir() / "demo.yaml").read_text("utf-8").replace("path: shapes-heldout.jsonl", f"path: {relative}")
        )
        text = text.replace("demo-model", str(sample_dir() / "demo-model"), 1)
        recipe = tmp_path / name / "recipe.yaml"
        recipe.write_text(text, "utf-8")
        found = [one for one in row_findings(open_bench(recipe).row(0)) if one.code == "D005"]
        assert [one.severity for one in found] == (["note"] if name == "below" else [])
    elsewhere = prepare(
        tmp_path / "beside" / "recipe.yaml", data=str(tmp_path / "below" / "data" / "rows.jsonl")
    ).load()
    assert [one.code for one in row_findings(elsewhere.row(0)) if one.code == "D005"] == ["D005"]


def test_the_demo_has_nothing_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first message is none, wherever it is opened and without an axolotl at hand."""
    from workbench.checks.run import check_rows

    monkeypatch.setattr("workbench.tokens.template.find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    bench = open_bench()
    assert check_rows(bench, bench.head(None)).findings == ()
