"""`inspect` and `check` on the same recipe and rows: the same exit code, with what it is for on the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checks.support import HEAD, SETS, row
from tests.data.shapes import SHAPES
from workbench.cli import main

RECIPE = HEAD + "chat_template: qwen2_vl\nlearning_rate: 0.0002\nsample_packing: false\n" + SETS
CLEAN = row("What is it?", "A square.")


@pytest.mark.parametrize(
    ("recipe", "raw", "code", "exits"),
    [
        (RECIPE, CLEAN, "", 0),
        (RECIPE, SHAPES["system column"], "T001", 1),
        (RECIPE.replace("learning_rate: 0.0002\n", ""), CLEAN, "C010", 1),
    ],
)
def test_inspect_exits_as_check_does(
    recipe: str,
    raw: dict[str, object],
    code: str,
    exits: int,
    processor_folder: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(raw) + "\n", "utf-8")
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe.replace("base_model: here", f"base_model: {processor_folder('qwen2_5_vl')}"), "utf-8")
    data = ["--data", str(tmp_path / "rows.jsonl")]
    assert exit_code(["inspect", str(file), "--plain", *data]) == exits
    seen = capsys.readouterr().out
    assert exit_code(["check", str(file), "--ignore", "A", "--row", "0", *data]) == exits
    assert code in seen
    assert code in capsys.readouterr().out


def exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)
