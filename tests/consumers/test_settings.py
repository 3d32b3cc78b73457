"""The Python that has the trainer: where it is found, in this order, and what a wrong setting is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from workbench.bench import Bench
from workbench.consumers import settings as module
from workbench.consumers.axolotl.client import consumer_python
from workbench.consumers.settings import FILE, PROJECT_FILE, PYTHON_VARIABLE, settings
from workbench.errors import BenchError, EnvironmentProblem, InputError
from workbench.installed import NONE
from workbench.recipe.yaml.document import Document
from workbench.tokens.template import axolotl_package


@pytest.fixture(autouse=True)
def _asked_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLMBENCH_ASK")


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """A folder of recipes two levels below a project that has environments."""
    folder = tmp_path / "project" / "recipes" / "gemma"
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        python = tmp_path / "project" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\n", "utf-8")
        python.chmod(0o755)
    return folder


def project(recipes: Path, text: str, name: str = FILE, above: int = 2) -> Path:
    file = recipes.joinpath(*[".."] * above).resolve() / name
    file.write_text(text, "utf-8")
    return file


def test_the_command_line_comes_first_then_the_variable_then_the_nearest_file(
    recipes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = recipes.parent.parent
    assert settings(recipes) == module.Settings()
    project(recipes, '[tool.ruff]\n\n[tool.vlmbench]\naxolotl-python = "one/bin/python"\n', PROJECT_FILE)
    found = settings(recipes)
    assert (found.axolotl_python, found.source) == (str(root / "one/bin/python"), str(root / PROJECT_FILE))
    # Beside it, the file that is the bench's own counts; a pyproject.toml without the table is passed over.
    project(recipes, 'axolotl-python = "two/bin/python"\naxolotl-version = "0.21"\nask = false\n')
    project(recipes, '[project]\nname = "x"\n', PROJECT_FILE, above=1)
    found = settings(recipes)
    assert (found.axolotl_python, found.axolotl_version, found.ask) == (str(root / "two/bin/python"), "0.21", False)
    nearer = project(recipes, 'axolotl-python = "../../one/bin/python"\n', above=0)
    assert settings(recipes).source == str(nearer)
    monkeypatch.setenv(PYTHON_VARIABLE, str(root / "two/bin/python"))
    assert (settings(recipes).axolotl_python, settings(recipes).source) == (
        str(root / "two/bin/python"),
        PYTHON_VARIABLE,
    )
    assert settings(recipes, axolotl_python="given").axolotl_python == "given"
    assert settings(recipes, axolotl_version="0.19").axolotl_version == "0.19"


def test_the_axolotl_beside_the_bench_comes_last_and_none_is_none(
    recipes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.consumers.axolotl.client.find_spec", lambda name: object())
    assert consumer_python(settings(recipes).axolotl_python) == sys.executable
    project(recipes, f'axolotl-python = "{NONE}"\n')
    assert consumer_python(settings(recipes).axolotl_python) is None
    assert axolotl_package(NONE) is None


def test_a_bare_name_is_what_a_shell_would_start(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recipes.parent.parent / "one" / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert settings(recipes, axolotl_python="python").axolotl_python == str(folder / "python")


@pytest.mark.parametrize(
    ("text", "error", "said", "field"),
    [
        ('axolotl_python = "x"\n', InputError, "Did you mean axolotl-python?", "axolotl_python"),
        ('axolotl-pyhton = "x"\n', InputError, "Did you mean axolotl-python?", "axolotl-pyhton"),
        ('colour = "x"\n', InputError, "Known are axolotl-python, axolotl-version, ask, trainers, check.", "colour"),
        ("axolotl-python = 3\n", InputError, "Write a text in quotes.", "axolotl-python"),
        ("axolotl-version = 0.21\n", InputError, "Write a text in quotes.", "axolotl-version"),
        ('ask = "no"\n', InputError, "Write true or false.", "ask"),
        ("axolotl-python = \n", InputError, "Correct it as TOML.", None),
        ('axolotl-python = "one"\n', EnvironmentProblem, "Write one/bin/python.", "axolotl-python"),
        ('axolotl-python = "recipes"\n', EnvironmentProblem, "path of a Python interpreter", "axolotl-python"),
        ('axolotl-python = "three/bin/python"\n', EnvironmentProblem, "Give the path of the Python", "axolotl-python"),
        ('axolotl-python = ".vlmbench.toml"\n', EnvironmentProblem, "path of a Python interp", "axolotl-python"),
    ],
)
def test_a_wrong_setting_names_file_and_key_and_what_to_do(
    text: str, error: type[BenchError], said: str, field: str | None, recipes: Path
) -> None:
    file = project(recipes, text)
    with pytest.raises(error) as raised:
        settings(recipes)
    assert said in raised.value.hint
    assert (raised.value.where.file, raised.value.where.field) == (str(file), field)
    document = Document("base_model: x\n", "recipe.yaml", path=recipes / "recipe.yaml")
    with pytest.raises(error):
        Bench(document).load()


def test_a_wrong_key_of_the_projects_file_is_told_with_its_table(recipes: Path) -> None:
    project(recipes, "[tool.vlmbench]\naks = true\n", PROJECT_FILE)
    with pytest.raises(InputError, match=r"no setting 'aks' in \[tool.vlmbench\]"):
        settings(recipes)
    # What is wrong with the rest of it is not the bench's to say.
    project(recipes, "[tool\n", PROJECT_FILE)
    assert settings(recipes) == module.Settings()


def test_a_wrong_variable_is_named(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, "/nowhere/python")
    with pytest.raises(EnvironmentProblem, match="no /nowhere/python") as raised:
        settings(recipes)
    assert str(raised.value.where) == PYTHON_VARIABLE


def test_a_file_of_another_user_starts_no_program(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project(recipes, 'axolotl-python = "one/bin/python"\n')
    monkeypatch.setattr(module, "_ours", lambda file: False)
    with pytest.raises(InputError, match="belongs to another user") as raised:
        settings(recipes)
    assert raised.value.where.file == str(file)
    assert settings(recipes, axolotl_python="mine").axolotl_python == "mine"


@pytest.mark.parametrize(("told", "asks"), [("0", False), ("no", False), ("1", True), ("", True)])
def test_the_variable_decides_whether_it_is_asked(
    told: str, asks: bool, recipes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLMBENCH_ASK", told)
    assert settings(recipes).ask is asks
    project(recipes, f"ask = {'false' if asks else 'true'}\n")
    assert settings(recipes).ask is (asks if told else False)


def test_trainers_are_named_in_a_table_with_paths_from_its_file(tmp_path):
    from workbench.consumers.settings import trainer_pythons

    python = tmp_path / "trl" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "pyproject.toml").write_text('[tool.vlmbench.trainers]\ntrl = "trl/bin/python"\n')
    (tmp_path / "deep").mkdir()
    assert trainer_pythons(tmp_path / "deep") == [f"trl={python}"]


def test_a_trainer_that_is_no_path_is_an_error_with_its_key(tmp_path):
    from workbench.consumers.settings import trainer_pythons

    (tmp_path / ".vlmbench.toml").write_text("[trainers]\ntrl = 3\n")
    with pytest.raises(InputError) as raised:
        trainer_pythons(tmp_path)
    assert raised.value.where.field == "trainers.trl"
