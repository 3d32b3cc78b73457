from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from workbench.checks.registry import Scope, chosen, codes, explain
from workbench.errors import InputError
from workbench.findings import SEVERITIES, Edit, Finding, Fix, apply_fix
from workbench.recipe.yaml.document import Document

ROOT = Path(__file__).resolve().parents[2]


def emitted() -> dict[str, set[str]]:
    """Every code in the sources, and the files that have it."""
    found: dict[str, set[str]] = {}
    for folder in ("workbench", "screens"):
        for path in (ROOT / folder).rglob("*.py"):
            for code in re.findall(r'"([A-Z]\d{3})"', path.read_text("utf-8")):
                found.setdefault(code, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_code_in_the_sources_has_a_page() -> None:
    assert {code: files for code, files in emitted().items() if code not in codes()} == {}


def test_every_page_belongs_to_a_code_that_is_emitted() -> None:
    assert set(codes()) - set(emitted()) == set()


@pytest.mark.parametrize("code", codes().values(), ids=codes())
def test_pages_are_whole(code) -> None:
    assert code.severity in SEVERITIES
    assert code.scope in get_args(Scope)
    for text in (code.title, code.cause, code.example, code.fix):
        assert len(text) > 10
    assert "TODO" not in code.cause + code.fix


def test_an_unknown_code_names_its_neighbours() -> None:
    assert explain(" m001 ").code == "M001"
    with pytest.raises(InputError) as problem:
        explain("M0001")
    assert "M001" in problem.value.hint


def test_select_and_ignore_take_beginnings() -> None:
    found = [Finding(code, "note", "x") for code in ("M001", "M002", "T001")]
    assert [one.code for one in chosen(found, ["m"])] == ["M001", "M002"]
    assert [one.code for one in chosen(found, ["M"], ["M002"])] == ["M001"]
    assert chosen(found) == found


def test_a_fix_is_one_step_of_undo() -> None:
    document = Document.from_text("a: 1 # one\nb: 2\nc:\n  - x\n")
    before = document.text
    fix = Fix("two edits", (Edit(("a",), 3), Edit(("b",), remove=True), Edit(("c", 1), "y")))
    apply_fix(document, fix)
    assert document.data == {"a": 3, "c": ["x", "y"]}
    assert "# one" in document.text
    document.undo()
    assert document.text == before
    assert fix.to_dict()["edits"][1] == {"path": ["b"], "remove": True}
