"""The files that the bench keeps, by kind: their number and size, and clearing those that nothing needs any more."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.editing.working_copy import clear_left, left_in
from workbench.notebook.kept_rows import clear_all, rows_dir
from workbench.paths import cache_dir, state_dir

CACHED = ("asked", "rehearsed", "interpreters")
"""The folders of the cache, as `docs/environment.md` names them."""


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """So many files, of so many bytes together."""

    files: int
    size: int

    @property
    def said(self) -> str:
        """Both in words."""
        if not self.files:
            return "nothing"
        return f"{self.files:,} file{'' if self.files == 1 else 's'}, {bytes_said(self.size)}"


def bytes_said(size: int) -> str:
    """A size in the unit that suits it."""
    for unit, step in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"


def kept_in(folder: Path) -> KeptFiles:
    """The files in a folder and below it; links are not followed, and what cannot be read counts as nothing."""
    sizes = list(_sizes(folder))
    return KeptFiles(len(sizes), sum(sizes))


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder, onerror=lambda problem: None):
        for name in names:
            try:
                yield os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue


def unsaved_edits() -> list[Path]:
    """The files of unsaved edits, and of copies that were set aside, that no process has open now."""
    recipes = state_dir() / "recipes"
    try:
        folders = sorted(entry for entry in recipes.iterdir() if entry.is_dir())
    except OSError:
        return []
    return [file for folder in folders for file in left_in(folder)]


def clear_unsaved_edits() -> int:
    """Delete them, and give their number; those of recipes that are open stay."""
    return sum(clear_left(file) for file in unsaved_edits())


def clear_rows(keep: Path | None = None) -> int:
    """Delete the rows that notebooks gave, and their pictures, but for the file `keep`; gives the number of files."""
    return len(clear_all(rows_dir(), keep))


def clear_cache() -> int:
    """Delete the answers of trainers that are kept, which can be had again, and give the number of files.

    Of a folder that somebody named nothing else is touched.
    """
    gone = 0
    for folder in CACHED:
        for file in (cache_dir() / folder).glob("*.json"):
            with contextlib.suppress(OSError):
                file.unlink()
                gone += 1
    return gone
