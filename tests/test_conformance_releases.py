"""The releases of axolotl that are compared with: each has its requirements, its Python and its table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance import environment, once
from conformance.environment import HERE, PYTHONS, Place, find_python
from conformance.requirements import adapted, asked_for
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
    assert [*once.same_on("0.19", "0.21")] == [*once.OF_OTHERS, *once.ASKS]
    assert all((HERE / file).is_file() for file in (*once.OF_OTHERS, *once.ASKS))


def test_what_is_not_the_same_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_sources", lambda release: {"scanner": release})
    assert [*once.same_on("0.19", "0.21")] == [*once.OF_OTHERS]


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


def test_a_further_release_asks_for_its_own_versions() -> None:
    """A release is raised by one entry: what is installed are the packages of the one before, at its own versions."""
    told = asked_for(
        [
            "torch<=2.14.0,>=2.13.0",
            "huggingface_hub==1.18.0",
            "liger-kernel==0.8.1; sys_platform != 'darwin'",
            "addict",
            "vllm>=0.17.0; extra == 'vllm'",
        ]
    )
    assert told == {"torch": ">=2.13.0,<=2.14.0", "huggingface-hub": "==1.18.0", "liger-kernel": "==0.8.1"}
    before = (
        "# axolotl 0.21.0\n#   requirements-0.21.in\naddict\nhuggingface-hub>=1.31.0\npytest\ntorch==2.14.1\nvllm\n"
    )
    after = "# axolotl 0.22.0\n#   requirements-0.22.in\naddict\nhuggingface-hub==1.18.0\npytest\n"
    assert adapted(before, told, "0.21", "0.22") == f"{after}torch>=2.13.0,<=2.14.0\nvllm\n"


def test_the_requirements_of_each_release_hold_what_it_asks_for() -> None:
    """The names are the same in all of them."""
    names = [
        {line.split("=")[0].split(">")[0] for line in lines if line and not line.startswith("#")}
        for lines in ((HERE / f"requirements-{one}.in").read_text("utf-8").splitlines() for one in PYTHONS)
    ]
    assert names[1] == names[2]
