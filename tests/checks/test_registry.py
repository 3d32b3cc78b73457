from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from workbench.checks import recipe_checks, row_checks
from workbench.checks.registry import Check, Scope, chosen, codes, explain, run
from workbench.errors import InputError
from workbench.findings import SEVERITIES, Edit, Emitter, Finding, Fix, apply_fix, emits
from workbench.recipe.yaml.document import Document

ROOT = Path(__file__).resolve().parents[2]


MAKERS = {"Finding", "_finding"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("workbench", "screens"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text("utf-8"))


def first(call: ast.Call) -> ast.expr | None:
    return call.args[0] if call.args else next((item.value for item in call.keywords if item.arg == "code"), None)


def called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def declared(function: ast.stmt) -> set[str]:
    """The codes that a function's decorators name."""
    found: set[str] = set()
    for decorator in getattr(function, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and called(decorator.func) in {"check", "emits"}:
            found |= {item.value for item in decorator.args if isinstance(item, ast.Constant)}
    return found


def places() -> Iterator[tuple[str, str, bool]]:
    """(code, place, whether the place declares it) for each expression that makes a finding of a code in writing.

    A place is a function of a module, or the module where it declares an emitter. A code that is not written where the
    finding is made comes as "".
    """
    for module, tree in sources():
        for top in tree.body:
            name = f"{module}.{getattr(top, 'name', '')}".rstrip(".")
            for node in ast.walk(top):
                if not isinstance(node, ast.Call):
                    continue
                code = first(node)
                text = code.value if isinstance(code, ast.Constant) and isinstance(code.value, str) else ""
                if called(node.func) == "Emitter":
                    yield text, module, True
                elif called(node.func) in MAKERS:
                    yield text, name, text in declared(top)


def test_every_code_is_emitted_from_one_place_which_declares_it() -> None:
    found: dict[str, set[str]] = {}
    for code, place, says_so in places():
        if not code:
            # The two that are told the code.
            assert place in {"workbench.findings.Emitter", "workbench.overfit.verdict._finding"}, place
            continue
        assert says_so, f"{place} makes {code} and does not declare it"
        found.setdefault(code, set()).add(place)
    assert {code: where for code, where in found.items() if len(where) > 1} == {}
    assert found.keys() == codes().keys()


def test_the_registry_knows_the_home_of_every_code() -> None:
    for module, _ in sources():
        if module.startswith("workbench.") and not module.endswith("__main__") and "vlmbench_axolotl" not in module:
            importlib.import_module(module.removesuffix(".__init__"))
    written = {code: place for code, place, _ in places() if code}
    assert {name: code.home for name, code in codes().items()} == written


def test_every_check_of_a_module_is_run() -> None:
    """A check in a module that no list of checks names would never find anything."""
    run = {
        check.function
        for listed in (
            row_checks.UNRENDERED_CHECKS,
            row_checks.ROW_CHECKS,
            row_checks.ASKED_CHECKS,
            recipe_checks.RECIPE_CHECKS,
            recipe_checks.TEXT_CHECKS,
            recipe_checks.MODEL_CHECKS,
            recipe_checks.ROWS_CHECKS,
        )
        for check in listed
    }
    written = set()
    for module, tree in sources():
        for top in tree.body:
            for decorator in getattr(top, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and called(decorator.func) == "check":
                    written.add(getattr(importlib.import_module(module), top.name))
    assert run == written
    assert len(run) > 35


def test_a_second_home_is_refused() -> None:
    with pytest.raises(ValueError, match=r"M004 is emitted by workbench\.checks\.mask\.leaks already"):
        emits("M004")(test_a_second_home_is_refused)
    with pytest.raises(ValueError, match="M004"):
        Emitter("M004", "elsewhere")
    assert explain("M004").home == "workbench.checks.mask.leaks"


def test_a_check_that_does_not_apply_finds_nothing() -> None:
    found = Finding("M004", "error", "x")
    check = Check(lambda subject: iter([found]), "row", (), when=lambda subject: subject == "a row")
    assert list(run([check, check], "a row")) == [found, found]
    assert list(run([check], "another")) == []


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
    assert [finding.code for finding in chosen(found, ["m"])] == ["M001", "M002"]
    assert [finding.code for finding in chosen(found, ["M"], ["M002"])] == ["M001"]
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
