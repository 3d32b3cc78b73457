"""Children of the bench are the bench, whatever lies in the folder that it is started from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import workbench
from screens.shell.serve import command_line
from tests.overfit.conftest import demo
from workbench import child_process
from workbench.errors import EnvironmentProblem
from workbench.overfit.events import last
from workbench.overfit.plan import make_plan
from workbench.overfit.supervisor import Supervisor, run
from workbench.tokens.template import bundled_templates

HOSTILE = ("datasets", "torch", "json", "typing", "runpy", "accelerate", "workbench", "screens", "axolotl")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a folder in which names that the bench imports are a user's own, and say that they ran."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in HOSTILE:
        text = f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\nraise SystemExit('a module of the user ran')\n"
        (folder / f"{name}.py").write_text(text)
    for name in ("workbench", "axolotl"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text((folder / f"{name}.py").read_text())
    (folder / "axolotl" / "utils" / "chat_templates" / "templates").mkdir(parents=True)
    monkeypatch.chdir(folder)
    # What `export PYTHONPATH=/some/where:$PYTHONPATH` leaves behind where it was empty.
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", "") + os.pathsep)
    return tmp_path / "ran"


def test_a_module_runs_as_itself(hostile: Path) -> None:
    ran = subprocess.run(
        child_process.command("workbench.cli", "--version"),
        capture_output=True,
        text=True,
        check=False,
        env=child_process.environment(),
    )
    assert (ran.returncode, hostile.exists()) == (0, False), ran.stderr
    assert workbench.__version__ in ran.stdout


def test_a_session_of_the_served_app_is_the_bench(hostile: Path) -> None:
    ran = subprocess.run(
        command_line(["--help"]), shell=True, capture_output=True, check=False, env=child_process.environment()
    )
    assert (ran.returncode, hostile.exists()) == (0, False), ran.stderr
    assert b"Usage" in ran.stdout


@pytest.mark.parametrize("launcher", ["", "accelerate"])
def test_a_run_is_the_bench(hostile: Path, tmp_path: Path, launcher: str) -> None:
    bench = demo(tmp_path, {})
    folder = tmp_path / "run"
    folder.mkdir()
    plan = make_plan(bench, rows=1, steps=1, device="cpu")
    events = run(Supervisor(plan, folder, launcher=launcher), lambda event: None)
    assert last(events, "error") is None
    assert last(events, "done") is not None
    assert not hostile.exists()


def test_the_templates_are_not_those_of_the_working_directory(hostile: Path) -> None:
    """A folder `axolotl`, as whoever works on axolotl has it before him, is not the one that trains."""
    if find_spec("axolotl") is None:
        with pytest.raises(EnvironmentProblem, match="has no axolotl"):
            bundled_templates(sys.executable)
    else:
        found = bundled_templates(sys.executable)
        assert found is not None
        assert not found.is_relative_to(Path.cwd())
    assert not hostile.exists()


def test_a_checkout_need_not_be_installed(tmp_path: Path) -> None:
    """The child's package is the parent's, also where another one is installed."""
    package = tmp_path / "checkout" / "workbench"
    package.mkdir(parents=True)
    shutil.copy(child_process.__file__, package)
    (package / "__init__.py").touch()
    (package / "told.py").write_text("import sys\nprint(__file__, __name__, *sys.argv[1:])\n")
    parent = (
        "import subprocess\nfrom workbench import child_process as interpreter\n"
        "subprocess.run(interpreter.command('workbench.told', 'a word'), env=interpreter.environment(), check=True)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", parent],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert ran.stdout.split("\n")[0] == f"{package / 'told.py'} __main__ a word", ran.stderr
