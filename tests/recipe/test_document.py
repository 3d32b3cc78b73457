"""The document: values as PyYAML reads them, edits that touch nothing else, places, history, saving."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import random
import re
import socket
import stat
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.errors import EnvironmentProblem, InputError
from workbench.recipe.yaml import document as module
from workbench.recipe.yaml.document import Document, Parsed, dotted, write_atomically, write_value
from workbench.recipe.yaml.read import MAX_BYTES

RECIPE = """\
# A header.

base_model: "org/model"   # the model
processor_type: AutoProcessor

datasets:
  # first
  - path: 'data.jsonl'
    type: chat_template
    roles_to_train: [assistant]   # only these
  - path: more.jsonl

role_boundaries:
- role: assistant   # not indented
  start: "<|turn>model\\n"
  end: "<turn|>"
- role: user
  # how it starts
  start: "<|turn>user\\n"

x_unknown: {a: 1, b: [2, 3]}
learning_rate: 1e-4
notes: |
  two
  lines

# the end
"""


def relaxed(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return same([*left.items()], [*right.items()])
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)


def changed_lines(old: str, new: str) -> tuple[list[str], list[str]]:
    document = Document.from_text(old)
    document.replace_text(new)
    lines = document.diff(old).splitlines()[2:]
    removed = [line[1:] for line in lines if line.startswith("-")]
    return removed, [line[1:] for line in lines if line.startswith("+")]


# -- reading as axolotl does -------------------------------------------------------------------------------------------

SCALARS = re.split(
    r"\s+",
    """\
