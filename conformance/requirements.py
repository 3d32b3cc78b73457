"""`requirements-RELEASE.in` and `.txt` of a release that has none yet, from what the release itself asks for.

What is installed is the same for every release: the names in the file of the one before it. The versions are those that
the metadata of the new release names; a package that it does not name is free.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.environment import ROOT, uv

HERE = Path(__file__).resolve().parent
_HEAD = "# Compiled from requirements-{}.in (see there): exact, complete, installed without dependency resolution.\n"


def write(release: str, before: str, python: str) -> Path:
    """Write both files of a release, by those of the release `before`; returns the one that is installed from.

    Raises:
        subprocess.CalledProcessError: there is no such release, or its packages do not go together.
    """
    version = f"{release}.0"
    told = asked_for(_metadata(version, python))
    source = HERE / f"requirements-{release}.in"
    source.write_text(adapted((HERE / f"requirements-{before}.in").read_text("utf-8"), told, before, release), "utf-8")
    command = [*uv(HERE), "pip", "compile", "--quiet", "--universal", "--python-version", python]
    ran = subprocess.run(
        [*command, "--no-header", "--no-annotate", source], cwd=ROOT, check=True, capture_output=True, text=True
    )
    exact = HERE / f"requirements-{release}.txt"
    exact.write_text(f"{_HEAD.format(release)}axolotl=={version}\n{ran.stdout}", "utf-8")
    return exact


def asked_for(lines: Iterable[str]) -> dict[str, str]:
    """Package -> the versions that a release asks for, of its `Requires-Dist` lines; extras are left out."""
    found = {}
    for line in lines:
        one = Requirement(line)
        if "extra ==" not in str(one.marker or "") and str(one.specifier):
            found[canonicalize_name(one.name)] = ",".join(sorted(map(str, one.specifier), reverse=True))
    return found


def adapted(text: str, told: dict[str, str], before: str, release: str) -> str:
    """The file of the release before with the versions of the new one; its comments name the new one."""
    lines = []
    for line in text.splitlines():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if line.startswith("#") or name is None:
            lines.append(line.replace(f"{before}.0", f"{release}.0").replace(f"-{before}.", f"-{release}."))
        else:
            lines.append(name[0] + told.get(canonicalize_name(name[0]), ""))
    return "\n".join(lines) + "\n"


def _metadata(version: str, python: str) -> list[str]:
    """The `Requires-Dist` lines of axolotl's wheel."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", "axolotl"]
        command += ["--python-version", python, "--dest", folder, f"axolotl=={version}"]
        subprocess.run(command, check=True)
        with ZipFile(next(Path(folder).glob("axolotl-*.whl"))) as wheel:
            name = next(one for one in wheel.namelist() if one.endswith(".dist-info/METADATA"))
            message = Parser().parsestr(wheel.read(name).decode("utf-8"))
    return [str(line) for line in message.get_all("Requires-Dist", [])]
