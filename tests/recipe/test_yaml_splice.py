"""The small edit keeps the form of the text around it: the indentation of lists, flow or block, line ends."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from workbench.recipe.yaml.document import Document

LONG = [{"role": "assistant", "start": "<|turn>model\n"}, {"role": "user", "start": "<|turn>user\n"}]
FLAT = """\
datasets:
- path: one.jsonl
  roles_to_train:
  - assistant
role_boundaries:
- role: user
  start: <u>
"""
INDENTED = """\
datasets:
  - path: one.jsonl
    roles_to_train:
      - assistant
role_boundaries:
  - role: user
    start: <u>
"""


def edited(text: str, path: tuple[Any, ...], value: Any) -> str:
    """The text after an edit, which reads back as what was meant."""
    document = Document(text)
    document.set(path, value)
    meant = yaml.safe_load(text) or {}
    holder = meant
    for step in path[:-1]:
        holder = holder[step]
    if isinstance(holder, list) and path[-1] == len(holder):
        holder.append(value)
    else:
        holder[path[-1]] = value
    assert yaml.safe_load(document.text) == meant
    return document.text


def column(text: str, line: str) -> int:
    """The column of the one line that begins like this."""
    (found,) = [one for one in text.split("\n") if one.lstrip().startswith(line)]
    return len(found) - len(found.lstrip())


@pytest.mark.parametrize(("text", "step"), [(FLAT, 0), (INDENTED, 2)], ids=["flat", "indented"])
def test_a_new_list_stands_under_its_key_as_the_others_do(text: str, step: int) -> None:
    at_the_top = edited(text, ("test_datasets",), [{"path": "two.jsonl", "type": "chat_template"}])
    assert column(at_the_top, "- path: two.jsonl") == step
    assert column(at_the_top, "type: chat_template") == step + 2
    # One level down, in an item of a list, whose keys stand two columns behind its dash.
    deeper = edited(text, ("datasets", 0, "role_boundaries"), LONG)
    assert column(deeper, "- role: assistant") == step + 2 + step
    # Two levels at once: a list within a mapping within a new item.
    nested = edited(text, ("datasets", 1), {"path": "two.jsonl", "more": LONG})
    assert column(nested, "- path: two.jsonl") == step
    assert column(nested, "- role: assistant") == step + 2 + step
    # In a mapping under a new key, which always stands two columns in.
    mapping = edited(text, ("x_notes",), {"inner": LONG})
    assert column(mapping, "inner:") == 2
    assert column(mapping, "- role: assistant") == 2 + step


@pytest.mark.parametrize(("text", "step"), [(FLAT, 0), (INDENTED, 2)], ids=["flat", "indented"])
def test_a_list_written_over_another_stands_where_the_others_do(text: str, step: int) -> None:
    written = edited(text, ("role_boundaries",), LONG)
    assert column(written, "- role: assistant") == step
    assert written.startswith(text.partition("role_boundaries")[0])
    inner = edited(text, ("datasets", 0, "roles_to_train"), LONG)
    assert column(inner, "- role: assistant") == step + 2 + step
    item = edited(text, ("role_boundaries", 0), {"role": "user", "inner": LONG})
    assert column(item, "- role: assistant") == step + 2 + step


@pytest.mark.parametrize(("text", "step"), [(FLAT, 0), (INDENTED, 2)], ids=["flat", "indented"])
def test_a_whole_recipe_written_anew_follows_the_old_one(text: str, step: int) -> None:
    document = Document(text)
    document.set((), {"datasets": LONG})
    assert column(document.text, "- role: assistant") == step


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("base_model: m\n", 2),
        ("", 2),
        ("datasets: [{path: one.jsonl}]\n", 2),
        ("datasets:\n- path: a\n", 0),
        ("datasets:\n  - path: a\n", 2),
        # Other indentation than two is written as two.
        ("datasets:\n    - path: a\n", 2),
        # Comments and blank lines between a key and its list, and behind the key, tell nothing.
        ("datasets:   # these\n\n  # the first\n- path: a\n", 0),
        ("datasets:   # these\n\n# the first\n  - path: a\n", 2),
        ("datasets:\r\n- path: a\r\n", 0),
        ("datasets:\r\n\r\n  - path: a\r\n", 2),
        # A list in a mapping: what counts is the distance from its own key.
        ("outer:\n  inner:\n  - a\n", 0),
        ("outer:\n  inner:\n    - a\n", 2),
        # A dash in a text of several lines or in a comment is no list.
        ("base_model: m\n# datasets:\n# - path: a\n", 2),
        # The first list decides where a recipe has both.
        ("a:\n- 1\nb:\n  - 1\n", 0),
        ("a:\n  - 1\nb:\n- 1\n", 2),
    ],
)
def test_how_far_a_text_indents_its_lists(text: str, step: int) -> None:
    written = edited(text, ("test_datasets",), LONG)
    assert column(written, "- role: assistant") == step


def test_a_new_item_stands_beside_its_siblings_whatever_the_first_list_does() -> None:
    mixed = "a:\n- 1\ndatasets:\n    - path: one\n    - path: two\n"
    first = edited(mixed, ("datasets", 2), {"path": "three", "more": LONG})
    assert column(first, "- path: three") == 4
    assert column(first, "- role: assistant") == 6
    document = Document(mixed)
    document.set(("datasets", 0), {"path": "zero"})
    document.delete(("a",))
    assert document.text == "datasets:\n    - path: zero\n    - path: two\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "written"),
    [
        ("a: [1, 2]\n", ("a", 2), 3, "a: [1, 2, 3]\n"),
        ("a: {b: 1}\n", ("a", "c"), 2, "a: {b: 1, c: 2}\n"),
        ("a: {b: [1, {c: 2}]}  # kept\n", ("a", "b", 1, "c"), 3, "a: {b: [1, {c: 3}]}  # kept\n"),
        ("a: {b: [1]}\n", ("a", "b"), [{"c": 1}], "a: {b: [{c: 1}]}\n"),
        # A list in flow keeps to flow item by item; an empty one becomes a block where a line is too long for it.
        ("a: [x, y]  # kept\n", ("a",), ["x", "z", "w"], "a: [x, z, w]  # kept\n"),
        ("a: []\nb:\n- 1\n", ("a",), ["x" * 45, "y" * 45], f"a: [{'x' * 45}, {'y' * 45}]\nb:\n- 1\n"),
        ("a: []\nb:\n- 1\n", ("a",), ["x" * 60, "y" * 60], f"a:\n- {'x' * 60}\n- {'y' * 60}\nb:\n- 1\n"),
        ("a: []\nb:\n  - 1\n", ("a",), ["x" * 60, "y" * 60], f"a:\n  - {'x' * 60}\n  - {'y' * 60}\nb:\n  - 1\n"),
        # A value below its key moves up beside it, and back.
        ("a:\n  - 1\nb: 2\n", ("a",), 3, "a: 3\nb: 2\n"),
        ("a:   # why\n  - 1\n", ("a",), 3, "a: 3   # why\n"),
        (
            "a: 3   # why\nb:\n- 1\n",
            ("a",),
            LONG[:1],
            'a:   # why\n- role: assistant\n  start: "<|turn>model\\n"\nb:\n- 1\n',
        ),
    ],
)
def test_flow_and_block(text: str, path: tuple[Any, ...], value: Any, written: str) -> None:
    assert edited(text, path, value) == written


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("a: [1, 2, 3]\n", ("a", 0), "a: [2, 3]\n"),
        ("a: [1, 2, 3]\n", ("a", 2), "a: [1, 2]\n"),
        ("a: {b: 1, c: 2}\n", ("a", "b"), "a: {c: 2}\n"),
        ("a:\n- 1\n# of two\n- 2\n", ("a", 0), "a:\n# of two\n- 2\n"),
        ("a:\n  - 1\n  - 2\nb: 3\n", ("a", 1), "a:\n  - 1\nb: 3\n"),
        ("a:\n  - b: 1\n    c: 2\n", ("a", 0, "b"), "a:\n  - c: 2\n"),
        ("a:\n- b: 1\n  # of c\n  c: 2\n", ("a", 0, "b"), "a:\n-\n  # of c\n  c: 2\n"),
    ],
)
def test_what_is_cut_takes_nothing_else_along(text: str, path: tuple[Any, ...], left: str) -> None:
    document = Document(text)
    document.delete(path)
    assert document.text == left


def test_new_lines_end_as_the_others_do() -> None:
    written = edited("a: 1\r\nb:\r\n- 1\r\n", ("c",), LONG)
    assert written.count("\n") == written.count("\r\n") == 8
    assert "\r\n- role: assistant\r\n" in written


@pytest.mark.parametrize("step", [0, 2])
def test_a_text_of_several_lines_is_indented_under_its_key(step: int) -> None:
    pad = " " * step
    text = f"a:\n{pad}- b: |\n{pad}    one\n{pad}    two\n{pad}    three\n"
    written = edited(text, ("a", 0, "b"), "1\n2\n3\n4\n")
    assert written == f"a:\n{pad}- b: |\n" + "".join(f"{pad}    {number}\n" for number in range(1, 5))