yes no on off Yes NO On oFF y n true True TRUE tRue false null Null NULL nULL ~ none None
0 1 -1 +1 00 007 010 08 0o10 0x1F 0xfg 0b101 0b2 1_000 _1 1__0 -010 +0x1
1.0 .5 -.5 +.5 5. 1e4 1e-4 1.e4 1.0e4 1.0e-4 1.0e+4 1.0E+4 1_0.5 .5e+3 .5e3 -1.5 .inf -.inf +.inf .Inf .INF .nan .NaN
nan inf 1:30 1:60 01:30 -1:30 1:30:45 1:30.5 190:20:30.15 2024-01-02 2024-1-2
2024-01-02T03:04:05Z 2024-01-02t3:04:05.123+01:30
2001-12-14 = =x << a=b a:b a:: :a ?a -a -- --- ... 'x' "x" 'it''s' "\\n\\t\\x41\\u263A\\U0001F600\\e\\/"
@x `x` %x &a *a !x !!str
"don't" a#b #c 0. -0 -0.0 +.nan 1e 1.e 0x 0b 1,000 12e03
6.8523015e+5 685.230_15e+03 0b1010_0111
!!int "!!float_3"\
""",
)


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_scalar_is_what_axolotl_reads(scalar: str) -> None:
    text = f"key: {scalar}\n"
    try:
        expected = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, IndexError):
        with pytest.raises(InputError):
            Document.from_text(text)
        return
    assert same(Document.from_text(text).data, expected)


tags = st.sampled_from(["", "", "", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!timestamp ", "! "])
near_numbers = st.text("0123456789_.:+-eExXobaAfFTtZz ~=<yYnNoOfFsS", max_size=12)
scalar_texts = st.one_of(
    near_numbers, st.text(max_size=8), st.floats().map(repr), st.integers().map(str), st.dates().map(str)
)


@relaxed(300)
@given(
    tags,
    scalar_texts,
    st.sampled_from(["key: {}\n", "- {}\n- x\n", "key: [{}, 1]\n", "? {}\n: 1\n", "key: '{}'\n", 'key: "{}"\n']),
)
def test_any_scalar_is_what_axolotl_reads(tag: str, scalar: str, frame: str) -> None:
    text = "root:\n" + "".join(f"  {line}\n" for line in frame.format(tag + scalar).split("\n"))
    agree(text)


FRAGMENTS = [
    "a",
    "b: ",
    "- ",
    "x: 1",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "# c",
    "&a ",
    "*a",
    "!!str ",
    "? ",
    ": ",
    "-",
    '"q"',
    "'s'",
]
FRAGMENTS += ["<<: *a", "<<: ", "a:", "~", "yes", "1e-4", "010", '"a b"', " ", "  ", ":", "--- ", "..."]
breaks = st.sampled_from(
    ["\n", "\n  ", "\n    ", "\r\n", "\n\n", "\n- ", " |\n   ", " >-\n   ", "\t", "\x85", "\u2028", "😀"]
)


@relaxed(400)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), breaks), max_size=12).map("".join))
@example("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")
@example("a: &a {x: 1}\nc: &c {x: 2, z: 3}\nb:\n  <<: [*a, *c]\n  y: 2\n")
@example("a: !!omap [x: 1]\nb: !!set {p, q}\nc: !!pairs [x: 1, x: 2]\nd: !!binary aGk=\n")
@example("a: [0:, {b:}, c:d, e:[f]]\n")
@example("a: [1,\t2]\n")
@example("b:  |\n   \n    ")
@example("%YAML 1.2\n---\na: 010\n")
@example("a: 'x\n\n  y'\nb: p\n  q\n")
@example("&a\n<<: *a\n")
@example("a: {.nan: 1}\n")
def test_any_text_is_what_axolotl_reads(text: str) -> None:
    agree(text)


def agree(text: str) -> None:
    """The document reads what PyYAML reads; it refuses what PyYAML refuses, other roots, and what contains itself."""
    expected = error = None
    try:
        expected = yaml.load(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError) as problem:
        error = problem
    try:
        data = Document.from_text(text).data
    except InputError as refusal:
        itself = "contains itself" in refusal.cause
        assert error is not None or itself or not isinstance(expected, (dict, type(None)))
    else:
        assert error is None
        assert same(data, expected or {})


# -- what it refuses, and how it says so -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb:\n\tc: 2\n", 3, 1, "spaces"),
        ("a: 1\nb: x: y\n", 2, 5, "colon"),
        ("a: 1\n b: 2\n", 2, 3, "indentation"),
        ("a:\n  - 1\n - 2\n", 3, 2, "indented differently"),
        ('a: "x\n', 2, 1, "never closed"),
        ('a: "\\d"\n', 1, 6, "single quotes"),
        ("a: *b\n", 1, 4, "&name"),
        ("a: 1\n---\nb: 2\n", 2, 1, "several YAML documents"),
        ("a: !!python/object/apply:os.system [id]\n", 1, 4, "plain values"),
        ("a: !thing 1\n", 1, 4, "no meaning"),
        ("- a\n- b\n", 1, 1, "mapping of keys"),
        ("just text\n", 1, 1, "mapping of keys"),
        ("a: @x\n", 1, 4, "Quote"),
        ("a: 'b\x07'\n", 1, 6, "escape"),
        ("a: !!int x\n", 1, 4, "no valid int"),
        ("a: &a [*a]\n", 1, 8, "contains itself"),
        ("a: &x 1\nb: &x 2\n", 2, 4, "defined twice"),
        ("<<: 3\n", 1, 5, "takes a mapping"),
        ("{a: 1}: 2\n", 1, 1, "single value"),
        ("a: 2024-13-45\n", 1, 4, "no valid timestamp"),
    ],
)
def test_refusals_name_place_line_and_remedy(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Document.from_text(text, "r.yaml")
    error = caught.value
    assert (error.where.file, error.where.line, error.where.column) == ("r.yaml", line, column)
    assert words in f"{error.title} {error.cause} {error.hint}"
    shown = text.split("\n")[line - 1].strip()
    assert "line" in error.cause
    assert not shown.isprintable() or shown in error.cause


def test_billion_laughs_and_size_and_depth_are_limited() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(InputError, match="cannot be read") as caught:
        Document.from_text("\n".join(lines))
    assert "aliases unfold" in caught.value.cause
    merges = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(InputError, match="cannot be read"):
        Document.from_text("\n".join(merges))
    with pytest.raises(InputError, match="too large"):
        Document.from_text("a: " + "x" * MAX_BYTES)
    with pytest.raises(InputError, match="too deeply"):
        Document.from_text("a: " + "[" * 80 + "]" * 80)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened") as caught:
        Document.from_file(tmp_path / "none.yaml")
    assert caught.value.where.file == str(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be opened"):
        Document.from_file(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(InputError, match="not UTF-8") as caught:
        Document.from_file(tmp_path / "latin.yaml")
    assert (caught.value.where.line, caught.value.where.column) == (2, 7)
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 10))
    with pytest.raises(InputError, match="too large"):
        Document.from_file(tmp_path / "big.yaml")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "~\n", "{}\n"])
def test_an_empty_file_is_an_empty_recipe(text: str) -> None:
    document = Document.from_text(text)
    assert document.data == {}
    document.set(("datasets", 0, "path"), "x.jsonl")
    assert document.data == {"datasets": [{"path": "x.jsonl"}]}
    assert yaml.safe_load(document.text) == document.data
    assert "# only" in document.text or "#" not in text


# -- places ------------------------------------------------------------------------------------------------------------


def test_every_value_and_key_knows_its_line_and_column() -> None:
    document = Document.from_text(RECIPE, "r.yaml")
    assert document.line(("base_model",)) == (3, 13)
    assert document.line(("base_model",), key=True) == (3, 1)
    assert document.line(("datasets", 0, "roles_to_train", 0)) == (10, 22)
    assert document.line(("role_boundaries", 1, "start")) == (19, 10)
    assert document.line(("role_boundaries", 1, "end")) == (17, 3)
    assert document.line(("absent", "deep")) == (3, 1)
    assert str(document.where(("datasets", 1, "path"))) == "r.yaml:11:11: datasets[1].path"
    document.set(("tokenizer_type",), "AutoTokenizer")
    assert document.line(("role_boundaries", 1, "start")) == (20, 10)
    document.undo()
    assert document.line(("role_boundaries", 1, "start")) == (19, 10)


def test_places_agree_with_the_text_everywhere() -> None:
    document = Document.from_text(RECIPE.replace("\n", "\r\n"))
    lines = document.text.split("\n")
    seen = 0

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        nonlocal seen
        if isinstance(value, (dict, list)):
            for step, item in value.items() if isinstance(value, dict) else enumerate(value):
                walk(item, (*path, step))
            return
        line, column = document.line(path)
        rest = lines[line - 1][column - 1 :]
        assert rest.startswith("|") or str(value).split("\n")[0] in rest.lstrip("\"'")
        seen += 1

    walk(document.data, ())
    assert seen == 16


def test_places_behind_aliases_and_merges_are_those_of_the_definition() -> None:
    document = Document.from_text("base: &b\n  x: 1\nuse:\n  <<: *b\n  y: 2\nalso: *b\n")
    assert document.data["use"] == {"x": 1, "y": 2}
    assert document.line(("use", "x")) == (2, 6)
    assert document.line(("also", "x"), key=True) == (2, 3)


# -- editing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "removed", "added"),
    [
        (("base_model",), "a/b", ['base_model: "org/model"   # the model'], ['base_model: "a/b"   # the model']),
        (("datasets", 0, "path"), "new.jsonl", ["  - path: 'data.jsonl'"], ["  - path: 'new.jsonl'"]),
        (
            ("datasets", 0, "roles_to_train"),
            ["assistant", "tool"],
            None,
            ["    roles_to_train: [assistant, tool]   # only these"],
        ),
        (("datasets", 0, "roles_to_train"), [], None, ["    roles_to_train: []   # only these"]),
        (("datasets", 1, "roles_to_train"), ["user"], [], ["    roles_to_train: [user]"]),
        (("datasets", 0, "train_on_eos"), "none", [], ["    train_on_eos: none"]),
        (("datasets", 2, "path"), "third", [], ["  - path: third"]),
        (("role_boundaries", 1, "start"), "<|u|>\n", ['  start: "<|turn>user\\n"'], ['  start: "<|u|>\\n"']),
        (("role_boundaries", 1, "end"), "</u>\n\n", [], ['  end: "</u>\\n\\n"']),
        (("role_boundaries", 2, "role"), "system", [], ["- role: system"]),
        (("x_unknown", "b", 0), 9, ["x_unknown: {a: 1, b: [2, 3]}"], ["x_unknown: {a: 1, b: [9, 3]}"]),
        (("x_unknown", "c"), {"d": None}, None, ["x_unknown: {a: 1, b: [2, 3], c: {d: null}}"]),
        (("learning_rate",), 2e-5, ["learning_rate: 1e-4"], ["learning_rate: 2.0e-5"]),
        (("learning_rate",), "3e-5", ["learning_rate: 1e-4"], ["learning_rate: 3e-5"]),
        (("sample_packing",), False, [], ["sample_packing: false"]),
        (("fsdp_config", "state_dict_type"), "FULL", [], ["fsdp_config:", "  state_dict_type: FULL"]),
        (("notes",), "one\ntwo\nthree\n", ["  lines"], ["  one", "  three"]),
        (("base_model",), None, None, ["base_model: null   # the model"]),
        (("zzz",), "no", [], ['zzz: "no"']),
        (("zzz",), "1e5", [], ["zzz: 1e5"]),
        (("zzz",), "010", [], ['zzz: "010"']),
        (("zzz",), r"layers.[\d]+.(q|k)_proj", [], [r"zzz: 'layers.[\d]+.(q|k)_proj'"]),
        (("zzz",), {"a": [{"b": 1}, {"c": [1, 2]}]}, [], ["zzz:", "  a:", "    - b: 1", "    - c: [1, 2]"]),
    ],
)
def test_an_edit_changes_its_value_and_nothing_else(
    path: tuple[Any, ...], value: Any, removed: list[str] | None, added: list[str]
) -> None:
    document = Document.from_text(RECIPE)
    document.set(path, value)
    assert same(document.get(path), value)
    assert same(document.data, yaml.safe_load(document.text))
    minus, plus = changed_lines(RECIPE, document.text)
    assert plus == added
    assert removed is None or minus == removed


def test_new_keys_stand_where_people_look_for_them() -> None:
    document = Document.from_text(
        "base_model: x\n\ndatasets:\n  - path: d\n    train_on_eos: turn\n\nlearning_rate: 1e-4  # c\n"
    )
    document.set(("processor_type",), "AutoProcessor")
    document.set(("datasets", 0, "type"), "chat_template")
    document.set(("role_boundaries",), [{"role": "assistant", "start": "A:", "end": None}])
    document.set(("my_own",), 1)
    assert document.text == (
        "base_model: x\nprocessor_type: AutoProcessor\n\ndatasets:\n  - path: d\n    type: chat_template\n"
        '    train_on_eos: turn\nrole_boundaries:\n  - role: assistant\n    start: "A:"\n    end: null\n\n'
        "learning_rate: 1e-4  # c\nmy_own: 1\n"
    )
    late = Document.from_text("# head\nlearning_rate: 1\n")
    late.set(("base_model",), "x")
    assert late.text == "# head\nbase_model: x\nlearning_rate: 1\n"


def test_whole_lists_are_set_item_by_item_so_comments_stay() -> None:
    document = Document.from_text(RECIPE)
    rows = document.get(("role_boundaries",))
    rows.insert(1, {"role": "system", "start": "S\n"})
    rows[2]["end"] = "<turn|>"
    document.set(("role_boundaries",), rows)
    minus, plus = changed_lines(RECIPE, document.text)
    assert minus == []
    assert plus == ["- role: system", '  start: "S\\n"', '  end: "<turn|>"']
    document.set(("role_boundaries",), rows[1:])
    assert "# how it starts" in document.text
    assert document.get(("role_boundaries", 0, "role")) == "system"


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (("base_model",), ["processor_type", "datasets", "role_boundaries", "x_unknown", "learning_rate", "notes"]),
        (("notes",), ["base_model", "processor_type", "datasets", "role_boundaries", "x_unknown", "learning_rate"]),
    ],
)
def test_delete_removes_the_lines_of_a_key(path: tuple[Any, ...], left: list[str]) -> None:
    document = Document.from_text(RECIPE)
    document.delete(path)
    assert list(document.data) == left
    assert changed_lines(RECIPE, document.text)[1] == []
    assert "# A header." in document.text
    assert "# the end" in document.text


def test_delete_inside_lists_and_flow() -> None:
    document = Document.from_text(RECIPE)
    document.delete(("datasets", 0, "path"))
    assert "  - type: chat_template\n" in document.text
    document.delete(("datasets", 0))
    assert document.get(("datasets",)) == [{"path": "more.jsonl"}]
    assert "# first" in document.text
    document.delete(("datasets", 0))
    assert document.get(("datasets",)) == []
    document.delete(("x_unknown", "b", 0))
    document.delete(("x_unknown", "a"))
    assert "x_unknown: {b: [3]}" in document.text
    document.delete(("nothing", 3, "here"))
    commented = Document.from_text("a:\n  - x: 1  # gone\n    # kept\n    y: 2\n")
    commented.delete(("a", 0, "x"))
    assert commented.data == {"a": [{"y": 2}]}
    assert "# kept" in commented.text
    assert "gone" not in commented.text


def test_a_value_may_change_its_kind() -> None:
    document = Document.from_text("a: 1  # one\nb:  # two\n  - x\n  - y\nc:\nd: {}\ne: |\n  text\nf: 2\n")
    document.set(("a",), {"k": [{"z": 1}]})
    document.set(("b",), "plain")
    document.set(("c",), 3)
    document.set(("d", "k"), 1)
    document.set(("e",), 5)
    assert document.text == "a:  # one\n  k:\n    - z: 1\nb: plain  # two\nc: 3\nd:\n  k: 1\ne: 5\nf: 2\n"
    with pytest.raises(InputError, match=r"f\.k cannot be set"):
        document.set(("f", "k"), 1)
    with pytest.raises(InputError, match="item 0"):
        document.set(("new", 2), 1)
    with pytest.raises(InputError, match="cannot be written"):
        document.set(("g",), object())
    with pytest.raises(InputError, match="mapping"):
        document.set((), [1])


def test_aliases_are_written_out_only_where_an_edit_would_reach_further() -> None:
    text = "base: &b\n  x: 1\n  y: 2\nuse: *b\nmerged:\n  <<: *b\n  z: 3\n"
    document = Document.from_text(text)
    document.set(("merged", "x"), 5)
    assert document.data == {"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 2}, "merged": {"x": 5, "y": 2, "z": 3}}
    assert "<<: *b" in document.text
    document.set(("use", "x"), 7)
    assert document.get(("base", "x")) == 1
    assert document.get(("use",)) == {"x": 7, "y": 2}
    document.set(("base", "y"), 9)
    assert document.data == {"base": {"x": 1, "y": 9}, "use": {"x": 7, "y": 2}, "merged": {"x": 5, "y": 2, "z": 3}}
    gone = Document.from_text(text)
    gone.delete(("base",))
    assert gone.data == {"use": {"x": 1, "y": 2}, "merged": {"x": 1, "y": 2, "z": 3}}


def test_line_endings_mark_and_missing_last_line_feed_are_kept() -> None:
    text = "\ufeffa: 1\r\nb:\r\n  - x: 1\r\n    y: 2"
    document = Document.from_text(text)
    assert document.line(("a",)) == (1, 4)
    document.set(("b", 0, "z"), 3)
    document.set(("c", "d"), [{"e": 1}])
    assert document.text == ("\ufeffa: 1\r\nb:\r\n  - x: 1\r\n    y: 2\r\n    z: 3\r\nc:\r\n  d:\r\n    - e: 1")
    document.set(("a",), "s")
    document.delete(("b",))
    assert document.text == "\ufeffa: s\r\nc:\r\n  d:\r\n    - e: 1"


def test_markers_are_written_as_axolotl_users_write_them() -> None:
    assert write_value("start", "<|turn>model\n") == 'start: "<|turn>model\\n"'
    assert write_value("start", "<|h|>assistant<|e|>\n\n") == 'start: "<|h|>assistant<|e|>\\n\\n"'
    assert write_value("start", "[/INST]") == 'start: "[/INST]"'
    assert write_value("end", "eos_token") == "end: eos_token"
    assert write_value("start", "A: ") == 'start: "A: "'
    assert write_value("start", "\u202ex\u200b\ue000\x00") == 'start: "\\u202Ex\\u200B\\uE000\\0"'
    assert write_value("start", "é 你 😀") == 'start: "é 你 😀"'


anything = st.text(st.characters(exclude_categories=()), max_size=20) | st.text(
    st.sampled_from(
        "a \n\t\r\x00\x07\x1b\x85\u2028\u2029\u202e\u200d\ufeff\ue000\ufffe😀\U000e0001\U0010ffff'\"\\#:-?[]{},&*!|>%@`"
    ),
    max_size=12,
)


@relaxed(80)
@given(
    anything,
    st.sampled_from(
        [("role_boundaries", 0, "start"), ("x_unknown", "a"), ("notes",), ("new",), ("datasets", 0, "path")]
    ),
)
@example("\ud83d\ude00", ("new",))
def test_any_text_reads_back_to_the_bit(value: str, path: tuple[Any, ...]) -> None:
    document = Document.from_text(RECIPE)
    document.set(path, value)
    assert document.get(path) == value
    assert yaml.safe_load(document.text) == document.data
    assert all(ch.isprintable() or ch in "\n\t" for ch in document.text)
    document.set(path, "")
    document.set(path, value)
    assert document.get(path) == value
    assert "# the end" in document.text
    assert "# how it starts" in document.text


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), anything, st.binary(max_size=4))
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc:# '", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@relaxed(80)
@given(st.data())
def test_any_edits_change_what_they_say_and_nothing_else(data: st.DataObject) -> None:
    """Against a model: plain Python data edited the same way; comments outside the edited parts stay."""
    text = data.draw(
        st.sampled_from(
            [RECIPE, RECIPE.replace("\n", "\r\n"), "", "a: {b: [1, {c: 2}]}\n", "a:\n- - 1\n  - 2\n- b:\n  - c\n"]
        )
    )
    document = Document.from_text(text)
    model = document.data
    for _ in range(data.draw(st.integers(1, 4))):
        path, parent = (), model
        while True:
            steps = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            new = ["new", "lora_r"] if isinstance(parent, dict) else [len(parent)]
            step = data.draw(st.sampled_from(steps + new))
            path = (*path, step)
            inside = step in steps and isinstance(parent[step], (dict, list)) and data.draw(st.booleans())
            if not inside:
                break
            parent = parent[step]
        if step in steps and data.draw(st.booleans()):
            document.delete(path)
            del parent[step]
        else:
            value = data.draw(values)
            document.set(path, value)
            if isinstance(parent, list) and step == len(parent):
                parent.append(value)
            else:
                parent[step] = value
        assert sorted_same(document.data, model)
        assert sorted_same(yaml.safe_load(document.text) or {}, model)
        assert layout(document.parsed.root) == layout(Parsed(document.parsed.text, "").root)
        assert document.line(path) == Document.from_text(document.text).line(path)
    while document.undo():
        pass
    assert document.text == text


def layout(node: Any) -> Any:
    """Every node of a reading with its offsets, as plain tuples."""
    if node is None:
        return None
    inside: Any = None
    if node.kind == "map":
        inside = [(layout(key), layout(value)) for key, value in node.value]
    elif node.kind == "seq":
        inside = [layout(item) for item in node.value]
    return node.kind, node.start, node.end, node.style, node.plain, node.flow, node.colons, inside


def test_typing_moves_every_place_that_follows() -> None:
    document = Document.from_text(RECIPE.replace("x_unknown: {a: 1", "x_unknown: {a: one"))
    for path in (("base_model",), ("datasets", 0, "path"), ("role_boundaries", 0, "start"), ("x_unknown", "a")):
        for text in ("q", "a much longer one\n", "yes", "", "it's: x, y", "plain", "x # y", "\\d"):
            document.set(path, text, group="typing")
            fresh = Document.from_text(document.text)
            assert layout(document.parsed.root) == layout(fresh.parsed.root)
            assert document.data == fresh.data
            assert document.get(path) == text
            assert document.line(("notes",)) == fresh.line(("notes",))


def sorted_same(left: Any, right: Any) -> bool:
    """Equal whatever the order of keys."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(sorted_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(sorted_same, left, right))
    return same(left, right)


