"""The releases of axolotl that are compared with: each has its requirements, its Python and its table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance import environment, once
from conformance.environment import HERE, PYTHONS, Place, find_python
from workbench.recipe.axolotl_table import releases, table


def test_each_has_a_table_and_exact_requirements() -> None:
    assert tuple(PYTHONS) == releases()
    for release in PYTHONS:
        lines = Place(release).requirements.read_text("utf-8").splitlines()
        pinned = dict(line.split(" ;")[0].split("==") for line in lines if not line.startswith("#"))
        assert pinned["axolotl"] == table(release).version
        assert {"torch", "torchvision", "transformers"} <= pinned.keys()
        assert (HERE / f"requirements-{release}.in").is_file()


def test_what_is_left_out_of_the_second_run_is_there_and_the_same() -> None:
    assert [*once.same_on("0.19", "0.21")] == [*once.ASKS]
    assert all((HERE / file).is_file() for file in once.ASKS)


def test_what_is_not_the_same_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_sources", lambda release: {"scanner": release})
    assert [*once.same_on("0.19", "0.21")] == []


def test_a_python_is_found_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ".".join(map(str, sys.version_info[:2]))
    assert find_python(here) == Path(sys.executable)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_python("3.99") is None
    # A name on the PATH that stands for another one, or for none, is not taken.
    for text in ("exit 127", "echo 3.98"):
        script = tmp_path / "python3.99"
        script.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        script.chmod(0o755)
        assert find_python("3.99") is None
    script.write_text("#!/bin/sh\necho 3.99\n", "utf-8")
    assert find_python("3.99") == script


def test_without_a_python_the_place_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_python", lambda wanted: None)
    with pytest.raises(environment.NoInterpreterError, match=r"axolotl 0\.21 needs Python 3\.12"):
        Place("0.21").ensure()
