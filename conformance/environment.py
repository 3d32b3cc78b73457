"""The virtual environment that holds axolotl beside the bench: made once, kept while its requirements are unchanged."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REQUIREMENTS = HERE / "requirements.txt"
HOME = ROOT / ".conformance"
UV = "uv==0.13.9"


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
    return python()


def _make_unless_current(stamp: Path) -> None:
    wanted = f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} {sys.version_info[0]}.{sys.version_info[1]}"
    if stamp.is_file() and stamp.read_text() == wanted and python().is_file():
        return
    print(f"conformance: making {HOME.relative_to(ROOT)} (once; several GB of downloads)", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    uv = _uv()
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, HOME / "venv"], check=True)
    install = ["pip", "install", "--quiet", "--no-deps", "--python", python(), "--requirement", REQUIREMENTS]
    subprocess.run([*uv, *install], check=True)
    stamp.write_text(wanted)


if __name__ == "__main__":
    print(ensure())
