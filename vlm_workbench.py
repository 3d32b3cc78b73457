"""The start of `vlmbench` and `vlm-workbench`: it notices where another package has put its files in place of ours.

The names `workbench` and `vlmbench` belong to other projects on the package index too. An installer writes one over the
other without a word, and what is left fails somewhere inside. This module has a name of its own, so that it is still
there to say so; it imports the standard library alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

EXIT_ENVIRONMENT = 3
EXIT_INTERRUPTED = 130
OURS = "vlm-workbench"
_MARK = b"vlmbench"
"""A word in the first lines of each of our packages."""
_PACKAGES = ("workbench", "screens")
_OTHERS = {
    "workbench": "the package `workbench`",
    "screens": "the package `screens`",
    "vlmbench": "the command `vlmbench`",
}
"""Distributions with names that ours has as well, and what they share with it."""
_REMEDY = f"Install {OURS} into an environment of its own, or take the other one out and install {OURS} again."


def main() -> None:
    """Run the command line, where it is ours. An interrupt ends it in words from the first import on."""
    try:
        run = _command_line()
    except KeyboardInterrupt:
        sys.stderr.write("vlmbench: interrupted\n")
        # Not `sys.exit`: with one caught in code that is given as text, Python would end by the signal.
        os._exit(EXIT_INTERRUPTED)
    run()


def _command_line() -> Callable[[], None]:
    """The function that runs the command line. Exits where another package lies in its place."""
    folder = Path(__file__).resolve().parent
    lost = overwritten(folder)
    if lost:
        owner = owner_of(folder, f"{lost}/__init__.py")
        by = f" by {owner}" if owner else ""
        _tell(f"{OURS}: its package `{lost}` was overwritten{by}", _REMEDY)
        sys.exit(EXIT_ENVIRONMENT)
    import workbench

    found = Path(workbench.__file__ or "").resolve().parent
    if found.parent != folder and not (is_editable(folder) and _is_ours(found / "__init__.py")):
        _tell(f"{OURS}: another `workbench` is found before its own: {found}", "Take its folder out of PYTHONPATH.")
        sys.exit(EXIT_ENVIRONMENT)
    for name, shared in neighbours(folder):
        _tell(f"{OURS}: {name} is installed here too, and has {shared} as well", f"`{OURS}` starts this one. {_REMEDY}")
    from workbench.cli import main as run

    return run


def overwritten(folder: Path) -> str:
    """The first of our packages in a folder whose beginning is not ours; "" where all are."""
    for name in _PACKAGES:
        file = folder / name / "__init__.py"
        if not file.exists() and is_editable(folder):
            # They lie in the checkout.
            continue
        if not _is_ours(file):
            return name
    return ""


def is_editable(folder: Path) -> bool:
    """True where a folder of packages leads to a checkout of ours."""
    return any(folder.glob("*vlm_workbench*.pth"))


def _is_ours(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return _MARK in stream.read(400)
    except OSError:
        return False


def neighbours(folder: Path) -> list[tuple[str, str]]:
    """The distributions in a folder of packages that share a name with ours, and what they share."""
    if not any(folder.glob("vlm_workbench-*.dist-info")):
        # A checkout: other packages lie elsewhere.
        return []
    return [(name, shared) for name, shared in _OTHERS.items() if any(folder.glob(f"{name}-*.dist-info"))]


def owner_of(folder: Path, file: str) -> str:
    """The distribution other than ours that lists a file as its own, with its version; "" where there is none."""
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        name, _, version = record.parent.name.removesuffix(".dist-info").rpartition("-")
        try:
            lines = record.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        if name != OURS.replace("-", "_") and any(line.startswith(f"{file},") for line in lines):
            return f"{name} {version}"
    return ""


def _tell(text: str, hint: str) -> None:
    # Names of files may hold anything.
    lines = (ascii(line)[1:-1] if not line.isprintable() else line for line in (text, f"  → {hint}"))
    sys.stderr.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
