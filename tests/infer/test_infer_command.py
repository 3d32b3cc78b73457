"""`vlmbench infer`: YAML that can be pasted, the evidence above it, JSON, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from workbench import cli
from workbench.errors import EXIT_FINDINGS, EXIT_INPUT, EXIT_OK


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(["infer", *arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


def test_the_demos_boundaries_are_proved_and_can_be_pasted(run):
    code, out, _ = run("--rows", "4")
    assert code == EXIT_OK
    comments = [line for line in out.splitlines() if line.startswith("#")]
    assert "verified for system, user, assistant" in comments[2]
    assert "4 rows" in comments[3]
    rows = yaml.safe_load(out)["role_boundaries"]
    assert [row["role"] for row in rows] == ["system", "user", "assistant"]


def test_what_is_not_proved_is_said_and_is_no_success(run, processor_folder, tmp_path: Path):
    folder = str(processor_folder("gemma3"))
    data = tmp_path / "rows.jsonl"
    rows = [
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "\nno"}]},
        {"messages": 7},
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, _ = run("--model", folder, "--data", str(data))
    assert code == EXIT_FINDINGS
    assert "NOT verified for system, user" in out
    assert "1 rows of" in out
    code, out, _ = run("--model", folder, "--data", str(data), "--format", "json")
    assert code == EXIT_FINDINGS
    payload = json.loads(out)
    assert payload["schema"] == "vlmbench.infer/1"
    assert payload["verified"] is False
    assert payload["rows"] == 1
    proved = {one["role"]: one["verified"] for one in payload["evidence"]}
    assert {"system": False, "user": False, "assistant": True}.items() <= proved.items()


def test_bad_arguments_are_bad_arguments(run):
    code, out, err = run("nothing-there.yaml")
    assert code == EXIT_INPUT
    assert out == ""
    assert "nothing-there.yaml" in err