# -- history, comparison, saving ---------------------------------------------------------------------------------------


def test_undo_redo_and_groups() -> None:
    document = Document.from_text("a: 1\n")
    assert not document.undo()
    assert not document.redo()
    assert not document.dirty
    for text in ("x", "xy", "xyz"):
        document.set(("a",), text, group="typing")
    document.set(("b",), 2)
    document.set(("b",), 2)
    assert document.dirty
    assert document.undo()
    assert document.data == {"a": "xyz"}
    assert document.undo()
    assert document.data == {"a": 1}
    assert not document.undo()
    assert not document.dirty
    assert document.redo()
    assert document.data == {"a": "xyz"}
    document.set(("a",), "q", group="typing")
    assert not document.redo()
    assert document.undo()
    assert document.data == {"a": "xyz"}


def test_a_text_that_does_not_parse_keeps_the_last_good_data() -> None:
    document = Document.from_text("a: 1\n", "r.yaml")
    document.replace_text("a: [1\nb: 2\n")
    assert document.text == "a: [1\nb: 2\n"
    assert document.data == {"a": 1}
    assert document.error is not None
    assert document.error.where.file == "r.yaml"
    with pytest.raises(InputError):
        document.set(("a",), 2)
    document.replace_text("a: [1]\nb: 2\n")
    assert document.error is None
    assert document.data == {"a": [1], "b": 2}
    document.undo()
    assert document.error is not None
    document.undo()
    assert document.error is None
    assert document.text == "a: 1\n"


