from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.awkward import PAIR
from workbench.data import jsonl
from workbench.data.jsonl import JsonListSource, JsonlSource, open_json
from workbench.data.sources import arrow_view, open_source
from workbench.errors import InputError

ROW = json.dumps({"messages": PAIR}).encode()


def _texts(*contents: Any, key: str = "content", **more: Any) -> bytes:
    """Lines of one message each."""
    return b"".join(json.dumps({"messages": [{"role": "a", key: one}], **more}).encode() + b"\n" for one in contents)


# In a field that holds texts and other values, `datasets` reads a text that is JSON as what it says.
MIXED = {
    "a list of parts": _texts("seven", "7", '{"x": [1]}', "true", "null", '"quoted"', "-", "1. a", "", [{"text": "7"}]),
    "a number": _texts("7", "eight", 9),
    "parts only": _texts([{"text": "7"}], [{"text": "x"}, {"image": "a.png"}]),
    "texts only": _texts("7", '{"x": 1}'),
    "another key": _texts("7", "x") + _texts([], key="parts"),
    "a column": _texts("7", tag="7") + _texts("x", tag=["x"]),
}


def written(folder: Path, content: bytes, name: str = "d.jsonl") -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


@pytest.mark.parametrize(
    "content",
    [
        ROW + b"\n" + ROW,
        b"\xef\xbb\xbf" + ROW + b"\n\n   \n" + ROW + b"\n\n",
        ROW + b"\r\n" + ROW + b"\r\n",
        b'{"messages": null, "a": 1}\n{"conversations": [{"from": "x"}]}\n',
        b'{"m": [{"role": "a", "content": "x"}]}\n{"m": [{"role": "a"}, {"content": [{"type": "image"}]}]}\n',
        b'{"m": [{"content": [{"type": "image", "path": "p"}, {"type": "text", "text": null}]}]}\n{"images": []}\n',
        b'{"image": "a.png", "x": 1}\n{"x": "s"}\n',
        b"[" + ROW + b",\n" + ROW + b"]",
        json.dumps([{"messages": PAIR}, {"id": 3}], indent=1).encode(),
        *MIXED.values(),
    ],
)
def test_rows_are_those_of_datasets(content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    theirs, problem = arrow_view(path)
    assert problem is None
    assert [row.data for row in open_source(path)] == theirs


def test_a_list_file_of_mixed_kinds_is_read_as_a_whole(tmp_path: Path) -> None:
    from datasets import load_dataset

    content = b"[" + MIXED["a list of parts"].strip().replace(b"\n", b",") + b"]"
    path = written(tmp_path, content, "d.json")
    # Streamed, `datasets` gives the JSON texts themselves; axolotl does not stream.
    theirs = load_dataset("json", data_files=path, split="train", cache_dir=str(tmp_path / "cache"))
    assert [row.data for row in open_source(path)] == list(theirs)


def test_a_text_that_comes_back_as_something_else_is_told_once(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, MIXED["a list of parts"]))
    assert [row.data["messages"][0]["content"] for row in source if row.data][1:3] == [7, {"x": [1]}]
    (finding,) = source.findings
    assert (finding.code, finding.severity, finding.where.line) == ("D002", "error", 2)
    assert "'7' is a number now" in finding.message
    for kind in ("parts only", "texts only", "another key", "a column"):
        source = open_source(written(tmp_path, MIXED[kind]))
        assert [row.error for row in source if row.error] == source.findings == []


@pytest.mark.parametrize(
    ("line", "message", "field"),
    [
        (b"{bad", "not valid JSON", None),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', "byte 0xff", "content"),
        (b'{"messages": [{"role": "us', "Unterminated", "role"),
        (b"[1, 2]", "the row is a list", None),
        (b"5", "the row is a number", None),
        (b'{"a": "\\ud800"}', "surrogate", None),
        (b'{"a": 1} {"a": 2}', "more than one row", "a"),
        (b'{"a": ' + b"[" * 100_000, "JSON", None),
    ],
)
def test_a_bad_line_is_one_row_and_names_its_place(
    line: bytes, message: str, field: str | None, tmp_path: Path
) -> None:
    path = written(tmp_path, ROW + b"\n\n" + line + b"\n" + ROW + b"\n")
    rows = list(open_source(path))
    assert [row.data is None for row in rows] == [False, True, False]
    error = rows[1].error
    assert error is not None
    assert (error.code, error.severity, error.where.file, error.where.line, error.where.row) == (
        "D001",
        "error",
        path,
        3,
        1,
    )
    assert message in error.message
    assert error.where.field == field
    assert "end" not in error.message
    assert [row.line for row in rows] == [1, 3, 4]


def test_lone_surrogate_pair_halves_only() -> None:
    assert jsonl._parse(b'{"a": "\\ud83d\\ude00"}')[0] == {"a": "\U0001f600"}


def test_cut_last_line_says_that_the_file_ends(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, ROW + b"\n" + ROW[:30]))
    error = source.row(1).error
    assert error is not None
    assert "the file ends in the middle" in error.message
    assert source.row(0).data == {"messages": PAIR}


