"""Answers that judge: `vlmbench.check/1`, `audit/1`, `infer/1`, `overfit/1` and `export/1`."""

from __future__ import annotations

from typing import Literal

from workbench.answers.common import (
    AskedAnswer,
    FindingAnswer,
    FixAnswer,
    NotRequired,
    PathAnswer,
    ProblemAnswer,
    SeverityName,
    TypedDict,
    WhereAnswer,
)


class AgreementAnswer(TypedDict):
    """Content tokens on which transformers' assistant mask agrees."""

    agree: int
    of: int


class CheckSummary(TypedDict):
    """The counts of a check. `rows_known` is null where only reading to the end would tell."""

    rows: int
    rows_known: int | None
    rows_drawn_evenly: bool
    rows_one_by_one: str
    rows_read: int | None
    tokens: int
    trained: int
    errors: int
    warnings: int
    notes: int
    ignored: int
    in_baseline: int
    codes: dict[str, int]
    fixable: int
    assistant_mask: AgreementAnswer | None


class GroupAnswer(TypedDict):
    """Findings of one cause: how many, in how many rows, and the places of the first of them."""

    code: str
    severity: SeverityName
    message: str
    count: int
    rows: int
    first: list[WhereAnswer]


class CheckAnswer(TypedDict):
    """`vlmbench check --format json`. `path` is the recipe's path in words; `data` is null where no row was looked at.

    `in_baseline` and `ignored` count findings that are not among those told.
    """

    schema: Literal["vlmbench.check/1"]
    path: str
    model: str
    family: str | None
    recipe: str
    data: str | None
    findings: list[FindingAnswer]
    groups: list[GroupAnswer]
    summary: CheckSummary
    asked: AskedAnswer
    fixed: list[FixAnswer]


class ChecksSummary(TypedDict):
    """The counts over several recipes."""

    recipes: int
    errors: int
    warnings: int
    notes: int
    not_checked: int


class ChecksAnswer(TypedDict):
    """`vlmbench check --format json` of several recipes; `errors` holds those that could not be checked, and why."""

    schema: Literal["vlmbench.checks/1"]
    checks: list[CheckAnswer]
    errors: list[dict[str, object]]
    summary: ChecksSummary


class BaselineFinding(TypedDict):
    """Findings of one cause in one recipe that a baseline knows."""

    recipe: str
    code: str
    severity: SeverityName
    cause: str
    field: str
    count: int


class BaselineFileAnswer(TypedDict):
    """The file that `vlmbench check --write-baseline` writes."""

    schema: Literal["vlmbench.baseline/1"]
    findings: list[BaselineFinding]


class BrokenMarkerAnswer(TypedDict):
    """A marker whose ids alone are not those that it has before some content."""

    marker: str
    content: str
    alone: list[int]
    there: list[int]


class EvidenceAnswer(TypedDict):
    """The proof of one role's boundaries; `recall` is null where the role has no content."""

    role: str
    recall: float | None
    leaked: int
    stop_token: dict[str, object] | None
    notes: list[str]
    verified: bool
    starts: list[str]
    end: str | None
    turns: int
    content_tokens: int
    recalled_tokens: int
    stops: int
    stops_trained: int
    leaked_content: int
    leaked_template: int
    broken: list[BrokenMarkerAnswer]


class InferAnswer(TypedDict):
    """`vlmbench infer --format json`. `role_boundaries` are rows as axolotl takes them."""

    schema: Literal["vlmbench.infer/1"]
    path: NotRequired[str]
    read: NotRequired[bool]
    model: NotRequired[str]
    verified: bool
    role_boundaries: list[dict[str, object]]
    evidence: list[EvidenceAnswer]
    notes: list[str]
    conversations: int
    rows: int
    injection: dict[str, object] | None


Measured = float | Literal["nan", "inf", "-inf"] | None
"""A measurement; JSON has no NaN and no infinity, so these are texts."""


class OverfitModelAnswer(TypedDict):
    """The model that was trained."""

    parameters: NotRequired[int]
    trainable: NotRequired[int]
    adapters: NotRequired[dict[str, int]]
    device: NotRequired[str]
    dtype: NotRequired[str]


class RowLossAnswer(TypedDict):
    """The loss of one row before the first step."""

    row: int
    tokens: int
    nll: Measured


class BaselineAnswer(TypedDict):
    """The losses before the first step, in nats a trained token."""

    nll: NotRequired[Measured]
    tokens: NotRequired[int]
    rows: NotRequired[list[RowLossAnswer]]
    direct: NotRequired[Measured]
    plain: NotRequired[Measured]
    logged_factor: NotRequired[Measured]


class OverfitAnswer(TypedDict):
    """`vlmbench overfit --format json`. `probes`: name -> what was measured; `events` is the file of the run."""

    schema: Literal["vlmbench.overfit/1"]
    path: str | None
    verdict: Literal["pass", "doubtful", "fail", "cancelled", "running"]
    findings: list[FindingAnswer]
    first_loss: Measured
    last_loss: Measured
    final_nll: Measured
    rows: list[int]
    model: OverfitModelAnswer
    baseline: BaselineAnswer
    steps: list[dict[str, object]]
    probes: dict[str, dict[str, object]]
    not_honoured: dict[str, str]
    replaced: dict[str, str]
    manner: dict[str, object]
    events: str


class ExportAnswer(TypedDict):
    """`vlmbench export --format json`. `proven_by` is null where something is missing."""

    schema: Literal["vlmbench.export/1"]
    path: PathAnswer | None
    validated: bool
    proven_by: str | None
    proofs: list[dict[str, object]]
    changes: list[dict[str, object]]
    needs: list[str]
    receipt: dict[str, object]
    text: str
    files: dict[str, str]
    written: NotRequired[str | None]
    diff: NotRequired[str]
    error: NotRequired[ProblemAnswer | None]


class ExampleAnswer(TypedDict):
    """A finding that stands for others of its cause; `dataset` is the entry of the recipe's `datasets`."""

    code: str
    severity: SeverityName
    message: str
    hint: str
    where: WhereAnswer
    fix: NotRequired[FixAnswer]
    dataset: NotRequired[int]


class CauseAnswer(TypedDict):
    """Findings of one cause: in how many rows, their share, and the first."""

    code: str
    severity: SeverityName
    rows: int
    share: float
    count: int
    examples: list[ExampleAnswer]


class AuditSummary(TypedDict):
    """The findings of an audit by severity."""

    errors: int
    warnings: int
    notes: int


class AuditAnswer(TypedDict):
    """`vlmbench audit --format json`. Without `whole`, it is what was known when it ended."""

    schema: Literal["vlmbench.audit/1"]
    model: str
    recipe: str
    path: str
    data: str
    planned: int
    rows: int
    whole: bool
    interrupted: bool
    summary: AuditSummary
    findings: list[FindingAnswer]
    causes: list[CauseAnswer]
    unrendered: int
    tokens: dict[str, object] | None
    trained: dict[str, object] | None
    share: dict[str, object] | None
    media: dict[str, object] | None
    datasets: list[dict[str, object]]
    trained_by_role: dict[str, int]
    num_epochs: float
    max_steps: int | None
    val_set_size: float
    largest: dict[str, object] | None
    sequence_len: dict[str, object] | None
    packing: dict[str, object] | None
    overlap: dict[str, object] | None
    repeated: dict[str, object]
    repeated_pictures: dict[str, object]
    checked_alone: dict[str, object]
    lost_processes: int
    seconds: float
    resumed: int
