"""Files of an object store are read by position, like files here."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from workbench.data.remote import is_remote
from workbench.data.sources import open_source
from workbench.errors import EnvironmentProblem, InputError

ROWS = [{"messages": [{"role": "user", "content": f"row {number}"}]} for number in range(7)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


class Bucket(MemoryFileSystem):  # type: ignore[misc]
    """An object store in memory."""

    protocol = "s3"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012


@pytest.fixture
def bucket() -> Iterator[MemoryFileSystem]:
    fsspec.register_implementation("s3", Bucket, clobber=True)
    Bucket.store.clear()
    yield Bucket()
    from fsspec.registry import _registry

    _registry.pop("s3", None)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "list.json", "rows.parquet"])
def test_rows_are_those_of_the_file(name: str, bucket: MemoryFileSystem) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = {
        "rows.jsonl": LINES,
        "rows.jsonl.gz": gzip.compress(LINES),
        "rows.jsonl.zst": pa.compress(LINES, codec="zstd", asbytes=True),
        "list.json": json.dumps(ROWS).encode(),
    }
    if name == "rows.parquet":
        stream = BytesIO()
        pq.write_table(pa.Table.from_pylist(ROWS), stream, row_group_size=3)
        written[name] = stream.getvalue()
    bucket.pipe(f"s3://bucket/{name}", written[name])
    source = open_source(f"s3://bucket/{name}")
    assert len(source) == len(ROWS)
    assert [source.row(index).data for index in (6, 0, 3)] == [ROWS[index] for index in (6, 0, 3)]
    assert source.base_dir is None
    assert len(open_source(f"s3://bucket/{name}", split="train[:2]")) == 2


def test_what_cannot_be_read_is_told(bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="No such data file"):
        open_source("s3://bucket/none.jsonl")
    bucket.pipe("s3://bucket/empty.jsonl", b"\n")
    with pytest.raises(InputError, match="There is no row here"):
        open_source("s3://bucket/empty.jsonl")
    with pytest.raises(InputError, match="A folder"):
        open_source("s3://bucket")
    bucket.pipe("s3://bucket/rows.csv", b"a,b\n")
    with pytest.raises(InputError, match="Not a file that is read"):
        open_source("s3://bucket/rows.csv")
    # axolotl brings it along.
    monkeypatch.setitem(sys.modules, "ocifs", None)
    with pytest.raises(EnvironmentProblem) as raised:
        open_source("oci://bucket@namespace/rows.jsonl")
    assert raised.value.hint == "pip install ocifs"

    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(Bucket, "info", refused)
    with pytest.raises(EnvironmentProblem, match="object store cannot be read"):
        open_source("s3://bucket/rows.jsonl")
    assert not any(map(is_remote, ("memory://x", "file:///etc/passwd", "https://x/y.jsonl", "org/name", "s3://")))
