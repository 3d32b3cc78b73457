"""Bytes at a position, of plain and compressed files alike."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from workbench.data.reader import DAMAGED, Reader
from workbench.errors import InputError

TEXT = bytes(range(256)) * 40


@pytest.fixture(params=["plain", "gz", "bz2"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    data = {"plain": TEXT, "gz": gzip.compress(TEXT), "bz2": bz2.compress(TEXT)}[request.param]
    path = tmp_path / f"rows.jsonl.{request.param}".removesuffix(".plain")
    path.write_bytes(data)
    return path


def test_reading_forward_back_and_to_the_end(file: Path) -> None:
    reader = Reader(file)
    for start, size in (
        (0, 10),
        (10, 10),
        (5000, 300),
        (100, 7),
        (100, 7),
        (0, 1),
        (9000, None),
        (0, None),
        (10_239, 50),
    ):
        expected = TEXT[start:] if size is None else TEXT[start : start + size]
        assert reader.read_at(start, size) == expected, (start, size)
    assert reader.read_at(20_000, 5) == b""
    reader.close()
    reader.close()
    assert reader.read_at(3, 2) == TEXT[3:5]


def test_the_extension_counts_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "ROWS.JSONL.GZ"
    path.write_bytes(gzip.compress(b"hello"))
    assert Reader(path).read_at(0, None) == b"hello"


def test_damage_costs_only_what_comes_after_it(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    noise = bytes((number * 7919) % 251 for number in range(200_000))
    whole = gzip.compress(noise)
    path.write_bytes(whole[: len(whole) // 2])
    reader = Reader(path)
    got = reader.read_at(0, None)
    assert 0 < len(got) < len(noise)
    assert noise.startswith(got)
    with pytest.raises(DAMAGED):
        reader.read_at(len(got), 10)
    assert Reader(path).read_at(100, 50) == noise[100:150]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as problem:
        Reader(tmp_path / "none.jsonl").read_at(0, 1)
    assert problem.value.where.file == str(tmp_path / "none.jsonl")
