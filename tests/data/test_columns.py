from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.awkward import PAIR, RED, hole, text, user
from workbench.data.columns import DatasetSource, ParquetSource, decode
from workbench.data.conversation import normalize
from workbench.data.media import StoredPicture
from workbench.data.sources import open_source
from workbench.errors import EnvironmentProblem, InputError

PNG = base64.b64decode(RED)
STORED = {"bytes": PNG, "path": None}


def with_pictures() -> datasets.Dataset:
    features = datasets.Features(
        {
            "messages": datasets.List({"role": datasets.Value("string"), "content": datasets.Json()}),
            "images": datasets.List(datasets.Image()),
        }
    )
    rows = [{"messages": [user([hole(), text("a")])], "images": [STORED]}, {"messages": PAIR, "images": None}]
    return datasets.Dataset.from_list(rows, features=features)


def test_parquet_by_position_over_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"i": list(range(1000)), "m": [[{"a": None}]] * 1000}), path, row_group_size=150)
    source = open_source(str(path))
    assert isinstance(source, ParquetSource)
    assert source.known_length == len(source) == 1000
    for index in (999, 0, 149, 150, 151, 3, 700):
        assert source.row(index).data == {"i": index, "m": [{"a": None}]}
    assert [row.data["i"] for row in source if row.data] == list(range(1000))
    for wrong in (-1, 1000):
        with pytest.raises(IndexError):
            source.row(wrong)


def test_parquet_image_and_json_columns_read_as_datasets_reads_them(tmp_path: Path) -> None:
    saved = with_pictures()
    saved.to_parquet(str(tmp_path / "d.parquet"))
    source = open_source(str(tmp_path / "d.parquet"))
    first, second = (row.data for row in source)
    assert first is not None
    assert first["messages"] == saved[0]["messages"]
    assert isinstance(first["images"][0], StoredPicture)
    picture = normalize(first).messages[0]["content"][0]["image"]
    assert list(picture.getdata()) == list(saved[0]["images"][0].getdata())
    assert second == {"messages": PAIR, "images": None}


def test_parquet_without_features_leaves_structs(tmp_path: Path) -> None:
    pq.write_table(pa.table({"images": [[STORED]]}), tmp_path / "d.parquet")
    assert open_source(str(tmp_path / "d.parquet")).row(0).data == {"images": [STORED]}


def test_broken_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(InputError, match="Parquet") as caught:
        open_source(str(tmp_path / "d.parquet"))
    assert caught.value.where.file == str(tmp_path / "d.parquet")


def test_damaged_row_group_costs_its_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    words = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(300)]
    table = pa.table({"x": words})
    pq.write_table(table, path, row_group_size=100, compression="zstd", use_dictionary=False, write_page_checksum=True)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset + 40
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)
    source = open_source(str(path))
    assert source.row(0).error is None
    error = source.row(150).error
    assert error is not None
    assert (error.code, error.where.row) == ("D001", 150)
    assert source.row(299).data == {"x": words[299]}


def test_saved_dataset_folder(tmp_path: Path) -> None:
    with_pictures().save_to_disk(str(tmp_path / "d"))
    source = open_source(str(tmp_path / "d"))
    assert len(source) == 2
    data = source.row(0).data
    assert data is not None
    assert data["messages"][0]["content"] == [hole(), text("a")]
    assert isinstance(data["images"][0], StoredPicture)


def test_stream_keeps_what_was_read_and_has_no_length() -> None:
    source = DatasetSource(with_pictures().to_iterable_dataset(), "s")
    with pytest.raises(TypeError):
        len(source)
    assert source.row(1).data == {"messages": PAIR, "images": None}
    first = source.row(0).data
    assert first is not None
    assert isinstance(first["images"][0], StoredPicture)
    with pytest.raises(IndexError):
        source.row(2)
    assert source.known_length == len(source) == 2


def test_stream_stops_at_the_limit() -> None:
    def endless() -> Any:
        i = 0
        while True:
            yield {"i": i}
            i += 1

    source = DatasetSource(datasets.IterableDataset.from_generator(endless), "s", limit=3)
    assert [row.data for row in source] == [{"i": 0}, {"i": 1}, {"i": 2}]
    assert source.known_length == 3


def test_broken_stream_is_the_surroundings_fault() -> None:
    def failing() -> Any:
        yield {"i": 0}
        raise ConnectionError("gone")

    source = DatasetSource(datasets.IterableDataset.from_generator(failing), "s")
    assert source.row(0).data == {"i": 0}
    with pytest.raises(EnvironmentProblem) as caught:
        source.row(1)
    assert caught.value.exit_code == 3
    assert "after 1 rows" in caught.value.cause


def test_old_sequence_of_objects_stays_an_object_of_lists() -> None:
    feature = {"_type": "Sequence", "feature": {"picture": {"_type": "Image"}, "n": {"_type": "Value"}}}
    assert decode({"picture": [STORED], "n": [1]}, feature) == {"picture": [StoredPicture(PNG, None)], "n": [1]}
    assert decode([STORED], [{"_type": "Image"}]) == [StoredPicture(PNG, None)]
    assert decode("[1]", {"_type": "Json", "decode": True}) == [1]


def test_broken_picture_cell_is_one_row() -> None:
    row = {"messages": PAIR, "images": [StoredPicture(b"broken", "x.png")]}
    with pytest.raises(InputError, match="Unreadable"):
        normalize(row)
    assert normalize(row, load_media=False).messages[0]["content"][1]["image"] == row["images"][0]
