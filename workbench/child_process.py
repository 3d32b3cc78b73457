"""Processes of our own: the parent's interpreter and the parent's packages, whatever lies in the working directory.

Python takes the working directory, or a script's folder, as the first place of its library, so that a user's
`datasets.py` or a folder `workbench/` would be executed instead of what was installed. A child is therefore started by
this file's path, with `-P`, and takes the bench's packages from where this file lies: a checkout need not be installed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_OURS = ("workbench", "screens", "sample_data")


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the bench as `python -m` does."""
    return [sys.executable, "-P", *script(module, *arguments)]


def script(module: str, *arguments: str) -> list[str]:
    """The arguments for a launcher that starts scripts by itself; its environment must be `environment`."""
    return [str(Path(__file__).resolve()), module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """This process's environment with `more`; its children leave the working directory out of their library path."""
    environment = {**os.environ, **more, "PYTHONSAFEPATH": "1"}
    # An empty entry, as `PYTHONPATH=/some/where:$PYTHONPATH` leaves behind, means the working directory.
    path = environment.get("PYTHONPATH", "").split(os.pathsep)
    return {**environment, "PYTHONPATH": os.pathsep.join(entry for entry in path if entry)}


class _BenchFinder:
    """Finds the packages of the bench beside this file, before any other place."""

    root = str(Path(__file__).resolve().parents[1])

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, [cls.root], target) if path is None and name in _OURS else None


def main(arguments: list[str]) -> None:
    """Run the module that is named first, as `__main__`, with the rest as its arguments."""
    import runpy

    sys.meta_path.insert(0, _BenchFinder)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
