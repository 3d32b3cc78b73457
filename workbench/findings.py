"""One diagnosed problem: code, severity, place, cause, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from workbench.errors import Where

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding. `message` is one line of cause with the real numbers in it, `hint` one line of what to do."""

    code: str
    severity: Severity
    message: str
    hint: str = ""
    where: Where = field(default_factory=Where)

    def at(self, **place: Any) -> Finding:
        """The same finding with some of its place filled in."""
        return replace(self, where=replace(self.where, **place))

    def to_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "where": self.where.to_dict(),
        }
