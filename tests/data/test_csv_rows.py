"""CSV files as they are written: every cell a text, each bad row an error at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.data.csv_rows import CsvSource
from workbench.data.sources import open_source
from workbench.errors import InputError


def written(folder: Path, text: str, encoding: str = "utf-8") -> str:
    (folder / "rows.csv").write_bytes(text.encode(encoding))
    return str(folder / "rows.csv")


def test_cells_stay_texts(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, "\ufeffq,a\nCode?,007\nShort?,NA\n,\n"), as_written=True)
    assert isinstance(source, CsvSource)
    assert [row.data for row in source] == [
        {"q": "Code?", "a": "007"},
        {"q": "Short?", "a": "NA"},
        {"q": None, "a": None},
    ]
    assert (source.known_length, len(source), source.base_dir) == (3, 3, tmp_path)
    assert source.row(1).data == {"q": "Short?", "a": "NA"}
    with pytest.raises(IndexError):
        source.row(3)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_line_breaks_in_cells(tmp_path: Path, delimiter: str) -> None:
    text = f'q{delimiter}a\r\n"two\r\nlines"{delimiter}"a{delimiter} ""b"""\r\nlast{delimiter}c\r\n'
    rows = list(CsvSource(Path(written(tmp_path, text)), "rows.csv"))
    assert [row.data for row in rows] == [{"q": "two\r\nlines", "a": f'a{delimiter} "b"'}, {"q": "last", "a": "c"}]
    assert [row.line for row in rows] == [2, 4]


def test_a_bad_row_is_an_error_at_its_line(tmp_path: Path) -> None:
    rows = list(CsvSource(Path(written(tmp_path, "q,a\n1,2,3\n4,5\n6\n")), "rows.csv"))
    assert rows[0].error is not None
    assert (rows[0].error.where.line, rows[0].error.message) == (2, "the row has more cells than the header (1 more)")
    assert [row.data for row in rows[1:]] == [{"q": "4", "a": "5"}, {"q": "6", "a": None}]


def test_what_is_no_text_ends_the_file_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"q,a\n" + b"1,2\n" * 20_000 + b"\xff,3\n4,5\n")
    rows = list(CsvSource(tmp_path / "rows.csv", "rows.csv"))
    assert [row.error is None for row in rows[:10]] == [True] * 10
    assert rows[-1].error is not None
    assert "not readable CSV" in rows[-1].error.message
    (tmp_path / "rows.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        CsvSource(tmp_path / "rows.csv", "rows.csv")


def test_a_slice_reads_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(
        written(tmp_path, "a\n" + "".join(f"{n}\n" for n in range(9))), split="train[2:5]", as_written=True
    )
    reads: list[int] = []
    monkeypatch.setattr(CsvSource, "row", lambda self, index: reads.append(index))
    assert [(row.index, row.data) for row in source] == [(0, {"a": "2"}), (1, {"a": "3"}), (2, {"a": "4"})]
    assert reads == []
