"""A file of JSON lines that takes its place in one step once it is whole; until then nothing of it is to be seen."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.recipe.yaml.document import refuse_special


class LinesFile:
    """JSON lines on their way to `path`, in a temporary file beside it that begins with a dot."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where `path` is no place for a file, EnvironmentProblem where it cannot be written."""
        refuse_special(path)
        self.path = Path(os.path.realpath(path))
        self.count = 0
        self._stream: BinaryIO | None = None
        self._temporary = ""
        if self.path.is_dir():
            raise InputError("The file was not written", "It is a folder.", "Name a file.", Where(str(path)))
        try:
            handle, self._temporary = tempfile.mkstemp(
                prefix=f".{self.path.name[:40]}.", suffix=".tmp", dir=self.path.parent
            )
            self._stream = os.fdopen(handle, "wb", buffering=1 << 20)
        except OSError as error:
            raise self._problem(error) from error

    def write(self, line: bytes) -> None:
        """Add a line."""
        assert self._stream is not None
        try:
            self._stream.write(line + b"\n")
        except OSError as error:
            raise self._problem(error) from error
        self.count += 1

    def commit(self) -> None:
        """Put the whole file in its place."""
        assert self._stream is not None
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(self._temporary, 0o666 & ~umask)
            os.replace(self._temporary, self.path)
        except OSError as error:
            raise self._problem(error) from error
        self._temporary = ""

    def abandon(self) -> None:
        """Leave nothing behind; after `commit` it does nothing."""
        if self._stream is not None and not self._stream.closed:
            with contextlib.suppress(OSError):
                self._stream.close()
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = ""

    def _problem(self, error: OSError) -> InputError | EnvironmentProblem:
        usage = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
        kind = InputError if usage else EnvironmentProblem
        cause = f"{error.strerror or error}; what was there before is unchanged."
        return kind("The file was not written", cause, "Choose another place, or make room.", Where(str(self.path)))
