"""An export under way: the document that is being written, what was done to it, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.recipe.yaml.document import Document
from workbench.recipe.yaml.nodes import dotted

if TYPE_CHECKING:
    from workbench.bench import Bench


@dataclass(frozen=True, slots=True)
class ExportChange:
    """One key that the export added, changed or removed, and why."""

    path: tuple[str | int, ...]
    value: Any
    why: str
    removed: bool = False

    def to_dict(self) -> dict[str, Any]:
        payload: dict[str, Any] = {"key": dotted(self.path), "why": self.why}
        return payload | ({"removed": True} if self.removed else {"value": self.value})


@dataclass
class ExportDraft:
    """An export under way: the document as far as it is written, and what was done to it."""

    bench: Bench
    document: Document
    overrides: Mapping[tuple[str | int, ...], Any]
    rows: Sequence[int]
    changes: list[ExportChange] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)

    def put(self, path: tuple[str | int, ...], value: Any, why: str) -> None:
        """Set a value where it is another, and remember why."""
        if self.document.get(path) != value or (value is None and self.document.get(path, ...) is ...):
            self.document.set(path, value)
            self.changes.append(ExportChange(path, value, why))

    def has(self, *keys: str) -> bool:
        return any(key in self.document.data for key in keys)
