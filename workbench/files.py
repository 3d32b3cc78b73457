"""Reading files that somebody names: within limits, and none that is no file.

A FIFO waits for a writer, and a device may never end: they are refused by name before anything is opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from workbench.errors import InputError, Where

_KEPT = "Write what it gives into a file, and give that file."


def special_kind(path: str | os.PathLike[str]) -> str | None:
    """The kind of a thing that is neither a file nor a folder: "FIFO", "device" or "socket"; None for all else."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    if stat.S_ISFIFO(mode):
        return "FIFO"
    return "device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "socket"


def refuse_special(path: str | os.PathLike[str], title: str, shown: str | None = None) -> None:
    """Stop before a FIFO, a device or a socket is opened.

    Args:
        path: what would be read; links are followed.
        title: the error's title, what cannot be done.
        shown: the path as it was given.

    Raises:
        InputError: it is one of them.
    """
    kind = special_kind(path)
    if kind is not None:
        cause = f"It is a {kind}, and may never end."
        raise InputError(title, cause, _KEPT, Where(file=shown or os.fspath(path)))


def read_limited(
    path: Path, most: int, title: str, *, hint: str = "Check the path.", shown: str | None = None
) -> bytes:
    """The bytes of a file that has at most `most` of them.

    Raises:
        InputError: with `title`: it cannot be opened, is larger, or is no file.
    """
    where = Where(file=shown or str(path))
    refuse_special(path, title, shown)
    try:
        with path.open("rb") as stream:
            # The size first: what is too large is not read to find out.
            whole = os.fstat(stream.fileno()).st_size <= most
            data = stream.read(most + 1) if whole else b""
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise InputError(title, f"{reason[:1].upper()}{reason[1:]}.", hint, where) from None
    if not whole or len(data) > most:
        cause = f"It is larger than {most >> 20} MiB, the most that is read of such a file."
        raise InputError(title, cause, "Check that this is the right file.", where)
    return data
