"""The files that a typed path may mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import path_choices
from workbench.path_choices import any_file, choices, closeness, files_below, is_python, is_recipe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # A folder of its own: beside `tmp_path` stand those of all other tests.
    tmp_path = tmp_path / "rows"
    for name in (
        "recipes/deep/qwen-lora.yaml", "recipes/other.yml", "notes.txt", "a.yaml", ".hidden/b.yaml",
        "node_modules/c.yaml", "envs/train/bin/python", "envs/train/bin/python3.11", "envs/train/bin/python-config",
        "bad\x1b[31m.yaml",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    return tmp_path


def test_files_below_are_those_that_fit_and_can_be_shown(folder: Path) -> None:
    assert files_below(folder, is_recipe) == ["a.yaml", "recipes/other.yml", "recipes/deep/qwen-lora.yaml"]
    assert files_below(folder, is_recipe, hidden=True)[1] == ".hidden/b.yaml"
    assert files_below(folder, is_python) == ["envs/train/bin/python", "envs/train/bin/python3.11"]
    assert files_below(folder / "no-such-folder", any_file) == []


def test_looking_ends_where_there_is_too_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_choices, "_MOST", 2)
    assert len(files_below(folder, any_file)) == 2
    monkeypatch.setattr(path_choices, "_SECONDS", -1.0)
    assert files_below(folder, any_file) == []


def test_letters_in_their_order_find_a_file_and_folders_are_gone_through(folder: Path) -> None:
    below = files_below(folder, is_recipe)

    def shown(typed: str) -> list[str]:
        return [choice.text for choice in choices(typed, below, is_recipe, folder)]

    assert shown("qlo") == ["recipes/deep/qwen-lora.yaml"]
    assert shown("rec")[0] == "recipes/"
    assert shown("recipes/") == ["recipes/other.yml", "recipes/deep/", "recipes/deep/qwen-lora.yaml"]
    assert shown("recipes/deep/q") == ["recipes/deep/qwen-lora.yaml"]
    assert shown(f"{folder}/recipes/o") == [f"{folder}/recipes/other.yml"]
    assert "../" + folder.name + "/" in shown("../")
    assert shown("zzz") == []
    assert shown("a.yaml") == ["recipes/deep/qwen-lora.yaml"]
    assert shown("\0/") == []


def test_home_is_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert "~/a.yaml" in [choice.text for choice in choices("~/", [], is_recipe, Path(os.sep))]


@given(st.text("abAB_-./éß", max_size=12), st.text("abAB_-./éß", max_size=30))
def test_what_is_written_out_is_as_near_as_can_be(typed: str, path: str) -> None:
    score = closeness(typed, path)
    assert score is None or 0 <= score <= 3
    if typed and "/" not in typed + path and typed.casefold():
        assert closeness(typed, typed + path) == 3
