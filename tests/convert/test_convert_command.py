"""`vlmbench convert`: what it says, what it leaves on the disk, and its exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.convert.shapes import CASES, csv_file, jsonl, pictures, talk, written
from workbench.cli import cli
from workbench.convert.lines_file import LinesFile
from workbench.convert.rows import Wanted
from workbench.convert.run import converting
from workbench.data.sources import open_source
from workbench.errors import EnvironmentProblem
from workbench.paths import sample_dir

Run = Callable[..., Result]
LLAVA = next(case for case in CASES if case.name == "llava")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, ["convert", *arguments], standalone_mode=False)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_it_says_what_was_seen_written_and_changed(run: Run, tmp_path: Path) -> None:
    written(LLAVA, tmp_path / "data")
    result = run("data/data.json", "--out", "rows.jsonl")
    assert result.return_value == 0
    assert result.stdout.startswith(
        "data/data.json: LLaVA (from and value)\n  messages: conversations\n  image: image\n"
    )
    assert "wrote    rows.jsonl: 3 of 3 rows\n" in result.stdout
    assert "changed        4 × role human is user now\n" in result.stdout
    assert "The shape alone: no model was named" in result.stderr


def test_refused_rows_lie_beside_the_output(run: Run, tmp_path: Path) -> None:
    rows = [
        {"messages": talk("Hi?", "Hello.")},
        {"messages": [*talk("Hi?"), {"role": "function_call", "content": "{}"}]},
    ]
    jsonl(tmp_path, rows)
    result = run("data.jsonl", "--out", "rows.jsonl")
    assert result.return_value == 1
    assert (
        "refused        1 × calls of tools, which axolotl's collator drops\n         row 1, line 2\n" in result.stdout
    )
    assert "→ With --tool-text they are written as text." in result.stdout
    assert json.loads((tmp_path / "rows.refused.jsonl").read_text())["data"] == rows[1]
    again = run("data.jsonl", "--out", "rows.jsonl", "--force", "--tool-text")
    assert (again.return_value, "refused" in again.stdout) == (0, False)
    assert "<tool_call>" in (tmp_path / "rows.jsonl").read_text()


def test_json_is_versioned_and_whole(run: Run, tmp_path: Path) -> None:
    written(LLAVA, tmp_path / "data")
    result = run("data/data.json", "--out", "rows.jsonl", "--format", "json")
    payload = json.loads(result.stdout)
    assert payload["schema"] == "vlmbench.convert/1"
    assert payload["rows"] == {"read": 3, "written": 3, "changed": 3, "refused": 0}
    assert payload["shape"]["media"] == {"image": ["image"]}
    assert {"what": "role gpt is assistant now", "count": 4} in payload["changes"]
    assert payload["proof"] == {"by": None, "of": "shape", "rows": 0}
    assert payload["refused_file"] is None
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to convert"),
        (["none.jsonl"], "No such data file"),
        (["data/data.json", "--out", "data/data.json"], "The output is the input"),
        (["data", "--out", "data/rows.jsonl"], "lies in the folder of the data"),
        (["data/data.json", "--out", "there.jsonl"], "There is a file already"),
        (["data/data.json", "--out", "no/such/folder.jsonl"], "The file was not written"),
        (["data/data.json", "--out", "fifo"], "The file was not written"),
        (["data/data.json", "--media", "nowhere"], "--media names no folder"),
        (["data/data.json", "--messages", "talk"], "there is no column 'talk'"),
        (["empty.jsonl"], "There is no row here"),
        (["data/data.json", "--config", "none.yaml"], "none.yaml"),
        (["data/data.json", "--model", "./none"], "no such folder"),
    ],
)
def test_bad_usage_ends_with_2_and_leaves_nothing(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    written(LLAVA, tmp_path / "data")
    (tmp_path / "there.jsonl").write_text("mine")
    (tmp_path / "empty.jsonl").write_text("\n")
    os.mkfifo(tmp_path / "fifo")
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments, *([] if "--out" in arguments else ["--out", "rows.jsonl"]))
    assert (result.return_value, result.stdout) == (2, "")
    assert words in result.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.jsonl").read_text() == "mine"


def test_a_symlink_to_the_data_is_the_data(run: Run, tmp_path: Path) -> None:
    written(LLAVA, tmp_path / "data")
    (tmp_path / "rows.jsonl").symlink_to(tmp_path / "data" / "data.json")
    before = (tmp_path / "data" / "data.json").read_bytes()
    assert run("data/data.json", "--out", "rows.jsonl", "--force").return_value == 2
    assert (tmp_path / "data" / "data.json").read_bytes() == before


def test_text_of_the_data_is_never_emitted_as_control_codes(run: Run, tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "\x1b[2Jevil", "content": "a"}, *talk("A?", "B.")], "\x1b[31mid": 1}]
    jsonl(tmp_path, [*rows, {"messages": talk("A?", "B.")}])
    result = run("data.jsonl", "--out", "rows.jsonl")
    assert result.return_value == 1
    assert "evil" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


def test_a_table_by_its_options(run: Run, tmp_path: Path) -> None:
    pictures(tmp_path)
    csv_file(tmp_path, [{"scan": "img/red.png", "ask": "Colour?", "gold": "red", "note": "x"}])
    options = ["--user", "ask", "--assistant", "gold", "--image", "scan", "--system", "Be brief."]
    result = run("data.csv", "--out", "rows.jsonl", *options)
    assert result.return_value == 0
    row = json.loads((tmp_path / "rows.jsonl").read_text())
    assert [(turn["role"], [part["type"] for part in turn["content"]]) for turn in row["messages"]] == [
        ("system", ["text"]),
        ("user", ["image", "text"]),
        ("assistant", ["text"]),
    ]
    assert "left out: note" in result.stdout


def test_a_recipe_names_the_rows_and_proves_them(run: Run, tmp_path: Path) -> None:
    """The demo's model, a recipe whose entry reads ShareGPT, and rows of it; the recipe itself is left as it is."""
    written(LLAVA, tmp_path / "data")
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    text = text.replace("path: shapes-heldout.jsonl", "path: data/data.json\n    field_messages: conversations")
    (tmp_path / "mine.yaml").write_text(text)
    result = run("--config", "mine.yaml", "--out", "rows.jsonl", "--format", "json", "--axolotl-python", "none")
    payload: dict[str, Any] = json.loads(result.stdout)
    assert (result.return_value, payload["refusals"]) == (0, [])
    assert payload["proof"]["by"] == "bench"
    assert (payload["proof"]["rows"], payload["proof"]["media"]) == (3, 2)
    assert not [one for one in payload["proof"]["findings"] if one["severity"] != "note"], payload["proof"]
    assert (tmp_path / "mine.yaml").read_text() == text
    assert run("--config", "mine.yaml", "--out", "data/data.json", "--force").return_value == 2
    plain = run("--config", "mine.yaml", "--out", "rows.jsonl", "--force", "--axolotl-python", "none")
    assert "3 rows proven here for" in plain.stderr


