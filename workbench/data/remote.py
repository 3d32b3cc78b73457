"""Data files of an object store (s3://, gs://, …), read by position with fsspec, as axolotl reads them."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, BinaryIO, cast

from workbench.errors import BenchError, EnvironmentProblem, InputError, Where

_STORES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "adl": "adlfs", "abfs": "adlfs", "az": "adlfs", "oci": "ocifs"}
"""The schemes that axolotl takes, with the package that reads each."""
_URL = re.compile(rf"({'|'.join(_STORES)})://\S+")


def is_remote(path: str) -> bool:
    """True for the address of a file in an object store."""
    return _URL.fullmatch(path) is not None


class RemoteFile:
    """A file of an object store, as far as a reader asks a `Path`. There is nothing beside it: `parent` is None."""

    parent = None

    def __init__(self, url: str) -> None:
        """Finds the file.

        Raises:
            InputError: there is none. EnvironmentProblem: the store cannot be read from here.
        """
        self._url = url
        scheme = url.partition(":")[0]
        self._where = Where(file=url)
        try:
            import fsspec

            self._system, self._path = fsspec.core.url_to_fs(url)
            self._about: dict[str, Any] = self._system.info(self._path)
        except FileNotFoundError:
            raise InputError("No such data file", f"{url} is not there.", "Correct the path.", self._where) from None
        except ImportError as problem:
            hint = f"pip install {_STORES[scheme]}"
            raise EnvironmentProblem(f"{scheme}:// cannot be read here", str(problem), hint, self._where) from None
        except Exception as problem:
            raise self._unreachable(problem) from problem
        if self._about.get("type") == "directory":
            hint = "Name one .jsonl or .parquet file, or download the folder."
            raise InputError("A folder of an object store", f"{url} is no file.", hint, self._where)

    @property
    def suffix(self) -> str:
        return posixpath.splitext(str(self._path))[1]

    @property
    def state(self) -> str:
        """A text that changes with the content of the file."""
        return str(self._system.ukey(self._path))

    def open(self, mode: str = "rb") -> BinaryIO:
        """The file, to be read at any position."""
        try:
            return cast("BinaryIO", self._system.open(self._path, mode))
        except OSError:
            raise
        except Exception as problem:
            raise self._unreachable(problem) from problem

    def _unreachable(self, problem: Exception) -> BenchError:
        cause = f"{type(problem).__name__}: {problem}"[:300]
        hint = "Check the network, and the credentials in the environment."
        return EnvironmentProblem("The object store cannot be read", cause, hint, self._where)

    def __str__(self) -> str:
        return self._url


DataFile = Path | RemoteFile
