"""The rules of the house that no other test would notice."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.recipe import plugin

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "datasets", "textual", "numpy", "pydantic", "screens")


def loaded(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running this code."""
    tail = "\nimport sys; print('|'.join({name.split('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code + tail, *arguments], capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split("|"))


@pytest.mark.parametrize(
    "code",
    [
        "import workbench",
        "import workbench.cli",
        "from workbench.cli import cli\ncli.main(['--help'], standalone_mode=False)",
        "from workbench.cli import cli\ncli.main(['inspect', '--help'], standalone_mode=False)",
    ],
)
def test_starting_loads_nothing_heavy(code):
    assert not loaded(code) & set(HEAVY)


def test_the_core_never_loads_the_screens():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "workbench").rglob("*.py"))
        # The plugin runs inside axolotl, and the bench never imports it.
        if path.name not in ("__init__.py", plugin.FILE)
    ]
    assert len(modules) > 15
    found = loaded("\n".join(f"import {module}" for module in modules))
    assert "transformers" in loaded("import transformers")
    assert not found & {"textual", "screens"}


def test_the_app_starts_without_the_model_libraries():
    assert not loaded("import screens.app") & {"torch", "transformers", "datasets"}


def test_model_knowledge_is_data():
    branches = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("workbench", "screens")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "model_type ==" in line or "model_type in (" in line
    ]
    assert branches == []


def test_a_docstring_begins_with_the_thing():
    """Not with a question about it: "The number of rows", where "How many rows" would be asked."""
    asking = ("What ", "How ", "Where ", "Which ", "Whether ", "Why ", "When ")
    found = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for folder in ("workbench", "screens", "report_card")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (ast.get_docstring(node) or "").startswith(asking)
    ]
    assert found == []
