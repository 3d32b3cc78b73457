"""Examples of findings, one a code, as `examples.toml` has them; the tests run them and the site shows them."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document, key_path

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "overfit" / "recorded"
ROWS = "row.jsonl"
"""The file that an example's row stands in."""


@dataclass(frozen=True)
class Example:
    """A change of the embedded demo, or a recorded run, and how the finding's message begins.

    `set` and `remove` name keys of the recipe, `append` is text after its last line; `row` is the one row of its data
    set, and `clean` the same without the fault.
    """

    code: str
    finds: str
    set: dict[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    append: str = ""
    row: str = ""
    clean: str = ""
    recorded: str = ""

    def recipe(self, folder: Path | None = None) -> Document:
        """The demo's recipe with the change; `folder` is where it lies."""
        path = (folder or sample_dir()) / "demo.yaml"
        document = Document((sample_dir() / "demo.yaml").read_text("utf-8"), "demo.yaml", path=path)
        for key in self.remove:
            document.delete(key_path(key))
        for key, value in self.set.items():
            document.set(key_path(key), value)
        if self.row:
            document.set(key_path("datasets.0.path"), ROWS)
        if self.append:
            document.replace_text(document.text + self.append)
        return document


@cache
def examples() -> dict[str, Example]:
    """Every example, by code."""
    listed = tomllib.loads(Path(__file__).with_name("examples.toml").read_text("utf-8"))
    return {code: Example(code, **{**one, "remove": tuple(one.get("remove", ()))}) for code, one in listed.items()}


@cache
def named_tests() -> dict[str, list[str]]:
    """Code -> the tests whose text names it, as `file: function`, or as the file where a table in it does."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    from workbench.checks.registry import codes

    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path.parent == ROOT / "tests" / "docs":
            continue
        text = path.read_text("utf-8")
        present = [code for code in codes() if code in text or code.lower() in text]
        inside: set[str] = set()
        for function in ast.parse(text).body if present else ():
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or not function.name.startswith("test"):
                continue
            source = ast.get_source_segment(text, function) or ""
            decorated = "\n".join(ast.get_source_segment(text, one) or "" for one in function.decorator_list)
            for code in present:
                if code in source or code in decorated or f"_{code.lower()}_" in function.name:
                    found[code].append(f"{path.relative_to(ROOT)}: {function.name}")
                    inside.add(code)
        for code in present:
            if code not in inside:
                found[code].append(f"{path.relative_to(ROOT)}")
    return dict(found)
