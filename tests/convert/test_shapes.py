"""Every shape that people bring becomes messages: turns, pictures in their place, nothing lost, nothing touched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.convert.shapes import CASES, COLOURS, Case, written
from workbench.convert.rows import Wanted
from workbench.convert.run import Converted, convert
from workbench.convert.shapes import Columns
from workbench.data.conversation import normalize
from workbench.data.sources import open_source

by_name = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def wanted(case: Case) -> Wanted:
    options = dict(case.options)
    return Wanted(Columns(assistant=options.pop("assistant", "")), **options)


def converted(case: Case, folder: Path, **more: Any) -> tuple[Converted, list[dict[str, Any]]]:
    data = written(case, folder / "data")
    out = folder / "rows.jsonl"
    result = convert(open_source(str(data), as_written=True), out, wanted(case), **more)
    return result, [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def turns(row: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (
            message["role"],
            [part["text"] if part["type"] == "text" else f"#{part['type']}" for part in message["content"]],
        )
        for message in row["messages"]
    ]


def paths(row: dict[str, Any]) -> list[str]:
    return [part["path"] for message in row["messages"] for part in message["content"] if part["type"] == "image"]


def contents(folder: Path) -> dict[str, str]:
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


@by_name
def test_rows_become_messages(case: Case, tmp_path: Path) -> None:
    result, rows = converted(case, tmp_path)
    assert (result.read, result.written, result.refused) == (len(case.rows), len(case.rows), 0)
    assert result.shape.name.startswith(case.shape)
    found = turns(rows[0])
    assert len(found) == len(case.turns)
    for (role, parts), (expected_role, expected) in zip(found, case.turns, strict=True):
        assert role == expected_role
        if expected == ["# Tools"]:
            assert parts[0].startswith("# Tools\n\n<tools>\n{")
            assert '"weather"' in parts[0]
        else:
            assert parts == expected


@by_name
def test_the_data_is_never_touched(case: Case, tmp_path: Path) -> None:
    data = written(case, tmp_path / "data")
    before = contents(tmp_path / "data")
    convert(open_source(str(data), as_written=True), tmp_path / "rows.jsonl", wanted(case))
    assert contents(tmp_path / "data") == before


@by_name
def test_the_collator_takes_them_without_a_finding(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back as `datasets` reads them, normalised as axolotl does, from another working directory."""
    converted(case, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    source = open_source(str(tmp_path / "rows.jsonl"))
    for row in source:
        assert row.error is None
        assert row.data is not None
        talk = normalize(row.data, base_dir=source.base_dir)
        assert [finding for finding in talk.findings if finding.code != "D005"] == []
        assert len(talk.messages) == len(row.data["messages"])
    assert source.findings == []


@by_name
def test_pictures_are_those_of_the_row(case: Case, tmp_path: Path) -> None:
    """Each picture of the first row has one colour: it is still that colour, and in its order."""
    _, rows = converted(case, tmp_path)
    colours = {"hf-messages-and-images": ["red", "blue"], "cauldron": ["red", "green"]}.get(case.name, ["red"])
    found = []
    for path in paths(rows[0]):
        with Image.open(path) as picture:
            pixel = picture.convert("RGB").getpixel((3, 3))
        found.append(min(COLOURS, key=lambda colour: _distance(Image.new("RGB", (1, 1), colour), pixel)))
    has = any("#image" in parts for _, parts in case.turns)
    assert found == (colours if has else [])


def _distance(picture: Image.Image, pixel: Any) -> int:
    own: Any = picture.getpixel((0, 0))
    return sum(abs(a - b) for a, b in zip(own, pixel, strict=True))


@by_name
def test_relative_paths_are_right_from_the_output(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With relative paths, output and data can be moved together, and axolotl started where the output lies."""
    _, rows = converted(case, tmp_path / "first", paths="relative")
    moved = (tmp_path / "first").rename(tmp_path / "second")
    monkeypatch.chdir(moved)
    for row in rows:
        for path in paths(row):
            assert not Path(path).is_absolute()
            assert Path(path).is_file()


def test_the_same_file_again_converts_to_itself(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "llava")
    _, rows = converted(case, tmp_path)
    result = convert(open_source(str(tmp_path / "rows.jsonl"), as_written=True), tmp_path / "again.jsonl", Wanted())
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "rows.jsonl").read_bytes()
    assert (result.changed, len(rows)) == (0, 3)
