"""The wheel: what is in it, what its page says, and what its commands notice where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from workbench import addresses
from workbench.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
AT_THE_TOP = "workbench/consumers/axolotl/vlmbench_axolotl.py"
"""It lies elsewhere in the wheel: axolotl imports its plugins by name."""
LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    pytest.importorskip("hatch_fancy_pypi_readme", reason="hatch-fancy-pypi-readme is not installed")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """A folder of packages into which the wheel was unpacked."""
    folder = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def test_the_wheel_holds_the_packages_and_their_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {
        "workbench",
        "screens",
        "vlm_workbench.py",
        "vlmbench_axolotl.py",
        f"vlm_workbench-{__version__}.dist-info",
    }
    in_checkout = {
        path.relative_to(ROOT).as_posix()
        for package in ("workbench", "screens")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    data = {name for name in names if name.startswith(("workbench/specs/", "workbench/sample_data/"))}
    assert {name for name in names if name.startswith(("workbench/", "screens/"))} - data == in_checkout - {AT_THE_TOP}
    specs = {path.name for path in (ROOT / "specs").iterdir() if path.is_file()}
    assert {name.removeprefix("workbench/specs/") for name in data if "/specs/" in name} == specs
    assert not [name for name in data if "/make/" in name or "__pycache__" in name]
    assert {"workbench/py.typed", "workbench/sample_data/demo.yaml", "workbench/checks/codes/recipe.toml"} <= names


def test_every_link_of_the_page_leads_somewhere_from_anywhere(wheel: Path) -> None:
    page = metadata(wheel).get_payload()
    assert isinstance(page, str)
    links = LINK.findall(page)
    assert len(links) > 12
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    # In the checkout the same links are relative, and what they name is there.
    here = LINK.findall((ROOT / "README.md").read_text("utf-8"))
    relative = [link for link in here if not link.startswith(("https://", "#"))]
    assert [link for link in relative if not (ROOT / link.partition("#")[0]).exists()] == []
    ours = [link for link in links if link.startswith(addresses.HOME)]
    assert [link.partition("/main/")[2] for link in ours if "/main/" in link] == relative


def test_the_addresses_are_the_same_everywhere(wheel: Path) -> None:
    urls = dict(line.split(", ", 1) for line in metadata(wheel).get_all("Project-URL") or [])
    assert set(urls) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    assert all(url.startswith(addresses.HOME) for url in urls.values())
    assert (urls["Homepage"], urls["Documentation"]) == (addresses.HOME, addresses.DOCUMENTATION)
    assert PROJECT["authors"]


def test_twine_takes_the_wheel(wheel: Path) -> None:
    pytest.importorskip("twine", reason="twine is not installed")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def started(installed: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Both commands start this module; here it finds the other packages where the tests have them."""
    command = [sys.executable, str(installed / "vlm_workbench.py"), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    return subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True, check=False)


def test_both_commands_start_the_module_that_notices_what_another_package_overwrote(installed: Path) -> None:
    assert set(PROJECT["scripts"]) == {"vlmbench", "vlm-workbench"}
    assert set(PROJECT["scripts"].values()) == {"vlm_workbench:main"}
    ran = started(installed, "explain", "C002")
    assert (ran.returncode, ran.stderr, ran.stdout.split()[0]) == (0, "", "C002")
    for name in ("workbench", "vlmbench"):
        (installed / f"{name}-0.8.1.dist-info").mkdir()
    ran = started(installed, "explain", "C002")
    assert (ran.returncode, ran.stdout.split()[0]) == (0, "C002")
    assert "workbench is installed here too, and has the package `workbench` as well" in ran.stderr
    assert "`vlm-workbench` starts this one" in ran.stderr
    (installed / "workbench-0.8.1.dist-info" / "RECORD").write_text("workbench/__init__.py,sha256=x,1\n", "utf-8")
    (installed / "workbench" / "__init__.py").write_text('"""Another workbench."""\n', "utf-8")
    ran = started(installed, "explain", "C002")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "its package `workbench` was overwritten by workbench 0.8.1" in ran.stderr
    assert "Install vlm-workbench into an environment of its own" in ran.stderr


def test_another_workbench_before_ours_is_named(installed: Path, tmp_path: Path) -> None:
    other = tmp_path / "before" / "workbench"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("", "utf-8")
    paths = [str(other.parent), str(installed)]
    code = f"import sys; sys.path[:0] = {paths}; import vlm_workbench; vlm_workbench.main()"
    command = [sys.executable, "-c", code, "--version"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert f"another `workbench` is found before its own: {other}" in ran.stderr


def test_a_checkout_that_is_installed_as_it_lies_is_ours(tmp_path: Path) -> None:
    """An editable installation has this module and the sample data beside other packages, and the rest elsewhere."""
    shutil.copyfile(ROOT / "vlm_workbench.py", tmp_path / "vlm_workbench.py")
    (tmp_path / "_editable_impl_vlm_workbench.pth").write_text(f"{ROOT}\n", "utf-8")
    (tmp_path / "workbench" / "sample_data").mkdir(parents=True)
    ran = started(tmp_path, "explain", "C002", PYTHONPATH=str(ROOT))
    assert (ran.returncode, ran.stderr, ran.stdout.split()[0]) == (0, "", "C002")
    # Without it the same folder has lost its packages.
    (tmp_path / "_editable_impl_vlm_workbench.pth").unlink()
    assert started(tmp_path, "explain", "C002", PYTHONPATH=str(ROOT)).returncode == 3
