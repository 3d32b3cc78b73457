"""The words that may stand at a place of a recipe that is being typed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.paths import sample_dir
from workbench.recipe import axolotl_table
from workbench.recipe.completion import Completions, Markers, completions
from workbench.recipe.schema import unknown_keys
from workbench.recipe.yaml.document import Document

SCHEMA = axolotl_table.table().schema
MARKERS = Markers(
    {"user": ("<|turn>user\n",), "assistant": ("<|turn>model\n",)}, {"user": ("<turn|>",), "assistant": ("<turn|>",)}
)
RECIPE = """\
base_model: some/model
adapter: lora
fsdp_config:
  fsdp_version: 2
  reshard_after_forward: true
datasets:
- path: a.jsonl
  type: chat_template
  message_property_mappings:
    role: from
# a word
- path: b.jsonl

role_boundaries:
  - role: assistant
    start: "<|turn>model\\n"
    end: "<turn|>"
  - role: user
    start: ''
learning_rate: 1e-4
"""


def at(text: str) -> Completions | None:
    """The completions at the mark | of a text."""
    before, after = text.split("|>|") if "|>|" in text else text.rsplit("|", 1)
    lines = (before + after).split("\n")
    line = before.count("\n")
    return completions(lines, line, len(before.split("\n")[-1]), SCHEMA, MARKERS)


def shown(text: str) -> list[str]:
    found = at(text)
    return [one.shown for one in found.found] if found is not None else []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (f"{RECIPE}lora_dro|", "lora_dropout"),
        ("lora_dro|\nadapter: lora\n", "lora_dropout"),
        ("fsdp_config:\n  fsdp_version: 2\n  resh|\n", "reshard_after_forward"),
        ("datasets:\n  - path: x\n    roles_t|\n", "roles_to_train"),
        ("datasets:\n- path: x\n- ty|\n", "type"),
        ("role_boundaries:\n- role: user\n- sta|", "start"),
        ("bf16: |", "auto"),
        ("role_boundaries:\n- role: user\n  start: |>|", r'"<|turn>user\n"'),
        ("role_boundaries:\n- start: |>|\n  role: user\n", r'"<|turn>user\n"'),
        ('role_boundaries:\n  - role: user\n    start: "<|turn>mo|>|"\n', r'"<|turn>model\n"'),
        ("role_boundaries:\n- role: |>|", "user"),
    ],
)
def test_the_section_decides_what_is_offered(text: str, first: str) -> None:
    assert shown(text)[0] == first


@pytest.mark.parametrize(
    "text",
    [
        "# lora_|", "base_model: some/mod|", "no_such_section:\n  lora|", "zzzz|", "lora_|dropout: 0.1",
        "bf16: |true # a word", "adapter: lora|", "bf16: auto|",
    ],
)  # fmt: skip
def test_nothing_is_offered_where_nothing_is_known(text: str) -> None:
    assert at(text) is None


def test_a_key_that_stands_there_is_not_offered_again() -> None:
    assert "lora_r" in shown("lora_|\n")
    assert "lora_r" not in shown("lora_r: 8\nlora_|\n")
    assert "lora_r" not in shown("lora_|\nlora_r: 8\n")
    # That of another item of the list is none of this one.
    assert "role" in shown("role_boundaries:\n- role: user\n  end: x\n- r|")
    assert "end" not in shown("role_boundaries:\n- role: user\n  e|\n  end: x\n")


def test_what_is_taken_replaces_the_value_to_the_end_of_its_quotes() -> None:
    line = '  start: "<|turn>mo"'
    found = completions(["role_boundaries:", "- role: user", line], 2, len(line) - 1, SCHEMA, MARKERS)
    assert found is not None
    taken = line[: found.start] + found.found[0].text + line[found.stop :]
    assert taken == r'  start: "<|turn>model\n"'


@pytest.mark.parametrize("text", [RECIPE, (sample_dir() / "demo.yaml").read_text("utf-8")])
def test_every_known_key_of_a_recipe_is_offered_at_its_first_letters(text: str) -> None:
    """Cut to its beginning, each key is found again, and taken it is one that axolotl knows."""
    lines, seen = text.split("\n"), 0
    assert not list(unknown_keys(Document.from_text(text).data, SCHEMA))
    for number, line in enumerate(lines):
        key = re.match(r"([ -]*)([a-z]\w*):", line)
        # Under these stands whatever one likes.
        if key is None or lines[number - 1].endswith(("_mappings:", "_kwargs:")):
            continue
        cut = [*lines]
        cut[number] = key[1] + key[2][:2]
        found = completions(cut, number, len(cut[number]), SCHEMA, MARKERS)
        assert found is not None, line
        assert key[2] in [one.shown for one in found.found], line
        seen += 1
    assert seen > 8


@given(st.text(alphabet="ab-: \"#\n'[]{}loratus_", max_size=60), st.data())
def test_any_text_has_completions_or_none(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    line = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[line])))
    found = completions(lines, line, column, SCHEMA, MARKERS)
    if found is not None:
        assert found.found
        assert found.start <= column <= found.stop <= len(lines[line])
