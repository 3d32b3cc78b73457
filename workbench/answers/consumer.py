"""The protocol with a trainer's Python: `vlmbench.consumer/2` (a question, its answer) and `vlmbench.rehearsal/1`."""

from __future__ import annotations

from typing import Literal

from workbench.answers.common import NotRequired, TypedDict


class RefusedAnswer(TypedDict):
    """The exception at which the trainer stopped, and the stage that it had come to."""

    stage: str
    type: str
    message: str
    environment: NotRequired[bool]
    at: NotRequired[str]
    keys: NotRequired[list[str]]


class ConsumerQuestion(TypedDict):
    """A question about a recipe and some rows; `what` says how far the trainer goes."""

    schema: Literal["vlmbench.consumer/2"]
    consumer: str
    what: Literal["validate", "kernels", "labels", "rehearsal"]
    recipe: str
    folder: str
    beside: str | None
    model: str
    data: str
    dataset: int
    rows: list[int]
    offline: bool


class ConsumerRow(TypedDict):
    """A row under the trainer: ids and labels, the text of what it raised, or why the row is dropped."""

    row: int
    input_ids: NotRequired[list[int]]
    labels: NotRequired[list[int]]
    error: NotRequired[str]
    dropped: NotRequired[str]


class ConsumerAnswer(TypedDict):
    """The answer of a trainer; `pieces` and `added` (id -> bytes as latin-1, ids) where its tokens are to be told."""

    schema: Literal["vlmbench.consumer/2"]
    consumer: str
    versions: dict[str, str]
    refused: RefusedAnswer | None
    unwrapped: NotRequired[bool]
    strategy: NotRequired[str]
    rows: list[ConsumerRow]
    resolved: dict[str, object]
    keys: list[str]
    label_shift: Literal[0, 1]
    count: NotRequired[int]
    passing: NotRequired[bool]
    rehearsal: NotRequired[dict[str, object]]
    pieces: NotRequired[dict[str, str]]
    added: NotRequired[list[int]]


class RehearsalAnswer(TypedDict):
    """The result of axolotl's own loader without weights; where it `refused`, nothing but the versions stands beside.

    `modules` and `parameters` have an adapter; `trained`: name -> number of values; `attention`: part -> backend.
    """

    schema: Literal["vlmbench.rehearsal/1"]
    versions: dict[str, str]
    refused: RefusedAnswer | None
    loader: NotRequired[str]
    model_class: NotRequired[str]
    modules: NotRequired[list[str]]
    parameters: NotRequired[list[str]]
    trained: NotRequired[dict[str, int]]
    frozen: NotRequired[list[str]]
    use_reentrant: NotRequired[bool | None]
    attention: NotRequired[dict[str, str]]
    embeddings: NotRequired[int | None]
    loss_by_tokens: NotRequired[bool | None]
