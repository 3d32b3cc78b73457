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


def output_of(arguments: list[str], *, seconds: float, most: int = 1 << 20) -> str:
    """The output on stdout of a program of somebody else, within limits of time and size.

    Raises:
        OSError: it cannot be started. subprocess.SubprocessError: it fails, or takes longer. ValueError: it writes
        without end, or no UTF-8.
    """
    import subprocess
    import threading

    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    ) as child:
        late = threading.Event()

        def end() -> None:
            late.set()
            _end_group(child.pid)

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            assert child.stdout is not None
            told = child.stdout.read(most + 1)
            if len(told) > most:
                raise ValueError(f"it writes more than {most >> 20} MiB")
            code = child.wait()
        finally:
            timer.cancel()
            _end_group(child.pid)
        if late.is_set():
            raise subprocess.TimeoutExpired(arguments[:1], seconds)
        if code:
            raise subprocess.CalledProcessError(code, arguments[:1])
        return told.decode("utf-8")


def _end_group(process: int) -> None:
    import contextlib
    import signal

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


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
