"""The other answers: `vlmbench.convert/1`, `trainers/1`, `families/1`, `explain/1`, `error/1`, and the model's."""

from __future__ import annotations

from typing import Literal

from workbench.answers.common import FindingAnswer, NotRequired, ProblemAnswer, SeverityName, TypedDict


class CodeAnswer(TypedDict):
    """The page of a code; `scope` is what it looks at."""

    code: str
    title: str
    severity: SeverityName
    scope: Literal["row", "recipe", "model", "run"]
    cause: str
    example: str
    fix: str


class ExplainAnswer(TypedDict):
    """`vlmbench explain --format json`."""

    schema: Literal["vlmbench.explain/1"]
    codes: list[CodeAnswer]


class FamiliesAnswer(TypedDict):
    """`vlmbench families --format json`; a family has the keys of its file in `specs/`."""

    schema: Literal["vlmbench.families/1"]
    families: list[dict[str, object]]


class ErrorAnswer(TypedDict):
    """The answer of a command that could not do what was asked."""

    schema: Literal["vlmbench.error/1"]
    error: ProblemAnswer
    exit_code: int


class ConvertedRows(TypedDict):
    """The rows of a conversion."""

    read: int
    written: int
    changed: int
    refused: int


class CountedAnswer(TypedDict):
    """A change, or what is not kept, and in how many rows."""

    what: str
    count: int


class RefusalsAnswer(TypedDict):
    """Rows that stay out for one reason, and the first of them."""

    reason: str
    rows: int
    first: list[dict[str, object]]


class ConvertedMedia(TypedDict):
    """Media files that were written."""

    folder: str | None
    files_written: int
    bytes_written: int


class ConvertProof(TypedDict):
    """The proof of a conversion: of the `shape` alone, or of every row through the bench with a model."""

    by: str | None
    of: Literal["shape", "rows"]
    rows: int
    model: NotRequired[str]
    path: NotRequired[str]
    tokens: NotRequired[int]
    media: NotRequired[int]
    findings: NotRequired[list[dict[str, object]]]


class ConvertAnswer(TypedDict):
    """`vlmbench convert --format json`."""

    schema: Literal["vlmbench.convert/1"]
    source: str
    shape: dict[str, object]
    out: str | None
    rows: ConvertedRows
    changes: list[CountedAnswer]
    lost: list[CountedAnswer]
    refusals: list[RefusalsAnswer]
    refused_file: str | None
    media: ConvertedMedia
    proof: ConvertProof


class TrainerAnswer(TypedDict):
    """A trainer over all rows; `causes`: cause -> rows in which it differs from most."""

    name: str
    version: str
    refused: str | None
    rows: int
    tokens: int
    trained: int
    dropped: int
    failed: int
    nothing_trained: int
    causes: dict[str, int]
    not_translated: list[str]


class SkippedAnswer(TypedDict):
    """A row that was not asked."""

    row: int
    reason: str


class LaneDifferenceAnswer(TypedDict):
    """A stretch in which two trainers differ, and why."""

    cause: str
    text: str
    other_text: str
    trained: bool
    other_trained: bool


class LaneGroupAnswer(TypedDict):
    """Trainers that do alike in a row; `text` is a list of [text, whether it is trained]."""

    trainers: list[str]
    reason: str | None
    tokens: int | None
    trained: int | None
    text: list[list[str | bool]] | None
    differences: list[LaneDifferenceAnswer]


class ComparedTrainersRow(TypedDict):
    """A row with its groups, the one of most trainers first."""

    row: int
    groups: list[LaneGroupAnswer]


class TrainersAnswer(TypedDict):
    """`vlmbench trainers --format json`."""

    schema: Literal["vlmbench.trainers/1"]
    trainers: list[TrainerAnswer]
    skipped: list[SkippedAnswer]
    rows: list[ComparedTrainersRow]


class TrainerRowAnswer(TypedDict):
    """A row of a trainer's own file; `text` is a list of [text, whether it is trained], `reason` why it has no mask."""

    row: int
    source: str | None
    line: int | None
    reason: str | None
    unread: str | None
    input_ids: list[int]
    labels: list[int]
    text: list[list[str | bool]]
    findings: list[FindingAnswer]


class TrainerFileAnswer(TypedDict):
    """`vlmbench inspect --format json` of another trainer's file: what that trainer makes of its own rows."""

    schema: Literal["vlmbench.trainer-file/1"]
    trainer: str
    version: str
    versions: dict[str, str]
    file: str
    model: str
    data: str
    resolved: dict[str, object]
    refused: dict[str, object] | None
    not_told: list[str]
    writing: str
    rows: list[TrainerRowAnswer]
    findings: list[FindingAnswer]


class AuditStepAnswer(TypedDict):
    """The rows done, of how many, of them from an earlier run, and seconds since the audit began."""

    done: int
    total: int
    resumed: int
    seconds: float


class AuditProgressAnswer(TypedDict):
    """`progress.json` in the folder of an audit; `ended` is empty, whole, interrupted or failed."""

    schema: Literal["vlmbench.audit-progress/1"]
    question: str
    step: AuditStepAnswer
    ended: str
    problem: str
    process: int


TowersAnswer = TypedDict(
    "TowersAnswer",
    {
        "class": str,
        "parameters": int | None,
        "towers": list[dict[str, object]],
        "layers": list[dict[str, object]],
        "trained": dict[str, object],
        "findings": list[FindingAnswer],
    },
)
"""The model without weights, what is `trained` of it, and the `findings`; sizes are null where none are named."""

MemoryAnswer = dict[str, int]
"""The parts of a step's memory in bytes, and their `total`."""
