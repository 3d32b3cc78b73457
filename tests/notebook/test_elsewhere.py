"""The notebook's objects in the programs that show them: a kernel of Jupyter, marimo; and a user's typed script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebook.user_script import look

CELLS = (
    "import workbench\nfrom workbench.notebook.editor import BoundaryEditor\nbench = workbench.open(rows=3)\nbench",
    "bench.masks()",
    "bench.editor(row=1)",
    "bench.set('nowhere.x', object())",
)


def test_a_kernel_of_jupyter_keeps_html(tmp_path: Path) -> None:
    notebook: Any = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS]  # type: ignore[no-untyped-call]
    )
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    opened, masks, editor, wrong = (cell.outputs for cell in notebook.cells)
    for outputs in (opened, masks):
        assert [output.output_type for output in outputs] == ["execute_result"]
        assert "<script" not in outputs[0].data["text/html"]
    # The widget, and for a page without a kernel what it showed.
    data = editor[-1].data
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "on row 1" in data["text/html"]
    assert "role: assistant" in data["text/html"]
    assert [output.output_type for output in wrong] == ["error"]
    assert "cannot be written" in "".join(wrong[0].traceback)
    assert "File " not in "".join(wrong[0].traceback)


MARIMO = """
import marimo
app = marimo.App()
@app.cell
def _():
    import workbench
    bench = workbench.open(rows=3)
    bench
    return (bench, workbench)
@app.cell
def _(bench):
    bench.rows[0].mask()
    return
@app.cell
def _(bench):
    editor = bench.editor(row=2)
    editor
    return (editor,)
"""


def test_marimo_shows_them(tmp_path: Path) -> None:
    pytest.importorskip("marimo")
    file = tmp_path / "notebook.py"
    file.write_text(MARIMO, "utf-8")
    page = tmp_path / "notebook.html"
    ran = subprocess.run(
        [sys.executable, "-m", "marimo", "export", "html", str(file), "-o", str(page), "--no-include-code", "--force"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    shown = page.read_text("utf-8")
    assert "tokens trained" in shown
    assert "marimo-anywidget" in shown
    assert "marimo-error" not in shown


def test_a_users_script_runs_as_it_is_typed() -> None:
    told = look()
    assert told[0].startswith("M006")
    assert told[-1].count(".") >= 1
    assert json.dumps(told)
