"""A key that stands more than once: the last one counts, edits go there, and the earlier ones can be taken out."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from workbench.errors import InputError
from workbench.findings import apply_fix
from workbench.recipe.yaml.document import Document

TWICE = "# one\na: 1  # first\nb: 2\n# two\na: 3  # last\nc: {x: 1, y: 2, x: 4}\nd:\n  - k: 1\n    k: [5]\n"


def test_it_is_read_as_pyyaml_reads_it() -> None:
    document = Document.from_text(TWICE)
    assert document.data == yaml.safe_load(TWICE)
    assert list(document.data) == list(yaml.safe_load(TWICE))
    assert document.where(("a",), key=True).line == 5
    assert document.parsed.repeated() == [(("a",), [2, 5]), (("c", "x"), [6, 6]), (("d", 0, "k"), [8, 9])]
    assert Document.from_text("a: 1\nb: {a: 1}\n").parsed.repeated() == []


def test_a_value_is_set_where_it_counts() -> None:
    document = Document.from_text(TWICE)
    document.set(("a",), 7)
    assert "a: 1  # first" in document.text
    assert "a: 7  # last" in document.text
    document.set(("d", 0, "k", 0), 6)
    assert yaml.safe_load(document.text) == document.data == yaml.safe_load(TWICE) | {"a": 7, "d": [{"k": [6]}]}


def test_the_earlier_ones_are_taken_out_and_undone() -> None:
    document = Document.from_text(TWICE)
    for path, _ in document.parsed.repeated():
        document.unrepeat(path)
    assert document.text == "# one\nb: 2\n# two\na: 3  # last\nc: {y: 2, x: 4}\nd:\n  - k: [5]\n"
    assert document.parsed.repeated() == []
    assert yaml.safe_load(document.text) == yaml.safe_load(TWICE)
    for _ in range(3):
        document.undo()
    assert document.text == TWICE


@pytest.mark.parametrize("path", [("a",), ("c", "x"), ("d", 0, "k")])
def test_removed_and_renamed_it_is_gone_altogether(path: tuple[Any, ...]) -> None:
    document = Document.from_text(TWICE)
    document.delete(path)
    assert path not in [one for one, _ in document.parsed.repeated()]
    assert yaml.safe_load(document.text) == document.data
    assert document.get(path) is None
    document = Document.from_text(TWICE)
    value = document.get(path)
    document.rename(path, "other")
    assert document.get(path) is None
    assert document.get((*path[:-1], "other")) == value


def test_three_times() -> None:
    document = Document.from_text("a: 1\na: 2\nb: 0\na: 3\n")
    document.unrepeat(("a",))
    assert document.text == "b: 0\na: 3\n"


def test_an_anchor_that_is_still_used_is_not_taken_out() -> None:
    text = "a: &x 1\nb: *x\na: 3\n"
    document = Document.from_text(text)
    with pytest.raises(InputError, match="a cannot be set"):
        document.unrepeat(("a",))
    assert document.text == text


def test_merged_keys_are_no_repetition() -> None:
    assert Document.from_text("x: &x {a: 1}\ny:\n  <<: *x\n  a: 2\n").parsed.repeated() == []


def test_the_finding_and_its_fix() -> None:
    from workbench.checks.recipe_checks import text_findings

    document = Document.from_text("base_model: x\nlora_r: 8\nadapter: lora\nlora_r: 16\n")
    (found,) = [one for one in text_findings(document) if one.code == "C012"]
    assert (found.severity, found.where.line, found.where.field) == ("warning", 4, "lora_r")
    assert "stands 2 times" in found.message
    assert "line 2" in found.message
    assert found.fix is not None
    assert found.fix.to_dict()["edits"] == [{"path": ["lora_r"], "unrepeat": True}]
    apply_fix(document, found.fix)
    assert document.text == "base_model: x\nadapter: lora\nlora_r: 16\n"
    assert [one for one in text_findings(document) if one.code == "C012"] == []