def nodes(parsed: Parsed) -> list[Any]:
    def told(node: Any) -> Any:
        facts = (node.kind, node.start, node.end, node.tag, node.plain, node.style, node.flow, node.anchor, node.colons)
        if node.kind == "map":
            return *facts, node.keys, [(told(key), told(value)) for key, value in node.value]
        return *facts, [told(item) for item in node.value] if node.kind == "seq" else node.value

    return [parsed.text, parsed.data, parsed._lines, told(parsed.root), sorted(parsed.anchors)]


QUOTED = """\
# "a" comment
base: 'it''s' # "b"
rows:
  - {role: "user", "start": "<|turn>\\n", end: 'x: y', list: ["a", 'b', c]}
  - role: "assistant"
    start: "\\u263a # no comment"
    "quoted key": ""
    plain: text "with" quotes
    said: !!str "tagged"
    named: &n "anchored"
merged: {<<: {x: "1", y: "2"}, x: "3"}
7: {true: ["m"], 2001-01-01: "n", set: !!set {"k"}, pairs: !!omap [{o: "5"}]}
last: "z"
"""


def test_random_typing_is_read_as_a_fresh_document_is() -> None:
    rng = random.Random(0)
    document, good = Document.from_text(QUOTED, "r.yaml"), 0
    for _ in range(1000):
        text = document.text
        at = rng.randrange(len(text))
        typed = rng.choice(["", *"aé\"'\\\n\t:#,{}[]&*!|-? \x07\ud800\u2028", "''", '\\"', "\\n", '" "', "x" * 1200])
        document.replace_text(text[:at] + typed + text[at + rng.randrange(2) :])
        whole = None
        with contextlib.suppress(InputError):
            whole = Parsed(document.text, "r.yaml")
        if whole is not None:
            good += 1
            assert nodes(document.parsed) == nodes(whole)
        assert (whole is None) == (document.error is not None)
        if document.error is not None or rng.random() < 0.1:
            document = Document.from_text(QUOTED, "r.yaml")
    assert good > 50


