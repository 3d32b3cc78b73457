"""The rows that were opened from Python and lie in the state: for some weeks after their last use, up to a size.

Nobody's rows stay for good. What is not opened again is cleared the next time that rows are kept.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from workbench.paths import state_dir

DAYS = 30
"""Days for which rows are kept after they were last opened."""
MOST_BYTES = 2 << 30
"""The most that all rows and their pictures take; those that were opened last stay."""
PICTURES = "pictures"
_NAMED = re.compile(rb"([0-9a-f]{16})\.png")
_OURS = re.compile(r"[0-9a-f]{16}\.(?:jsonl|parquet|png)")
_CHUNK = 1 << 20


def rows_dir() -> Path:
    """The folder of the rows. Not created."""
    return state_dir() / "rows"


def used(file: Path) -> None:
    """Note that a file of rows is opened now."""
    with contextlib.suppress(OSError):
        os.utime(file)


def clear_old(folder: Path, keep: Path, now: float | None = None) -> list[Path]:
    """Clear what was not opened for `DAYS`, and the oldest of what is too much; gives the files that are gone.

    `keep` stays in any case: it was opened just now. A file that cannot be deleted is left.
    """
    now = time.time() if now is None else now
    rows = sorted(_files(folder), key=lambda entry: entry[1], reverse=True)
    shown = {path: size for path, _, size in _files(folder / PICTURES)}
    left, gone = MOST_BYTES - sum(shown.values()), []
    for path, last, size in rows:
        left -= size
        if path != keep and (left < 0 or now - last > DAYS * 86400):
            gone.append(path)
    unlinked = [path for path in gone if _unlink(path)]
    if unlinked:
        # Pictures belong to every file of rows that names them.
        named = {name for path, _, _ in _files(folder) for name in _pictures_of(path)}
        unlinked += [path for path in shown if path.name not in named and _unlink(path)]
    return unlinked


def clear_all(folder: Path, keep: Path | None = None) -> list[Path]:
    """Clear every file of rows but `keep`, and the pictures that no file names then; gives the files that are gone."""
    gone = [path for path, _, _ in _files(folder) if path != keep and _OURS.fullmatch(path.name) and _unlink(path)]
    named = set(_pictures_of(keep)) if keep is not None else set()
    shown = [path for path, _, _ in _files(folder / PICTURES) if _OURS.fullmatch(path.name)]
    return gone + [path for path in shown if path.name not in named and _unlink(path)]


def _files(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """The files of a folder with their last use and size; those that are being written are left out."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    state = entry.stat()
                    yield Path(entry.path), state.st_mtime, state.st_size


def _pictures_of(path: Path) -> Iterator[str]:
    """The names of the pictures that a file of rows names. Parquet has its pictures within."""
    if path.suffix != ".jsonl":
        return
    with contextlib.suppress(OSError), path.open("rb") as stream:
        end = b""
        while chunk := stream.read(_CHUNK):
            for found in _NAMED.finditer(end + chunk):
                yield f"{found[1].decode()}.png"
            end = chunk[-32:]


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
