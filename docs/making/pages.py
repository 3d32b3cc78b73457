"""Pages of the site that are made of data: one for each code at a stable address, the schemas, the changelog.

mkdocs calls `on_files` before it renders (`hooks` in mkdocs.yml).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.making.examples import Example, examples, named_tests  # noqa: E402
from workbench.answers.schemas import ANSWERS, file_name, identifier, schema  # noqa: E402
from workbench.checks.registry import Code, codes  # noqa: E402
from workbench.views.codes_markdown import code_table, paragraph, topics  # noqa: E402

_TESTS = 8


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made here."""
    pages = {
        "codes/index.md": codes_index(),
        **{f"codes/{name}.md": code_page(code) for name, code in codes().items()},
        "schemas/index.md": schemas_page(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text("utf-8"),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def codes_index() -> str:
    """The list of all codes, by topic."""
    lines = ["# Codes", "", "Every finding has a code, and every code a page: its cause, an example, the remedy."]
    lines += ["`vlmbench explain CODE` tells the same in a terminal, `workbench.explain(CODE)` in a notebook."]
    for letter, topic, listed in topics(codes().values()):
        lines += [
            "",
            f"## {letter}: {topic}",
            "",
            *code_table((code, f"{code.code}.md") for code in listed),
        ]
    return "\n".join(lines) + "\n"


def code_page(code: Code) -> str:
    """The page of one code."""
    lines = [f"# {code.code}: {paragraph(code.title)}", ""]
    lines += [f"*{code.severity}, found in the {code.scope}*", "", "## Cause", "", paragraph(code.cause)]
    lines += ["", "## Example", "", paragraph(code.example)]
    if (example := examples().get(code.code)) is not None:
        lines += ["", *_example(example)]
    lines += ["", "## What to do", "", paragraph(code.fix)]
    if (named := named_tests().get(code.code, [])) and code.code not in examples():
        lines += ["", "## Tests", "", "These tests show it failing and clean, on models that are not in the demo:", ""]
        lines += [f"- `{name}`" for name in named[:_TESTS]]
    return "\n".join(lines) + "\n"


def _example(example: Example) -> list[str]:
    if example.recorded:
        lines = [f"A recorded run with this one fault (`tests/overfit/recorded/{example.recorded}.jsonl`) has it:"]
        return [*lines, "", *_fenced("text", f"{example.code} {example.finds} …")]
    lines = ["The embedded demo with this change has it, and without it does not:", ""]
    diff = example.recipe().diff() if not example.row or example.set or example.remove else ""
    if diff:
        body = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
        lines += _fenced("diff", *body)
    if example.row:
        lines += [
            "",
            "The row:",
            "",
            *_fenced("json", json.dumps(json.loads(example.row), ensure_ascii=False, indent=1)),
        ]
    lines += ["", "The finding:", "", *_fenced("text", f"{example.code} {example.finds} …")]
    if example.clean:
        lines += ["", "Without it:", "", *_fenced("json", _pretty(example.clean))]
    return lines


def _pretty(row: str) -> str:
    return json.dumps(json.loads(row), ensure_ascii=False, indent=1)


def _fenced(kind: str, *lines: str) -> list[str]:
    return [f"````{kind}", *lines, "````"]


def schemas_page() -> str:
    """The list of all answers with their schemas."""
    lines = ["# JSON answers", ""]
    lines += [
        "What a command prints with `--format json`, and what `to_dict()` gives in a notebook, carries the name and",
        "the version of its form as `schema`. Within a version keys may be added and none is taken away. The schemas",
        "are made of the types that the bench's own functions are checked against (`workbench.answers`), and the",
        "tests hold real answers against them.",
        "",
        "| answer | is | JSON Schema |",
        "| --- | --- | --- |",
    ]
    for name in ANSWERS:
        told = schema(name).get("description", "")
        lines.append(f"| `{identifier(name)}` | {paragraph(told)} | [{file_name(name)}]({file_name(name)}) |")
    return "\n".join(lines) + "\n"