def test_diff_is_unified() -> None:
    document = Document.from_text("a: 1\nb: 2", "r.yaml")
    assert document.diff() == ""
    document.set(("a",), 3)
    assert document.diff() == (
        "--- r.yaml\n+++ r.yaml (edited)\n@@ -1,2 +1,2 @@\n-a: 1\n+a: 3\n b: 2\n\\ No newline at end of file\n"
    )
    assert document.diff(document) == ""


def test_save_is_atomic_and_keeps_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    document = Document.from_file(link)
    document.set(("b",), "😀")
    document.save()
    assert file.read_bytes() == b'\xef\xbb\xbfa: 1\r\nb: "\xf0\x9f\x98\x80"\r\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert not document.dirty
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "r.yaml"]
    document.save(tmp_path / "other.yaml")
    assert document.name == str(tmp_path / "other.yaml")
    assert (tmp_path / "other.yaml").read_bytes() == file.read_bytes()
    with pytest.raises(InputError, match="no file yet"):
        Document.from_text("a: 1").save()


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("a: 1\n")
    document = Document.from_file(file)
    document.set(("a",), 2)

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module.os, step, fail)
    with pytest.raises(EnvironmentProblem, match="not written") as caught:
        document.save()
    assert os.strerror(code) in caught.value.cause
    assert caught.value.where.file == str(file)
    monkeypatch.undo()
    assert file.read_text() == "a: 1\n"
    assert document.dirty
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    document = Document.from_text("a: 1\n")
    for path in (tmp_path / "no" / "r.yaml", tmp_path):
        with pytest.raises(InputError, match="not written"):
            document.save(path)
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with contextlib.suppress(OSError), pytest.raises(EnvironmentProblem, match="not written"):
            document.save(tmp_path / "r.yaml")
        tmp_path.chmod(0o700)


