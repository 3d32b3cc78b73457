"""A row read from its file before anything large is imported; all but the plain case is left to the bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data import first_row as module
from workbench.data.first_row import RawPiece, first_row

TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text", "text": "Ho"}]}]


def recipe(path: object, **entry: Any) -> dict[str, Any]:
    """A recipe with one dataset."""
    return {"datasets": [{"path": str(path), **entry}]}


def write(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    """A file of rows."""
    (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return folder / name


def test_a_row_is_read_with_its_roles_texts_and_media(tmp_path: Path) -> None:
    parts = [{"type": "image"}, {"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    file = write(tmp_path, {"messages": TALK}, {"messages": [{"role": "user", "content": parts}]})
    found = first_row(recipe("rows.jsonl", type="chat_template"), tmp_path, index=1)
    assert found is not None
    assert (found.index, found.file, found.line) == (1, file, 2)
    assert found.turns[0].pieces == (RawPiece("", "image"), RawPiece("What?"), RawPiece("", "image"))
    old = write(tmp_path, {"conversations": [{"from": "human", "value": "Hi"}]}, name="old.jsonl")
    legacy = first_row({}, tmp_path, data=str(old))
    assert legacy is not None
    assert [(turn.role, turn.pieces[0].text) for turn in legacy.turns] == [("human", "Hi")]


def test_blank_lines_and_a_byte_order_mark_do_not_count(tmp_path: Path) -> None:
    text = json.dumps({"messages": TALK})
    (tmp_path / "rows.jsonl").write_bytes(b"\xef\xbb\xbf\n\n" + text.encode() + b"\n \n" + text.encode())
    found = first_row(recipe("rows.jsonl"), tmp_path, index=1)
    assert found is not None
    assert found.line == 5
    assert first_row(recipe("rows.jsonl"), tmp_path, index=2) is None


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "alpaca"},
        {"split": "train[:10]"},
        {"ds_type": "parquet"},
        {"field_messages": "other"},
        {"message_property_mappings": {"role": "from"}},
        {"data_files": ["a.jsonl"]},
    ],
    ids=str,
)
def test_other_rows_than_the_file_plainly_has_are_left_to_the_bench(tmp_path: Path, entry: dict[str, Any]) -> None:
    write(tmp_path, {"texts": TALK} if "field_messages" in entry else {"messages": TALK})
    assert first_row(recipe("rows.jsonl", **entry), tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        '[{"messages": []}]',
        '{"messages": [',
        '{"messages": null}',
        '{"messages": ["Hi"]}',
        '{"messages": [{"role": "user", "content": 3}]}',
        '{"messages": [{"role": 1, "content": "x"}]}',
        '{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=range(11),
)
def test_a_bad_row_is_left_to_the_bench(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.jsonl").write_text(text)
    assert first_row(recipe("rows.jsonl"), tmp_path) is None


def test_what_is_no_local_file_is_left_to_the_bench(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in ("none.jsonl", "pipe.jsonl", ".", "org/rows", "https://example.org/rows.jsonl", "s3://x/rows.jsonl"):
        assert first_row(recipe(path), tmp_path) is None, path
    for keys in ({}, {"datasets": []}, {"datasets": "x"}, {"datasets": [3]}, {"rl": "dpo", **recipe("rows.jsonl")}):
        assert first_row(keys, tmp_path) is None, keys


def test_no_more_than_so_much_of_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *[{"messages": TALK}] * 100)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    assert first_row(recipe("rows.jsonl"), tmp_path, index=2) is not None
    assert first_row(recipe("rows.jsonl"), tmp_path, index=90) is None


_KEYS = st.sampled_from(["role", "content", "type", "text"])
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "type", "text"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(_anything)
def test_no_row_raises(row: Any) -> None:
    for turn in module._turns({"messages": row}, None):
        assert isinstance(turn.role, str)


def test_it_imports_nothing_large() -> None:
    code = (
        "import sys, workbench.data.first_row, screens.inspect.first_row; "
        "print(sorted({'numpy', 'torch', 'transformers', 'pydantic', 'tokenizers', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
