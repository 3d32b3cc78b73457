"""The virtual environment that holds axolotl beside the bench: made once, kept while its requirements are unchanged."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REQUIREMENTS = HERE / "requirements.txt"
HOME = ROOT / ".conformance"
UV = "uv==0.13.9"
EXAMPLES = HOME / "examples"
"""axolotl's own example recipes, where its source distribution could be fetched."""


def python() -> Path:
    """The interpreter of the conformance environment."""
    return HOME / "venv" / "bin" / "python"


def _uv() -> list[str]:
    """A `uv` that is at hand, or one installed into an environment of its own by this interpreter's pip."""
    beside = Path(sys.executable).parent / "uv"
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("uv")
    if found:
        return [found]
    tools = HOME / "tools"
    venv.create(tools, with_pip=True, clear=True)
    subprocess.run([tools / "bin" / "python", "-m", "pip", "install", "--quiet", UV], check=True)
    return [str(tools / "bin" / "uv")]


def ensure() -> Path:
    """Make the environment, or keep it where the hash of the requirements is the one it was made from.

    Returns the interpreter. Raises `subprocess.CalledProcessError` where a package cannot be installed.
    """
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make_unless_current(HOME / "requirements.sha256")
        if not EXAMPLES.is_dir():
            _fetch_examples(EXAMPLES)
    return python()


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


def _make_unless_current(stamp: Path) -> None:
    wanted = f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} {sys.version_info[0]}.{sys.version_info[1]}"
    if stamp.is_file() and stamp.read_text() == wanted and python().is_file():
        return
    print(f"conformance: making {HOME.relative_to(ROOT)} (once; several GB of downloads)", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(EXAMPLES, ignore_errors=True)
    uv = _uv()
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, HOME / "venv"], check=True)
    # Compiled here, on every core, and not by each worker as it imports.
    install = ["pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", python()]
    subprocess.run([*uv, *install, "--requirement", REQUIREMENTS], check=True)
    stamp.write_text(wanted)


if __name__ == "__main__":
    print(ensure())
