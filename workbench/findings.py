"""One diagnosed problem: code, severity, place, cause, what to do about it, and the edit of the recipe that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from workbench.errors import Where

if TYPE_CHECKING:
    from workbench.answers.common import EditAnswer, FindingAnswer, FixAnswer

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Editable(Protocol):
    """A document that is edited by path, such as `workbench.recipe.yaml.document.Document`."""

    def set(self, path: Sequence[Any], value: Any, *, group: str | None = None) -> None: ...
    def delete(self, path: Sequence[Any], *, group: str | None = None) -> None: ...
    def rename(self, path: Sequence[Any], name: str, *, group: str | None = None) -> None: ...
    def unrepeat(self, path: Sequence[Any], *, group: str | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """Set the recipe's value at `path` (keys and indexes), with `remove` take it out, or with `rename` call it that.

    A key that is renamed keeps its value, its line, its place and its comment. With `unrepeat` the earlier ones of a
    key that stands more than once are taken out, and no value changes.
    """

    path: tuple[str | int, ...]
    value: Any = None
    remove: bool = False
    rename: str = ""
    unrepeat: bool = False

    def to_dict(self) -> EditAnswer:
        """The edit for JSON."""
        if self.rename:
            return {"path": list(self.path), "rename": self.rename}
        if self.unrepeat:
            return {"path": list(self.path), "unrepeat": True}
        if self.remove:
            return {"path": list(self.path), "remove": True}
        return {"path": list(self.path), "value": self.value}


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together; `title` says in one line what they do.

    `retrains`: it changes on purpose which roles are trained, and is judged by the roles after it. `instead` is the
    next best, for where this one would train what must not be trained, or lose what must.
    """

    title: str
    edits: tuple[Edit, ...]
    retrains: bool = False
    instead: Fix | None = None

    @property
    def described(self) -> str:
        """The title, which says so where the fix changes on purpose what is trained."""
        return f"{self.title} (changes which roles are trained)" if self.retrains else self.title

    def to_dict(self) -> FixAnswer:
        """The fix for JSON."""
        payload: FixAnswer = {"title": self.title, "edits": [edit.to_dict() for edit in self.edits]}
        if self.retrains:
            payload["retrains"] = True
        return payload


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding. `message` is one line of cause with the real numbers in it, `hint` one line of what to do.

    An excerpt that belongs to this row alone stands between “ and ”, so that findings of one cause can be counted.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    where: Where = field(default_factory=Where)
    fix: Fix | None = field(default=None, compare=False)

    def at(self, **place: Any) -> Finding:
        """The same finding with some of its place filled in."""
        return replace(self, where=replace(self.where, **place))

    def to_dict(self) -> FindingAnswer:
        """The finding for JSON."""
        payload: FindingAnswer = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "where": self.where.to_dict(),
        }
        if self.fix is not None:
            payload["fix"] = self.fix.to_dict()
        return payload

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Finding:
        """A finding that `to_dict` wrote; its fix is left out."""
        where = Where.from_dict(payload["where"])
        return cls(payload["code"], payload["severity"], payload["message"], payload["hint"], where)


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The worst of a row's findings, of equals one that can be mended, and of those the first; None where it has none.

    One that can be mended tells more than one that cannot: M002 over M001.
    """
    return min(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding.fix is None), default=None)


HOMES: dict[str, str] = {}
"""By code: the function or the module's emitter that alone makes its findings (`module.name`), of imported modules."""

F = TypeVar("F", bound=Callable[..., Any])


def emits(*codes: str) -> Callable[[F], F]:
    """Declare the decorated function as the home of `codes`: it alone makes findings with them.

    Raises:
        ValueError: a code has another home already.
    """

    def declare(function: F) -> F:
        for code in codes:
            _settle(code, f"{function.__module__}.{function.__qualname__}")
        return function

    return declare


class Emitter:
    """Makes the findings of one code, where several functions find the same problem.

    `home` is the name of the module that declares the emitter (`__name__`).
    """

    def __init__(self, code: str, home: str) -> None:
        self.code = code
        _settle(code, home)

    def __call__(
        self, severity: Severity, message: str, hint: str = "", where: Where | None = None, fix: Fix | None = None
    ) -> Finding:
        return Finding(self.code, severity, message, hint, where if where is not None else Where(), fix)


def _settle(code: str, home: str) -> None:
    if HOMES.setdefault(code, home) != home:
        raise ValueError(f"{code} is emitted by {HOMES[code]} already, and by {home} too")


def apply_fix(document: Editable, fix: Fix) -> None:
    """Make the edits of a fix; they undo as one.

    Raises:
        InputError: the recipe's text does not parse at present, or a parent in a path is neither mapping nor list.
    """
    # An object's id keeps two fixes with one title, made one after the other, apart in the history.
    group = f"fix {id(fix)}: {fix.title}"
    for edit in fix.edits:
        if edit.rename:
            document.rename(edit.path, edit.rename, group=group)
        elif edit.unrepeat:
            document.unrepeat(edit.path, group=group)
        elif edit.remove:
            document.delete(edit.path, group=group)
        else:
            document.set(edit.path, edit.value, group=group)
