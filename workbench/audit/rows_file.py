"""All rows of an audit in one Parquet file, for other tools: a line a row, one row group a block."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from workbench.audit.block_file import schema
from workbench.errors import EnvironmentProblem, Where

NAME = "rows.parquet"
_OWN = ("digest", "picture_digests", "alone")
"""Columns that the audit keeps for itself."""


def write_rows(path: Path, blocks: Iterable[Path]) -> None:
    """Write the rows of these blocks' files, in their order, in place of what is there.

    Raises:
        EnvironmentProblem: no right, no room.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [field for field in schema() if field.name not in _OWN]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with pq.ParquetWriter(unfinished, pa.schema(columns), compression="zstd") as writer:
            for block in blocks:
                table = pq.read_table(block, columns=[field.name for field in columns], partitioning=None)
                writer.write_table(table.replace_schema_metadata(None).cast(pa.schema(columns)))
        os.replace(unfinished, path)
    except OSError as problem:
        hint = "Give another --out, or make room."
        raise EnvironmentProblem("The rows cannot be written", str(problem), hint, Where(str(path))) from None
    finally:
        unfinished.unlink(missing_ok=True)
