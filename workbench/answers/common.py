"""Parts that several answers have: a finding with its place and fix, an error, the path of a recipe, who was asked."""

from __future__ import annotations

import sys
from typing import Literal

# pydantic, which makes the schemas, reads the older library's TypedDict alone before Python 3.12.
if sys.version_info >= (3, 12):
    from typing import NotRequired, TypedDict
else:
    from typing import NotRequired

    from typing_extensions import TypedDict

__all__ = [
    "AskedAnswer",
    "EditAnswer",
    "FindingAnswer",
    "FixAnswer",
    "NotRequired",
    "PathAnswer",
    "ProblemAnswer",
    "SeverityName",
    "TypedDict",
    "WhereAnswer",
]

SeverityName = Literal["error", "warning", "note"]


class WhereAnswer(TypedDict):
    """A place, as far as it is known. Lines and columns count from 1, rows and messages from 0."""

    file: NotRequired[str]
    line: NotRequired[int]
    column: NotRequired[int]
    row: NotRequired[int]
    message: NotRequired[int]
    field: NotRequired[str]
    tokens: NotRequired[list[int]]
    """The first token and the one after the last."""


class EditAnswer(TypedDict):
    """One edit of the recipe at `path`: a new `value`, or one of `remove`, `rename` and `unrepeat`."""

    path: list[str | int]
    value: NotRequired[object]
    remove: NotRequired[bool]
    rename: NotRequired[str]
    unrepeat: NotRequired[bool]


class FixAnswer(TypedDict):
    """Edits that belong together; `retrains` where they change on purpose which roles are trained."""

    title: str
    edits: list[EditAnswer]
    retrains: NotRequired[bool]


class FindingAnswer(TypedDict):
    """A finding. `code` has a page: `vlmbench explain CODE`."""

    code: str
    severity: SeverityName
    message: str
    hint: str
    where: WhereAnswer
    fix: NotRequired[FixAnswer]


class ProblemAnswer(TypedDict):
    """An error: what happened, why, what to do, and where."""

    title: str
    cause: str
    hint: str
    where: WhereAnswer


class PathAnswer(TypedDict):
    """The path by which axolotl makes labels of the rows, the reason for it, and both in words."""

    kind: str
    reason: str
    title: str


class AskedAnswer(TypedDict):
    """The trainer that was asked. `by` is null where nobody answered; then `table` names what stands for it."""

    by: str | None
    table: NotRequired[str]
    problem: NotRequired[ProblemAnswer | None]
    versions: NotRequired[dict[str, str]]
    rows: NotRequired[list[int]]
    same: NotRequired[bool | None]
    refused: NotRequired[dict[str, str] | None]
    strategy: NotRequired[str | None]
    path: NotRequired[str | None]
