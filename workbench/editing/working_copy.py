"""The text of a recipe while it is not saved, on disk: what a crash leaves behind, and what was set aside.

A second process on the same recipe keeps its text in a folder of its own, so that neither writes over the other's.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

try:
    import fcntl
except ModuleNotFoundError:  # pragma: no cover - no such locks on this platform: processes share one place
    fcntl = None  # type: ignore[assignment]

_WORKING, _OPENED, _ASIDE = "working.yaml", "opened.yaml", "set-aside"
_LOCK, _BESIDE, _MOST = "open.lock", "beside", 100
_ours: dict[Path, tuple[Path, IO[str] | None]] = {}
"""For each recipe's folder where this process keeps its text, with the lock that it holds until it ends."""


@dataclass(frozen=True, slots=True)
class UnsavedEdits:
    """Edits that were left unsaved: their text, the text that they were made from ("" where unknown), and when."""

    text: str
    opened: str
    when: datetime


class WorkingCopy:
    """The unsaved text in the folder of a recipe's state. Errors of the disk are ignored: typing must go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = _place(folder)

    @property
    def file(self) -> Path:
        """The file of the text; absent while nothing is unsaved."""
        return self.place / _WORKING

    @property
    def other_process(self) -> str:
        """The process that had this recipe open before this one, and still has; "" where there is none."""
        if self.place == self.folder:
            return ""
        with _held(self.folder) as lock:
            if lock is not None:
                return ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return _read(self.folder / _LOCK).strip() or "unknown"
        return "unknown"

    def keep(self, text: str, opened: str) -> None:
        """Keep a text, and with the first one since the last save what it was made from."""
        with contextlib.suppress(OSError):
            if not self.file.exists():
                _write(self.place / _OPENED, opened)
            _write(self.file, text)

    def drop(self) -> None:
        """Remove the kept text: nothing is unsaved."""
        _drop(self.place)

    def unsaved(self) -> UnsavedEdits | None:
        """The edits that were kept and neither saved nor dropped; None where there are none."""
        return _unsaved(self.place)

    def collect_unsaved(self) -> list[Path]:
        """Take up what processes that have ended left in places of their own: the newest text becomes `unsaved`, each
        other one is set aside in one of the files returned."""
        aside = []
        for place in (self.folder, *sorted(self.folder.glob(f"{_BESIDE}-*"))):
            if place == self.place:
                continue
            with _held(place) as lock:
                theirs, mine = _unsaved(place), _unsaved(self.place)
                if lock is None or theirs is None:
                    continue
                newest, older = (theirs, mine) if mine is None or theirs.when > mine.when else (mine, theirs)
                if older is not None and older.text != newest.text:
                    kept = self.set_aside(older.text, "mine")
                    if kept is None:
                        continue
                    aside.append(kept)
                with contextlib.suppress(OSError):
                    if newest is theirs:
                        _write(self.place / _OPENED, theirs.opened)
                        os.replace(place / _WORKING, self.file)
                    _drop(place)
        return aside

    def set_aside(self, text: str, whose: str) -> Path | None:
        """Write a text that another is about to take the place of beside the working copy; None where that failed."""
        target = self.folder / _ASIDE / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S-%f}-{whose}.yaml"
        with contextlib.suppress(OSError):
            _write(target, text)
            return target
        return None


def left_in(folder: Path) -> list[Path]:
    """The unsaved texts, and the copies that were set aside, in the folder of a recipe's state.

    None of a recipe that a process has open, this one or another: its text is being edited.
    """
    if folder in _ours:
        return []
    found = []
    for place in (folder, *sorted(folder.glob(f"{_BESIDE}-*"))):
        if (place / _WORKING).is_file():
            with _held(place) as lock:
                if lock is None:
                    return []
            found.append(place / _WORKING)
    return [*found, *sorted((folder / _ASIDE).glob("*.yaml"))]


def clear_left(file: Path) -> bool:
    """Delete one of those, with what it was made from; False where it cannot be deleted."""
    try:
        file.unlink()
    except OSError:
        return False
    if file.name == _WORKING:
        _drop(file.parent)
    return True


def _place(folder: Path) -> Path:
    """The folder in which this process keeps the recipe's text: the first candidate that no other process holds."""
    if folder not in _ours:
        places = (folder, *(folder / f"{_BESIDE}-{number}" for number in range(2, _MOST)))
        _ours[folder] = next(((place, lock) for place in places if (lock := _lock(place)) is not None), (folder, None))
    return _ours[folder][0]


def _lock(place: Path) -> IO[str] | None:
    """Hold a place as long as what is returned stays open; None where another process holds it.

    Where the disk takes no locks the place counts as free: the bench still works there.
    """
    stream: IO[str] | None = None
    try:
        place.mkdir(parents=True, exist_ok=True)
        stream = (place / _LOCK).open("a+", encoding="utf-8")
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
    except BlockingIOError:
        assert stream is not None
        stream.close()
        return None
    except OSError:
        return stream if stream is not None else open(os.devnull, encoding="utf-8")
    return stream


@contextlib.contextmanager
def _held(place: Path) -> Iterator[IO[str] | None]:
    """Hold a place for a moment; None where another process holds it."""
    lock = _lock(place)
    try:
        yield lock
    finally:
        if lock is not None:
            lock.close()


def _unsaved(place: Path) -> UnsavedEdits | None:
    try:
        when = datetime.fromtimestamp((place / _WORKING).stat().st_mtime, UTC)
        text = _read(place / _WORKING)
    except (OSError, UnicodeDecodeError):
        return None
    try:
        opened = _read(place / _OPENED)
    except (OSError, UnicodeDecodeError):
        opened = ""
    return UnsavedEdits(text, opened, when)


def _drop(place: Path) -> None:
    for name in (_WORKING, _OPENED):
        with contextlib.suppress(OSError):
            (place / name).unlink(missing_ok=True)


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogatepass")


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.stem}.", dir=target.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogatepass"))
    os.replace(temporary, target)
