"""Answers of trainers that are kept: in files named after the content of the question, the oldest removed first."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.consumers.protocol import SCHEMA, Answer, read_answer
from workbench.errors import BenchError, EnvironmentProblem
from workbench.paths import cache_dir
from workbench.recipe.yaml.document import write_atomically

MOST_BYTES = 256 * 1024 * 1024


class JsonStore:
    """JSON objects by key, in a folder of the cache.

    What cannot be read, or was changed, is as if it were not there. Nothing here raises for the state of the disk.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most_bytes

    def read(self, key: str) -> dict[str, Any] | None:
        """The answer kept under a key; None where there is none."""
        try:
            head, _, body = self._file(key).read_text("utf-8").partition("\n")
            entry = json.loads(body) if head == _sum(body) else None
        except (OSError, ValueError):
            return None
        with contextlib.suppress(OSError):
            # The time of the last use, by which the oldest are found.
            os.utime(self._file(key))
        return entry if isinstance(entry, dict) else None

    def write(self, key: str, entry: dict[str, Any]) -> None:
        """Keep an object under a key, and remove those that were not used for longest where there is too much."""
        body = json.dumps(entry, separators=(",", ":"))
        with contextlib.suppress(OSError, BenchError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file(key), f"{_sum(body)}\n{body}".encode())
            self._prune()

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _prune(self) -> None:
        found = []
        for file in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):
                state = file.stat()
                found.append((state.st_mtime_ns, state.st_size, file))
        left = sum(size for _, size, _ in found)
        for _, size, file in sorted(found, key=lambda one: one[:2]):
            if left <= self._most:
                return
            with contextlib.suppress(OSError):
                file.unlink()
                left -= size


class AnswerCache:
    """Answers by key. Each row of an answer is kept with the digest of what it was made from."""

    def __init__(self, folder: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._store = JsonStore(folder if folder is not None else cache_dir() / "asked", most_bytes)

    def get(self, key: str, rows: dict[int, str]) -> tuple[Answer | None, list[int]]:
        """The answer kept under a key with those of the rows that it has, and the numbers of those it does not have.

        `rows`: number -> digest of the row.
        """
        entry = self._read(key)
        if entry is None:
            return None, list(rows)
        kept = [row for row in entry["answer"]["rows"] if rows.get(row["row"]) == entry["digests"].get(str(row["row"]))]
        try:
            answer = read_answer(entry["answer"] | {"rows": kept})
        except EnvironmentProblem:
            return None, list(rows)
        if answer.refused is not None and not answer.unwrapped:
            # No row is answered for, whichever is asked.
            return replace(answer, rows={}, dropped={}), []
        return answer, [number for number in rows if number not in answer.rows.keys() | answer.dropped.keys()]

    def put(self, key: str, payload: dict[str, Any], rows: dict[int, str]) -> None:
        """Keep an answer as it came, beside the rows that are kept under the key already."""
        entry = self._read(key)
        old = entry["answer"]["rows"] if entry is not None else []
        fresh = {row["row"] for row in payload["rows"]}
        digests = (entry["digests"] if entry is not None else {}) | {str(row): digest for row, digest in rows.items()}
        merged = payload | {"rows": [*(row for row in old if row["row"] not in fresh), *payload["rows"]]}
        self._store.write(key, {"schema": SCHEMA, "answer": merged, "digests": digests})

    def _read(self, key: str) -> dict[str, Any] | None:
        entry = self._store.read(key)
        return entry if entry is not None and entry.get("schema") == SCHEMA else None


def _sum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
