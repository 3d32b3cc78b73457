"""The structure of the code: no import circles, one place for each verb, classes of a size, little of Textual's inside.

Imports inside functions and for type checking count as well: whoever reads a module has to know what it names.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("workbench", "screens")
MAX_METHODS = 40
TEXTUAL_PRIVATE = 4


@cache
def graph() -> grimp.ImportGraph:
    """Every import of the code, those inside functions and under TYPE_CHECKING too."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def arrows() -> dict[str, set[str]]:
    """Module -> the modules it imports."""
    return {module: set(graph().find_modules_directly_imported_by(module)) for module in graph().modules}


def folders() -> dict[str, set[str]]:
    """The same between folders; a file right below `workbench/` or `screens/` stands for itself."""
    packages = {module for module in graph().modules if graph().find_children(module)}

    def folder(module: str) -> str:
        above = module if module in packages else module.rpartition(".")[0]
        return module if above in PACKAGES else above

    found: dict[str, set[str]] = defaultdict(set)
    for module, imported in arrows().items():
        found[folder(module)] |= {folder(one) for one in imported} - {folder(module)}
    return found


def circle(links: Mapping[str, Set[str]]) -> list[str]:
    """One circle, or nothing."""
    try:
        TopologicalSorter(links).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_is_found_where_there_is_one() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    links = arrows()
    assert "workbench.tokens.mask" in links["workbench.row"]
    assert circle(links) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    links = folders()
    assert "workbench.tokens" in links["workbench.row"]
    assert circle(links) == []


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def _modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        top = importlib.import_module(package)
        for found in pkgutil.walk_packages(top.__path__, f"{package}."):
            # Data of a wheel; and a plugin that runs inside axolotl alone.
            if found.name.startswith(
                ("workbench.specs", "workbench.sample_data", "workbench.consumers.axolotl.vlmbench")
            ):
                continue
            yield importlib.import_module(found.name)


@cache
def classes() -> tuple[type, ...]:
    """Every class of ours."""
    pytest.importorskip("anywidget")
    return tuple(
        value
        for module in _modules()
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__
    )


def is_ours(one: type) -> bool:
    return one.__module__.partition(".")[0] in PACKAGES


def methods(one: type) -> set[str]:
    """The names of the methods that are written in the body of a class, or of one of its bases of ours."""
    kinds = (staticmethod, classmethod, property)
    return {
        name
        for base in one.__mro__
        if is_ours(base)
        for name, value in vars(base).items()
        if (inspect.isfunction(value) and value.__qualname__ == f"{base.__qualname__}.{name}")
        or isinstance(value, kinds)
        or type(value).__name__ == "cached_property"
    }


def test_no_class_is_too_large_to_be_held_in_the_head() -> None:
    sizes = {f"{one.__module__}.{one.__qualname__}": len(methods(one)) for one in classes()}
    assert sizes["screens.inspect.screen.InspectScreen"] > 20
    assert {name: size for name, size in sizes.items() if size > MAX_METHODS} == {}


def _textual_names() -> set[str]:
    """Textual's names with a leading underscore that our code imports, overrides or reads."""
    found = set()
    for _, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual"):
                parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                found |= {part for part in parts if part.startswith("_")}
    for one in classes():
        theirs = [base for base in one.__mro__ if base.__module__.startswith("textual")]
        if not theirs:
            continue
        private = {name for base in theirs for name in (*vars(base), *_attributes(base)) if _private(name)}
        source = ast.parse(inspect.cleandoc("\n" + inspect.getsource(one)))
        used = {node.attr for node in ast.walk(source) if isinstance(node, ast.Attribute) and _private(node.attr)}
        defined = {node.name for node in ast.walk(source) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        found |= (used | defined) & private
    return found


@cache
def _attributes(one: type) -> frozenset[str]:
    """The attributes that a class of Textual's gives its instances, as far as its source shows them."""
    return frozenset(re.findall(r"\bself\.(_\w+)(?:: [^=\n]+)? =", inspect.getsource(one)))


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_little_of_textual_that_is_not_public_is_used_and_all_of_it_is_listed() -> None:
    found = _textual_names()
    assert len(found) <= TEXTUAL_PRIVATE, sorted(found)
    told = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert [name for name in sorted(found) if f"`{name}`" not in told] == []


def test_a_module_says_first_what_it_is() -> None:
    openings = ("What", "Where", "Which", "Whether")
    begun = {
        str(path.relative_to(ROOT)): (ast.get_docstring(tree) or "").split(" ")[0]
        for path, tree in _trees()
        if ast.get_docstring(tree)
    }
    assert len(begun) > 150
    assert {name: word for name, word in begun.items() if word in openings} == {}


@pytest.mark.parametrize(
    ("module", "name", "users"),
    [
        ("workbench.infer.search", "infer", {"workbench/bench.py"}),
        ("workbench.overfit.plan", "make_plan", {"workbench/overfit/start.py"}),
        ("workbench.overfit.runs", "new_folder", {"workbench/overfit/start.py"}),
    ],
)
def test_a_verb_is_wired_once(module: str, name: str, users: set[str]) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module and name in {one.name for one in node.names}
    }
    assert found == users


def test_one_place_makes_a_supervisor() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Supervisor"
    }
    assert found == {"workbench/overfit/start.py"}


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for one in classes():
        places[one.__qualname__].add(one.__module__)
    assert len(places) > 200
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}
