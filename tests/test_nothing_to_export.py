"""From nothing to an export: by commands alone, and in a notebook. The screens' way is in tests/screens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.nothing_to_export import undated
from tests.test_cli import run
from workbench.export.receipt import read_receipt
from workbench.paths import sample_dir

WALKTHROUGH = sample_dir() / "walkthrough.ipynb"
ROWS, STEPS = 2, 15


@pytest.fixture(scope="module")
def by_command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded demo's export by commands alone, in a folder and with a memory of their own."""
    folder = tmp_path_factory.mktemp("command")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLMBENCH_STATE", str(folder / "state"))
        patch.chdir(folder)
        assert run("check").returncode == 0
        refused = run("export", "--out", "full.yaml")
        assert (refused.returncode, (folder / "full.yaml").exists()) == (1, False)
        assert "no overfit run of this recipe is recorded" in refused.stderr
        ran = run("overfit", "--rows", str(ROWS), "--steps", str(STEPS))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        wrote = run("export", "--out", "full.yaml")
        assert wrote.returncode == 0, wrote.stderr
    return folder / "full.yaml"


def test_from_nothing_to_an_export_by_commands_alone(by_command: Path) -> None:
    receipt = read_receipt(by_command.read_text("utf-8"))
    assert receipt is not None
    assert receipt.validated == "bench"
    assert receipt.missing == ()
    assert set(receipt.proofs) >= {"schema", "rows", "check", "overfit", "round trip"}
    again, demo = (json.loads(run("inspect", *which, "--format", "json").stdout) for which in ([str(by_command)], []))
    assert again["rows"][0]["labels"] == demo["rows"][0]["labels"]


def test_from_nothing_to_an_export_in_a_notebook(by_command: Path, tmp_path: Path) -> None:
    notebook: Any = nbformat.read(WALKTHROUGH, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code), "it is kept without outputs"
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    shown = {"".join(cell.source).splitlines()[-1]: cell.outputs for cell in code}
    # Every cell shows one thing, and nothing is printed beside it; the run's display is replaced as it goes.
    for outputs in shown.values():
        kinds = [output.output_type for output in outputs]
        assert kinds in (["execute_result"], ["display_data", "execute_result"])

    def page(last_line: str) -> str:
        return str(shown[last_line][-1].data["text/html"])

    assert "M003" not in page("bench")
    assert "swallows 6 later turns" in page("bench.rows[1]")
    assert "fix:" in page("bench.rows[1].check()")
    assert "application/vnd.jupyter.widget-view+json" in shown["editor"][0].data
    mask = page("bench.rows[1].mask()")
    assert f"{shown['bench.rows[1].mask().trained'][0].data['text/plain']} of " in mask
    assert "M003" not in page("bench.check()")
    assert "verified for system, user, assistant" in page("bench.infer()")
    assert "24 of 33" in page("bench.anatomy()")
    assert "activations" in page("bench.memory()")
    live, report = (output.data for output in shown["run"])
    assert live["text/plain"] == f"overfit: pass, {STEPS} of {STEPS} steps"
    verdict = report["text/plain"].splitlines()[1]
    assert verdict.startswith(f"pass: the model reproduces these rows after {STEPS} steps")
    assert 'class="curve"' in report["text/html"]
    assert "· loss 0.0" in page("bench.rows[0]")
    assert "proven here; axolotl not asked" in page('bench.export("full.yaml", force=True)')
    assert undated((tmp_path / "full.yaml").read_text("utf-8")) == undated(by_command.read_text("utf-8"))
