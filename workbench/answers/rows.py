"""Answers about rows: `vlmbench.inspect/1`, and what the notebook gives of masks, traces and batches."""

from __future__ import annotations

from typing import Literal

from workbench.answers.common import AskedAnswer, FindingAnswer, NotRequired, PathAnswer, TypedDict


class OwnerAnswer(TypedDict):
    """The owner of a token by the trace. `message` and `part` count from 0, in the row as it is written.

    `chars` are the characters of the part's text, and `exact` whether they are known exactly.
    """

    kind: str
    message: NotRequired[int]
    part: NotRequired[int]
    role: NotRequired[str]
    chars: NotRequired[list[int]]
    exact: NotRequired[bool]


class TokenAnswer(TypedDict):
    """A token: its owner by the trace, the span it is in, and the reason why it is trained or not."""

    index: int
    id: int
    text: str
    owner: OwnerAnswer
    span: int | None
    reason: str
    trained: bool


class TokenTraceAnswer(TypedDict):
    """A token and its owner."""

    index: int
    id: int
    text: str
    owner: OwnerAnswer


class SpanAnswer(TypedDict):
    """A match of a role boundary: tokens [start, stop), its content from `content` to `end`."""

    role: str
    boundary: int
    start: int
    content: int
    end: int
    stop: int
    terminated: bool
    trained: bool


class MediaAnswer(TypedDict):
    """A run of media tokens [start, stop), of which `soft_tokens` stand for the medium itself."""

    modality: str
    start: int
    stop: int
    soft_tokens: int


class PreferenceAnswer(TypedDict):
    """A text of a row of preference data."""

    column: str
    text: str


class RowAnswer(TypedDict):
    """A row. One that cannot be rendered has its findings, empty lists and no `trained`."""

    row: int
    source: str
    line: int | None
    preference: NotRequired[list[PreferenceAnswer]]
    fate: NotRequired[str]
    trained: NotRequired[int]
    input_ids: list[int]
    labels: list[int]
    tokens: list[TokenAnswer]
    spans: list[SpanAnswer]
    media: list[MediaAnswer]
    findings: list[FindingAnswer]


class MaskAnswer(TypedDict):
    """The mask of a row; -100 among the labels where nothing is trained."""

    row: int
    trained: int
    input_ids: list[int]
    labels: list[int]
    spans: list[SpanAnswer]


class TraceAnswer(TypedDict):
    """The trace of a row."""

    row: int
    tokens: list[TokenTraceAnswer]


class BatchAnswer(TypedDict):
    """Rows as one padded batch; `skipped`: number of a row -> why it is not in it."""

    rows: list[int]
    input_ids: list[list[int]]
    labels: list[list[int]]
    attention_mask: list[list[int]]
    skipped: dict[str, str]


class ComparedRowAnswer(TypedDict):
    """A row under two recipes; `first` is the first token that differs."""

    row: int
    tokens: list[int | None]
    trained: list[int | None]
    same_ids: bool
    same_labels: bool
    first: int | None
    reason: str


class ComparedAnswer(TypedDict):
    """Two recipes on the same rows; `keys`: key -> both values."""

    names: list[str]
    keys: dict[str, list[object]]
    rows: list[ComparedRowAnswer]


class ModelAnswer(TypedDict):
    """The model whose processor or tokenizer renders the rows."""

    source: str
    revision: str | None
    model_type: str | None
    processor: str | None
    tokenizer: str


class RecipeAnswer(TypedDict):
    """The recipe's values that decide the mask, as axolotl takes them; the last five on the text path alone."""

    file: str
    chat_template: str | None
    template: str
    strategy: str
    roles_to_train: list[str]
    train_on_eos: str
    train_on_inputs: bool
    pad_id: int | None
    media_ids: list[int]
    train_on_eot: NotRequired[str | None]
    eos_id: NotRequired[int | None]
    eot_ids: NotRequired[list[int]]
    sequence_len: NotRequired[int | None]
    excess_length_strategy: NotRequired[str | None]


class BoundaryAnswer(TypedDict):
    """A role boundary in force, with its ids and its matches over these rows."""

    role: str
    start: str | None
    end: str | None
    include_start: bool
    include_end: bool
    start_ids: list[int]
    end_ids: list[int]
    matches: int
    unterminated: int


class InspectAnswer(TypedDict):
    """`vlmbench inspect --format json`."""

    schema: Literal["vlmbench.inspect/1"]
    path: PathAnswer
    model: ModelAnswer
    family: str | None
    recipe: RecipeAnswer
    boundaries: list[BoundaryAnswer]
    rows: list[RowAnswer]
    findings: list[FindingAnswer]
    asked: AskedAnswer
