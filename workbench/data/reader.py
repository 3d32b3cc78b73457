"""Bytes at a position of a data file, plain or compressed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from workbench.data.remote import DataFile
from workbench.errors import EnvironmentProblem, InputError, Where

# What reading a damaged or truncated compressed file raises, in one library or another.
DAMAGED = (OSError, EOFError, ValueError, zlib.error)
_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd", ".lz4": "lz4"}
_BLOCK = 4 << 20


class Reader:
    """Bytes at a position, of a plain or compressed file. Compressed files are read forward and reopened to go back."""

    def __init__(self, path: DataFile) -> None:
        kind = _COMPRESSED.get(path.suffix.lower())
        self._open: Callable[[], BinaryIO] = (lambda: path.open("rb")) if kind is None else lambda: _inflate(path, kind)
        self._seekable = kind is None
        self._file: BinaryIO | None = None
        self._at = 0
        self._path = path

    def read_at(self, start: int, size: int | None) -> bytes:
        """Up to `size` bytes from `start` on (None: to the end). InputError where the file cannot be opened."""
        if self._file is None or (start < self._at and not self._seekable):
            self.close()
            try:
                self._file = self._open()
            except OSError as error:
                raise unreadable(error, str(self._path)) from error
            self._at = 0
        if not self._seekable:
            while self._at < start and self._forward(min(_BLOCK, start - self._at)):
                pass
            return self._forward(size)
        self._file.seek(start)
        return self._file.read() if size is None else self._file.read(size)

    def _forward(self, size: int | None) -> bytes:
        """Read on piece by piece, so that damage costs only what comes after it; the next read reports it."""
        file = cast("io.BufferedReader", self._file)
        data = bytearray()
        while size is None or len(data) < size:
            try:
                piece = file.read1(_BLOCK if size is None else size - len(data))
            except DAMAGED:
                if not data:
                    raise
                break
            if not piece:
                break
            data += piece
        self._at += len(data)
        return bytes(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def unreadable(error: BaseException, name: str) -> InputError:
    """The error for a data file that cannot be opened, or is damaged at its beginning."""
    cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
    hint = "Check that the file is whole, and who may read it."
    return InputError("The data file cannot be read", f"{cause}.", hint, Where(file=name))


def _inflate(path: DataFile, kind: str) -> BinaryIO:
    if kind == "gzip":
        import gzip

        return cast("BinaryIO", gzip.open(path if isinstance(path, Path) else path.open(), "rb"))
    try:
        import pyarrow as pa
    except ImportError as error:
        raise EnvironmentProblem("pyarrow is needed", f"to read {path}", "Install pyarrow.") from error
    file = str(path) if isinstance(path, Path) else path.open()
    return cast("BinaryIO", io.BufferedReader(pa.input_stream(file, compression=kind)))
