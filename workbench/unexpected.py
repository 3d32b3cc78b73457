"""The one place where an exception that nobody expected becomes an error, kept apart by whose fault it is.

Memory, disk and packages are the surroundings'; nesting and characters that no encoding takes are the input's; all else
is a fault of vlmbench, and is written with its traceback into a file to attach to a report.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import EXIT_BUG, BenchError, EnvironmentProblem, InputError, Where
from workbench.escaping import visible, visible_lines

_PLACE = "_vlmbench_where"
_FRAMES = 40
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_FILES_LEFT = (errno.EMFILE, errno.ENFILE)


class Bug(BenchError):
    """A fault of vlmbench itself. `report` is the file to attach; None where it could not be written."""

    exit_code = EXIT_BUG

    def __init__(self, problem: BaseException, where: Where, report: Path | None) -> None:
        kind = f"{type(problem).__name__}: {_first_line(problem)}".rstrip(": ")
        self.report = report
        attach = f"attach {report}" if report is not None else "tell what you did; its report could not be written"
        hint = f"Report it, and {attach}, and the recipe and row if you may share them."
        super().__init__("This is a bug of vlmbench", kind, hint, where)


@contextlib.contextmanager
def placed(where: Where) -> Iterator[None]:
    """A place at which something goes on: an exception that nobody expected names the innermost one it came through.

    Raises:
        InputError: the input is at fault, for which Python has exceptions of its own.
    """
    try:
        yield
    except (RecursionError, UnicodeEncodeError) as problem:
        _note(problem, where)
        raise as_error(problem) from problem
    except Exception as problem:
        _note(problem, where)
        raise


def _note(problem: BaseException, where: Where) -> None:
    if not isinstance(problem, BenchError) and not hasattr(problem, _PLACE):
        with contextlib.suppress(AttributeError):
            setattr(problem, _PLACE, where)


def place_of(problem: BaseException) -> Where:
    """The place that `placed` noted; empty where it noted none."""
    found = getattr(problem, _PLACE, None)
    return found if isinstance(found, Where) else Where()


def as_error(problem: BaseException) -> BenchError:
    """An exception as an error with a cause and a remedy; a `BenchError` is one already."""
    if isinstance(problem, BenchError):
        return problem
    where = place_of(problem)
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError":
        hint = "Take fewer or shorter rows, or a machine with more memory."
        return EnvironmentProblem("There is not enough memory for this", _first_line(problem), hint, where)
    if isinstance(problem, OSError):
        return _of_system(problem, where)
    if isinstance(problem, RuntimeError) and str(problem).startswith("Symlink loop"):
        # pathlib has no OSError for it.
        return InputError("A link leads to itself", _first_line(problem), "Give another path.", where)
    if isinstance(problem, ImportError):
        hint = "Install vlmbench again, with the packages that it asks for."
        return EnvironmentProblem("A package is missing or does not fit", _first_line(problem), hint, where)
    if isinstance(problem, RecursionError):
        hint = "Take out the value that holds so many others inside each other."
        return InputError("Something here is nested too deeply", "Python's own limit was reached.", hint, where)
    if isinstance(problem, UnicodeEncodeError):
        bad = visible(problem.object[problem.start : problem.end][:8])
        cause = f"{bad} cannot be written as {problem.encoding}: half a surrogate pair, most likely."
        return InputError("A text here holds what is no character", cause, "Take the character out.", where)
    return Bug(problem, where, write_report(problem))


def _of_system(problem: OSError, where: Where) -> EnvironmentProblem:
    file = os.fsdecode(problem.filename) if isinstance(problem.filename, (str, bytes)) else None
    place = Where(file=file) if file else where
    reason = f"{problem.strerror or _first_line(problem)}."
    if problem.errno in _NO_ROOM:
        return EnvironmentProblem("There is no room to write", reason, "Make room, or write to another place.", place)
    if problem.errno in _NO_RIGHT:
        return EnvironmentProblem("The system does not allow this", reason, "Check who may read and write it.", place)
    if problem.errno in _NO_FILES_LEFT:
        return EnvironmentProblem("Too many files are open", reason, "Raise the limit: `ulimit -n`.", place)
    return EnvironmentProblem(
        "The system refused something", reason, "Check the path, the disk and the network.", place
    )


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return visible(lines[0][:300]) if lines else ""


def write_report(problem: BaseException) -> Path | None:
    """Write the file of a report, with the traceback and the versions; None where it cannot be written."""
    from workbench.paths import state_dir
    from workbench.version import __version__

    now = datetime.now(UTC)
    head = (
        f"vlmbench {__version__} · Python {platform.python_version()} on {platform.platform()}\n"
        f"{now:%Y-%m-%d %H:%M:%S} UTC\n{visible(' '.join(sys.argv))}\n{place_of(problem)}\n"
    )
    trace = "".join(traceback.format_exception(problem, limit=-_FRAMES))
    try:
        file = state_dir() / "bugs" / f"{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(visible_lines(f"{head}\n{trace}"), "utf-8", "backslashreplace")
    except (OSError, ValueError):
        return None
    return file
