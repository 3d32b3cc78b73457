"""A finding about a row that names `vlmbench convert` is mended by that command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.convert.shapes import CALL, TOOL, jsonl, pictures, talk
from workbench.cli import cli
from workbench.data.conversation import normalize
from workbench.data.remedies import AS_TEXT, CONVERT
from workbench.data.row_notes import RowError, at_source
from workbench.data.sources import open_source
from workbench.findings import Finding

CALLED = {"role": "assistant", "content": "I look.", "tool_calls": [{"type": "function", "function": CALL}]}
PAIR = talk("A?", "B.")

ROWS: list[tuple[str, dict[str, Any]]] = [
    ("D001", {"question": "A?", "answer": "B."}),
    ("D003", {"messages": PAIR, "image": "img/red.png"}),
    ("D003", {"messages": PAIR, "images": []}),
    ("D003", {"messages": PAIR, "images": ["img/red.png", "img/blue.png"]}),
    ("D003", {"messages": PAIR, "image": {"bytes": None, "path": "img/red.png"}}),
    ("D003", {"messages": PAIR, "images": [[[[9, 9, 9]] * 8] * 8]}),
    ("D005", {"messages": talk([{"type": "image", "path": "FILE"}, {"type": "text", "text": "A?"}], "B.")}),
    ("D008", {"messages": talk([{"text": "A?"}], "B.")}),
    ("D008", {"messages": talk(["A?"], "B.")}),
    ("T001", {"messages": PAIR, "system": "Be brief."}),
    ("T001", {"messages": PAIR, "tools": [TOOL]}),
    ("T001", {"messages": [PAIR[0], CALLED, *PAIR]}),
    ("T001", {"messages": [PAIR[0], {**PAIR[1], "reasoning_content": "C."}]}),
]


def findings(row: dict[str, Any], source: str, folder: Path) -> list[Finding]:
    try:
        return normalize(row, source=source, base_dir=folder).findings
    except RowError as problem:
        return [problem.finding()]


@pytest.mark.parametrize(("code", "row"), ROWS)
def test_the_command_of_a_hint_mends_the_row(
    code: str, row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    pictures(folder)
    monkeypatch.chdir(tmp_path)
    file = jsonl(folder, [json.loads(json.dumps(row).replace("FILE", f"file://{folder}/img/red.png"))])
    (read,) = open_source("my data/data.jsonl")
    assert read.data is not None
    named = [one for one in findings(read.data, read.source, folder) if "vlmbench convert" in one.hint]
    assert [one.code for one in named][:1] == [code]
    command = re.search(r"`vlmbench (convert [^`]*)`", named[0].hint)
    assert command is not None
    before = file.read_bytes()
    done = CliRunner().invoke(cli, shlex.split(command[1]), standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0), done.stdout
    (mended,) = open_source("rows.jsonl")
    assert mended.data is not None
    assert [one for one in findings(mended.data, "rows.jsonl", tmp_path) if one.code != "D005"] == []
    assert file.read_bytes() == before


def test_the_source_is_quoted_and_several_files_are_not_named() -> None:
    assert at_source(CONVERT, "it's.jsonl") == """`vlmbench convert 'it'"'"'s.jsonl' --out rows.jsonl`"""
    assert "`vlmbench convert DATA --out rows.jsonl --tool-text`" in at_source(AS_TEXT, "a.jsonl …")
    assert at_source(CONVERT, None) == "`vlmbench convert DATA --out rows.jsonl`"
