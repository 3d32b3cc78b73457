"""The results of one block of rows, in a Parquet file: one line a row, and the causes of its findings beside them.

A file is written under another name and renamed when it is whole, so that an audit that was killed goes on behind the
last block that was finished.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.audit.causes import Cause, causes_of
from workbench.errors import EnvironmentProblem, Where
from workbench.findings import Finding
from workbench.judged import JudgedRow
from workbench.recipe.yaml.document import write_atomically

_ABOUT = b"vlmbench.audit"


@dataclass(slots=True)
class BlockResult:
    """A block, judged. `columns`: by name, a list with an entry for each row; see `COLUMNS`."""

    columns: dict[str, list[Any]]
    causes: list[Cause]
    roles: list[str] = field(default_factory=list)
    source_findings: list[Finding] = field(default_factory=list)
    by_row: str = ""
    """The reason why the rows were checked one by one; "" where they were not."""
    read: int = 0
    """Bytes of text in the rows, for the rate."""

    def __len__(self) -> int:
        return len(self.columns["row"])


COLUMNS = (
    *("row", "dataset", "source", "line", "length", "trained", "by_role", "pictures", "media_tokens", "codes"),
    *("digest", "picture_digests", "alone"),
)
"""`dataset`, `row`, `source` and `line` (-1: none) place the row. `length`, `trained` and `media_tokens` count tokens,
-1 where the row has no rendering; `by_role` are (role, trained tokens); `codes` those of its findings; `digest` and
`picture_digests` are of its content; `alone`: it was checked by itself."""


def block_result(
    results: Sequence[JudgedRow],
    lines: Sequence[int | None],
    digests: Sequence[int],
    pictures: Sequence[Sequence[int]],
    *,
    dataset: int,
    sources: Sequence[str],
) -> BlockResult:
    """The columns and causes of a block's results. `digests`, `pictures`: the numbers of each row and its pictures."""
    columns: dict[str, list[Any]] = {
        "row": [result.index for result in results],
        "dataset": [dataset] * len(results),
        "source": list(sources),
        "line": [-1 if line is None else line for line in lines],
        "length": [result.tokens for result in results],
        "trained": [result.trained for result in results],
        "by_role": [sorted(result.by_role.items()) for result in results],
        "pictures": [max(result.pictures, len(mine)) for result, mine in zip(results, pictures, strict=True)],
        "media_tokens": [result.media for result in results],
        "codes": [sorted({finding.code for finding in (*result.findings, *result.like)}) for result in results],
        "digest": list(digests),
        "picture_digests": [list(mine) for mine in pictures],
        "alone": [result.alone for result in results],
    }
    return BlockResult(columns, causes_of(results, dataset))


def schema() -> Any:
    """The columns of a block's file, as pyarrow takes them."""
    import pyarrow as pa

    return pa.schema(
        [
            ("row", pa.int64()),
            ("dataset", pa.int16()),
            ("source", pa.dictionary(pa.int32(), pa.string())),
            ("line", pa.int64()),
            ("length", pa.int32()),
            ("trained", pa.int32()),
            ("by_role", pa.map_(pa.string(), pa.int32())),
            ("pictures", pa.int32()),
            ("media_tokens", pa.int32()),
            ("codes", pa.list_(pa.string())),
            ("digest", pa.uint64()),
            ("picture_digests", pa.list_(pa.uint64())),
            ("alone", pa.bool_()),
        ]
    )


def write_block(path: Path, block: BlockResult, question: str) -> None:
    """Write a block's file in one step. `question` says what was asked; a file of another question is not read.

    Raises:
        EnvironmentProblem: no right, no room.
    """
    write_atomically(path, block_bytes(block, question))


def block_bytes(block: BlockResult, question: str) -> bytes:
    """The content of a block's file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {
        "question": question,
        "causes": [cause.to_dict() for cause in block.causes],
        "roles": block.roles,
        "source": [finding.to_dict() for finding in block.source_findings],
        "by_row": block.by_row,
        "read": block.read,
    }
    table = pa.table(block.columns, schema=schema()).replace_schema_metadata({_ABOUT: json.dumps(about).encode()})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    content: bytes = buffer.getvalue().to_pybytes()
    return content


def block_of(content: bytes, question: str) -> BlockResult | None:
    """The block of a file's content; None where it is of another question, or damaged."""
    import pyarrow as pa

    return _read(pa.BufferReader(content), question)


def read_block(path: Path, question: str) -> BlockResult | None:
    """A block that was written for the same question; None where there is none, or its file is damaged.

    Raises:
        EnvironmentProblem: the file cannot be read for another reason.
    """
    try:
        return _read(path, question)
    except PermissionError as problem:
        raise EnvironmentProblem(
            "A result cannot be read", str(problem), "Give another --out.", Where(str(path))
        ) from None


def _read(file: Any, question: str) -> BlockResult | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file, partitioning=None)
        about = json.loads((table.schema.metadata or {})[_ABOUT])
    except PermissionError:
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return None
    if about.get("question") != question:
        return None
    columns = {name: table.column(name).to_pylist() for name in COLUMNS}
    causes = [Cause.from_dict(item) for item in about["causes"]]
    source = [Finding.from_dict(item) for item in about["source"]]
    return BlockResult(columns, causes, about["roles"], source, about["by_row"], about["read"])
