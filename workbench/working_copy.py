"""The text of a recipe while it is not saved, on disk: what a crash leaves behind, and what was set aside."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_WORKING, _OPENED, _ASIDE = "working.yaml", "opened.yaml", "set-aside"


@dataclass(frozen=True, slots=True)
class Left:
    """Edits that were left unsaved: their text, the text that they were made from ("" where unknown), and when."""

    text: str
    opened: str
    when: datetime


class WorkingCopy:
    """Lives in the folder of a recipe's state. A full or read-only disk stops nobody's typing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def file(self) -> Path:
        """The text; there is no such file while nothing is unsaved."""
        return self.folder / _WORKING

    def keep(self, text: str, opened: str) -> None:
        """Keep a text, and with the first one since the last save what it was made from."""
        with contextlib.suppress(OSError):
            if not self.file.exists():
                _write(self.folder / _OPENED, opened)
            _write(self.file, text)

    def drop(self) -> None:
        """Nothing is unsaved any more."""
        for name in (_WORKING, _OPENED):
            with contextlib.suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def left(self) -> Left | None:
        """What was kept and not dropped."""
        try:
            when = datetime.fromtimestamp(self.file.stat().st_mtime, UTC)
            text = _read(self.file)
        except (OSError, UnicodeDecodeError):
            return None
        try:
            opened = _read(self.folder / _OPENED)
        except (OSError, UnicodeDecodeError):
            opened = ""
        return Left(text, opened, when)

    def set_aside(self, text: str, whose: str) -> Path | None:
        """Write a text that another is about to take the place of beside the working copy; None where that failed."""
        target = self.folder / _ASIDE / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S-%f}-{whose}.yaml"
        with contextlib.suppress(OSError):
            _write(target, text)
            return target
        return None


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogatepass")


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.stem}.", dir=target.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogatepass"))
    os.replace(temporary, target)
