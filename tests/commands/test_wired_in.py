"""The pre-commit hooks and the GitHub action, run as pre-commit and GitHub run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.paths import sample_dir

ROOT = Path(__file__).resolve().parents[2]
GOOD = (sample_dir() / "demo.yaml").read_text("utf-8")
HOOKS = ROOT / ".pre-commit-hooks.yaml"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with three recipes, one of them good, and YAML that is no recipe; `vlmbench` is on the path."""
    for name, change in {"good": "", "old": "evaluation_strategy: steps\n", "wrong": "freeze_mm_modle: true\n"}.items():
        file = tmp_path / "repository" / "recipes" / f"{name} one.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(GOOD.replace("freeze_mm_modules: true\n", "") + change if change else GOOD, "utf-8")
    folder = tmp_path / "repository"
    (folder / "workflow.yml").write_text("on: push\n", "utf-8")
    command = tmp_path / "bin" / "vlmbench"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m workbench "$@"\n', "utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.chdir(folder)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", "--all"], check=True)
    return folder


def test_the_hook_finds_what_is_wrong_and_passes_over_the_rest(repository: Path) -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib", reason="pre-commit is not installed")
    hooks = {hook["id"]: hook for hook in clientlib.load_manifest(str(HOOKS))}
    assert set(hooks) == {"vlmbench", "vlmbench-recipe"}
    assert all(hook["language"] == "python" for hook in hooks.values())
    # As the hook is, but with the vlmbench that is on the path in place of an environment of its own.
    hook = yaml.safe_load(HOOKS.read_text("utf-8"))[1] | {"language": "system", "verbose": True}
    config = {"repos": [{"repo": "local", "hooks": [hook]}]}
    Path(".pre-commit-config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    Path("pyproject.toml").write_text('[tool.vlmbench.check]\nignore = ["C003"]\nfail-on = "warning"\n', "utf-8")
    subprocess.run(["git", "add", "--all"], check=True)

    def hooked(*files: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "run", *(("--files", *files) if files else ("--all-files",))]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    ran = hooked()
    assert ran.returncode == 1, ran.stderr
    assert "C002 recipes/wrong one.yaml:" in ran.stdout
    assert "3 recipes: 1 error · 2 without findings" in ran.stdout
    assert hooked("recipes/good one.yaml", "recipes/old one.yaml", "workflow.yml").returncode == 0


def acted(**inputs: str) -> tuple[int, list[str]]:
    """The exit status of the action's last step with these inputs, and the annotations that it printed."""
    step = ACTION["runs"]["steps"][-1]
    values = {name: str(given["default"]) for name, given in ACTION["inputs"].items()} | inputs
    variables = {
        name: values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, expression in step["env"].items()
    }
    # How GitHub starts `shell: bash`.
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
    ran = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stdout.splitlines()


def test_the_action_annotates_and_fails_as_it_is_told(repository: Path) -> None:
    code, lines = acted(sarif="out.sarif")
    assert code == 1
    assert [line.split(",")[0] for line in lines] == [
        "::error file=recipes/wrong one.yaml",
        "::warning file=recipes/old one.yaml",
    ]
    results = json.loads(Path("out.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"C002", "C003"}
    (repository / "known.json").write_text('{"schema": "vlmbench.baseline/1", "findings": []}', "utf-8")
    assert acted(recipes="recipes/old*.yaml recipes/g*.yaml", baseline="known.json")[0] == 0
    hostile = "$(touch pwned) ; touch pwned"
    code, (line,) = acted(recipes=hostile)
    assert (code, line[:9]) == (0, "::warning")
    assert (
        acted(recipes="recipes/old*.yaml", **{"fail-on": "warning", "arguments": "--ignore C003 --no-statistics"})[0]
        == 0
    )
    assert not Path("pwned").exists()


def test_no_input_is_pasted_into_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    assert all("description" in given for given in ACTION["inputs"].values())
