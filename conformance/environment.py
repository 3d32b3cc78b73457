"""The virtual environment that holds axolotl beside the bench: made once, kept while its requirements are unchanged."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.support.environment import ROOT, Environment, Step

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
HOME = ROOT / ".conformance"
EXAMPLES = HOME / "examples"
"""axolotl's own example recipes, where its source distribution could be fetched."""


def ensure() -> Path:
    """Make the environment, or keep it where the hash of the requirements is the one it was made from.

    Returns the interpreter. Raises `subprocess.CalledProcessError` where a package cannot be installed.
    """
    return Environment(HOME, "requirements.sha256", (REQUIREMENTS,)).ensure(_install, _examples)


def _install(pip: Step) -> None:
    pip("install", "--no-deps", "--compile-bytecode", "--requirement", REQUIREMENTS)


def _examples(made: bool) -> None:
    if made:
        shutil.rmtree(EXAMPLES, ignore_errors=True)
    if not EXAMPLES.is_dir():
        _fetch_examples(EXAMPLES)


def _fetch_examples(home: Path) -> None:
    """The `examples/` of axolotl's source distribution; without them their tests are skipped."""
    pinned = next(line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("axolotl=="))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "axolotl", pinned]
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        ran = subprocess.run([*command, "--dest", scratch], check=False)
        if ran.returncode:
            print(
                f"conformance: the source of {pinned} could not be fetched; its examples are not run", file=sys.stderr
            )
            return
        with tarfile.open(next(Path(scratch).glob("axolotl-*.tar.gz"))) as archive:
            archive.extractall(scratch, filter="data")
        next(Path(scratch).glob("axolotl-*/examples")).rename(home)


if __name__ == "__main__":
    print(ensure())
