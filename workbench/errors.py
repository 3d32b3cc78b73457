"""Errors that say what happened, why, what to do, and where.

Every error the bench raises on purpose is a `BenchError`: a title (what happened), a cause (why), a hint (what to do)
and a place. The command line prints these four and exits with `exit_code`; screens and notebooks show the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from workbench.escaping import visible, visible_lines

if TYPE_CHECKING:
    from workbench.answers import ProblemAnswer, WhereAnswer

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_INPUT = 2
EXIT_ENVIRONMENT = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Where:
    """A place: a file with line and column (1-based), a row and message (0-based), a field, token range [a, b)."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    row: int | None = None
    message: int | None = None
    field: str | None = None
    tokens: tuple[int, int] | None = None

    def __str__(self) -> str:
        head = self.file or ""
        if self.line is not None:
            head = f"{head}:{self.line}" if head else f"line {self.line}"
            if self.column is not None:
                head += f":{self.column}"
        tail = []
        if self.row is not None:
            tail.append(f"row {self.row}")
        if self.message is not None and self.field is None:
            tail.append(f"message {self.message}")
        if self.field is not None:
            tail.append(self.field)
        if self.tokens is not None:
            tail.append(f"tokens {self.tokens[0]}–{self.tokens[1]}")
        return ": ".join(part for part in (head, ", ".join(tail)) if part)

    def __bool__(self) -> bool:
        return any(
            value is not None for value in (self.file, self.line, self.row, self.message, self.field, self.tokens)
        )

    def to_dict(self) -> WhereAnswer:
        """The `where` object of the JSON formats; only what is known."""
        known = {
            key: list(value) if key == "tokens" else value for key, value in asdict(self).items() if value is not None
        }
        return cast("WhereAnswer", known)

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Where:
        """A place that `to_dict` wrote."""
        first, last = payload.get("tokens") or (None, None)
        return cls(**{**payload, "tokens": None if first is None else (first, last)})


class BenchError(Exception):
    """A problem with a title, a cause, a hint and a place. Exit code 2 unless a subclass says otherwise."""

    exit_code = EXIT_INPUT

    def __init__(self, title: str, cause: str = "", hint: str = "", where: Where | None = None) -> None:
        super().__init__(title)
        self.title = title
        self.cause = cause
        self.hint = hint
        self.where = where or Where()

    def __str__(self) -> str:
        return "\n".join([self.line, *(text for text in (self.cause, self.hint) if text)])

    @property
    def line(self) -> str:
        """The place and the title, safe to draw: a name that has several lines cannot pass for several errors."""
        return visible(f"{self.where}: {self.title}" if self.where else self.title)

    def _render_traceback_(self) -> list[str]:
        """The text that IPython shows in place of a traceback: the message without frames of the bench."""
        return [f"✗ {visible_lines(str(self))}"]

    def to_dict(self) -> ProblemAnswer:
        """The `error` object of the JSON formats."""
        return {"title": self.title, "cause": self.cause, "hint": self.hint, "where": self.where.to_dict()}


class InputError(BenchError):
    """The user's arguments, recipe or data are at fault: exit code 2."""


class EnvironmentProblem(BenchError):
    """The surroundings are at fault: a missing package, model, licence, network or memory. Exit code 3."""

    exit_code = EXIT_ENVIRONMENT
