"""Commands that the first pages name are there."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "conformance/README.md", "sample_data/README.md")
MAPS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "sample_data/README.md")


def blocks(page: str) -> list[list[str]]:
    """The commands of each block of a page, without their comments."""
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(r"```(?:console|bash|sh)\n(.*?)```", text, re.DOTALL)
    return [[line[2:].split("  #")[0].strip() for line in one.splitlines() if line.startswith("$ ")] for one in found]


def test_the_readme_begins_with_the_two_commands_of_a_fresh_clone() -> None:
    assert blocks("README.md")[0] == ["make demo", "make test"]


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_a_page_names_is_in_the_makefile(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ |^ +)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE))
    assert named <= targets
    if page in ("README.md", "CONTRIBUTING.md"):
        assert named


def test_ci_runs_what_contributing_says_must_hold() -> None:
    ran = re.findall(r"^make ([a-z-]+)", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE)
    assert ran == ["docs", "test", "conformance", "test-lowest", "test-beside-axolotl"]


def test_nothing_is_said_to_be_on_pypi() -> None:
    """The name of the distribution is nobody's there: a stranger's package could be installed."""
    texts = [
        *ROOT.glob("*.md"),
        *ROOT.glob("*/*.md"),
        *(ROOT / "workbench").rglob("*.py"),
        *(ROOT / "screens").rglob("*.py"),
    ]
    for path in (*texts, *(ROOT / "sample_data").glob("*.ipynb")):
        assert not re.search(r"pip install [^\n]*vlm-workbench(?!\.(tar\.gz|zip))", path.read_text("utf-8")), path


def test_the_fast_part_names_tests_that_are_there() -> None:
    from tests.elsewhere import FAST

    for name in FAST:
        path, _, test = name.partition("::")
        assert (ROOT / path).exists(), name
        assert not test or f"def {test}(" in (ROOT / path).read_text("utf-8"), name


@pytest.mark.parametrize("page", MAPS)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z0-9_.]*)[`\s]", (ROOT / page).read_text("utf-8")))
    from_where = (ROOT, ROOT / "workbench", ROOT / "screens", (ROOT / page).parent)
    assert len(named) > 3
    assert [name for name in sorted(named) if not any((above / name).exists() for above in from_where)] == []


def test_every_name_of_ours_that_a_docstring_tells_is_there() -> None:
    """A docstring that names a moved module is out of date; this finds it."""
    named = {
        name
        for folder in ("workbench", "screens")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"`((?:workbench|screens|tests)(?:\.\w+)+)(?:\([^`]*)?`", path.read_text("utf-8"))
    }
    assert len(named) > 5
    for name in sorted(named):
        assert resolve_name(name), name
