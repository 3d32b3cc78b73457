"""Forms of the answers: what `--format json` prints, what `to_dict` gives in a notebook, what a trainer is asked.

The types here are the one source of all: the functions that make the answers are checked against them, a user's script
gets them from `to_dict`, and the JSON Schemas in `docs/schemas` are made of them (`workbench.answers.schemas`).
"""

from __future__ import annotations

from workbench.answers.common import AskedAnswer, FindingAnswer, FixAnswer, PathAnswer, ProblemAnswer, WhereAnswer
from workbench.answers.consumer import ConsumerAnswer, ConsumerQuestion, RehearsalAnswer
from workbench.answers.reports import (
    AuditAnswer,
    BaselineFileAnswer,
    CheckAnswer,
    ChecksAnswer,
    ExportAnswer,
    InferAnswer,
    OverfitAnswer,
)
from workbench.answers.rows import (
    BatchAnswer,
    ComparedAnswer,
    ComparedRowAnswer,
    InspectAnswer,
    MaskAnswer,
    RowAnswer,
    TraceAnswer,
)
from workbench.answers.tools import (
    AuditProgressAnswer,
    CodeAnswer,
    ConvertAnswer,
    ErrorAnswer,
    ExplainAnswer,
    FamiliesAnswer,
    MemoryAnswer,
    TowersAnswer,
    TrainerFileAnswer,
    TrainersAnswer,
)

__all__ = [
    "AskedAnswer",
    "AuditAnswer",
    "AuditProgressAnswer",
    "BaselineFileAnswer",
    "BatchAnswer",
    "CheckAnswer",
    "ChecksAnswer",
    "CodeAnswer",
    "ComparedAnswer",
    "ComparedRowAnswer",
    "ConsumerAnswer",
    "ConsumerQuestion",
    "ConvertAnswer",
    "ErrorAnswer",
    "ExplainAnswer",
    "ExportAnswer",
    "FamiliesAnswer",
    "FindingAnswer",
    "FixAnswer",
    "InferAnswer",
    "InspectAnswer",
    "MaskAnswer",
    "MemoryAnswer",
    "OverfitAnswer",
    "PathAnswer",
    "ProblemAnswer",
    "RehearsalAnswer",
    "RowAnswer",
    "TowersAnswer",
    "TraceAnswer",
    "TrainerFileAnswer",
    "TrainersAnswer",
    "WhereAnswer",
]
