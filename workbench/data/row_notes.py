"""Errors and notes about one raw row, collected while it becomes a conversation, and the codes that they have."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.data.media import StoredPicture
from workbench.errors import InputError, Where
from workbench.findings import Emitter, Finding, Severity

__all__ = ["BAD_CONTENT", "BAD_MEDIA", "BAD_PART", "BAD_PICTURES", "BAD_ROW", "LOST_TEXT"]

CORRECT_ROW = "Correct the row, or take it out."
BAD_ROW = Emitter("D001", __name__)
BAD_CONTENT = Emitter("D002", __name__)
BAD_PICTURES = Emitter("D003", __name__)
BAD_MEDIA = Emitter("D005", __name__)
BAD_PART = Emitter("D008", __name__)
LOST_TEXT = Emitter("T001", __name__)
"""Text that is dropped before the template or by it."""


def at_source(hint: str, source: str | None) -> str:
    """A hint with the source of its row in the command that it names, see `remedies.CONVERT`."""
    # Several files are shown as the first of them and an ellipsis.
    if not source or source.endswith("…"):
        return hint
    return hint.replace("vlmbench convert DATA ", f"vlmbench convert {shlex.quote(source)} ")


class RowError(InputError):
    """A row at which axolotl raises, or whose pictures cannot be read; `problem` makes its finding."""

    def __init__(
        self, problem: Emitter, title: str, cause: str = "", hint: str = "", where: Where | None = None
    ) -> None:
        super().__init__(title, cause, hint or CORRECT_ROW, where)
        self.problem = problem

    @property
    def finding_code(self) -> str:
        """The code of its finding."""
        return self.problem.code

    def finding(self) -> Finding:
        """The error as a finding of severity error."""
        message = f"{self.title}: {self.cause}" if self.cause else self.title
        return self.problem("error", message, self.hint, self.where)


class Notes:
    """The findings of one row, with the place that the next one is about."""

    def __init__(self, *, row: int, source: str, line: int | None) -> None:
        self.findings: list[Finding] = []
        self.beside_data: list[str] = []
        self.shadowed: list[str] = []
        self._row = Where(file=source or None, line=line, row=row)
        self._message: int | None = None
        self._field: str | None = None

    def at_message(self, column: str, index: int | None, key: str | None) -> None:
        """Set the place of the next findings: message `index` of `column` (as in the raw row), its `key`."""
        self._message = index
        self._field = None if index is None else f"{column}[{index}]" + (f".{key}" if key else "")

    def where(self, field: str | None = None) -> Where:
        head = self._row
        message = self._message if field is None else None
        return Where(file=head.file, line=head.line, row=head.row, message=message, field=field or self._field)

    def add(
        self, problem: Emitter, severity: Severity, message: str, hint: str = "", *, field: str | None = None
    ) -> None:
        self.findings.append(problem(severity, message, at_source(hint, self._row.file), self.where(field)))

    def error(
        self, problem: Emitter, title: str, cause: str = "", hint: str = "", *, field: str | None = None
    ) -> RowError:
        """The error to raise: the row stops here, as it does in axolotl."""
        return RowError(problem, title, cause, at_source(hint, self._row.file), self.where(field))

    def note_places(self, base_dir: Path | None, started_in: Callable[[], Path | None]) -> None:
        """One finding a row for files that axolotl, looking in the working directory, would not find or would swap.

        Where it must be started in the data's folder anyway, it finds those that lie there.
        """
        self._message = self._field = None
        if self.beside_data and (base_dir is None or started_in() != base_dir):
            count = len(self.beside_data)
            what = repr(self.beside_data[0]) + (f" and {count - 1} more" if count > 1 else "")
            text = f"{what} found beside the data file only; axolotl looks in the folder it is started from"
            self.add(BAD_MEDIA, "note", text, "Start axolotl in the data file's folder, or write absolute paths.")
        if self.shadowed:
            text = f"{self.shadowed[0]!r} is two files: one beside the data (shown), one in the working directory"
            self.add(
                BAD_MEDIA,
                "warning",
                text,
                "axolotl takes the one in the folder it is started from: use absolute paths.",
            )


def type_name(value: Any) -> str:
    """The name of a value's JSON type, with its article."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    if hasattr(value, "resize") or isinstance(value, StoredPicture):
        return "a picture"
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")
