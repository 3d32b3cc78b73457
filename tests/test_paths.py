"""Folders of the bench's state."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.paths import recipe_dir, recipe_key, state_dir


def test_the_state_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "here"))
    assert state_dir() == tmp_path / "here"
    monkeypatch.delenv("VLMBENCH_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_dir() == tmp_path / "vlmbench"


def test_recipes_of_one_name_in_two_places_keep_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "run.yaml", tmp_path / "b" / "run.yaml"
    assert recipe_key("run.yaml", one) != recipe_key("run.yaml", other)
    assert recipe_key("run.yaml", one) == recipe_key("anything", one)
    assert recipe_key("x", one).startswith("run-")


@pytest.mark.parametrize("name", ["../../etc/passwd", "google/gemma-4-E2B-it", "", "\udcff", "." * 80])
def test_a_recipe_without_a_file_gets_one_safe_folder_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path))
    folder = recipe_dir(name)
    assert folder.parent == tmp_path / "recipes"
    assert "/" not in folder.name
    folder.mkdir(parents=True)


def test_a_folders_name_is_short_and_says_which_recipe(tmp_path: Path) -> None:
    assert recipe_key("x", tmp_path / "my recipe (1).yaml").startswith("my-recipe--1-")
    name, _, tail = recipe_key("x", tmp_path / f"{'long' * 50}.yaml").rpartition("-")
    assert name == "long" * 10
    assert len(tail) == 12
    assert int(tail, 16) >= 0
    assert recipe_key("...").startswith("recipe-")
    # A path through a link or with dots in it is the same recipe's.
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert recipe_key("x", tmp_path / "link" / ".." / "real" / "a.yaml") == recipe_key(
        "y", tmp_path / "real" / "a.yaml"
    )
    assert recipe_key("a") != recipe_key("b")
