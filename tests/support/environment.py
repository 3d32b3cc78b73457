"""A virtual environment for tests: made once, and kept while what it was made from is unchanged."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = "uv==0.13.9"
Step = Callable[..., None]


@dataclass(frozen=True)
class Environment:
    """A folder in the checkout with a `venv/`, and the file beside it that says what it was made from."""

    home: Path
    stamp: str
    sources: tuple[Path, ...]
    base: Path = Path(sys.executable)
    """The interpreter that it is made of."""

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.home / "venv" / "bin" / "python"

    def ensure(self, install: Callable[[Step], None], also: Callable[[bool], None] = lambda made: None) -> Path:
        """Make the environment, or keep it where the hash of its sources is the one it was made from.

        `install` is given a function that runs uv in it, and `also` whether it was made anew. Returns the interpreter.
        Raises `subprocess.CalledProcessError` where a package cannot be installed.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            also(self._make_unless_current(install))
        return self.python

    def _make_unless_current(self, install: Callable[[Step], None]) -> bool:
        stamp = self.home / self.stamp
        content = b"".join(path.read_bytes() for path in self.sources)
        wanted = f"{hashlib.sha256(content).hexdigest()} {_version(self.base)}"
        if stamp.is_file() and stamp.read_text() == wanted and self.python.is_file():
            return False
        name = self.home.relative_to(ROOT)
        print(f"making {name} (once; several GB of downloads)", file=sys.stderr, flush=True)
        stamp.unlink(missing_ok=True)
        tool = uv(self.home)

        def run(*words: str | Path) -> None:
            subprocess.run([*tool, *words], cwd=ROOT, check=True)

        run("venv", "--quiet", "--clear", "--python", self.base, self.home / "venv")
        # Compiled here, on every core, and not by each worker as it imports.
        install(lambda *words: run("pip", words[0], "--quiet", "--python", self.python, *words[1:]))
        stamp.write_text(wanted)
        return True


def _version(python: Path) -> str:
    """Major and minor number of an interpreter's Python."""
    if python == Path(sys.executable):
        return f"{sys.version_info[0]}.{sys.version_info[1]}"
    question = "import sys; print(*sys.version_info[:2], sep='.')"
    return subprocess.run([python, "-c", question], capture_output=True, text=True, check=True).stdout.strip()


def uv(home: Path) -> list[str]:
    """A `uv` that is at hand, or one installed into an environment of its own by this interpreter's pip."""
    beside = Path(sys.executable).parent / "uv"
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("uv")
    if found:
        return [found]
    tools = home / "tools"
    venv.create(tools, with_pip=True, clear=True)
    subprocess.run([tools / "bin" / "python", "-m", "pip", "install", "--quiet", UV], check=True)
    return [str(tools / "bin" / "uv")]