def test_rows_n_takes_the_first(run: Run, tmp_path: Path) -> None:
    written(LLAVA, tmp_path / "data")
    run("data/data.json", "--out", "rows.jsonl", "--rows", "2")
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 2


def test_an_output_that_was_never_finished_is_never_seen(tmp_path: Path) -> None:
    data = written(LLAVA, tmp_path / "data")
    steps = converting(open_source(str(data), as_written=True), tmp_path / "rows.jsonl", Wanted())
    next(steps)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["data"]
    steps.close()  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_full_disk_is_said_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("before")
    lines = LinesFile(target)
    lines.write(b"{}")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.convert.lines_file.os.fsync", full)
    with pytest.raises(EnvironmentProblem, match="not written"):
        lines.commit()
    lines.abandon()
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_refused_file_of_before_does_not_stay(run: Run, tmp_path: Path) -> None:
    jsonl(tmp_path, [{"messages": talk("Hi?", "Hello.")}, {"messages": talk("Hi?")}])
    assert run("data.jsonl", "--out", "rows.jsonl").return_value == 1
    jsonl(tmp_path, [{"messages": talk("Hi?", "Hello.")}])
    assert run("data.jsonl", "--out", "rows.jsonl", "--force").return_value == 0
    assert not (tmp_path / "rows.refused.jsonl").exists()
