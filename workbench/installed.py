"""The packages of another Python's environment, read from its folders: no process is started for it.

Only where an interpreter does not lie in an environment of the usual shape is it asked for its folders, once, and the
answer is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from workbench import child_process
from workbench.errors import EnvironmentProblem
from workbench.paths import cache_dir

NONE = "none"
"""In the place of an interpreter's path: no trainer is asked, and none is read."""
PACKAGES = ("axolotl", "transformers", "tokenizers", "torch", "peft", "trl", "datasets", "accelerate")
"""Packages that a trainer's answers depend on most."""
_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Installed:
    """The packages of an environment. `versions`: those that answers depend on, with the commit where there is one.

    `package`: the trainer's folder, or None where it was not found. `digest` changes with every package, and with the
    source of the trainer and of whatever is installed from a folder.
    """

    versions: dict[str, str]
    digest: str
    package: Path | None


def installed(python: str, trainer: str = "axolotl") -> Installed:
    """The packages that are installed beside an interpreter.

    Raises:
        EnvironmentProblem: the interpreter cannot be run.
    """
    # Before all others, as the interpreter has them.
    given = [Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    folders = [*given, *_usual_folders(python)]
    found = _read(folders, trainer)
    if found.package is None and Path(python).absolute() != Path(sys.executable).absolute():
        found = _read(_asked_folders(python), trainer)
    return found


def _usual_folders(python: str) -> list[Path]:
    """The site-packages of the interpreter's own environment, with what its `.pth` files add."""
    path = Path(python).absolute()
    if path == Path(sys.executable).absolute():
        return [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    root = path.parent.parent
    if not path.is_file() or not (root / "pyvenv.cfg").is_file():
        return []
    folders = [*sorted(root.glob("lib/python3*/site-packages")), root / "Lib" / "site-packages"]
    found = [folder for folder in folders if folder.is_dir()]
    return [*found, *(more for folder in found for more in _added(folder))]


def _added(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.glob("*.pth")):
        try:
            lines = file.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for line in lines:
            if line.strip() and not line.startswith(("#", "import ", "import\t")) and (folder / line.strip()).is_dir():
                yield folder / line.strip()


_failed: dict[str, EnvironmentProblem] = {}
"""Interpreters that could not be asked, in the state in which they were."""


def _asked_folders(python: str) -> list[Path]:
    """The folders in which the interpreter looks for packages, as it says itself; kept until the file changes."""
    path = Path(python).absolute()
    try:
        state = path.stat()
    except OSError as problem:
        raise cannot_run(python, problem) from problem
    named = f"{path} {path.resolve()} {state.st_size} {state.st_mtime_ns} {os.environ.get('PYTHONPATH', '')}"
    kept = cache_dir() / "interpreters" / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.json"
    try:
        folders = json.loads(kept.read_text("utf-8"))
        if isinstance(folders, list) and folders and all(isinstance(one, str) for one in folders):
            return [Path(one) for one in folders]
    except (OSError, ValueError):
        pass
    if named in _failed:
        raise _failed[named]
    # Not from the working directory, where a checkout of the trainer may lie; `-P` is not known before Python 3.11.
    question = "import json, os, sys; print('\\n' + json.dumps([p for p in sys.path if p and os.path.isdir(p)]))"
    try:
        told = child_process.output_of([str(path), "-c", question], seconds=_SECONDS)
        folders = json.loads(told.strip().splitlines()[-1])
        if not isinstance(folders, list) or not all(isinstance(one, str) for one in folders):
            raise ValueError("its answer is none of a Python")
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, RecursionError) as problem:
        # It may have taken its time, and is asked at more than one place.
        _failed[named] = cannot_run(python, problem)
        raise _failed[named] from problem
    # Where it cannot be kept, it is asked again the next time.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps(folders), "utf-8")
        fresh.replace(kept)
    return [Path(one) for one in folders]


def cannot_run(python: str, problem: Exception) -> EnvironmentProblem:
    """The error for an interpreter that cannot be started."""
    return EnvironmentProblem(
        f"--axolotl-python {python} cannot be run", str(problem), "Give the path of a Python interpreter."
    )


def _read(folders: Sequence[Path], trainer: str) -> Installed:
    versions: dict[str, str] = {}
    digest = hashlib.sha256()
    package: Path | None = None
    for folder in dict.fromkeys(folders):
        if package is None and (folder / trainer / "__init__.py").is_file():
            package = folder / trainer
        for info in sorted(folder.glob("*.dist-info")):
            name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
            name = name.lower().replace("-", "_")
            url = _direct_url(info)
            commit = str(url.get("vcs_info", {}).get("commit_id", ""))
            digest.update(f"{name} {version} {commit}\n".encode())
            source = _source_folder(url)
            if source is not None:
                digest.update(_tree(source).encode())
                if name == trainer and package is None:
                    package = next((one for one in (source / "src" / trainer, source / trainer) if one.is_dir()), None)
            if name in PACKAGES and name not in versions:
                versions[name] = f"{version} ({commit[:12]})" if commit else version
    if package is not None:
        digest.update(_tree(package).encode())
    return Installed(versions, digest.hexdigest(), package)


def _direct_url(info: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads((info / "direct_url.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _source_folder(url: dict[str, dict[str, str]]) -> Path | None:
    """The folder that a package runs from, where it is installed as editable."""
    address = urlparse(str(url.get("url", "")))
    if not url.get("dir_info", {}).get("editable") or address.scheme != "file":
        return None
    return Path(unquote(address.path))


def _tree(folder: Path) -> str:
    """The state of a source tree: names, sizes and times of its Python files and templates."""
    digest = hashlib.sha256()
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one != "__pycache__")
        for name in sorted(files):
            if name.endswith((".py", ".jinja", ".json")):
                try:
                    state = os.stat(os.path.join(root, name))
                except OSError:
                    continue
                digest.update(f"{root}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