def test_data_and_get_are_copies() -> None:
    document = Document.from_text("a: [1]\n")
    document.data["a"].append(2)
    document.get(("a",)).append(3)
    assert document.data == {"a": [1]}
    assert document.get(("a", 5), "none") == "none"


def test_dotted_paths() -> None:
    assert dotted(("datasets", 0, "train_on_eos")) == "datasets[0].train_on_eos"
    assert dotted(()) == ""


def test_floats_are_written_as_floats() -> None:
    for value in (2e-5, 1e22, 1e-300, 0.1, -0.0, 5.0, math.pi, sys.float_info.max, 5e-324):
        back = yaml.safe_load(write_value("x", value))["x"]
        assert isinstance(back, float)
        assert back == value


def test_every_unicode_category_is_in_the_fuzz() -> None:
    pool = "a\x00\u200d\ue000\ud800\u0378\u2028\u2029 \u0301"
    assert {unicodedata.category(ch) for ch in pool} >= {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"}
    for ch in pool:
        assert Document.from_text(write_value("x", f"{ch}x{ch}")).get(("x",)) == f"{ch}x{ch}"


@contextlib.contextmanager
def special(kind: str, folder: Path) -> Iterator[Path]:
    """A file that is no regular one.

    The device is a terminal made for the test: no file can be renamed over it, so that a save that fails to
    refuse fails here and does no harm.
    """
    path = folder / kind
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    else:
        ends = os.openpty()
        try:
            yield Path(os.ttyname(ends[1]))
        finally:
            for end in ends:
                os.close(end)
        return
    yield path


@pytest.mark.parametrize("kind", ["FIFO", "socket", "device"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_regular_file_is_not_replaced_by_one(tmp_path: Path, kind: str, linked: bool) -> None:
    with special(kind, tmp_path) as target:
        before = target.stat()
        path = target
        if linked:
            path = tmp_path / "link.yaml"
            path.symlink_to(target)
        document = Document.from_text("a: 1\n")
        with pytest.raises(InputError) as caught:
            document.save(path)
        assert kind in caught.value.cause
        assert (target.stat().st_mode, target.stat().st_ino) == (before.st_mode, before.st_ino)
        assert not [left for left in tmp_path.iterdir() if left.suffix == ".tmp"]


def test_a_file_with_the_longest_name_is_saved(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".yaml")
    path.write_text("a: 1\n")
    write_atomically(path, b"a: 2\n")
    assert path.read_text() == "a: 2\n"


def test_a_link_to_itself_is_no_place(tmp_path: Path) -> None:
    path = tmp_path / "loop"
    path.symlink_to(path)
    with pytest.raises((InputError, EnvironmentProblem)):
        write_atomically(path, b"")
    assert path.is_symlink()