def test_missing_columns_are_null_and_late_ones_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "COLUMNS_FROM_BYTES", 30)
    source = open_source(written(tmp_path, b'{"a": 1, "pad": "0123456789"}\n{"b": 2}\n{"c": 3}\n'))
    assert source.row(0).data == {"a": 1, "pad": "0123456789"}
    assert source.findings == []
    assert source.row(1).data == {"b": 2, "a": None, "pad": None}
    (finding,) = source.findings
    assert (finding.code, finding.where.line) == ("D008", 2)
    assert "'b'" in finding.message
    list(source)
    assert len(source.findings) == 1


def test_index_grows_only_as_far_as_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_BLOCK", 1 << 16)
    monkeypatch.setattr(jsonl, "COLUMNS_FROM_BYTES", 1 << 16)
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"".join(b'{"i": %d}\n' % i for i in range(100_000)))
    source = JsonlSource(path, "d")
    assert source.row(5).data == {"i": 5}
    assert source.known_length is None
    assert source._scanned <= 3 << 16
    assert source.row(99_999).data == {"i": 99_999}
    assert source.row(50_000).line == 50_001
    assert len(source) == source.known_length == 100_000
    for wrong in (-1, 100_000):
        with pytest.raises(IndexError):
            source.row(wrong)


_line = st.sampled_from([b'{"i": 1}', b"", b"  ", b"\t\r", b"x", b'{"long": "' + b"y" * 40 + b'"}', b" " * 30])


@settings(max_examples=200, deadline=None)
@given(st.lists(_line, max_size=12), st.booleans(), st.booleans(), st.integers(1, 60), st.booleans())
def test_index_equals_splitting_lines(lines: list[bytes], final: bool, bom: bool, block: int, compressed: bool) -> None:
    import tempfile

    content = (b"\xef\xbb\xbf" if bom else b"") + b"\n".join(lines) + (b"\n" if final else b"")
    want = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    old = jsonl._BLOCK
    jsonl._BLOCK = block
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("d.jsonl.gz" if compressed else "d.jsonl")
            path.write_bytes(gzip.compress(content) if compressed else content)
            source = JsonlSource(path, "d")
            assert [(row.line, row.data is not None) for row in source] == [(n, text != b"x") for n, text in want]
            assert len(source) == len(want)
            if want:
                assert source.row(0).line == want[0][0]
    finally:
        jsonl._BLOCK = old


def test_compressed_files(tmp_path: Path) -> None:
    content = ROW + b"\n" + ROW + b"\n"
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(content))
    with pa.CompressedOutputStream(str(tmp_path / "d.jsonl.zst"), "zstd") as out:
        out.write(content)
    for name in ("d.jsonl.gz", "d.jsonl.zst"):
        source = open_source(str(tmp_path / name))
        assert source.row(1).data == source.row(0).data == {"messages": PAIR}
        assert len(source) == 2


def test_damaged_compressed_file_gives_what_is_before(tmp_path: Path) -> None:
    content = b"".join(json.dumps({"i": i, "x": str(hash(i * 7919))}).encode() + b"\n" for i in range(20_000))
    path = written(tmp_path, gzip.compress(content)[:60_000], "d.jsonl.gz")
    rows = list(open_source(path))
    assert rows[1000].data is not None
    assert all(row.error is None for row in rows[:-2])
    assert rows[-1].error is not None
    assert "damaged or cut" in rows[-1].error.message
    with pytest.raises(InputError, match="cannot be read"):
        open_source(written(tmp_path, b"no gzip at all", "e.jsonl.gz"))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]"])
def test_a_file_without_a_row_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="There is no row here"):
        open_source(written(tmp_path, content))


def test_list_file_is_lazy_and_keeps_line_numbers(tmp_path: Path) -> None:
    content: list[Any] = [{"messages": PAIR}, 5, {"id": 1}]
    source = open_json(Path(written(tmp_path, json.dumps(content, indent=1).encode(), "d.json")), "d.json")
    assert isinstance(source, JsonListSource)
    assert source.known_length == 3
    first, second, third = source
    assert first.data == {"messages": PAIR, "id": None}
    assert second.error is not None
    assert "a number" in second.error.message
    assert third.data == {"id": 1, "messages": None}
    assert (first.line, third.line) == (2, 15)


@pytest.mark.parametrize(
    ("tail", "message"),
    [(b", {bad}]", "not valid JSON"), (b" {}", "comma"), (b"", "bracket is missing"), (b",", "never closed")],
)
def test_broken_list_gives_the_rows_before(tail: bytes, message: str, tmp_path: Path) -> None:
    source = open_source(written(tmp_path, b"[" + ROW + tail, "d.json"))
    assert len(source) == 2
    assert source.row(0).data == {"messages": PAIR}
    error = source.row(1).error
    assert error is not None
    assert message in error.message
    assert error.where.line == 1


def test_lines_that_begin_with_a_bracket_are_lines(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, b"[1]\n" + ROW + b"\n"))
    assert [row.data is None for row in source] == [True, False]


def test_one_indented_object_is_refused_with_advice(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"messages": PAIR}, indent=2).encode(), "d.json")
    with pytest.raises(InputError, match="one JSON object") as caught:
        open_source(path)
    assert "list of rows" in caught.value.hint


def test_arrow_view_reports_what_datasets_cannot_load(tmp_path: Path) -> None:
    rows, problem = arrow_view(written(tmp_path, ROW + b"\n{bad\n"))
    assert rows == []
    assert problem is not None
    assert (problem.code, problem.severity) == ("D008", "error")
