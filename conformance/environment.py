"""The virtual environments that hold axolotl beside the bench: one a release, kept until its requirements change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.support.environment import ROOT, Environment, Step

HERE = Path(__file__).resolve().parent
PYTHONS = {"0.19": "3.11", "0.20": "3.12", "0.21": "3.12"}
"""The releases of axolotl that are compared with, the oldest first, and the Python of each.

A further one is a further entry: its requirements are made from its own metadata where there are none, and
`make harvest` asks it for its table.
"""


class NoInterpreterError(OSError):
    """This machine has no Python of the version that a release of axolotl needs."""


@dataclass(frozen=True)
class Place:
    """The folder of one release: its environment in `venv/`, its example recipes, and models of its transformers."""

    release: str

    @property
    def home(self) -> Path:
        return ROOT / ".conformance" / self.release

    @property
    def requirements(self) -> Path:
        """The exact packages of the release."""
        return HERE / f"requirements-{self.release}.txt"

    @property
    def examples(self) -> Path:
        """axolotl's own example recipes, where its source distribution could be fetched."""
        return self.home / "examples"

    def interpreter(self) -> Path | None:
        """A Python of the version that the release needs, or None where this machine has none."""
        return find_python(PYTHONS[self.release])

    def ensure(self) -> Path:
        """Make the environment, or keep it where the hash of the requirements is the one it was made from.

        Returns its interpreter.

        Raises:
            NoInterpreterError: there is no Python to make it of.
            subprocess.CalledProcessError: a package cannot be installed.
        """
        python = self.interpreter()
        if python is None:
            raise NoInterpreterError(f"axolotl {self.release} needs Python {PYTHONS[self.release]}: none was found")
        if not self.requirements.is_file():
            from conformance.requirements import write

            known = list(PYTHONS)
            write(self.release, known[known.index(self.release) - 1], PYTHONS[self.release])
        environment = Environment(self.home, "requirements.sha256", (self.requirements,), python)

        def install(pip: Step) -> None:
            pip("install", "--no-deps", "--compile-bytecode", "--requirement", self.requirements)

        def examples(made: bool) -> None:
            if made:
                shutil.rmtree(self.examples, ignore_errors=True)
            if not self.examples.is_dir():
                self._fetch_examples(python)

        return environment.ensure(install, examples)

    def _fetch_examples(self, python: Path) -> None:
        """The `examples/` of axolotl's source distribution; without them their tests are skipped."""
        pinned = next(line for line in self.requirements.read_text().splitlines() if line.startswith("axolotl=="))
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "axolotl", pinned]
        with tempfile.TemporaryDirectory(dir=self.home) as scratch:
            ran = subprocess.run([*command, "--dest", scratch], check=False)
            if ran.returncode:
                print(
                    f"conformance: the source of {pinned} could not be fetched; its examples are not run",
                    file=sys.stderr,
                )
                return
            with tarfile.open(next(Path(scratch).glob("axolotl-*.tar.gz"))) as archive:
                archive.extractall(scratch, filter="data")
            next(Path(scratch).glob("axolotl-*/examples")).rename(self.examples)


def here() -> Place:
    """The place of the axolotl that this process can import."""
    return Place(".".join(version("axolotl").split(".")[:2]))


def newest() -> Place:
    """The place of the newest release for which this machine has a Python; of the newest of all where it has none."""
    places = [Place(release) for release in reversed(PYTHONS)]
    return next((place for place in places if place.interpreter() is not None), places[0])


def find_python(wanted: str) -> Path | None:
    """An interpreter of this version ("3.12"): this one, one on the PATH, or one that pyenv has; None without any."""
    if sys.version_info[:2] == tuple(map(int, wanted.split("."))):
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = shutil.which(f"python{wanted}")
    candidates = [found, *sorted(pyenv.glob(f"{wanted}.*/bin/python"))]
    return next((Path(one) for one in candidates if one is not None and _runs(one, wanted)), None)


def _runs(python: str | Path, wanted: str) -> bool:
    """True where it is a Python of this version: a name on the PATH may stand for one that is switched off."""
    question = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        ran = subprocess.run([python, "-c", question], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return ran.stdout.strip() == wanted


if __name__ == "__main__":
    for name in sys.argv[1:] or PYTHONS:
        print(Place(name).ensure())
