"""A case, what came of it, and what is wrong with that."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.views.support import read as read_page
from workbench.paths import sample_dir

HANG_SECONDS = 20.0
MOST_BYTES = 1 << 30
"""Memory that a case may need beyond what the warm process holds."""
CODES = frozenset((0, 1, 2, 3))


@dataclass(frozen=True)
class Fifo:
    """A named pipe that nobody writes into."""


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    to: str


@dataclass(frozen=True)
class Sparse:
    """A file of so many bytes that takes no room."""

    size: int


Content = bytes | str | Fifo | Link | Sparse


@dataclass(frozen=True)
class Case:
    """A command with the files that it finds.

    Args:
        name: tells the case from others of its kind.
        arguments: of `vlmbench`.
        files: by path below the folder in which the command starts; None makes a folder.
        codes: the exit codes that are right.
        names: a text that the error must hold: the file, the key or the value that is at fault.
        environment: variables to set.
        file_bytes: the most bytes of a file that may be written, as on a full disk.
        most_bytes: the most memory that it may take beyond what the warm process holds.
    """

    name: str
    arguments: Sequence[str]
    files: Mapping[str, Content | None] = field(default_factory=dict)
    codes: frozenset[int] = CODES
    names: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    file_bytes: int | None = None
    most_bytes: int = MOST_BYTES

    def lay_out(self, folder: Path) -> None:
        """Make the files of the case in its folder."""
        for name, content in self.files.items():
            file = os.path.join(os.fsencode(folder), os.fsencode(name))
            os.makedirs(file if content is None else os.path.dirname(file), exist_ok=True)
            if isinstance(content, Fifo):
                os.mkfifo(file)
            elif isinstance(content, Link):
                os.symlink(content.to, file)
            elif isinstance(content, Sparse):
                with open(file, "wb") as stream:
                    stream.truncate(content.size)
            elif content is not None:
                with open(file, "wb") as stream:
                    if content[:2] in (b"#!", "#!"):
                        os.fchmod(stream.fileno(), 0o755)
                    stream.write(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)

    @property
    def output(self) -> str:
        """The format that is asked for."""
        at = list(self.arguments)
        return at[at.index("--format") + 1] if "--format" in at[:-1] else "text"


@dataclass(frozen=True)
class Outcome:
    """The end of a case's process: `code` is negative for a signal, None where it was ended for taking too long."""

    name: str
    arguments: Sequence[str]
    output: str
    code: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    grown: int
    codes: frozenset[int]
    names: str
    full: bool = False
    most_bytes: int = MOST_BYTES

    def problems(self) -> list[str]:
        """Everything that is wrong with it, in words; empty for a case that went well."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.code is None:
            yield f"hang: not done after {HANG_SECONDS:g} s"
            return
        if self.code < 0:
            yield f"ended by signal {-self.code}"
        elif self.code not in self.codes:
            yield f"exit code {self.code}, not one of {sorted(self.codes)}"
        if self.grown > self.most_bytes:
            yield f"took {self.grown >> 20} MiB"
        for where, raw in (("stdout", self.stdout), ("stderr", self.stderr)):
            if b"Traceback (most recent call last)" in raw:
                yield f"traceback on {where}"
            yield from _escapes(where, raw)
        errors = self.stderr.decode("utf-8", "replace")
        if self.full:
            # What was written before the disk was full ends anywhere.
            return
        if self.code in (2, 3):
            # A verdict is printed in full, and its findings have their remedies there.
            verdict = self.arguments[0] == "overfit" and b"R017" in self.stdout
            if "\n  → " not in errors and "Try 'vlmbench" not in errors and self.output != "json" and not verdict:
                yield "error without a remedy"
            if self.names and self.names not in errors + self.stdout.decode("utf-8", "replace"):
                yield f"the error does not name {self.names!r}"
        if self.output == "json" and self.stdout:
            yield from _json_problems(self.stdout)
        if self.output == "html" and self.stdout:
            try:
                read_page(self.stdout.decode("utf-8"))
            except (AssertionError, IndexError) as problem:
                yield f"page: {problem}"


def _escapes(where: str, raw: bytes) -> Iterator[str]:
    """Everything in an output that would act on a terminal, or turn its text around."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        yield f"{where} is no UTF-8: {problem}"
        return
    # A line feed ends a line; a tab stands in the YAML and the pages that are ours to write.
    found = sorted({f"U+{ord(char):04X}" for char in text if unicodedata.category(char) in _ACTING and char != "\n"})
    if found:
        yield f"escape on {where}: {', '.join(found[:5])}"


_ACTING = frozenset(("Cc", "Cs", "Zl", "Zp"))


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _json_problems(raw: bytes) -> Iterator[str]:
    try:
        payload = json.loads(raw, parse_constant=_refuse)
    except ValueError as problem:
        yield f"stdout is no JSON: {problem}"
        return
    error = payload.get("error")
    if isinstance(error, dict) and not error.get("hint"):
        yield f"error without a remedy: {error.get('title')}"
    for finding in _findings(payload):
        if finding.get("severity") == "error" and not finding.get("hint"):
            yield f"finding without a remedy: {finding.get('code')} {finding.get('message')}"


def _findings(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rows = payload.get("rows")
    for holder in [payload, *(row for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict))]:
        yield from (found for found in holder.get("findings") or () if isinstance(found, dict))


DEMO_MODEL = str(sample_dir() / "demo-model")


def recipe(**changes: str | None) -> str:
    """The demo's recipe with some of its top-level entries written otherwise; None leaves one out.

    A value is YAML as it stands behind the key's colon.
    """
    kept, skipping = [], False
    for line in (sample_dir() / "demo.yaml").read_text("utf-8").splitlines():
        if line[:1] not in ("", " ", "#", "-"):
            skipping = line.partition(":")[0] in changes
        if not skipping and line.strip() and not line.lstrip().startswith("#"):
            kept.append(line)
    named = {"base_model": json.dumps(DEMO_MODEL), "datasets": _DATASETS} | changes
    kept = [line for line in kept if not line.startswith(("base_model:",))]
    if "datasets" not in changes:
        kept = _without(kept, "datasets")
    return "\n".join([*kept, *(f"{key}: {value}" for key, value in named.items() if value is not None)]) + "\n"


_DATASETS = """
  - path: rows.jsonl
    ds_type: json
    type: chat_template
    roles_to_train: [assistant]
    train_on_eos: turn"""


def _without(lines: list[str], key: str) -> list[str]:
    kept, skipping = [], False
    for line in lines:
        if line[:1] not in (" ", "-"):
            skipping = line.startswith(f"{key}:")
        if not skipping:
            kept.append(line)
    return kept


ROW = {
    "messages": [
        {"role": "user", "content": "What shape is it?"},
        {"role": "assistant", "content": "A red circle."},
    ]
}
ROWS = (json.dumps(ROW) + "\n") * 2
