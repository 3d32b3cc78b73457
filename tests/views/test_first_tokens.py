"""Tokens of a row from two files of the model: the bench's own where they suffice, none where they do not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.bench import Bench, prepare
from workbench.data.first_row import first_row
from workbench.paths import sample_dir
from workbench.views.first_tokens import first_tokens
from workbench.views.row_view import RowView, read_row

TALK = [
    {"role": "user", "content": "How many?\nSay it 😀"},
    {"role": "assistant", "content": "One."},
    {"role": "user", "content": "And now?"},
    {"role": "assistant", "content": "Two.\n\nThree."},
]


def written(folder: Path, *lines: str, model: Path | None = None, rows: Any = None) -> Bench:
    """A bench of a recipe on the demo's model, not loaded."""
    data = folder / "rows.jsonl"
    data.write_text(json.dumps(rows or {"messages": TALK}) + "\n", "utf-8")
    text = [f"base_model: {model or sample_dir() / 'demo-model'}", *lines, "datasets:", f"  - path: {data}"]
    (folder / "recipe.yaml").write_text("\n".join([*text, "    type: chat_template"]))
    return prepare(folder / "recipe.yaml")


def early(bench: Bench) -> RowView | None:
    """The preliminary tokens of its first row."""
    first = first_row(bench.document.data, bench.recipe_dir)
    assert first is not None
    traced = first_tokens(bench, first)
    return traced.view() if traced is not None else None


@pytest.mark.parametrize("lines", [["processor_type: AutoProcessor"], []], ids=["multimodal", "text"])
def test_a_row_of_texts_has_the_tokens_and_turns_that_it_keeps(tmp_path: Path, lines: list[str]) -> None:
    bench = written(tmp_path, *lines)
    view = early(bench)
    assert view is not None
    assert view.preliminary
    assert not view.mask.keep.any()
    loaded = read_row(bench.load(), 0)
    assert isinstance(loaded, RowView)
    assert not loaded.preliminary
    assert np.array_equal(view.rendering.input_ids, loaded.rendering.input_ids)
    assert np.array_equal(view.rendering.offsets, loaded.rendering.offsets)
    assert [(turn.message, turn.role) for turn in view.turns] == [(turn.message, turn.role) for turn in loaded.turns]
    assert np.array_equal(view.trace.message, loaded.trace.message)
    assert view.drawn.texts == loaded.drawn.texts


def test_a_row_of_pictures_has_the_template_s_own_placeholder() -> None:
    bench = prepare()
    first = first_row(bench.document.data, bench.recipe_dir)
    assert first is not None
    traced = first_tokens(bench, first)
    assert traced is not None
    view = traced.view()
    assert view.rendering.text.count("<|image|>") == 1
    assert [turn.message for turn in view.turns] == list(range(6))
    assert not len(view.rendering.media.start)


@pytest.mark.parametrize(
    "line",
    [
        "tokenizer_config: org/other",
        "tokens: [<|new|>]",
        "tokenizer_use_fast: false",
        "special_tokens: {pad_token: <|unheard-of|>}",
        "chat_template: jinja\nchat_template_jinja: \"{{ raise_exception('no') }}\"",
        'chat_template: jinja\nchat_template_jinja: "{{ messages.__class__ }}"',
        'chat_template: jinja\nchat_template_jinja: "{% for a in range(100000) %}{% endfor %}{{ nothing.at.all }}"',
        "rl: dpo",
        "learning_rate: [",
    ],
)
def test_none_where_more_is_needed(tmp_path: Path, line: str) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"messages": TALK}) + "\n", "utf-8")
    first = first_row({}, tmp_path, data=str(data))
    assert first is not None
    bench = written(tmp_path)
    text = bench.document.text + ("\n" if not bench.document.text.endswith("\n") else "") + line + "\n"
    (tmp_path / "recipe.yaml").write_text(text)
    try:
        bench = prepare(tmp_path / "recipe.yaml")
    except Exception:
        return
    assert first_tokens(bench, first) is None


def test_none_where_the_model_s_files_are_no_tokenizer(tmp_path: Path) -> None:
    model = tmp_path / "model"
    for broken in ("", "{}", "[", '{"model": {"type": "BPE"}}'):
        shutil.copytree(sample_dir() / "demo-model", model, dirs_exist_ok=True)
        (model / "tokenizer.json").write_text(broken)
        assert early(written(tmp_path, model=model)) is None, broken
    shutil.rmtree(model)
    assert early(written(tmp_path, model=model)) is None


def test_neither_torch_nor_transformers_is_imported() -> None:
    code = (
        "import sys\nfrom workbench.bench import prepare\nfrom workbench.data.first_row import first_row\n"
        "from workbench.views.first_tokens import first_tokens\nimport screens.token_grid.grid\n"
        "bench = prepare()\nrow = first_row(bench.document.data, bench.recipe_dir)\n"
        "assert first_tokens(bench, row) is not None\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'PIL.Image'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
